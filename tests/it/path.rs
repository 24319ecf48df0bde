//! The whole path: a PDF in, a proven answer out.

use harness::{
    app::{TestApp, sample},
    parts::token,
};

#[tokio::test]
async fn a_real_standard_answers_with_the_right_page() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let id = app.ready(&alice, "fn-1175.pdf", sample()).await;
    let answer = app
        .ask(&alice, "For how many hours are specimens exposed in the sulfide stress cracking test?")
        .await;
    assert_eq!(answer["refused"], false);
    assert_eq!(answer["model"]["provider"], "footnote");
    let first = &answer["citations"][0];
    assert_eq!((first["document_id"].as_str(), first["page"].as_u64()), (Some(id.as_str()), Some(19)));
    assert!(first["quote"].as_str().unwrap().contains("720 h"), "{first}");
}
