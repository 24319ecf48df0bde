//! The whole check, one table for each rule.

mod mangled;
mod properties;
mod streaming;
mod values;

use super::*;
use crate::domain::{citation::Method, hidden::is_hidden, ids::DocumentId, passage::PageSpan};

/// A passage that begins with its document's text; pages are parted by form feeds here, by line feeds in the passage.
fn passage(text: &str) -> Passage {
    let mut pages = Vec::new();
    let mut start = 0;
    for (number, page) in (1..).zip(text.split('\u{c}')) {
        let end = start + u32::try_from(page.chars().count()).unwrap();
        pages.push(PageSpan { number, start, end });
        start = end + 1;
    }
    Passage {
        document_id: DocumentId::new(),
        title: "Title".to_owned(),
        start: 0,
        text: text.replace('\u{c}', "\n"),
        pages,
        score: 1.0,
        similarity: None,
        lexical: 1.0,
    }
}

fn sour() -> Vec<Passage> {
    vec![
        passage(
            "7.2 Hardness\nThe hardness of carbon steel shall not exceed 22 HRC in sour service. \
             Welds are tested after each heat treatment. The minimum preheat temperature is 60 °C for thick plates.",
        ),
        passage(
            "Employees get 25 days of annual leave per year. Leave may not be carried over without approval. \
             The notice period is three months.",
        ),
        passage("Visit https://ok.example/spec for the whole list of 1,250 grades. The eﬃciency is 95 %."),
    ]
}

/// `slice == quote` for every citation, and the numbers in the answer are those of the citations, in order.
fn assert_sound(verified: &Verified, passages: &[Passage], input: &str) {
    for citation in &verified.citations {
        let is_there =
            passages.iter().filter(|passage| passage.document_id == citation.document_id).any(|passage| {
                let Some(page) = passage.pages.iter().find(|page| page.number == citation.page) else {
                    return false;
                };
                let skipped = i64::from(page.start) - i64::from(passage.start);
                let slice: String = passage
                    .text
                    .chars()
                    .enumerate()
                    .filter(|(at, _)| {
                        let at = i64::try_from(*at).unwrap() - skipped;
                        at >= i64::from(citation.char_start) && at < i64::from(citation.char_end)
                    })
                    .map(|(_, found)| found)
                    .collect();
                slice == citation.quote && citation.char_end <= page.end - page.start
            });
        assert!(is_there, "{citation:?} for {input:?}");
        assert_eq!(citation.quote.trim(), citation.quote);
    }
    let mut first_seen = Vec::new();
    for (at, _) in verified.answer.match_indices('[') {
        let rest = &verified.answer[at + 1..];
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        if digits > 0 && rest[digits..].starts_with(']') {
            let number: u32 = rest[..digits].parse().unwrap();
            if !first_seen.contains(&number) {
                first_seen.push(number);
            }
        }
    }
    let numbers: Vec<u32> = (1..).take(verified.citations.len()).collect();
    assert_eq!(first_seen, numbers, "{input:?} -> {:?}", verified.answer);
    assert_eq!(verified.citations.iter().map(|citation| citation.marker).collect::<Vec<_>>(), numbers);
    assert_harmless(&verified.answer, passages, input);
    let length = u32::try_from(verified.answer.chars().count()).unwrap();
    assert!(verified.unsupported.iter().all(|[start, end]| start < end && *end <= length), "{input:?}");
}

/// Nothing in the answer is markup, or leads anywhere that no passage names.
fn assert_harmless(answer: &str, passages: &[Passage], input: &str) {
    let known = |at: usize| {
        let start =
            answer[..at].rfind(|found: char| !found.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
        let length = answer[start..].find(|found: char| found.is_whitespace() || matches!(found, ')' | '['));
        let address = &answer[start..length.map_or(answer.len(), |length| start + length)];
        let address = address.trim_end_matches(|found: char| !found.is_ascii_alphanumeric());
        passages.iter().any(|passage| passage.text.contains(address))
    };
    let chars: Vec<char> = answer.chars().collect();
    for pair in chars.windows(2) {
        let is_tag = pair[0] == '<' && (pair[1].is_ascii_alphabetic() || "/!?".contains(pair[1]));
        assert!(!is_tag, "{input:?} -> {answer:?}");
    }
    for (at, _) in answer.match_indices("](") {
        assert!(answer[at + 2..].starts_with("https://ok.example/spec)"), "{input:?} -> {answer:?}");
    }
    for (at, _) in answer.match_indices("://") {
        assert!(known(at), "{input:?} -> {answer:?}");
    }
    for (at, _) in answer.match_indices('&') {
        let name = answer[at + 1..]
            .chars()
            .take_while(|found| found.is_ascii_alphanumeric() || *found == '#')
            .count();
        assert!(name == 0 || !answer[at + 1 + name..].starts_with(';'), "{input:?} -> {answer:?}");
    }
    for suspect in ["javascript:", "data:text/html,", "evil.com/", "mailto:", "www."] {
        let lower = answer.to_lowercase();
        let mut found = lower.match_indices(suspect);
        let is_there = found.any(|(at, _)| {
            !lower[..at].ends_with(|before: char| "-.。".contains(before) || before.is_alphanumeric())
                && lower[at + suspect.len()..].starts_with(char::is_alphanumeric)
        });
        assert!(!is_there, "{input:?} -> {answer:?}");
    }
    assert!(
        !answer.contains(|found: char| found > '\u{effff}' || is_hidden(found)),
        "{input:?} -> {answer:?}"
    );
}

fn check(answer: &str) -> Verified {
    let passages = sour();
    let verified = verify(answer, &passages);
    assert_sound(&verified, &passages, answer);
    verified
}

fn counts(verified: u32, corrected: u32, aligned: u32, stitched: u32, not_found: u32) -> Counts {
    Counts { verified, corrected, aligned, stitched, not_found }
}

#[test]
fn markers_are_read_in_all_their_forms() {
    for (answer, expected, quotes) in [
        (r#"A [1 "exceed 22 HRC"]."#, "A [1].", vec!["exceed 22 HRC"]),
        (r#"A[1 "exceed 22 HRC"]."#, "A[1].", vec!["exceed 22 HRC"]),
        (r#"A [1: "exceed 22 HRC"]."#, "A [1].", vec!["exceed 22 HRC"]),
        (r"A [1 - 'exceed 22 HRC'].", "A [1].", vec!["exceed 22 HRC"]),
        ("A 【1 “exceed 22 HRC”】.", "A [1].", vec!["exceed 22 HRC"]),
        (r#"A [Passage 1, "exceed 22 HRC", p. 3]."#, "A [1].", vec!["exceed 22 HRC"]),
        (r#"A \[1 \"exceed 22 HRC\"\]."#, "A [1].", vec!["exceed 22 HRC"]),
        (r#"A ([1 "exceed 22 HRC"])."#, "A [1].", vec!["exceed 22 HRC"]),
        (r#"A **[1 "exceed 22 HRC"]**."#, "A [1].", vec!["exceed 22 HRC"]),
        (r#"A [[1 "exceed 22 HRC"]](#p1)."#, "A [1].", vec!["exceed 22 HRC"]),
        (r#"A. [1 "exceed 22 HRC"]."#, "A. [1]", vec!["exceed 22 HRC"]),
        (r#"A [1 "exceed 22 HRC."] ."#, "A [1].", vec!["exceed 22 HRC"]),
        ("A [1 exceed 22 HRC in sour].", "A [1].", vec!["exceed 22 HRC in sour"]),
        (r#"A [1 "exceed 22 HRC" 2 "annual leave"]."#, "A [1][2].", vec!["exceed 22 HRC", "annual leave"]),
        (
            r#"A [1 "exceed 22 HRC"], [2 "annual leave"] and [1 "sour service"]."#,
            "A [1][2][3].",
            vec!["exceed 22 HRC", "annual leave", "sour service"],
        ),
        (
            r#"A [1 "exceed 22 HRC", "sour service"] B [1 "exceed 22 HRC"]."#,
            "A [1][2] B [1].",
            vec!["exceed 22 HRC", "sour service"],
        ),
        (r#"A [1 "exceed 22 HRC"#, "A [1]", vec!["exceed 22"]),
        (r#"A [1 "exceed 22 HRC""#, "A [1]", vec!["exceed 22 HRC"]),
        (r#"A [1 "exceed 22 HRC" and more."#, "A [1] and more.", vec!["exceed 22 HRC"]),
        (r#"[1 "exceed 22 HRC"] A."#, "[1] A.", vec!["exceed 22 HRC"]),
        ("- [1 \"exceed 22 HRC\"] A.\n- B", "- [1] A.\n- B", vec!["exceed 22 HRC"]),
        ("A [1", "A", vec![]),
        ("A [", "A", vec![]),
        ("A [22 HRC] and [see 4.2] and x[i].", "A [22 HRC] and [see 4.2] and x[i].", vec![]),
    ] {
        let verified = check(answer);
        let found: Vec<_> = verified.citations.iter().map(|citation| citation.quote.as_str()).collect();
        assert_eq!((verified.answer.as_str(), found), (expected, quotes), "{answer}");
    }
}

#[test]
fn quotes_are_verified_moved_or_dropped() {
    for (answer, expected) in [
        (r#"A [1 "shall not exceed 22 HRC"]."#, counts(1, 0, 0, 0, 0)),
        (
            r#"A [1 "SHALL  not
            exceed 22 hrc"]."#,
            counts(1, 0, 0, 0, 0),
        ),
        (r#"A [3 "efficiency is 95%"]."#, counts(1, 0, 0, 0, 0)),
        (r#"A [2 "shall not exceed 22 HRC"]."#, counts(0, 1, 0, 0, 0)),
        (r#"A [9 "shall not exceed 22 HRC"]."#, counts(0, 1, 0, 0, 0)),
        (r#"A [1 "exceed 22 HR"]."#, counts(0, 0, 0, 0, 1)),
        (r#"A [1 "exceed 23 HRC"]."#, counts(0, 0, 0, 0, 1)),
        (r#"A [3 "of 250 grades"]."#, counts(0, 0, 0, 0, 1)),
        (r#"A [1 "hardness of carbon steel ... days of annual leave"]."#, counts(0, 0, 0, 1, 0)),
        (r#"A [1 "hardness of carbon steel […] heat treatment of something"]."#, counts(0, 0, 0, 0, 1)),
        (r#"A [1 "hardness of carbon steel days of annual leave"]."#, counts(0, 0, 0, 1, 0)),
        (r#"A [1 "... shall not exceed 22 HRC…"]."#, counts(1, 0, 0, 0, 0)),
        (r#"A [1 "hardness"]."#, counts(0, 0, 0, 0, 1)),
        (r#"Welds are tested after heat treatment [1 "Welds"]."#, counts(0, 0, 1, 0, 0)),
        ("A [7].", counts(0, 0, 0, 0, 1)),
        ("A [0] [99999999999999999999999].", counts(0, 0, 0, 0, 2)),
    ] {
        assert_eq!(check(answer).counts, expected, "{answer}");
    }
}

#[test]
fn markers_without_words_are_aligned_only_to_what_proves_the_claim() {
    for (answer, quote) in [
        (
            "The hardness of carbon steel in sour service is at most 22 HRC [1].",
            Some("The hardness of carbon steel shall not exceed 22 HRC in sour service."),
        ),
        ("The hardness of carbon steel in sour service is at most 23 HRC [1].", None),
        ("The hardness of carbon steel in sour service is at most 22 HV [1].", None),
        ("Aluminium bicycles weigh 22 HRC on average in sour markets [1].", None),
        (
            "The minimum preheat temperature is 60°C [1].",
            Some("The minimum preheat temperature is 60 °C for thick plates."),
        ),
        ("The minimum preheat temperature is 60 °F [1].", None),
        ("The minimum preheat temperature is -60 °C [1].", None),
        ("1. Annual leave: 25 days [2]", Some("Employees get 25 days of annual leave per year.")),
        ("Annual leave of 25 weeks [2]", None),
        ("Leave may not be carried over [2].", Some("Leave may not be carried over without approval.")),
        ("Leave may be carried over without approval [1].", None),
        ("Welds are never tested after heat treatment [1].", None),
        ("The notice period is 3 months [2].", Some("The notice period is three months.")),
        (
            "There are 1250 grades in the whole list [3].",
            Some("Visit https://ok.example/spec for the whole list of 1,250 grades."),
        ),
        ("Efficiency: 95 percent [3].", Some("The eﬃciency is 95 %.")),
        ("Heating is not permitted above 60 °C for preheat temperature minimum [1].", None),
        ("Yes [1].", None),
        ("Hardness, MR0175 [1].", None),
    ] {
        let verified = check(answer);
        assert_eq!(verified.citations.first().map(|citation| citation.quote.as_str()), quote, "{answer}");
        assert!(verified.citations.iter().all(|citation| citation.method == Method::Aligned));
    }
}

#[test]
fn each_marker_answers_for_its_own_part_of_the_sentence() {
    let verified =
        check("Carbon steel hardness is 22 HRC [1], preheat temperature is 60 °C [1]. Leave is 25 days [2].");
    assert_eq!(
        verified.answer,
        "Carbon steel hardness is 22 HRC [1], preheat temperature is 60 °C [2]. Leave is 25 days [3]."
    );
    let verified = check("The hardness of carbon steel [1] shall not exceed 23 HRC.");
    assert!(verified.citations.is_empty());
    assert_eq!(verified.answer, "The hardness of carbon steel shall not exceed 23 HRC.");
}

#[test]
fn what_lost_its_citations_is_marked() {
    let answer = "Steel is hard [1 \"exceed 22 HRC\"]. Tin – soft [2 \"made up words\"] . Free of proof. Two [1 \"nope nope\"] [1 \"sour service\"]!\n- Gone [5]\n";
    let verified = check(answer);
    assert_eq!(verified.answer, "Steel is hard [1]. Tin – soft. Free of proof. Two [2]!\n- Gone");
    let chars: Vec<char> = verified.answer.chars().collect();
    let marked: Vec<String> = verified
        .unsupported
        .iter()
        .map(|[start, end]| chars[*start as usize..*end as usize].iter().collect())
        .collect();
    assert_eq!(marked, ["Tin – soft.", "- Gone"]);
}

#[test]
fn the_best_of_several_places_is_taken() {
    let text = "Tin: see the table below. Copper: see the table below for wires. Iron: see the table below.";
    let passages = [passage("Nothing."), passage(text)];
    for (answer, start) in [
        (r#"For copper wires there is one [2 "see the table below"]."#, 34),
        (r#"For iron there is one [1 "see the table below"]."#, 71),
        (r#"There is one [2 "see the table below"]."#, 5),
    ] {
        let verified = verify(answer, &passages);
        assert_sound(&verified, &passages, answer);
        assert_eq!(verified.citations[0].char_start, start, "{answer}");
    }
}

#[test]
fn ranges_that_cross_a_page_are_clipped_to_the_larger_part() {
    let mut only = passage("First page ends with a long beginning of it \u{c} and goes on. Last page.");
    let verified = verify(r#"A [1 "a long beginning of it and goes"]."#, &[only.clone()]);
    let citation = &verified.citations[0];
    assert_eq!((citation.page, citation.quote.as_str()), (1, "a long beginning of it"));
    let verified = verify(r#"A [1 "it and goes on"]."#, &[only.clone()]);
    let citation = &verified.citations[0];
    assert_eq!((citation.page, citation.char_start, citation.quote.as_str()), (2, 1, "and goes on"));

    // The same passage further on in its document, beginning in the middle of page 1.
    only.start = 1_000;
    only.pages = vec![
        PageSpan { number: 7, start: 900, end: 1_044 },
        PageSpan { number: 8, start: 1_045, end: 2_000 },
    ];
    let verified = verify(r#"A [1 "First page ends"] B [1 "Last page"]."#, &[only]);
    let places: Vec<_> =
        verified.citations.iter().map(|found| (found.page, found.char_start, found.char_end)).collect();
    assert_eq!(places, [(7, 100, 115), (8, 14, 23)]);
}

#[test]
fn links_images_and_html_leave_only_text() {
    for (answer, expected) in [
        ("See ![a cat](https://evil.example/x?q=1) here.", "See here."),
        ("See ![a [1] cat](https://evil.example/x).", "See."),
        ("See ![1](https://evil.example/x).", "See."),
        ("See [the list](https://evil.example/x) here.", "See the list here."),
        ("See [the list](https://ok.example/spec) here.", "See [the list](https://ok.example/spec) here."),
        ("See [the list](https://ok.example/sp) here.", "See the list here."),
        ("See [the list](javascript:alert(1)) here.", "See the list here."),
        ("See https://evil.example/a?b=c, or (https://evil.example).", "See, or."),
        ("See https://ok.example/spec.", "See https://ok.example/spec."),
        ("See https://ok.example/spec?q=secret.", "See."),
        ("See <https://evil.example> and <https://ok.example/spec>.", "See and https://ok.example/spec."),
        ("See www.evil.example/x or mailto:a@evil.example now.", "See or now."),
        (
            "A <b>bold</b> claim<br>and <img src=\"https://evil.example/>x\" onerror=alert(1)> more.",
            "A bold claim and more.",
        ),
        ("If p <q and q < 5 or 3<x.", "If p < q and q < 5 or 3< x."),
        ("A <<b>script>x", "A x"),
        ("A ht<b></b>tps://evil.example/ B", "A B"),
        ("A <!-- [1 \"x\"] --> B", "A B"),
        ("Text\n[a]: https://evil.example/x\nmore", "Text\nmore"),
        ("Text\n[1]: https://evil.example/x", "Text"),
        ("Data: 5 and C: 6.", "Data: 5 and C: 6."),
    ] {
        assert_eq!(check(answer).answer, expected, "{answer}");
    }
    for answer in [
        r#"A [1](https://evil.example) [1 "exceed 22 HRC"](https://evil.example "t")."#,
        r#"A [[1 "exceed 22 HRC"]](https://evil.example)."#,
        r#"A [1 "exceed 22 HRC"](#1)."#,
    ] {
        assert_eq!(check(answer).answer, "A [1].", "{answer}");
    }
    // What would have become a marker by losing a tag is none.
    assert_eq!(check(r#"A [1<b></b>] [1 "exceed 22 HRC"]."#).answer, "A [1］ [1].");
    let verified = check(r#"A [3 "Visit https://ok.example/spec for"]."#);
    assert_eq!(verified.citations[0].quote, "Visit https://ok.example/spec for");
}

#[test]
fn refusals_are_recognised_and_their_word_is_kept_from_the_reader() {
    for refusal in [
        "NO_ANSWER",
        " \"NO_ANSWER\".\n",
        "**NO_ANSWER**",
        "`NO\\_ANSWER`",
        "no_answer",
        "NO_ANSWER: the passages are about bridges [1 \"exceed 22 HRC\"].",
        "NO_ANSWER—sorry",
        "The passages do not say. NO_ANSWER",
    ] {
        let verified = check(refusal);
        assert!(verified.is_refusal, "{refusal}");
        assert!(["", "The passages do not say."].contains(&verified.answer.as_str()), "{verified:?}");
        assert_eq!(verified.citations, []);
    }
    for (answer, expected) in [
        ("", ""),
        ("There is no answer.", "There is no answer."),
        (r#"A [1 "exceed 22 HRC"]. On the rest: NO_ANSWER"#, "A [1]. On the rest:"),
        ("NO", "NO"),
        ("NO_ANSWERS no_answer_given", "NO_ANSWERS no_answer_given"),
    ] {
        let verified = check(answer);
        assert_eq!((verified.answer.as_str(), verified.is_refusal), (expected, false), "{answer}");
    }
}
