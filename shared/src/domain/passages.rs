//! Which of the passages found go on to the model and to the extractive answerer, and how: each word once, neighbours as
//! one, and no more than is paid for.

use std::collections::HashMap;

use super::{
    chunking::estimated_tokens,
    fold::Folded,
    ids::DocumentId,
    passage::{PageSpan, Passage, SEAM},
};

/// Neighbours are parted by white space of this many code points at most: a line feed, or a blank line.
const GAP_MAX: u32 = 2;

/// How much is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Tokens of all passages together, as `estimated_tokens` counts them. The best passage is given on whatever it takes.
    pub tokens_max: usize,
    /// Passages of one document, where the rest is to come from others; none: as many as there are.
    pub per_document_max: Option<usize>,
}

/// Of the passages, which come best first: those whose words do not all stand in a better one, as many as fit, with what
/// lies side by side in a document made one passage. In the order of the best part of each.
pub fn select(found: Vec<Passage>, rules: &Rules) -> Vec<Passage> {
    merged(affordable(unlike(found), rules))
}

/// Without passages that say nothing new: all their words, in their order, stand in a better one, be it the same text in
/// another document or version. One number, sign or small word more or other keeps a passage.
fn unlike(found: Vec<Passage>) -> Vec<Passage> {
    let mut said: Vec<String> = Vec::with_capacity(found.len());
    let is_new = |passage: &Passage| {
        let words = words(&passage.text);
        let is_new = words.trim().is_empty() || !said.iter().any(|better| better.contains(&words));
        said.push(words);
        is_new
    };
    let mut is_new = is_new;
    found.into_iter().filter(|passage| is_new(passage)).collect()
}

/// The words with one space around each; without case, quotation marks, bullets and the punctuation of sentences. What
/// stands between two digits is part of a number, and other signs count: `≤`, `−`, `%`.
fn words(text: &str) -> String {
    let folded = Folded::new(text);
    let chars = folded.chars();
    let mut words = String::with_capacity(chars.len() + 2);
    words.push(' ');
    for (at, &found) in chars.iter().enumerate() {
        let is_digit =
            |index: Option<usize>| index.and_then(|index| chars.get(index)).is_some_and(char::is_ascii_digit);
        let is_inside = is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
        let is_mark = matches!(found, '"' | '•' | ' ')
            || matches!(found, '.' | ',' | ';' | ':' | '!' | '?') && !is_inside && !is_digit(Some(at + 1));
        if !is_mark {
            words.push(found);
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

/// The best that fit. What overlaps a passage chosen before costs only what it adds.
fn affordable(found: Vec<Passage>, rules: &Rules) -> Vec<Passage> {
    let mut chosen: Vec<Passage> = Vec::with_capacity(found.len());
    let mut of_document: HashMap<DocumentId, usize> = HashMap::new();
    let mut tokens = 0;
    for passage in found {
        let count = of_document.entry(passage.document_id).or_default();
        let cost = estimated_tokens(&added(&passage, &chosen));
        let is_paid = chosen.is_empty() || tokens + cost <= rules.tokens_max;
        if is_paid && rules.per_document_max.is_none_or(|most| *count < most) {
            *count += 1;
            tokens += cost;
            chosen.push(passage);
        }
    }
    chosen
}

/// The text of the passage that no chosen one of its document has.
fn added(passage: &Passage, chosen: &[Passage]) -> String {
    let others: Vec<(u32, u32)> = chosen
        .iter()
        .filter(|other| other.document_id == passage.document_id)
        .map(|other| (other.start, end(other)))
        .collect();
    let is_new = |at: &u32| !others.iter().any(|(start, end)| (start..end).contains(&at));
    (passage.start..).zip(passage.text.chars()).filter(|(at, _)| is_new(at)).map(|(_, found)| found).collect()
}

/// Passages of one document that overlap or touch, as one.
fn merged(chosen: Vec<Passage>) -> Vec<Passage> {
    let mut ranked: Vec<(usize, Passage)> = chosen.into_iter().enumerate().collect();
    ranked.sort_by_key(|(_, passage)| (passage.document_id, passage.start));
    let mut merged: Vec<(usize, Passage)> = Vec::with_capacity(ranked.len());
    for (rank, next) in ranked {
        if let Some((best, last)) = merged.last_mut()
            && let Some(text) = joined(last, &next)
        {
            last.text = text;
            for page in next.pages {
                if !last.pages.contains(&page) {
                    last.pages.push(page);
                }
            }
            last.score = last.score.max(next.score);
            last.lexical = last.lexical.max(next.lexical);
            last.similarity = match (last.similarity, next.similarity) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            };
            *best = rank.min(*best);
        } else {
            merged.push((rank, next));
        }
    }
    merged.sort_by_key(|(rank, _)| *rank);
    merged.into_iter().map(|(_, passage)| passage).collect()
}

/// The text of both, where the second begins in the first or right after it.
fn joined(first: &Passage, second: &Passage) -> Option<String> {
    let end = end(first);
    if first.document_id != second.document_id || second.start > end.saturating_add(GAP_MAX) {
        return None;
    }
    let mut text = first.text.clone();
    let Some(overlap) = end.checked_sub(second.start) else {
        // All that is known of what lies between is that it is white space; at a page's end it is a line feed.
        text.extend((end..second.start).map(|at| if is_page_end(first, second, at) { '\n' } else { SEAM }));
        text.push_str(&second.text);
        return Some(text);
    };
    let overlap = usize::try_from(overlap).ok()?;
    let skipped = usize::try_from(second.start.checked_sub(first.start)?).ok()?;
    let shared = first.text.chars().skip(skipped);
    // Both are cut from one text; what is not the same was cut from two.
    if !shared.zip(second.text.chars()).all(|(one, other)| one == other) {
        return None;
    }
    text.extend(second.text.chars().skip(overlap));
    Some(text)
}

fn is_page_end(first: &Passage, second: &Passage, at: u32) -> bool {
    let pages = || first.pages.iter().chain(&second.pages);
    let ends = |page: &PageSpan| page.end == at;
    let begins = |page: &PageSpan| Some(page.start) == at.checked_add(1);
    pages().any(ends) && pages().any(begins)
}

/// One past the last code point of the passage, from the start of its document.
fn end(passage: &Passage) -> u32 {
    passage.start.saturating_add(u32::try_from(passage.text.chars().count()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{chunking::chunks, extract::extract, verify::verify},
        *,
    };

    const ALL: Rules = Rules { tokens_max: 3_000, per_document_max: None };

    /// The pages of a document, and passages cut from it: start and end of each, best first.
    fn cut(pages: &[&str], ranges: &[(usize, usize)]) -> Vec<Passage> {
        let document_id = DocumentId::new();
        let (mut spans, mut start) = (Vec::new(), 0);
        for (number, page) in (1..).zip(pages) {
            let end = start + u32::try_from(page.chars().count()).unwrap();
            spans.push(PageSpan { number, start, end });
            start = end + 1;
        }
        let chars: Vec<char> = pages.join("\n").chars().collect();
        let passage = |(rank, &(from, to)): (usize, &(usize, usize))| {
            let (start, end) = (u32::try_from(from).unwrap(), u32::try_from(to).unwrap());
            Passage {
                document_id,
                title: "Pipes".to_owned(),
                start,
                text: chars[from..to].iter().collect(),
                pages: spans.iter().copied().filter(|page| page.start < end && page.end > start).collect(),
                score: 1.0 / f64::from(u32::try_from(rank).unwrap() + 1),
                similarity: None,
                lexical: 1.0,
            }
        };
        ranges.iter().enumerate().map(passage).collect()
    }

    fn whole(text: &str) -> Passage {
        cut(&[text], &[(0, text.chars().count())]).remove(0)
    }

    fn texts(passages: &[Passage]) -> Vec<&str> {
        passages.iter().map(|passage| passage.text.as_str()).collect()
    }

    #[test]
    fn neighbours_become_one_in_the_place_of_the_better() {
        let page = "Änne one. Two two. Three three.\n\nFour four. Five five.";
        let found = cut(&[page], &[(10, 18), (33, 43), (0, 18), (44, 54)]);
        let other = whole("Another.");
        let passages =
            select(vec![found[0].clone(), other, found[1].clone(), found[2].clone(), found[3].clone()], &ALL);
        assert_eq!(texts(&passages), ["Änne one. Two two.", "Another.", "Four four.\u{b}Five five."]);
        assert_eq!((passages[0].start, passages[2].start), (0, 33));
        assert!((passages[0].score - 1.0).abs() < 1e-9);
    }

    #[test]
    fn overlaps_are_not_said_twice_and_pages_are_kept() {
        let pages = ["One one. Two", "two. Three three.", "Four."];
        let found = cut(&pages, &[(9, 30), (0, 17), (13, 36)]);
        let passages = select(found, &ALL);
        assert_eq!(texts(&passages), ["One one. Two\ntwo. Three three.\nFour."]);
        assert_eq!(passages[0].pages.iter().map(|page| page.number).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_lies_apart_or_was_cut_from_another_text_stays_apart() {
        let page = "One one. Two two. Three three.";
        assert_eq!(select(cut(&[page], &[(0, 8), (18, 30)]), &ALL).len(), 2);
        let mut found = cut(&[page], &[(0, 17), (9, 30)]);
        found[1].text = found[1].text.replace("Two", "Six");
        assert_eq!(select(found, &ALL).len(), 2);
    }

    #[test]
    fn the_same_words_are_given_once_and_other_numbers_are_kept() {
        let limit = "The hardness shall not exceed 22 HRC, see 7.2.";
        for (text, is_kept) in [
            ("The  hardness shall\nnot exceed 22 HRC; see 7.2", false),
            ("the hard\u{ad}ness shall not exceed “22 HRC”, see 7.2.", false),
            ("shall not exceed 22 HRC", false),
            ("The hardness shall not exceed 23 HRC, see 7.2.", true),
            ("The hardness shall not exceed 22 HRB, see 7.2.", true),
            ("The hardness shall not exceed 2.2 HRC, see 7.2.", true),
            ("The hardness shall not exceed 22 HRC, see 7.3.", true),
            ("The hardness shall not exceed -22 HRC, see 7.2.", true),
            ("The hardness shall not exceed ≤22 HRC, see 7.2.", true),
            ("The hardness shall exceed 22 HRC, see 7.2.", true),
            ("The hardness shall not exceed 22 HRC, see 7.2. Welds too.", true),
            ("hall not exceed 22 HRC", true),
            ("exceed 22", false),
            ("exceed 2", true),
        ] {
            let passages = select(vec![whole(limit), whole(text)], &ALL);
            assert_eq!(passages.len(), 1 + usize::from(is_kept), "{text}");
            assert_eq!(passages[0].text, limit);
        }
    }

    #[test]
    fn no_more_is_given_than_is_paid_for() {
        let sentence =
            |number: usize| format!("Rule {number} says that pipes bend when they are hot. ").repeat(6);
        let found: Vec<Passage> = (0..20).map(|number| whole(sentence(number).trim())).collect();
        let one = estimated_tokens(&found[0].text);
        let count = |tokens_max| select(found.clone(), &Rules { tokens_max, per_document_max: None }).len();
        assert_eq!((count(0), count(one), count(3 * one + 2), count(100 * one)), (1, 1, 3, 20));
        // A short one still fits where a long one does not; what overlaps costs only what it adds.
        let page = "One two three. Four five six. Seven eight nine.";
        let cheap = cut(&[page], &[(0, 29), (0, 47), (15, 47)]);
        let tokens = estimated_tokens(page);
        assert_eq!(texts(&select(cheap, &Rules { tokens_max: tokens, per_document_max: None })), [page]);
    }

    #[test]
    fn a_document_gives_no_more_than_it_may() {
        let page = "One one. Two two. Three three. Four four.";
        let mut found = cut(&[page], &[(0, 8), (18, 30), (31, 41)]);
        found.push(whole("Other."));
        let rules = Rules { per_document_max: Some(1), ..ALL };
        assert_eq!(texts(&select(found.clone(), &rules)), ["One one.", "Other."]);
        assert_eq!(select(found, &ALL).len(), 3);
    }

    #[test]
    fn citations_from_merged_passages_are_true() {
        let pages = [
            "7.2 Hardness\nThe hardness of carbon steel shall not exceed 22 HRC. Welds are tested after heat treatment.",
            "The minimum preheat temperature is 60 °C.\n\nEmployees get 25 days of leave. The notice period is three months.",
        ];
        let text = pages.join("\n");
        let length = text.chars().count();
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut next = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
        };
        let chars: Vec<char> = text.chars().collect();
        let (mut cited, mut seams) = (0, 0);
        for _ in 0..3_000 {
            // Like chunks: none begins or ends with white space.
            let ranges: Vec<(usize, usize)> = (0..2 + next(6))
                .filter_map(|_| {
                    let start = next(length);
                    let end = (start + 1 + next(90)).min(length);
                    let from = (start..end).find(|at| !chars[*at].is_whitespace())?;
                    let to = (from..end).rev().find(|at| !chars[*at].is_whitespace())? + 1;
                    Some((from, to))
                })
                .collect();
            let passages = select(cut(&pages, &ranges), &ALL);
            seams += usize::from(passages.iter().any(|passage| passage.text.contains(SEAM)));
            let space = |at: usize| (at..length).find(|at| chars[*at].is_whitespace()).unwrap_or(length);
            let from = space(next(length - 60)) + 1;
            let words: String = chars[from..space(from + 8 + next(30))].iter().collect();
            let verified = verify(&format!("Claim [1 \"{}\"].", words.replace('\n', " ")), &passages);
            let extracted =
                extract("What is the hardness of steel, the leave, the preheat temperature?", &passages);
            let extracted = extracted.map(|extract| extract.citations).unwrap_or_default();
            for citation in verified.citations.iter().chain(&extracted) {
                let page = pages[usize::try_from(citation.page).unwrap() - 1];
                let (start, end) = (citation.char_start as usize, citation.char_end as usize);
                assert_eq!(page.chars().skip(start).take(end - start).collect::<String>(), citation.quote);
                cited += 1;
            }
        }
        assert!(cited > 1_000 && seams > 50, "{cited} {seams}");
    }

    #[test]
    fn chunks_of_a_document_merge_into_its_text() {
        let clause = |number: u32| {
            format!("Clause {number}.1 Scope of Part\nRule {number} says that pipes of 5 mm bend. ")
        };
        let text = (0..80).map(clause).collect::<Vec<_>>().concat();
        let text = text.trim();
        let ranges: Vec<(usize, usize)> =
            chunks(text).iter().map(|chunk| (chunk.start as usize, chunk.end as usize)).collect();
        let passages = select(cut(&[text], &ranges), &Rules { tokens_max: 100_000, per_document_max: None });
        assert_eq!(passages.len(), 1);
        let same = passages[0]
            .text
            .chars()
            .zip(text.chars())
            .all(|(merged, given)| merged == given || merged == SEAM && given.is_whitespace());
        assert!(same && passages[0].text.chars().count() == text.chars().count());
    }
}
