//! A test collection in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How relevant each item is to one query, by the item's id.
pub type Judgements = HashMap<String, f64>;

/// Items to find, and judged queries.
pub struct Collection {
    /// The folder's name.
    pub name: String,
    /// In the order of the file.
    pub items: Vec<Item>,
    /// Those that were judged, in the order of the file.
    pub queries: Vec<Query>,
}

/// What is to be found.
pub struct Item {
    /// As the judgements name it.
    pub id: String,
    /// Title and text.
    pub text: String,
}

/// What is asked.
pub struct Query {
    /// The question.
    pub text: String,
    /// What answers it.
    pub relevant: Judgements,
}

impl Collection {
    /// Reads the three files of a folder.
    pub fn read(directory: &Path) -> Result<Self> {
        let items = lines(directory, "corpus.jsonl")?;
        let items = items.iter().map(|item| Item {
            id: text(item, "_id").to_owned(),
            text: format!("{} {}", text(item, "title"), text(item, "text")).trim().to_owned(),
        });
        let items: Vec<Item> = items.collect();
        let mut judged = judgements(&read(directory, "qrels.tsv")?)?;
        let queries = lines(directory, "queries.jsonl")?;
        let queries = queries.iter().filter_map(|query| {
            let relevant = judged.remove(text(query, "_id"))?;
            Some(Query { text: text(query, "text").to_owned(), relevant })
        });
        let queries: Vec<Query> = queries.collect();
        ensure!(!items.is_empty() && !queries.is_empty(), "no items, or no judged queries");
        let name = directory.file_name().unwrap_or(directory.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, items, queries })
    }
}

fn judgements(text: &str) -> Result<HashMap<String, Judgements>> {
    let mut judged: HashMap<String, Judgements> = HashMap::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let [query, item, score] = line.split('\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("a line of three: {line}")
        };
        judged.entry(query.to_owned()).or_default().insert(item.to_owned(), score.parse::<f64>()?.max(0.0));
    }
    Ok(judged)
}

fn lines(directory: &Path, name: &str) -> Result<Vec<Value>> {
    read(directory, name)?.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
}

fn read(directory: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(directory.join(name)).with_context(|| name.to_owned())
}

fn text<'a>(item: &'a Value, member: &str) -> &'a str {
    item[member].as_str().unwrap_or_default()
}
