//! The list, page by page; and one document's pages.

use harness::{app::TestApp, parts::token};
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<String> {
    list["documents"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn following_next_shows_each_document_once_newest_first() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let mut announced = Vec::new();
    for number in 1..=5 {
        announced.push(app.announce(&alice, &format!("{number}.pdf"), 100).await.0);
    }
    announced.reverse();
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut path = Some("/v1/documents?limit=2".to_owned());
    while let Some(at) = path {
        let answered = app.get(&at, &alice).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let list = answered.json();
        let page = ids(&list);
        sizes.push(page.len());
        // What comes in meanwhile is newer, and disturbs nothing.
        app.announce(&alice, "late.pdf", 100).await;
        path = answered.headers.get("link").map(|link| {
            let link = link.to_str().unwrap();
            let (target, rest) = link.strip_prefix('<').and_then(|link| link.split_once('>')).unwrap();
            assert_eq!(rest, "; rel=\"next\"");
            target.to_owned()
        });
        let next = if path.is_some() { json!(page.last()) } else { json!(null) };
        assert_eq!(list["next"], next);
        seen.extend(page);
    }
    assert_eq!(seen, announced);
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn the_last_page_says_so_even_if_it_is_full() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let nothing = app.get("/v1/documents", &alice).await;
    assert_eq!((nothing.status.as_u16(), nothing.json()), (200, json!({ "documents": [], "next": null })));
    let first = app.announce(&alice, "1.pdf", 100).await.0;
    let second = app.announce(&alice, "2.pdf", 100).await.0;
    for path in ["/v1/documents?limit=2", "/v1/documents", "/v1/documents?limit=200"] {
        let answered = app.get(path, &alice).await;
        assert_eq!(ids(&answered.json()), [second.clone(), first.clone()]);
        assert!(answered.headers.get("link").is_none());
    }
    let after_all = app.get(&format!("/v1/documents?cursor={first}"), &alice).await;
    assert_eq!(after_all.json(), json!({ "documents": [], "next": null }));
    // A listed document is the document that its own address shows.
    let listed = app.get("/v1/documents?limit=1", &alice).await.json()["documents"][0].clone();
    assert_eq!(listed, app.get(&format!("/v1/documents/{second}"), &alice).await.json());
}

#[tokio::test]
async fn what_is_escaped_in_an_address_is_read_as_what_it_stands_for() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let first = app.announce(&alice, "1.pdf", 100).await.0;
    let second = app.announce(&alice, "2.pdf", 100).await.0;
    let cursor = second.replace('-', "%2D");
    let answered = app.get(&format!("/v1/documents?%6Cimit=%31&cursor={cursor}"), &alice).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert_eq!(ids(&answered.json()), [first]);
}
