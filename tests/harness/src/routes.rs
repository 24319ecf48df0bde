//! Every route of the bundle, read from the source and asked of the router: a test that walks them cannot forget one.

use axum::http::{Method, header};

use crate::app::{TestApp, file, folder};

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

    /// Its path with whichever of these it names; page 1.
    ///
    /// # Panics
    /// Where it names something else.
    pub fn naming(&self, document: &str, conversation: &str, user: &str) -> String {
        let id = if self.path.contains("/documents/") {
            document
        } else if self.path.contains("/conversations/") {
            conversation
        } else {
            assert!(self.path.contains("/users/"), "say here what {} names", self.path);
            user
        };
        self.path.replace("{id}", id).replace("{user_id}", id).replace("{n}", "1")
    }
}

/// What every function's `.route(…)` lines name, with the methods that the router itself allows there. The development
/// page's are left out, which no test's bundle has.
///
/// # Panics
/// Where the source is not what it was when this was written.
pub async fn all(app: &TestApp) -> Vec<Route> {
    let mut routes = Vec::new();
    for function in folder("functions") {
        // `migrate` has no routes, and `server` merges the others'.
        if ["migrate", "server"].contains(&function.as_str()) {
            continue;
        }
        let source = String::from_utf8(file(&format!("functions/{function}/src/lib.rs"))).expect("text");
        let source: String = source.split_whitespace().collect();
        for line in source.split(".route(\"").skip(1) {
            let (path, _) = line.split_once('"').expect("a path");
            // No route takes this method, and the answer lists those that it takes.
            let refused = app.call(Method::TRACE, path, "").await;
            assert_eq!(refused.status, 405, "{path}: {}", refused.text());
            let allowed = refused.headers[header::ALLOW].to_str().expect("text").to_owned();
            for method in allowed.split(',').filter(|method| *method != "HEAD") {
                let (method, path) = (method.parse().expect("a method"), path.to_owned());
                routes.push(Route { method, path, function: function.clone() });
            }
        }
    }
    assert!(routes.len() >= 12, "routes are found: {routes:?}");
    routes
}
