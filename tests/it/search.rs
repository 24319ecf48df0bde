//! Search: what a tenant finds, by which of two ways, in which order; and `search_chunks` for SQL clients.

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi, vectors},
    parts::{Database, token},
};
use serde_json::json;
use shared::{
    db::{Pool, Scope, search},
    domain::{
        analysis::asked,
        caller::{Caller, UserId, Workspace},
        passage::Passage,
        question::Filters,
    },
    env::Env,
};
use tokio_postgres::{Client, error::SqlState};
use uuid::Uuid;

use crate::chat::{BOILERS, PIPES, full_text, shelve};

/// A document of synthetic chunks in a workspace of its own name; answers both ids. The vector of chunk `i` is that of
/// `seed + i`.
async fn synthetic(client: &Client, owner: &str, status: &str, seed: i32, chunks: i32) -> (Uuid, Uuid) {
    let person = UserId::parse(owner.split('/').next().unwrap()).unwrap();
    let (workspace, document) = (Workspace::of_person(&person).id.0, Uuid::now_v7());
    client
        .execute(
            "INSERT INTO workspaces (id, kind, external_id) VALUES ($1, 'personal', $2) ON CONFLICT DO NOTHING",
            &[&workspace, &owner],
        )
        .await
        .unwrap();
    client
        .execute(
            "INSERT INTO documents (id, workspace_id, owner_id, title, filename, status, size_bytes, object_key, chunks) \
             VALUES ($1, $2, $3, $3, 'x.pdf', $4, 1, $1::uuid::text, $5)",
            &[&document, &workspace, &owner, &status, &chunks],
        )
        .await
        .unwrap();
    client
        .execute(
            "INSERT INTO document_chunks (id, workspace_id, document_id, ordinal, start_offset, end_offset, content, embedding) \
             SELECT d.number * (1 << 20) + i, $1, $2, i, i, i + 1, i::text, synthetic($3 + i) \
             FROM documents d, generate_series(0, $4 - 1) i WHERE d.id = $2",
            &[&workspace, &document, &seed, &chunks],
        )
        .await
        .unwrap();
    (workspace, document)
}

/// A database with the function that makes vectors, as its superuser.
async fn database() -> (Database, Client) {
    let database = Database::create().await;
    let client = database.connect(None).await;
    client
        .batch_execute(
            "CREATE FUNCTION synthetic(seed integer) RETURNS halfvec(384) LANGUAGE sql IMMUTABLE AS $$ \
             SELECT array_agg(sin(seed * 0.7 + j * (1 + seed % 13) * 0.11)::real ORDER BY j)::real[]::halfvec(384) \
             FROM generate_series(1, 384) j $$",
        )
        .await
        .unwrap();
    (database, client)
}

/// A connection of the application's role, bound to a tenant until it ends.
async fn bound(database: &Database, workspace: Uuid, person: &str) -> Client {
    let client = database.connect(Some("footnote_app")).await;
    let bind = "SELECT set_config('app.workspace_id', $1, false), set_config('app.user_id', $2, false)";
    client.execute(bind, &[&workspace.to_string(), &person]).await.unwrap();
    client
}

/// The documents and similarities that `search_chunks` answers for the vector of `seed`.
async fn search_chunks(
    client: &Client,
    seed: i32,
    threshold: f64,
    count: i32,
    owner: Option<&str>,
) -> Vec<(Uuid, f64)> {
    let rows = client
        .query(
            "SELECT document_id, similarity FROM search_chunks(synthetic($1)::vector, $2, $3, $4)",
            &[&seed, &threshold, &count, &owner],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn sql_clients_find_their_tenants_ready_chunks_and_no_others() {
    let (database, superuser) = database().await;
    let (workspace, ready) = synthetic(&superuser, "alice", "ready", 0, 5).await;
    let (_, colleagues) = synthetic(&superuser, "alice/colleague", "ready", 100, 5).await;
    synthetic(&superuser, "alice", "processing", 0, 5).await;
    let (_, foreign) = synthetic(&superuser, "bob", "ready", 0, 5).await;

    let nobody = database.connect(Some("footnote_app")).await;
    assert!(search_chunks(&nobody, 0, -1.0, 10, None).await.is_empty(), "no tenant, no rows");
    let alice = bound(&database, workspace, "alice").await;
    let all = search_chunks(&alice, 0, -1.1, 50, None).await;
    assert_eq!(all.len(), 10);
    assert!(all.iter().all(|(document, _)| [ready, colleagues].contains(document)));
    assert!(all.is_sorted_by(|left, right| left.1 >= right.1), "best first: {all:?}");
    assert!((all[0].1 - 1.0).abs() < 1e-3 && all[0].0 == ready);

    // The owner can only narrow.
    assert_eq!(search_chunks(&alice, 0, -1.1, 50, Some("alice")).await.len(), 5);
    assert!(search_chunks(&alice, 0, -1.1, 50, Some("bob")).await.is_empty());
    assert!(!all.iter().any(|(document, _)| *document == foreign));
    // More than the threshold, at most the count.
    let better = search_chunks(&alice, 0, all[3].1, 50, None).await;
    assert_eq!(better, all[..3]);
    assert_eq!(search_chunks(&alice, 0, -1.1, 2, None).await, all[..2]);
    assert!(search_chunks(&alice, 0, -1.1, 0, None).await.is_empty());

    let jobs = database.connect(Some("footnote_jobs")).await;
    let refused =
        jobs.query("SELECT * FROM search_chunks(synthetic(0)::vector, 0, 1)", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
}

#[tokio::test]
async fn a_small_tenant_beside_a_large_one_finds_what_it_has() {
    let (database, superuser) = database().await;
    // The large tenant's chunks are nearer to the question than the small one's.
    synthetic(&superuser, "large", "ready", 0, 2_000).await;
    let (workspace, _) = synthetic(&superuser, "small", "ready", 2_000, 30).await;
    superuser.batch_execute("ANALYZE document_chunks").await.unwrap();
    let small = bound(&database, workspace, "small").await;
    // Whatever the planner thinks of two thousand rows: the way through the vector index, as with millions.
    small
        .batch_execute("SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off")
        .await
        .unwrap();
    let found = search_chunks(&small, 5, -1.1, 200, None).await;
    // The index is approximate; without the function's own settings there would be hardly any.
    assert!(found.len() >= 25, "{}", found.len());
    assert!(found.is_sorted_by(|left, right| left.1 >= right.1), "{found:?}");
}

/// What full-text search alone finds, with scores.
async fn lexical(app: &TestApp, person: &str, question: &str) -> Vec<Passage> {
    let env = Env::of([("DATABASE_URL", app.database.url(Some("footnote_app")))]);
    let pool = Pool::new(&env, "DATABASE_URL").unwrap();
    let user = UserId::parse(person).unwrap();
    let caller = Caller { workspace: Workspace::of_person(&user), user, request: None };
    let tenant = pool.each(Scope::from(&caller)).await.unwrap();
    let query = search::Query {
        asked: &asked(question),
        vector: None,
        filters: &Filters::default(),
        limit: 10,
        fusion: search::Fusion::ZScore,
    };
    search::passages(&tenant, &query).await.unwrap().passages
}

#[tokio::test]
async fn other_tenants_documents_do_not_change_a_score() {
    let app = full_text(&[]).await;
    let (alice, bob) = (token("alice", None), token("bob", None));
    shelve(&app, &alice, "?title=Pipes", PIPES).await;
    shelve(&app, &alice, "?title=Boilers", BOILERS).await;
    let question = "hardness of a weld, electric boiler";
    let before = lexical(&app, "alice", question).await;
    assert_eq!(before.len(), 2);
    for number in 0..5 {
        shelve(&app, &bob, "", &[&format!("Weld {number}\nHardness of weld, hardness of boiler {number}.")])
            .await;
    }
    assert_eq!(lexical(&app, "alice", question).await, before);
    // One's own do: what stands in more chunks tells less.
    shelve(&app, &alice, "?title=More", &["More\nHardness of many a weld."]).await;
    let after = lexical(&app, "alice", question).await;
    assert_eq!(after.len(), 3);
    let score = |passages: &[Passage]| {
        passages.iter().find(|passage| passage.title == "Boilers").map(|passage| passage.lexical).unwrap()
    };
    assert!(score(&after) > score(&before), "boilers became rarer");
}

#[tokio::test]
async fn the_rarer_word_counts_more() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    for (title, text) in [
        ("One", "The flange of the pump is green."),
        ("Two", "The flange of the tank is green."),
        ("Three", "The flange of the mast is green."),
        ("Four", "The zirconium of the mast is green."),
    ] {
        shelve(&app, &alice, &format!("?title={title}"), &[text]).await;
    }
    let found = lexical(&app, "alice", "flange or zirconium").await;
    assert_eq!((found.len(), found[0].title.as_str()), (4, "Four"));
    // A title's words find all of its document's chunks, and a standard's name is found as it is written.
    shelve(&app, &alice, "?title=NACE%20MR0175", &["On materials for wells."]).await;
    assert_eq!(lexical(&app, "alice", "what does MR0175 say?").await[0].title, "NACE MR0175");
}

/// Twelve pages about as many parts.
fn catalogue() -> Vec<String> {
    let parts = [
        "gasket", "flange", "bolt", "valve", "pump", "tank", "mast", "burner", "sensor", "wrench", "nozzle",
        "lever",
    ];
    let filler =
        "It is kept dry and away from sunlight until it is used and it is never painted in the works. "
            .repeat(12);
    let lines =
        |part: &str| format!("On the {part}\nThe {part} is made of steel and the {part} is tested twice.\n");
    let filler: String =
        filler.split(' ').collect::<Vec<_>>().chunks(14).map(|words| words.join(" ") + "\n").collect();
    parts.iter().map(|part| lines(part) + &filler).collect()
}

/// The passages of a request, without numbers and nonce.
fn passages(body: &serde_json::Value) -> Vec<String> {
    let text = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    let (inside, _) = text.split_once("\n<end ").unwrap();
    inside.split("\n<passage ").skip(1).map(|block| block.split_once('>').unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn both_ways_to_the_nearest_vectors_find_the_same() {
    let provider = OpenAi::answering_both(|_| Answer::text("NO_ANSWER"), |request| vectors(request, 384));
    let url = provider.url();
    for fusion in ["zscore", "rrf"] {
        let app = TestApp::with(&[
            ("EMBEDDINGS", "openai:text-embedding-3-small"),
            ("OPENAI_BASE_URL", &url),
            ("OPENAI_API_KEY", "sk-test"),
            ("CHAT_MODELS", "openai:gpt-4o-mini"),
            ("FUSION", fusion),
        ])
        .await;
        let alice = token("alice", None);
        let pages = catalogue();
        let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
        shelve(&app, &alice, "", &pages).await;
        let body = json!({ "message": "What is the nozzle made of?", "top_k": 6 });
        let mut seen = Vec::new();
        for chunks in [None, Some(30_000)] {
            if let Some(chunks) = chunks {
                // As if the workspace were a large one, and nothing of the answer before known.
                let client = app.database.connect(None).await;
                client
                    .execute(
                        "UPDATE workspaces SET chunks = $1, corpus_version = corpus_version + 1",
                        &[&i64::from(chunks)],
                    )
                    .await
                    .unwrap();
            }
            app.ask_with(&alice, &body).await;
            let requests = provider.requests();
            seen.push(passages(&requests.last().unwrap().body));
        }
        assert_eq!(seen[0].len(), 6);
        assert!(seen[0][0].contains("The nozzle is made of steel"), "{fusion}: {}", seen[0][0]);
        let mut sorted = seen.clone();
        sorted.iter_mut().for_each(|passages| passages.sort());
        assert_eq!(sorted[0], sorted[1], "{fusion}");
        assert_eq!(seen[0][0], seen[1][0]);
    }
}

#[tokio::test]
async fn a_fusion_that_does_not_exist_stops_the_start() {
    let env = Env::of([("FUSION", "votes".to_owned()), ("DATABASE_URL", "postgres://a@b/c".to_owned())]);
    let error =
        server::Server::connect(&env).await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(error.contains("FUSION must be zscore or rrf, not \"votes\""), "{error}");
}
