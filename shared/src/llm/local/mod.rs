//! The local embedder: the forward pass of all-MiniLM-L6-v2 written by hand over the `gemm` crate, on weights
//! that stay in their memory-mapped file. Nothing here waits on a network.

mod elementwise;
mod forward;
#[cfg(test)]
mod tests;
mod tokenizer;
mod vocabulary;
mod weights;

use anyhow::{Context, Result, ensure};
use forward::Scratch;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokenizer::Tokenizer;
use weights::Weights;

/// The local embedder: all-MiniLM-L6-v2 with the mean over the tokens as a text's vector. One serves all
/// threads.
pub struct MiniLm {
    tokenizer: Tokenizer,
    weights: Weights,
    /// Memory of finished passes, for the next ones; never more than ran at once.
    scratches: Mutex<Vec<Scratch>>,
}

impl MiniLm {
    /// The length of every vector.
    pub const DIMENSIONS: usize = forward::HIDDEN;

    /// How many tokens of a text count, with the two that open and close it; the rest of a longer text is
    /// left out.
    pub const TOKENS_MAX: usize = 256;

    /// Opens `model.safetensors` and `tokenizer.json` in `dir`; takes a few milliseconds, and reads the
    /// weights only when they are needed. The files must not be rewritten in place while the embedder lives.
    ///
    /// # Errors
    /// A file is missing, cut, or of another model.
    pub fn open(dir: &Path) -> Result<MiniLm> {
        let tokenizer = Tokenizer::open(&dir.join("tokenizer.json"))?;
        let weights = Weights::open(&dir.join("model.safetensors"))?;
        ensure!(
            (tokenizer.id_max() as usize) < Weights::rows(&weights.words)
                && Weights::rows(&weights.positions) >= Self::TOKENS_MAX
                && Weights::rows(&weights.segments) >= 1,
            "the tokenizer and the weights in {} do not belong together",
            dir.display()
        );
        Ok(MiniLm { tokenizer, weights, scratches: Mutex::default() })
    }

    /// One vector of length one per text, in order. Several texts run in parallel, at most one per core.
    ///
    /// # Errors
    /// The weights gave a vector that is not finite.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        if let [text] = texts {
            let mut scratch = self.scratch();
            let vector = self.embed_with(text, &mut scratch)?;
            self.keep(scratch);
            return Ok(vec![vector]);
        }
        let next = AtomicUsize::new(0);
        // Texts differ in length, so that each thread takes the next one when it is free.
        let work = || -> Result<Vec<(usize, Vec<f32>)>> {
            let mut scratch = self.scratch();
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(text) = texts.get(index) else { break };
                done.push((index, self.embed_with(text, &mut scratch)?));
            }
            self.keep(scratch);
            Ok(done)
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts: Vec<_> = std::thread::scope(|scope| {
            let helpers = 1..cores.min(texts.len());
            // A thread that cannot be started is no loss: the others do its share.
            let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
            let helpers: Vec<_> = helpers.filter_map(spawn).collect();
            let own = work();
            let joined = helpers
                .into_iter()
                .map(|helper| helper.join().ok().context("an embedding thread panicked")?);
            joined.chain([own]).collect::<Result<_>>()
        })?;
        let mut vectors = vec![Vec::new(); texts.len()];
        for (index, vector) in parts.into_iter().flatten() {
            if let Some(place) = vectors.get_mut(index) {
                *place = vector;
            }
        }
        Ok(vectors)
    }

    /// How many word pieces `text` has, without the special ones and without truncation.
    pub fn tokens(&self, text: &str) -> usize {
        self.tokenizer.ids(text, usize::MAX).len()
    }

    fn embed_with(&self, text: &str, scratch: &mut Scratch) -> Result<Vec<f32>> {
        let ids = self.tokenizer.framed_ids(text, Self::TOKENS_MAX);
        forward::embed(&self.weights, &ids, scratch)
    }

    fn scratch(&self) -> Scratch {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn keep(&self, scratch: Scratch) {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}
