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
    // Two pages say it: the test method's clause, and the summary in its annex.
    assert_eq!(first["document_id"], *id);
    assert!([13, 19].contains(&first["page"].as_u64().unwrap()), "{first}");
    assert!(first["quote"].as_str().unwrap().contains("720 h"), "{first}");
}
