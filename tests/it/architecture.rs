//! The shape that CONVENTIONS.md describes, read from the source.

use std::path::{Path, PathBuf};

use harness::app::{file, folder};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Who may use whom in `shared`: a module uses floors below its own. Those of floor 2 each talk to one outside thing and
/// not to each other.
const FLOORS: [(&str, u8); 16] = [
    ("breaker", 0),
    ("domain", 0),
    ("error", 0),
    ("env", 1),
    ("tls", 1),
    ("redis", 1),
    ("answers", 2),
    ("db", 2),
    ("limiter", 2),
    ("llm", 2),
    ("pdf", 2),
    ("storage", 2),
    ("auth", 3),
    ("http", 3),
    ("runtime", 3),
    ("telemetry", 3),
];

fn floor(module: &str) -> u8 {
    let known = FLOORS.iter().find(|(name, _)| *name == module);
    known.unwrap_or_else(|| panic!("say in FLOORS where shared::{module} stands")).1
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let (mut waiting, mut files) = (vec![Path::new(ROOT).join(folder)], Vec::new());
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn ours() -> Vec<PathBuf> {
    ["functions", "shared", "tests"].into_iter().flat_map(rust_files).collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap().display().to_string()
}

/// The source without comments, and without white space around what joins a path.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{} ", line.trim())).collect::<String>().replace(":: {", "::{")
}

/// The code of every file of `shared` and the functions, without white space.
pub fn sources() -> impl Iterator<Item = String> {
    let files = [rust_files("shared/src"), rust_files("functions")].concat();
    files.into_iter().map(|path| code(&path).split_whitespace().collect())
}

/// The first names after `root::`, those in braces included.
fn used(code: &str, root: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, found) in code.match_indices(root) {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == ':' {
            continue;
        }
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            None => names.push(identifier(rest)),
            Some(list) => {
                let (mut depth, mut begins) = (0_u32, true);
                for (at, character) in list.char_indices() {
                    match character {
                        '}' if depth == 0 => break,
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        _ if begins && depth == 0 && character.is_alphabetic() => {
                            names.push(identifier(&list[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

#[test]
fn names_are_found_wherever_they_stand() {
    let code =
        "use crate::{ Error, db::{self, pages}, llm::Models, }; fn a() { crate::tls::aws() } mycrate::x";
    assert_eq!(used(code, "crate::"), ["Error", "db", "llm", "tls"]);
}

#[test]
fn modules_of_shared_use_floors_below_their_own() {
    let mut wrong = Vec::new();
    for path in rust_files("shared/src") {
        let inside = path.strip_prefix(Path::new(ROOT).join("shared/src")).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if ["lib", "main", "bin"].contains(&module) {
            continue;
        }
        let own = floor(module);
        let lower =
            used(&code(&path), "crate::").into_iter().filter(|used| used.starts_with(char::is_lowercase));
        for used in lower.filter(|used| used != module) {
            let its = floor(&used);
            // Floor 2's modules do not use each other; settings and hosts may.
            if its > own || (its == own && [0, 2].contains(&own) && used != "error" && used != "domain") {
                wrong.push(format!("{} uses {used}", name(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn functions_do_not_use_each_other() {
    let functions = folder("functions");
    for function in &functions {
        let manifest = String::from_utf8(file(&format!("functions/{function}/Cargo.toml"))).unwrap();
        for other in functions.iter().filter(|other| *other != function) {
            let uses =
                manifest.lines().any(|line| line.split(['.', '=', ' ']).next() == Some(other.as_str()));
            // What heals a document ingests it; the server is all of them.
            let allowed = function == "server" || (function == "retention" && other == "ingest");
            assert!(!uses || allowed, "{function} depends on {other}");
        }
    }
}

#[test]
fn only_shared_and_the_tests_know_the_database_driver() {
    for function in folder("functions") {
        let manifest = String::from_utf8(file(&format!("functions/{function}/Cargo.toml"))).unwrap();
        assert!(!manifest.contains("tokio-postgres"), "{function} depends on tokio-postgres");
    }
    for path in rust_files("shared/src") {
        let driver = code(&path).contains("tokio_postgres::");
        assert!(!driver || name(&path).starts_with("shared/src/db/"), "{} speaks to Postgres", name(&path));
    }
}

#[test]
fn only_env_reads_environment_variables() {
    for path in [rust_files("shared/src"), rust_files("functions")].concat() {
        let reads = ["env::var", "env::vars", "env::set_var", "env::remove_var"];
        // What the platform sets is no setting: whether this is Lambda.
        let allowed = ["shared/src/env/mod.rs", "shared/src/runtime.rs"].contains(&name(&path).as_str());
        // Unit tests in a file of their own ask where the model is.
        let allowed = allowed || path.ends_with("tests.rs");
        let found = reads.into_iter().find(|read| code(&path).contains(read));
        assert!(found.is_none() || allowed, "{} uses {found:?}", name(&path));
    }
    let runtime = code(&Path::new(ROOT).join("shared/src/runtime.rs"));
    assert_eq!(runtime.matches("env::var").count(), 1);
    assert!(runtime.contains(r#"std::env::var_os("AWS_LAMBDA_RUNTIME_API")"#));
}

#[test]
fn every_file_says_what_is_in_it_and_is_not_too_long() {
    for path in ours() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with //!", name(&path));
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", name(&path));
    }
}

#[test]
fn every_setting_that_is_read_is_in_the_table() {
    let known: Vec<&str> = shared::env::SETTINGS.iter().map(|setting| setting.name).collect();
    let reads = ["get(\"", "require(\"", "secret(\"", "path(\"", "flag(\"", "number(\"", "list(\"", "url(\""];
    for path in [rust_files("shared/src"), rust_files("functions")].concat() {
        let code = code(&path);
        for read in reads {
            for (at, found) in code.match_indices(&format!("env.{read}")) {
                let setting = identifier(&code[at + found.len()..]);
                assert!(known.contains(&setting.as_str()), "{} reads {setting}", name(&path));
            }
        }
    }
}
