//! The questions of a library, and what counts as the same words.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// One question and, where the library answers it, what an answer must say and which pages prove it.
pub struct Question {
    /// Such as `q001`.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// What is hard about it.
    pub kind: String,
    /// Whether the library answers it.
    pub answerable: bool,
    /// The words that an answer must hold.
    pub answer_contains: Vec<String>,
    /// The words that prove it.
    pub quote: String,
    /// The file that they stand in.
    pub document: String,
    /// Their page.
    pub page: u64,
    /// Every place that proves the answer.
    gold: Vec<(String, u64)>,
}

impl Question {
    /// Whether that page proves the answer.
    pub fn is_gold(&self, file: &str, page: u64) -> bool {
        self.gold.iter().any(|(gold, number)| gold == file && *number == page)
    }
}

/// All questions of the library.
pub fn read(folder: &Path) -> Result<Vec<Question>> {
    lines(&folder.join("questions.jsonl"))?.iter().map(question).collect()
}

/// A file of one JSON value a line.
pub fn lines(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
}

fn question(line: &Value) -> Result<Question> {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let list = |name: &str| line[name].as_array().into_iter().flatten();
    let (document, page) = (text("document"), line["page"].as_u64().unwrap_or_default());
    let mut gold = vec![(document.clone(), page)];
    gold.extend(list("pages").filter_map(Value::as_u64).map(|page| (document.clone(), page)));
    for other in list("alternatives").chain(list("also")) {
        let file = other["document"].as_str().context("a document")?;
        gold.push((file.to_owned(), other["page"].as_u64().context("a page")?));
    }
    Ok(Question {
        id: text("id"),
        text: text("question"),
        kind: text("kind"),
        answerable: line["answerable"] != false,
        answer_contains: list("answer_contains").filter_map(Value::as_str).map(str::to_owned).collect(),
        quote: text("quote"),
        document,
        page,
        gold,
    })
}

/// The words without what a page's layout adds: white space, ligatures, hyphens at line ends, kinds of dashes and quotes.
pub fn folded(text: &str) -> String {
    let text: String = text.nfkc().collect::<String>().replace("-\n", "").replace('\u{ad}', "");
    let kinds = |letter: char| match letter {
        '‐'..='―' | '−' => '-',
        '‘' | '’' => '\'',
        '“' | '”' => '"',
        '［' => '[',
        '］' => ']',
        other => other,
    };
    text.chars()
        .map(kinds)
        .collect::<String>()
        .to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
