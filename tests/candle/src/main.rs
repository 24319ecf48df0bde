//! `candle-beside MODEL_DIR LIBRARY_DIR`: embeds the same questions and chunks with the bundle's embedder and with candle, each in
//! processes of its own that take turns, and prints time, memory and how alike the vectors are. Fails below the least cosine.

mod candle;
#[path = "../../../shared/src/llm/local/mod.rs"]
#[expect(dead_code, reason = "the bundle asks it for more")]
mod local;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Vectors that are less alike than this come of a fault.
const COSINE_MIN: f64 = 0.9999;
/// Turns that each embedder takes.
const ROUNDS: usize = 5;
/// Texts of each kind.
const QUESTIONS: usize = 60;
const CHUNKS: usize = 40;
/// Characters of a chunk: more than the model's 256 tokens.
const CHUNK_CHARS: usize = 1_600;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--one", which, model, library] => one(which, Path::new(model), Path::new(library)),
        [model, library] => compare(model, library),
        _ => bail!("usage: candle-beside MODEL_DIR LIBRARY_DIR"),
    }
}

/// What one process measured.
struct Figures {
    load_ms: f64,
    question_cpu_ms: f64,
    question_ms: f64,
    chunk_cpu_ms: f64,
    chunk_ms: f64,
    peak_mb: f64,
    vectors: Vec<Vec<f32>>,
}

fn compare(model: &str, library: &str) -> Result<()> {
    let names = ["bundle", "candle"];
    let mut runs: [Vec<Figures>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (name, runs) in names.iter().zip(&mut runs) {
            runs.push(run(name, model, library)?);
        }
    }
    let cosines: Vec<f64> = runs[0][0]
        .vectors
        .iter()
        .zip(&runs[1][0].vectors)
        .map(|(one, other)| one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum())
        .collect();
    let least = cosines.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "| embedder | load ms | CPU ms a question | ms a question | CPU ms a chunk of 256 tokens | ms a chunk | peak MB |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    for (name, runs) in names.iter().zip(&runs) {
        let median = |figure: fn(&Figures) -> f64| {
            let mut all: Vec<f64> = runs.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} |",
            median(|run| run.load_ms),
            median(|run| run.question_cpu_ms),
            median(|run| run.question_ms),
            median(|run| run.chunk_cpu_ms),
            median(|run| run.chunk_ms),
            median(|run| run.peak_mb)
        );
    }
    println!(
        "\ncosine of the bundle's vector with candle's: at least {least:.7}, mean {:.7}, over {} texts",
        cosines.iter().sum::<f64>() / cosines.len() as f64,
        cosines.len()
    );
    ensure!(least >= COSINE_MIN, "some vectors are not the model's");
    Ok(())
}

fn run(which: &str, model: &str, library: &str) -> Result<Figures> {
    let output = Command::new(std::env::current_exe()?).args(["--one", which, model, library]).output()?;
    ensure!(output.status.success(), "{which}: {}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let figure = |name: &str| told[name].as_f64().context("a figure");
    Ok(Figures {
        load_ms: figure("load_ms")?,
        question_cpu_ms: figure("question_cpu_ms")?,
        question_ms: figure("question_ms")?,
        chunk_cpu_ms: figure("chunk_cpu_ms")?,
        chunk_ms: figure("chunk_ms")?,
        peak_mb: figure("peak_mb")?,
        vectors: serde_json::from_value(told["vectors"].clone())?,
    })
}

fn one(which: &str, model: &Path, library: &Path) -> Result<()> {
    let (questions, chunks) = texts(library)?;
    let started = Instant::now();
    let embed: Box<dyn Fn(&str) -> Result<Vec<f32>>> = match which {
        "bundle" => {
            let model = local::MiniLm::open(model)?;
            Box::new(move |text| model.embed(&[text])?.pop().context("a vector"))
        }
        _ => {
            let model = candle::Model::open(model)?;
            Box::new(move |text| model.embed(text))
        }
    };
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    // The first pass reads the weights and makes buffers.
    embed(&questions[0])?;
    let mut vectors = Vec::new();
    let mut figures = Vec::new();
    for texts in [&questions, &chunks] {
        let (started, cpu) = (Instant::now(), cpu_ms());
        for text in texts {
            vectors.push(embed(text)?);
        }
        let count = texts.len() as f64;
        figures.push([(cpu_ms() - cpu) / count, started.elapsed().as_secs_f64() * 1e3 / count]);
    }
    let told = serde_json::json!({
        "load_ms": load_ms, "question_cpu_ms": figures[0][0], "question_ms": figures[0][1],
        "chunk_cpu_ms": figures[1][0], "chunk_ms": figures[1][1], "peak_mb": peak_mb(), "vectors": vectors,
    });
    println!("{told}");
    Ok(())
}

/// Questions, and pieces of the documents that they are about.
fn texts(library: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let lines = std::fs::read_to_string(library.join("questions.jsonl"))?;
    let question = |line: &str| {
        let line: Value = serde_json::from_str(line)?;
        Ok(line["question"].as_str().context("a question")?.to_owned())
    };
    let questions = lines.lines().take(QUESTIONS).map(question).collect::<Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(library)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let mut chunks = Vec::new();
    for file in files {
        let text: Vec<char> = std::fs::read_to_string(file)?.chars().collect();
        chunks.extend(text.chunks_exact(CHUNK_CHARS).map(|part| part.iter().collect::<String>()));
    }
    chunks.truncate(CHUNKS);
    ensure!(questions.len() == QUESTIONS && chunks.len() == CHUNKS, "too few texts");
    Ok((questions, chunks))
}

fn usage() -> libc::rusage {
    // SAFETY: a `rusage` of zeros is one, and the call fills it in.
    unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    }
}

/// Of all threads, since the process began.
fn cpu_ms() -> f64 {
    let usage = usage();
    [usage.ru_utime, usage.ru_stime].iter().map(|time| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3).sum()
}

fn peak_mb() -> f64 {
    usage().ru_maxrss as f64 / if cfg!(target_os = "macos") { 1e6 } else { 1e3 }
}
