//! The audit log: what is done through the public routes stands in it, exactly once, and stays there.

mod append_only;
mod changes;
mod process;
mod sign_in;

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use harness::app::{Answered, TestApp};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// A bundle that has time to write: a busy machine is not what is tested.
async fn patient(own: &[(&'static str, &str)]) -> TestApp {
    TestApp::with(&[&[("AUDIT_TIMEOUT_MS", "5000")], own].concat()).await
}

/// The rows of an event, the oldest first. What no test can know is looked at here and left out: the row's key and time.
async fn rows(app: &TestApp, event: &str) -> Vec<Value> {
    let sql = "SELECT to_jsonb(a) - 'id' - 'at', \
                      at BETWEEN now() - interval '5 minutes' AND now() \
                      AND substr(id::text, 15, 1) = '7' AND substr(id::text, 20, 1) IN ('8', '9', 'a', 'b') \
                      AND abs(extract(epoch FROM at) * 1000 \
                              - ('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint) < 1000 \
                 FROM audit_logs a WHERE event = $1 ORDER BY at, id";
    let rows = app.superuser().await.query(sql, &[&event]).await.unwrap();
    let read = |row: &tokio_postgres::Row| {
        let Json(entry) = row.get::<_, Json<Value>>(0);
        assert!(row.get::<_, bool>(1), "written now, under a version 7 key of this moment: {entry}");
        entry
    };
    rows.iter().map(read).collect()
}

/// A row as it must be, without key and time.
fn row(event: &str, workspace: Option<String>, actor: Option<String>, subject: &str, detail: Value) -> Value {
    json!({ "event": event, "workspace_id": workspace, "actor": actor, "subject": subject, "detail": detail,
        "address_hash": null, "request_id": null })
}

/// The same, written in the request that was answered so.
fn within(answered: &Answered, mut row: Value) -> Value {
    row["request_id"] = id_of(answered).into();
    row
}

fn id_of(answered: &Answered) -> &str {
    answered.headers["x-request-id"].to_str().unwrap()
}

/// A request with any `Authorization` headers, from any address.
async fn knock(
    app: &TestApp,
    method: Method,
    path: &str,
    authorization: &[&str],
    peer: Option<&str>,
) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    for value in authorization {
        request = request.header(header::AUTHORIZATION, value.as_bytes());
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(peer) = peer {
        let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    app.send(request).await
}
