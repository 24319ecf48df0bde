//! `POST /v1/chat`: what a question gets back, what narrows it, what is kept of it, what it may look like.

mod answers;
mod conversations;
mod filters;
mod history;
mod records;
mod validation;

use harness::{app::TestApp, pdf::pdf_of_lines};

/// Two pages on pipes.
pub const PIPES: &[&str] = &[
    "FN-7 Piping for sour service\nThe maximum hardness of a weld is 22 HRC in any position.\n\
     Bolts are tightened in three passes with a calibrated wrench.",
    "Inspection of piping\nEach weld shall be inspected within 48 hours of completion.\n\
     The manufacturer keeps inspection records for 10 years.",
];
/// One page on boilers.
pub const BOILERS: &[&str] = &["FN-8 Boilers\nThe furnace of a boiler is lit by two electric burners.\n\
     The safety valve of a boiler opens at 12 bar and is sealed with lead."];

/// Uploads a small PDF that asks for `query` (`?standard=…`) and waits until it is ready; answers its id.
pub async fn shelve(app: &TestApp, token: &str, query: &str, pages: &[&str]) -> String {
    let request = harness::app::request(axum::http::Method::POST, &format!("/v1/documents{query}"), token)
        .header("content-type", "application/pdf")
        .header("x-filename", "paper.pdf");
    let taken = app.send(request.body(pdf_of_lines(pages).into()).unwrap()).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    app.ingest().await;
    let id = taken.json()["document_id"].as_str().unwrap().to_owned();
    let document = app.get(&format!("/v1/documents/{id}"), token).await.json();
    assert_eq!(document["status"], "ready", "{document}");
    id
}

/// An app whose vectors come from nowhere: for what does not depend on them.
pub async fn full_text(own: &[(&'static str, &str)]) -> TestApp {
    TestApp::with(&[&[("DISABLE_VECTOR_SEARCH", "true")], own].concat()).await
}
