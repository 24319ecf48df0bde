//! The whole bundle over a library of PDFs with questions whose answers are known: which page search finds, whether the
//! answer is the right one and proved by the right page, and what is refused. `library FOLDER [--answers FILE]` prints a
//! report and writes every answer to FILE; the figures that may only rise go to standard output as one last line of JSON.

mod curve;
mod played;
mod questions;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use harness::{app::TestApp, parts::token};
use serde_json::{Value, json};
use shared::{
    db::{Pool, Scope, search},
    domain::{
        analysis,
        caller::{UserId, Workspace},
        extract::extract,
        passage::Passage,
        passages::{Rules, select},
        question::Filters,
        refusal::{strength, strong},
    },
    env::Env,
    llm::{Attempts, Embeddings},
};

use self::questions::{Question, folded};

const PERSON: &str = "reader";
/// Passages looked at: what a model would be given.
const TOP_K: u32 = 8;
/// The default of the setting.
const MATCH_THRESHOLD: f64 = 0.2;
/// The default of the setting.
const PROMPT_TOKENS: usize = 3_000;

#[tokio::main]
async fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let (folder, answers) = match &given[..] {
        [folder] => (folder, None),
        [folder, flag, file] if flag == "--answers" => (folder, Some(file)),
        _ => anyhow::bail!("usage: library FOLDER [--answers FILE]"),
    };
    let folder = Path::new(folder);
    let questions = questions::read(folder)?;
    let app = TestApp::with(&[("DATABASE_MAX_CONNECTIONS", "8")]).await;
    let library = Library::shelve(&app, folder).await?;
    let mut found = Vec::new();
    for question in &questions {
        found.push(library.ask(question).await.with_context(|| question.id.clone())?);
    }
    report(&questions, &found);
    curves(&questions, &found);
    let caught = played::report(&questions, &found);
    if let Some(file) = answers {
        let lines =
            questions.iter().zip(&found).map(|(question, found)| found.line(question).to_string() + "\n");
        std::fs::write(file, lines.collect::<String>())?;
    }
    println!("{}", figures(&questions, &found, caught));
    Ok(())
}

/// The library in an app, every document ready.
struct Library<'a> {
    app: &'a TestApp,
    /// Documents' files by their ids.
    files: HashMap<String, String>,
    pool: Pool,
    embeddings: Embeddings,
    scope: Scope,
}

/// What one question brought.
struct Found {
    passages: Vec<Passage>,
    /// The passages' documents, as files.
    files: Vec<String>,
    answer: Value,
    /// Citations whose page says exactly what they quote, and the others.
    exact: [usize; 2],
    /// File and page of each citation.
    cited: Vec<(String, u64)>,
    search_ms: f64,
}

impl<'a> Library<'a> {
    async fn shelve(app: &'a TestApp, folder: &Path) -> Result<Self> {
        let token = token(PERSON, None);
        let mut files = HashMap::new();
        for document in questions::lines(&folder.join("documents.jsonl"))? {
            let file = document["file"].as_str().context("a file")?;
            let title = document["title"].as_str().context("a title")?;
            let taken = app.upload_titled(&token, file, title, std::fs::read(folder.join(file))?).await;
            ensure!(taken.status.is_success(), "{file}: {}", taken.text());
            files.insert(taken.json()["document_id"].as_str().context("an id")?.to_owned(), file.to_owned());
        }
        let started = Instant::now();
        app.ingest().await;
        let chunks = app.count("SELECT count(*) FROM document_chunks").await;
        let seconds = started.elapsed().as_secs_f64();
        println!("{} documents, {chunks} chunks, ingested in {seconds:.0} s\n", files.len());
        let ready = app.count("SELECT count(*) FROM documents WHERE status = 'ready'").await;
        ensure!(usize::try_from(ready)? == files.len(), "{ready} documents are ready");
        let env = Env::of([
            ("DATABASE_URL", app.setting("DATABASE_URL").to_owned()),
            ("EMBEDDER_DIR", app.setting("EMBEDDER_DIR").to_owned()),
        ]);
        let person = UserId::parse(PERSON).context("an id")?;
        let scope = Scope::of_workspace(Workspace::of_person(&person).id);
        let (pool, embeddings) = (Pool::new(&env, "DATABASE_URL")?, Embeddings::connect(&env)?);
        Ok(Self { app, files, pool, embeddings, scope })
    }

    async fn ask(&self, question: &Question) -> Result<Found> {
        let vector = self
            .embeddings
            .question(&question.text, Instant::now() + Duration::from_secs(60), &Attempts::default())
            .await?;
        let query = search::Query {
            asked: &analysis::asked(&question.text),
            vector: Some(search::Vector { numbers: &vector, model: self.embeddings.name() }),
            filters: &Filters::default(),
            limit: TOP_K,
            fusion: search::Fusion::ZScore,
        };
        let asked = Instant::now();
        let tenant = self.pool.each(self.scope.clone()).await?;
        let passages = search::passages(&tenant, &query).await?.passages;
        let search_ms = asked.elapsed().as_secs_f64() * 1e3;
        drop(tenant);
        let files = passages.iter().map(|passage| self.file(&passage.document_id.to_string())).collect();
        // Each question brings a new one: ingestion on a busy machine outlasts a session token.
        let token = token(PERSON, None);
        let answer = self.app.ask(&token, &question.text).await;
        let (mut exact, mut cited) = ([0; 2], Vec::new());
        for citation in answer["citations"].as_array().context("citations")? {
            let (document, page) = (citation["document_id"].as_str().unwrap_or_default(), &citation["page"]);
            let stored = self.app.get(&format!("/v1/documents/{document}/pages/{page}"), &token).await.json();
            let at = |name: &str| {
                usize::try_from(citation[name].as_u64().unwrap_or_default()).unwrap_or(usize::MAX)
            };
            let (start, end) = (at("char_start"), at("char_end"));
            let text = stored["text"].as_str().unwrap_or_default();
            let slice: String = text.chars().skip(start).take(end.saturating_sub(start)).collect();
            let is_exact = !slice.is_empty() && citation["quote"] == slice;
            exact[usize::from(!is_exact)] += 1;
            cited.push((self.file(document), page.as_u64().unwrap_or_default()));
        }
        Ok(Found { passages, files, answer, exact, cited, search_ms })
    }

    fn file(&self, id: &str) -> String {
        self.files.get(id).cloned().unwrap_or_default()
    }
}

impl Found {
    fn refused(&self) -> bool {
        self.answer["refused"] == true
    }

    /// Whether the answer says all that it must and a page that proves it is cited.
    fn is_right(&self, question: &Question) -> bool {
        let answer = folded(self.answer["answer"].as_str().unwrap_or_default());
        question.answer_contains.iter().all(|words| answer.contains(&folded(words)))
            && self.cited.iter().any(|place| question.is_gold(&place.0, place.1))
    }

    /// Whether one of the first `count` pages that search names proves the answer.
    fn finds(&self, question: &Question, count: usize) -> bool {
        let mut pages: Vec<(&str, u64)> = Vec::new();
        for (passage, file) in self.passages.iter().zip(&self.files) {
            for page in &passage.pages {
                let place = (file.as_str(), u64::from(page.number));
                if !pages.contains(&place) {
                    pages.push(place);
                }
            }
        }
        pages.into_iter().take(count).any(|(file, page)| question.is_gold(file, page))
    }

    fn line(&self, question: &Question) -> Value {
        json!({ "id": question.id, "kind": question.kind, "question": question.text, "expected": question.answer_contains,
            "answerable": question.answerable, "right": self.is_right(question), "page@1": self.finds(question, 1),
            "page@5": self.finds(question, 5), "refused": self.refused(), "answer": self.answer["answer"],
            "cited": self.cited, "gold": [question.document, question.page],
            "similarity": self.passages.iter().filter_map(|passage| passage.similarity).fold(f64::MIN, f64::max),
            "lexical": self.passages.iter().map(|passage| passage.lexical).fold(f64::MIN, f64::max) })
    }
}

/// A table by kind, and how refusals fall.
fn report(questions: &[Question], found: &[Found]) {
    let mut kinds: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    let all = || questions.iter().zip(found);
    for (question, found) in all() {
        let counts = [
            true,
            question.answerable && found.finds(question, 1),
            question.answerable && found.finds(question, 5),
            question.answerable && found.is_right(question),
            found.refused(),
        ];
        for name in
            [question.kind.as_str(), if question.answerable { "~ answerable" } else { "~ without answer" }]
        {
            for (sum, count) in kinds.entry(name).or_default().iter_mut().zip(counts) {
                *sum += usize::from(count);
            }
        }
    }
    println!(
        "| kind | questions | page@1 | page@5 | right, proved | refused |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (name, [count, first, fifth, right, refused]) in kinds {
        let name = name.trim_start_matches("~ ");
        println!("| {name} | {count} | {first} | {fifth} | {right} | {refused} |");
    }
    let mut times: Vec<f64> = found.iter().map(|found| found.search_ms).collect();
    times.sort_by(f64::total_cmp);
    let exact = found.iter().fold([0; 2], |sum, found| [sum[0] + found.exact[0], sum[1] + found.exact[1]]);
    println!(
        "\nsearch: median {:.1} ms; citations: {} exact, {} not\n",
        times.get(times.len() / 2).copied().unwrap_or_default(),
        exact[0],
        exact[1]
    );
}

/// What other thresholds of refusal would do: of the evidence that a model is given, and of the extractive answerer.
fn curves(questions: &[Question], found: &[Found]) {
    let all = || questions.iter().zip(found);
    let given =
        all().map(|(question, found)| (strength(&found.passages).unwrap_or_default(), question.answerable));
    let steps: Vec<f64> = (3..=14).map(|step| f64::from(step) / 20.0).collect();
    curve::print("similarity of the closest passage", &given.collect::<Vec<_>>(), &steps, MATCH_THRESHOLD);
    let extracted = all().map(|(question, found)| {
        let rules = Rules { tokens_max: PROMPT_TOKENS, per_document_max: None };
        let passages = select(strong(found.passages.clone(), MATCH_THRESHOLD), &rules);
        (extract(&question.text, &passages).map_or(0.0, |found| found.strength), question.answerable)
    });
    // Where it answers nothing the share is 0, so that the first row is what its own rules refuse.
    let steps: Vec<f64> = [1].into_iter().chain(7..=18).map(|step| f64::from(step) / 20.0).collect();
    curve::print(
        "share of the question in the extracted sentence",
        &extracted.collect::<Vec<_>>(),
        &steps,
        0.05,
    );
}

/// The figures that a change may raise and not lower.
fn figures(questions: &[Question], found: &[Found], caught: f64) -> Value {
    let all = || questions.iter().zip(found);
    let share = |part: usize, whole: usize| {
        let share = part as f64 / whole.max(1) as f64;
        (share * 1e4).round() / 1e4
    };
    let answerable = all().filter(|(question, _)| question.answerable).count();
    let count = |is: &dyn Fn(&Question, &Found) -> bool| {
        all().filter(|(question, found)| is(question, found)).count()
    };
    let (refused, rightly) = (
        count(&|_, found| found.refused()),
        count(&|question, found| found.refused() && !question.answerable),
    );
    let citations: usize = found.iter().map(|found| found.exact.iter().sum::<usize>()).sum();
    let exact: usize = found.iter().map(|found| found.exact[0]).sum();
    json!({
        "page_accuracy_at_1": share(count(&|question, found| question.answerable && found.finds(question, 1)), answerable),
        "page_accuracy_at_5": share(count(&|question, found| question.answerable && found.finds(question, 5)), answerable),
        "answers_right_and_proved": share(count(&|question, found| question.answerable && found.is_right(question)), answerable),
        "citation_exactness": share(exact, citations),
        "played_model_checked_rightly": caught,
        "refusal_precision": share(rightly, refused),
        "refusal_recall": share(rightly, questions.len() - answerable),
    })
}
