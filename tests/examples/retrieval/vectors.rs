//! Vectors of texts, each made once: they are kept in `.local/vectors`, one file a model, by the hash of their text.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, create_dir_all},
    io::Write,
    path::Path,
};

use anyhow::{Context, Result};
use shared::{
    domain::hash::sha256,
    llm::{Attempts, Embeddings},
};

/// Texts embedded before their vectors are written down.
const BATCH: usize = 64;
/// A hash, then 384 little-endian numbers.
const RECORD_BYTES: usize = 32 + 4 * 384;

/// The embedder and what it has made so far.
pub struct Vectors {
    embeddings: Embeddings,
    known: HashMap<[u8; 32], Vec<f32>>,
    file: File,
}

impl Vectors {
    /// Reads what earlier runs kept in `directory`.
    pub fn open(embeddings: Embeddings, directory: &Path) -> Result<Self> {
        create_dir_all(directory)?;
        let path = directory.join(format!("{}.bin", embeddings.name().replace('/', "-")));
        let kept = std::fs::read(&path).unwrap_or_default();
        let (records, _) = kept.as_chunks::<RECORD_BYTES>();
        let known = records.iter().map(|record| {
            let (hash, numbers) = record.split_at(32);
            let (numbers, _) = numbers.as_chunks::<4>();
            let vector = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Ok((hash.try_into()?, vector))
        });
        let known = known.collect::<Result<_>>()?;
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        // A run that was stopped half-way may have left half a record.
        file.set_len((records.len() * RECORD_BYTES) as u64)?;
        Ok(Self { embeddings, known, file })
    }

    /// Who made them.
    pub fn model(&self) -> &str {
        self.embeddings.name()
    }

    /// One vector a text, in order.
    pub async fn of(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut missing: Vec<&String> =
            texts.iter().filter(|text| !self.known.contains_key(&sha256(text.as_bytes()))).collect();
        missing.sort();
        missing.dedup();
        for (at, texts) in missing.chunks(BATCH).enumerate() {
            eprintln!("embedding {} of {}", at * BATCH, missing.len());
            let texts: Vec<String> = texts.iter().map(|text| (*text).clone()).collect();
            let vectors = self.embeddings.batch(&texts, &Attempts::default()).await?;
            let mut records = Vec::with_capacity(texts.len() * RECORD_BYTES);
            for (text, vector) in texts.iter().zip(vectors) {
                let hash = sha256(text.as_bytes());
                records.extend(hash);
                records.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
                self.known.insert(hash, vector);
            }
            self.file.write_all(&records)?;
        }
        let vector = |text: &String| self.known.get(&sha256(text.as_bytes())).cloned();
        texts.iter().map(|text| vector(text).context("a vector per text")).collect()
    }
}
