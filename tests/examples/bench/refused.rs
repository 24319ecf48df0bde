//! Refusals: how long the oddest requests keep a server busy before it says no.

use std::time::Instant;

use harness::{
    app::TestApp,
    oddities::places::{self, Cases, Target},
    parts::token,
    raw_http::Connection,
    routes,
    served::Served,
};

use crate::{
    figures::{Figures, table},
    settings,
};

/// The kinds of requests, with what makes them.
const KINDS: [(&str, Cases); 4] = [
    ("JSON bodies", places::bodies),
    ("forms", places::forms),
    ("paths and queries", places::addresses),
    ("headers", places::headers),
];

/// What a refusal may take, in milliseconds: 99 of 100 of them.
const P99_MS_MAX: f64 = 50.0;

/// One after the other over one connection; only those that the bundle itself refuses count.
pub async fn measure() -> anyhow::Result<()> {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let document = app.announce(&alice, "a.pdf", 1).await.0;
    let routes = routes::all(&app).await;
    let served = Served::start(&settings(&app, &[("DISABLE_VECTOR_SEARCH", "true")])).await;
    let mut connection = Connection::to(&served.url);
    let mut rows = Vec::new();
    let mut worst = 0.0_f64;
    for (name, cases) in KINDS {
        let mut times = Vec::new();
        for case in cases(&Target { token: &alice, document: &document, routes: &routes }) {
            let started = Instant::now();
            let reply = connection.send(&case.bytes, case.ends).await;
            let time = started.elapsed();
            if case.is_last {
                connection.close();
            }
            let Some(reply) = reply else { continue };
            anyhow::ensure!(reply.status < 500, "{}: {}", case.name, reply.status);
            if reply.status >= 400 && reply.header("x-request-id").is_some() {
                times.push(time);
            }
        }
        let (count, times) = (times.len(), Figures::of_times(times));
        let [median, p99, max] = [0.5, 0.99, 1.0].map(|share| times.quantile(share));
        worst = worst.max(p99);
        rows.push(vec![
            name.to_owned(),
            count.to_string(),
            format!("{median:.2}"),
            format!("{p99:.2}"),
            format!("{max:.1}"),
        ]);
    }
    println!("Odd requests that are refused, one after the other, with the time that sending them takes:\n");
    table(&["odd", "refused", "p50 ms", "p99 ms", "slowest ms"], &rows);
    println!("The aim is {P99_MS_MAX} ms for p99: {}.\n", if worst < P99_MS_MAX { "met" } else { "NOT MET" });
    Ok(())
}
