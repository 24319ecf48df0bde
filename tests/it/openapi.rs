//! The OpenAPI document: that it is the code's, that it has every route, and that it is what is served.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::header;
use harness::{
    app::{TestApp, file},
    routes,
};
use serde_json::Value;

/// Paths that serve what another one serves: (alias, path).
const ALIASES: [(&str, &str); 4] = [
    ("/api/ai-agent/chat", "/v1/status"),
    ("/api/chat", "/v1/chat"),
    ("/api/health", "/health"),
    ("/api/users/{user_id}", "/v1/users/{user_id}"),
];

fn committed() -> String {
    String::from_utf8(file("docs/openapi.json")).unwrap()
}

fn document() -> Value {
    serde_json::from_str(&committed()).unwrap()
}

/// Every operation: method, path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &'_ Value)| -> Vec<(String, String)> {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())).collect()
    };
    let names = paths.iter().flat_map(of);
    names
        .map(|(method, path)| {
            let operation = &document["paths"][&path][method.to_lowercase()];
            (method, path, operation)
        })
        .collect()
}

/// What `$ref` leads to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let pointer = reference.strip_prefix('#').expect("a place in the document");
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

#[test]
fn the_committed_document_is_the_codes() {
    let (committed, generated) = (committed(), server::openapi().unwrap());
    let differs = committed.lines().zip(generated.lines()).position(|(one, other)| one != other);
    assert!(
        committed == generated,
        "docs/openapi.json is not what the code says (from line {} on). Run ./scripts/openapi and commit the file.",
        differs.unwrap_or_default() + 1
    );
}

#[test]
fn it_is_the_same_every_time() {
    assert_eq!(server::openapi().unwrap(), server::openapi().unwrap());
}

#[tokio::test]
async fn it_is_served_to_anyone() {
    let served = TestApp::new().await.get("/v1/openapi.json", "").await;
    assert_eq!(
        (served.status.as_u16(), &served.headers[header::CONTENT_TYPE]),
        (200, &"application/json".parse().unwrap())
    );
    assert_eq!(served.text(), committed());
    assert_eq!(served.json()["openapi"], "3.1.0");
    assert_eq!(served.json()["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn it_has_every_route_that_is_served_and_no_other() {
    let document = document();
    let described: BTreeSet<_> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let served = routes::all(&TestApp::new().await).await;
    let served: BTreeSet<_> =
        served.into_iter().map(|route| (route.method.to_string(), route.path)).collect();
    assert_eq!(described, served);
}

#[tokio::test]
async fn a_route_needs_a_session_token_or_is_public_as_it_says() {
    let document = document();
    assert!(document.get("security").is_none(), "each operation says it itself");
    assert_eq!(document["components"]["securitySchemes"]["session"]["scheme"], "bearer");
    let served = routes::all(&TestApp::new().await).await;
    for (method, path, operation) in operations(&document) {
        let route =
            served.iter().find(|route| route.method.as_str() == method && route.path == path).unwrap();
        let refuses = operation["responses"].get("401");
        if route.is_public() {
            assert!(refuses.is_none() && operation.get("security").is_none(), "{method} {path}");
            continue;
        }
        assert_eq!(operation["security"], serde_json::json!([{ "session": [] }]), "{method} {path}");
        let refused = resolved(&document, refuses.unwrap_or_else(|| panic!("{method} {path} lists no 401")));
        let challenge = resolved(&document, &refused["headers"]["WWW-Authenticate"]);
        assert_eq!(challenge["schema"]["const"], "Bearer");
        for status in ["429", "503"] {
            let response = resolved(&document, &operation["responses"][status]);
            assert!(response["headers"].get("Retry-After").is_some(), "{method} {path} {status}");
        }
    }
}

#[test]
fn aliases_say_what_their_paths_say() {
    let document = document();
    for (alias, path) in ALIASES {
        let said = |path: &str| {
            let mut item = document["paths"][path].clone();
            for (_, operation) in item.as_object_mut().unwrap_or_else(|| panic!("{path} is not described")) {
                for own in ["operationId", "summary"] {
                    assert!(operation.as_object_mut().unwrap().remove(own).is_some(), "{path}: {own}");
                }
            }
            item
        };
        assert_eq!(said(alias), said(path), "{alias}");
    }
    let aliases: Vec<&String> =
        document["paths"].as_object().unwrap().keys().filter(|path| path.starts_with("/api/")).collect();
    assert_eq!(aliases, ALIASES.map(|(alias, _)| alias));
}

#[test]
fn every_operation_is_complete() {
    let document = document();
    let mut ids = BTreeMap::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert_eq!(ids.insert(id, path.clone()), None, "{id} twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named: BTreeSet<_> = parameters
            .iter()
            .filter(|one| one["in"] == "path")
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<_> =
            path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(named, in_path, "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(&document, response);
            let about = response["description"].as_str().unwrap_or_default();
            assert!(!about.is_empty(), "{method} {path} {status} has no description");
            assert!(response["headers"].get("x-request-id").is_some(), "{method} {path} {status}");
            let problem = response["content"].get("application/problem+json").is_some();
            assert!(problem || !response["content"].is_null() || status == "204", "{method} {path} {status}");
            assert!(problem || status.starts_with('2') || path == "/ready", "{method} {path} {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(reference.as_str()), "nothing refers to {reference}");
        }
    }
}

/// The codes that the source gives to problems, by the calls that make them.
#[test]
fn every_code_of_a_problem_is_listed() {
    let document = document();
    let mut listed = BTreeSet::new();
    for response in document["components"]["responses"].as_object().unwrap().values() {
        let schema = &response["content"]["application/problem+json"]["schema"]["allOf"][1];
        let codes = schema["properties"]["code"]["enum"].as_array().unwrap();
        listed.extend(codes.iter().map(|code| code.as_str().unwrap().to_owned()));
    }
    let mut given = BTreeSet::new();
    for source in crate::architecture::sources() {
        for call in ["malformed(", "unavailable(", "Unavailable{code:", "SwitchedOff{code:", "Conflict{code:"]
        {
            for rest in source.split(call).skip(1) {
                if let Some(code) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                    given.insert(code.to_owned());
                }
            }
        }
    }
    assert!(given.len() >= 12, "codes are found: {given:?}");
    // Ingestion answers nobody.
    given.remove("embedder_unavailable");
    let missing: Vec<_> = given.difference(&listed).collect();
    assert!(missing.is_empty(), "add to REFUSALS in shared/src/http/openapi/common.rs: {missing:?}");
}
