//! The OpenAPI document: what handlers say of their routes, and what all routes have in common. Only the program that writes
//! docs/openapi.json runs this; what is deployed serves that file.

mod common;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, OpenApi};

use self::common::{COUNTING, REFUSALS, REPLAYED, REQUEST_ID, add_headers, headers};
use super::{idempotency::KEY_CHARACTERS_MAX, problem::Problem};

/// The routes of one function, described.
pub struct Described(Value);

/// The header of requests that may be sent again.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// The caller's own name for the request. Sent again under it, the request is not done again: the first response is.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    pub key: String,
}

const _: () = assert!(KEY_CHARACTERS_MAX == 255, "the header is described as it is checked");

impl Described {
    /// Routes that anyone may call.
    pub fn public(routes: &utoipa::openapi::OpenApi) -> Result<Self> {
        let mut described = serde_json::to_value(routes)?;
        for operation in operations(&mut described) {
            for (_, response) in responses(operation)? {
                add_headers(response, &[REQUEST_ID]);
            }
        }
        Ok(Self(described))
    }

    /// Routes behind a session token, limits and the operator's switches, with what those answer. Of refusals a handler
    /// names the status only: each looks the same everywhere.
    pub fn guarded(routes: &utoipa::openapi::OpenApi) -> Result<Self> {
        let mut described = serde_json::to_value(routes)?;
        for operation in operations(&mut described) {
            operation["security"] = json!([{ "session": [] }]);
            let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
            let once = parameters.filter(|one| one["name"] == "Idempotency-Key").count() > 0;
            let responses = responses(operation)?;
            for status in if once {
                &["401", "409", "422", "429", "500", "503"][..]
            } else {
                &["401", "429", "500", "503"]
            } {
                responses.insert((*status).to_owned(), Value::Null);
            }
            for (status, response) in responses {
                if status.starts_with('2') {
                    add_headers(response, &[REQUEST_ID]);
                    add_headers(response, &COUNTING);
                    if once {
                        add_headers(response, &[REPLAYED]);
                    }
                    continue;
                }
                let refusal = REFUSALS.iter().find(|refusal| refusal.status.to_string() == *status);
                let name = refusal.with_context(|| format!("no refusal has the status {status}"))?.name;
                *response = json!({ "$ref": format!("#/components/responses/{name}") });
            }
        }
        Ok(Self(described))
    }

    /// `alias` serves what `path` serves.
    pub fn alias(mut self, path: &str, alias: &str) -> Result<Self> {
        let paths = members(&mut self.0, "/paths")?;
        let mut item = paths.get(path).with_context(|| format!("{path} is not described"))?.clone();
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let id = operation["operationId"].as_str().unwrap_or_default();
            operation["operationId"] = format!("{id}Alias").into();
            operation["summary"] = format!("The same as `{path}`.").into();
        }
        paths.insert(alias.to_owned(), item);
        Ok(self)
    }

    /// Members of a schema that may go by another name, (other, ours), but not by both.
    pub fn members(mut self, schema: &str, aliases: &[(&str, &str)]) -> Result<Self> {
        let schema = members(&mut self.0, &format!("/components/schemas/{schema}"))?;
        let (mut required, mut rules) = (schema.remove("required").unwrap_or_default(), Vec::new());
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut).context("no members")?;
        for (other, ours) in aliases {
            let mut twin = properties.get(*ours).with_context(|| format!("no member {ours}"))?.clone();
            twin["description"] = format!("Another name of `{ours}`.").into();
            properties.insert((*other).to_owned(), twin);
            let names = required.as_array_mut();
            rules.push(
                match names.and_then(|names| Some(names.remove(names.iter().position(|name| name == ours)?)))
                {
                    Some(_) => json!({ "oneOf": [{ "required": [ours] }, { "required": [other] }] }),
                    None => json!({ "not": { "required": [ours, other] } }),
                },
            );
        }
        if required.as_array().is_some_and(|names| !names.is_empty()) {
            schema.insert("required".to_owned(), required);
        }
        schema.insert("allOf".to_owned(), rules.into());
        Ok(self)
    }
}

/// The whole document, the same text every time.
pub fn document(info: &Value, functions: Vec<Described>) -> Result<String> {
    #[derive(OpenApi)]
    #[openapi(components(schemas(Problem)))]
    struct Common;

    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for Described(mut part) in
        functions.into_iter().chain([Described(serde_json::to_value(Common::openapi())?)])
    {
        paths.append(members(&mut part, "/paths")?);
        for (name, schema) in members(&mut part, "/components/schemas")?.iter() {
            let known = schemas.entry(name).or_insert_with(|| schema.clone());
            ensure!(known == schema, "two schemas have the name {name}: give one of them another by `as`");
        }
    }
    let refusals = REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refusal.response()));
    let whole = json!({
        "openapi": "3.1.0",
        "info": info,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": headers(),
            "responses": refusals.collect::<Map<_, _>>(),
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A Clerk session token. Its organisation is the workspace; without one it is the person's own.",
                },
            },
        },
    });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

/// Every operation of a description.
fn operations(described: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths =
        described.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut)
}

fn responses(operation: &mut Value) -> Result<&mut Map<String, Value>> {
    members(operation, "/responses")
}

fn members<'a>(value: &'a mut Value, pointer: &str) -> Result<&'a mut Map<String, Value>> {
    let found = value.pointer_mut(pointer).and_then(Value::as_object_mut);
    found.with_context(|| format!("{pointer} is not described"))
}
