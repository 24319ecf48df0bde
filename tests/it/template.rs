//! What template.yaml deploys and what the programs serve are the same.

use std::{collections::BTreeSet, fs, path::Path};

use axum::{body::Body, http::Method};
use harness::{
    app::{TestApp, file, request},
    routes,
};
use serde_yaml_ng::Value;

/// A folder below `functions`, a method and a path.
type Route = (String, String, String);

#[tokio::test]
async fn every_route_of_the_template_is_served() {
    let app = TestApp::new().await;
    let routes = of_the_template();
    assert!(routes.len() >= 10, "{routes:?}");
    for (function, method, path) in routes {
        let path = path.replace("{n}", "1").replace("{user_id}", "somebody");
        let path = path.replace("{id}", &uuid::Uuid::now_v7().to_string());
        let method: Method = method.parse().expect("a method");
        let request = request(method.clone(), &path, "").body(Body::empty()).expect("a request");
        let answered = app.send(request).await;
        // Without a token only the router itself would say so.
        assert!(
            ![404, 405].contains(&answered.status.as_u16()),
            "{function}: {method} {path}: {}",
            answered.text()
        );
    }
}

#[tokio::test]
async fn every_route_that_a_function_serves_is_deployed_with_that_function() {
    let (template, source) = (of_the_template(), of_the_bundle().await);
    let missing: Vec<_> = source.difference(&template).collect();
    let unserved: Vec<_> = template.difference(&source).collect();
    assert!(missing.is_empty(), "not in template.yaml: {missing:?}");
    assert!(unserved.is_empty(), "in template.yaml only: {unserved:?}");
}

#[test]
fn every_function_of_the_template_is_a_program_of_its_package() {
    let template = template();
    let mut functions = 0;
    for (name, resource) in members(&template["Resources"]) {
        if resource["Type"] != "AWS::Serverless::Function" {
            continue;
        }
        functions += 1;
        let folder = text(&resource["Properties"]["CodeUri"]);
        let manifest = String::from_utf8(file(&format!("{folder}/Cargo.toml"))).expect("text");
        let package = folder.strip_prefix("functions/").expect("a folder of functions");
        // A package with one program needs no choice; with several SAM must be told.
        match resource["Metadata"]["BuildProperties"]["Binary"].as_str() {
            Some(program) => {
                assert!(manifest.contains(&format!("name = \"{program}\"\npath")), "{name}: {program}")
            }
            None => {
                assert!(
                    manifest.contains(&format!("name = \"{package}\"")) && !manifest.contains("[[bin]]"),
                    "{name}"
                );
            }
        }
    }
    let programs = fs::read_dir(root().join("functions")).expect("the functions").count();
    assert_eq!(functions, programs, "all but the server, and chat's second program");
}

/// The routes of the events of every function.
fn of_the_template() -> BTreeSet<Route> {
    let template = template();
    let mut routes = BTreeSet::new();
    for (_, resource) in members(&template["Resources"]) {
        for (_, event) in members(&resource["Properties"]["Events"]) {
            if event["Type"] == "HttpApi" {
                let folder = text(&resource["Properties"]["CodeUri"]).trim_start_matches("functions/");
                let about = &event["Properties"];
                routes.insert((
                    folder.to_owned(),
                    text(&about["Method"]).to_owned(),
                    text(&about["Path"]).to_owned(),
                ));
            }
        }
    }
    routes
}

/// The routes that the functions serve.
async fn of_the_bundle() -> BTreeSet<Route> {
    let routes = routes::all(&TestApp::new().await).await.into_iter();
    routes.map(|route| (route.function, route.method.to_string(), route.path)).collect()
}

fn template() -> Value {
    serde_yaml_ng::from_slice(&file("template.yaml")).expect("template.yaml is YAML")
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_mapping().into_iter().flatten().map(|(name, value)| (text(name), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is no text"))
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
