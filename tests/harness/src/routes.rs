//! Every route of the bundle, read from the source: a test that walks them cannot forget a new one.

use axum::http::Method;

use crate::app::{file, folder};

/// One method of one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path as the router has it, such as `/v1/documents/{id}`.
    pub path: String,
    /// The function that serves it.
    pub function: String,
}

impl Route {
    /// Whether it needs no session token: those of `health` alone.
    pub fn is_public(&self) -> bool {
        self.function == "health"
    }

    /// Whether it has parameters in its path.
    pub fn names_something(&self) -> bool {
        self.path.contains('{')
    }
}

/// What every function's `.route(…)` lines say; the development page's are left out, which no test's bundle has.
///
/// # Panics
/// Where the source is not what it was when this was written.
pub fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    for function in folder("functions") {
        // `migrate` has no routes, and `server` merges the others'.
        if ["migrate", "server"].contains(&function.as_str()) {
            continue;
        }
        let source = String::from_utf8(file(&format!("functions/{function}/src/lib.rs"))).expect("text");
        let source: String = source.split_whitespace().collect();
        for line in source.split(".route(\"").skip(1) {
            let (path, rest) = line.split_once('"').expect("a path");
            let end = rest.find(".with_state").unwrap_or(rest.len());
            let handlers = &rest[..end];
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let call = format!("{}(", method.as_str().to_ascii_lowercase());
                if [",", "."].iter().any(|before| handlers.contains(&format!("{before}{call}"))) {
                    let (path, function) = (path.to_owned(), function.clone());
                    routes.push(Route { method, path, function });
                }
            }
        }
    }
    assert!(routes.len() >= 12, "routes are found: {routes:?}");
    routes
}
