//! The corpus of `tests/eval/injections`, run: hostile documents through the prompt, hostile answers through the check.

use serde_json::Value;

use super::{
    ids::DocumentId,
    passage::{PageSpan, Passage},
    prompt::{PromptInput, prompt},
    verify::{Filter, Verified, verify},
};

const NONCE: &str = "5f0c94a1d3e7b268";

fn rows(name: &str) -> Vec<Value> {
    let path = format!("{}/../tests/eval/injections/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A passage that is one page.
fn passage(title: &str, text: &str) -> Passage {
    let end = u32::try_from(text.chars().count()).unwrap();
    Passage {
        document_id: DocumentId::new(),
        title: title.to_owned(),
        start: 0,
        text: text.to_owned(),
        pages: vec![PageSpan { number: 1, start: 0, end }],
        score: 1.0,
        similarity: None,
        lexical: 1.0,
    }
}

fn texts<'a>(row: &'a Value, member: &str) -> Vec<&'a str> {
    row[member].as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row[member].as_str().unwrap_or_default()
}

/// The answer, checked; each of its citations is true, and it is the same streamed in pieces of three characters.
fn checked(output: &str, passages: &[Passage]) -> Verified {
    let verified = verify(output, passages);
    for citation in &verified.citations {
        let source = passages.iter().find(|passage| passage.document_id == citation.document_id).unwrap();
        let (start, end) = (citation.char_start as usize, citation.char_end as usize);
        let slice: String = source.text.chars().skip(start).take(end - start).collect();
        assert_eq!(slice, citation.quote, "{output}");
    }
    let mut filter = Filter::new(passages);
    let chars: Vec<char> = output.chars().collect();
    for piece in chars.chunks(3) {
        filter.push(&piece.iter().collect::<String>());
    }
    assert_eq!(filter.finish().1, verified, "{output}");
    verified
}

/// What is wrong with a case; a case with a gap must be wrong.
fn judge(row: &Value, wrong: &[String], failures: &mut Vec<String>) {
    let id = text(row, "id");
    match (row.get("gap"), wrong.is_empty()) {
        (None, false) => failures.push(format!("{id} {}: {}", row["kind"], wrong.join("; "))),
        (Some(gap), true) => failures.push(format!("{id} is withstood: take its gap out ({gap})")),
        _ => {}
    }
}

#[test]
fn hostile_documents_stay_in_their_block() {
    let cases = rows("cases.jsonl");
    let words = |title: &str, text: &str, question: &str| {
        let passages = [passage(title, text)];
        let input =
            PromptInput { question, passages: &passages, history: &[], nonce: NONCE, simplified: false };
        let prompt = prompt(&input);
        (prompt.system.clone(), prompt.turns.last().unwrap().text.clone())
    };
    let mut failures = Vec::new();
    let mut forged_kinds = 0;
    for case in &cases {
        let real = |member: &str| text(case, member).replace("{nonce}", NONCE);
        let (title, body, question) = (real("title"), real("passage"), real("question"));
        let (system, turn) = words(&title, &body, &question);
        let (harmless_system, harmless) = words("", "A harmless passage.", "A question?");
        let mut wrong = Vec::new();
        if system != harmless_system {
            wrong.push("the rules changed".to_owned());
        }
        for forged in texts(&case["expect"], "prompt_adds_none_of") {
            let forged = forged.replace("{nonce}", NONCE).to_lowercase();
            let count = |turn: &str| turn.to_lowercase().matches(&forged).count();
            if count(&turn) > count(&harmless) {
                wrong.push(format!("the prompt adds {forged:?}"));
            }
            forged_kinds += 1;
        }
        // Between the two boundaries, and nowhere else, stands the document.
        let (begin, end) = (format!("<passages {NONCE}>"), format!("<end {NONCE}>"));
        let (before, rest) = turn.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        let is_asked = after.trim_start().starts_with("Question: ");
        let payload = real("payload");
        let is_out =
            body.contains(&payload) && !question.contains(&payload) && after.contains(payload.trim());
        if !before.is_empty()
            || !is_asked
            || turn.matches(NONCE).count() != harmless.matches(NONCE).count()
            || is_out
        {
            wrong.push("the block is not whole".to_owned());
        }
        if let Some(obeyed) = case.get("obeyed").and_then(Value::as_str) {
            let passages = [passage(&title, &body)];
            let verified = checked(obeyed, &passages);
            let answer = verified.answer.to_lowercase();
            let lacked = texts(&case["expect"], "answer_lacks");
            wrong.extend(
                lacked
                    .iter()
                    .filter(|lack| answer.contains(&lack.to_lowercase()))
                    .map(|lack| format!("{lack:?} in {answer:?}")),
            );
            let had = texts(&case["expect"], "answer_has");
            wrong.extend(
                had.iter()
                    .filter(|had| !verified.answer.contains(*had))
                    .map(|had| format!("no {had:?} in {answer:?}")),
            );
            if verified.citations.is_empty() {
                wrong.push(format!("no citation: {answer:?}"));
            }
        }
        judge(case, &wrong, &mut failures);
    }
    println!("{} hostile documents, {forged_kinds} forgeries looked for", cases.len());
    assert!(cases.len() >= 300 && forged_kinds >= 200);
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn hostile_answers_are_made_harmless() {
    let outputs = rows("model_outputs.jsonl");
    let mut failures = Vec::new();
    for case in &outputs {
        let passages: Vec<Passage> =
            texts(case, "passages").into_iter().map(|text| passage("", text)).collect();
        let output = text(case, "output");
        let mut wrong = Vec::new();
        let refused = case["refused"].as_bool();
        if refused.is_some_and(|refused| verify(output, &passages).is_refusal != refused) {
            wrong.push("a refusal, or none".to_owned());
        }
        if refused != Some(true) {
            wrong.extend(answer_faults(case, &checked(output, &passages), &passages));
        }
        judge(case, &wrong, &mut failures);
    }
    println!("{} hostile answers", outputs.len());
    assert!(outputs.len() >= 150);
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), outputs.len(), failures.join("\n"));
}

fn answer_faults(case: &Value, verified: &Verified, passages: &[Passage]) -> Vec<String> {
    let answer = &verified.answer;
    let lower = answer.to_lowercase();
    let mut wrong = Vec::new();
    let bad = texts(case, "must_not_contain");
    wrong.extend(
        bad.iter()
            .filter(|bad| lower.contains(&bad.to_lowercase()))
            .map(|bad| format!("{bad:?} in {answer:?}")),
    );
    let good = texts(case, "must_contain");
    wrong.extend(
        good.iter().filter(|good| !answer.contains(*good)).map(|good| format!("no {good:?} in {answer:?}")),
    );
    let count = verified.citations.len() as u64;
    if case["citations"].as_u64().is_some_and(|expected| expected != count) {
        wrong.push(format!("{count} citations in {answer:?}, {:?}", verified.counts));
    }
    for cited in case["cited"].as_array().into_iter().flatten() {
        let number = usize::try_from(cited[0].as_u64().unwrap()).unwrap();
        let is_cited = verified.citations.iter().any(|citation| {
            citation.quote == cited[1].as_str().unwrap()
                && citation.document_id == passages[number - 1].document_id
        });
        if !is_cited {
            wrong.push(format!("{cited} is not cited: {:?}", verified.citations));
        }
    }
    let counts = serde_json::to_value(verified.counts).unwrap();
    for (name, expected) in case["counts"].as_object().into_iter().flatten() {
        if counts[name] != *expected {
            wrong.push(format!("{name} {} and not {expected}", counts[name]));
        }
    }
    wrong
}
