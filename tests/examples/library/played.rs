//! A model that is played: it quotes rightly, names the wrong passage, stitches, invents, and changes a number. What the check
//! makes of each.

use shared::domain::verify::{Verified, verify};

use super::{
    Found,
    questions::{Question, folded},
};

/// Words of a quote; a model is asked for few.
const WORDS: usize = 7;

/// What the model does, and what the check must make of it.
const WAYS: [(&str, &str); 5] = [
    ("quotes rightly", "verified"),
    ("names another passage", "corrected"),
    ("stitches two passages", "dropped"),
    ("invents the words", "dropped"),
    ("changes a number", "dropped"),
];

/// Prints how often the check did what it must, and which questions it failed; the share of them where it did.
pub fn report(questions: &[Question], found: &[Found]) -> f64 {
    let mut counts = [[0_usize; 2]; WAYS.len()];
    for (question, found) in questions.iter().zip(found).filter(|(question, _)| question.answerable) {
        for (way, count) in counts.iter_mut().enumerate() {
            let Some((claim, expected)) = play(way, question, found) else { continue };
            let verified = verify(&claim, &found.passages);
            let is_caught = is_as_expected(&verified, way, &expected);
            count[usize::from(!is_caught)] += 1;
            if !is_caught {
                println!("{}, {}: {claim} {:?}\n", question.id, WAYS[way].0, verified.counts);
            }
        }
    }
    println!("| the model | must be | is | is not |\n| --- | --- | --- | --- |");
    for ((way, must), [is, is_not]) in WAYS.iter().zip(counts) {
        println!("| {way} | {must} | {is} | {is_not} |");
    }
    println!();
    let [is, is_not] = counts.iter().fold([0; 2], |sum, count| [sum[0] + count[0], sum[1] + count[1]]);
    #[expect(clippy::cast_precision_loss, reason = "hundreds of claims")]
    let share = is as f64 / (is + is_not).max(1) as f64;
    share
}

/// The model's answer of that way, with the words that it means to quote; none where the question does not lend itself to it.
fn play(way: usize, question: &Question, found: &Found) -> Option<(String, String)> {
    let quote = folded(&question.quote);
    let at = found.passages.iter().position(|passage| folded(&passage.text).contains(&quote))?;
    let words: Vec<&str> = question.quote.split_whitespace().take(WORDS).collect();
    let number = at + 1;
    let other =
        found.passages.iter().position(|passage| !folded(&passage.text).contains(&folded(&words.join(" "))));
    let cite = |number: usize, words: &str| {
        Some((format!("{} [{number} \"{words}\"].", question.answer_contains.join(", ")), words.to_owned()))
    };
    let right = words.join(" ");
    match way {
        0 => cite(number, &right),
        1 => cite(other? + 1, &right),
        2 => {
            let foreign = found.passages.get(other?)?;
            // The dots of a table of contents are no words.
            let foreign = foreign.text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
            let tail: Vec<&str> = foreign.skip(3).take(4).collect();
            let head = words.get(..4)?;
            cite(number, &[head, &tail].concat().join(" "))
        }
        3 => cite(number, "purple zebras approve every umbrella on Mondays"),
        _ => {
            let digit = right.find(|letter: char| letter.is_ascii_digit())?;
            let (old, new) = (
                right.get(digit..=digit)?,
                if right.as_bytes().get(digit) == Some(&b'7') { "3" } else { "7" },
            );
            let changed = format!("{}{new}{}", right.get(..digit)?, right.get(digit + old.len()..)?);
            // The other number may stand somewhere else, in which case it is no lie.
            let stands =
                found.passages.iter().any(|passage| folded(&passage.text).contains(&folded(&changed)));
            if stands { None } else { cite(number, &changed) }
        }
    }
}

fn is_as_expected(verified: &Verified, way: usize, words: &str) -> bool {
    let counts = verified.counts;
    // Where a citation ends, a comma is no part of it.
    let words = words.trim_end_matches([',', ';', ':', '.']);
    let quoted = verified.citations.iter().all(|citation| folded(&citation.quote).contains(&folded(words)));
    match way {
        0 => counts.verified == 1 && verified.citations.len() == 1 && quoted,
        // Where the words stand in several passages the one named may be right after all.
        1 => counts.corrected + counts.verified == 1 && verified.citations.len() == 1 && quoted,
        _ => verified.citations.is_empty(),
    }
}
