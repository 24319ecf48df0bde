//! How much a question asks of the model that answers it: the cheap one will do for most.

/// Words of questions that want something worked out and not looked up. Whole words, or the beginnings of them.
const REASONING: [&str; 22] = [
    "compar",
    "differ",
    "versus",
    "vs",
    "why",
    "explain",
    "summar",
    "deriv",
    "calculat",
    "justif",
    "evaluat",
    "trade",
    "advantage",
    "disadvantage",
    "pros",
    "cons",
    "implication",
    "relat",
    "analy",
    "recommend",
    "conflict",
    "reconcil",
];
/// Words that join one question to another.
const JOINING: [&str; 6] = ["and", "or", "then", "also", "unless", "whereas"];

/// From 0 (one plain fact) to 1. The sum of four parts, each with a bound of its own:
///
/// - length: 0.25 at 40 words and above, in proportion below;
/// - reasoning ("compare", "why", "calculate" …): 0.35 for one such word, 0.5 for more;
/// - parts: 0.1 for each further question mark, semicolon or line, and for each joining word ("and", "unless" …), at most 0.3;
/// - history: 0.1 where the question continues a conversation, because what it means stands elsewhere.
///
/// It reads words and no meaning, in English; in another language length and parts decide.
pub fn complexity(question: &str, continues: bool) -> f64 {
    let words: Vec<String> = question
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let count = |is: &dyn Fn(&String) -> bool| words.iter().filter(|word| is(word)).count();
    let reasoning = count(&|word| REASONING.iter().any(|stem| begins(word, stem)));
    let joining = count(&|word| JOINING.contains(&word.as_str()));
    let parts = question.trim_end_matches(['?', ';', '\n', ' ']).matches(['?', ';', '\n']).count();
    let length = 0.25 * share(words.len(), 40);
    let reasoning = [0.0, 0.35, 0.5].get(reasoning).copied().unwrap_or(0.5);
    let parts = 0.3 * share(parts + joining, 3);
    let history = if continues { 0.1 } else { 0.0 };
    (length + reasoning + parts + history).min(1.0)
}

/// Short stems are whole words: "vs" is one, "vsam" is none.
fn begins(word: &str, stem: &str) -> bool {
    if stem.len() < 5 { word == stem } else { word.starts_with(stem) }
}

/// The part of `most` that `count` is, at most 1.
fn share(count: usize, most: u16) -> f64 {
    f64::from(u16::try_from(count).unwrap_or(u16::MAX).min(most)) / f64::from(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_facts_are_simple_and_comparisons_are_not() {
        for simple in [
            "What is the maximum hardness of a weld?",
            "hardness limit 22 HRC",
            "Who approves travel expenses above 500 euro?",
            "How long is the warranty?",
            "Wie lange gilt die Garantie?",
            "",
        ] {
            assert!(complexity(simple, false) < 0.5, "{simple}: {}", complexity(simple, false));
        }
        for hard in [
            "Compare the 2019 and 2024 editions and explain why the hardness limit changed.",
            "Why is the limit lower for welds? Which tests apply, and who may waive them?",
            "Calculate the wall thickness for 25 MPa and DN 600; then say which clause it follows from and what differs for sour service.",
        ] {
            assert!(complexity(hard, false) >= 0.5, "{hard}: {}", complexity(hard, false));
        }
    }

    #[test]
    fn it_stays_between_nothing_and_one_and_history_adds() {
        let endless = "why compare? and; ".repeat(200);
        assert!((complexity(&endless, true) - 1.0).abs() < 1e-9);
        let question = "And for class S3?";
        assert!(complexity(question, true) > complexity(question, false));
        assert!(complexity("", false).abs() < 1e-9);
    }
}
