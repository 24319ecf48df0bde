//! The extractive answerer: the best sentences of the passages, verbatim, each cited. It answers where no model is
//! configured and where every model failed; its citations are true by construction.

use super::{
    citation::{Citation, Method, Verification},
    evidence::{Asked, Evidence, evidence},
    passage::{Passage, seamless},
};

/// Sentences at most.
const SENTENCES_MAX: usize = 3;
/// Code points of all sentences at most.
const CHARS_MAX: usize = 600;
/// A further sentence that scores this share of the best is worth reading for itself.
const CLOSE: f64 = 0.9;
/// One that adds terms of the question needs only this share.
const ADDING: f64 = 0.7;
/// Terms that make up less than this share of the question add nothing.
const ADDED_MIN: f64 = 0.1;

/// An answer made of sentences of the documents.
#[derive(Clone, PartialEq, Debug)]
pub struct Extract {
    /// The sentences, best first, each on one line and followed by its marker: `The limit is 22 HRC. [1]`. What looks
    /// like a marker in a sentence itself has wide brackets here, `［12］`, so that every `[n]` is a citation.
    pub answer: String,
    /// One per sentence, in the order of the markers.
    pub citations: Vec<Citation>,
    /// The share of the question, its rare words counting more, that the first sentence holds with what stands above it, 0 to 1.
    pub strength: f64,
}

/// The best one to three sentences that answer the question, about 600 code points in all; none where no sentence holds
/// a telling part of the question.
pub fn extract(question: &str, passages: &[Passage]) -> Option<Extract> {
    let (asked, found) = evidence(question, passages);
    let citations: Vec<Citation> =
        (1..).zip(choose(&asked, &found)).map(|(marker, chosen)| Citation { marker, ..chosen }).collect();
    let cited = citations
        .iter()
        .map(|citation| format!("{} [{}]", without_markers(&one_line(&citation.quote)), citation.marker));
    let answer = cited.collect::<Vec<_>>().join(" ");
    let strength = found.first().map_or(0.0, |best| asked.share(best.held));
    (!citations.is_empty()).then_some(Extract { answer, citations, strength })
}

fn choose(asked: &Asked, found: &[Evidence<'_>]) -> Vec<Citation> {
    let mut chosen: Vec<Citation> = Vec::new();
    let mut taken: Vec<&Evidence<'_>> = Vec::new();
    let (mut held, mut chars) = (0_u64, 0);
    for next in found {
        let best = taken.first().map_or(0.0, |first| first.score);
        let adds = asked.share(next.held & !held) >= ADDED_MIN && next.score >= ADDING * best;
        if chosen.len() == SENTENCES_MAX || next.score < ADDING * best {
            break;
        }
        let Some(citation) = cite(next) else { continue };
        let length = citation.quote.chars().count();
        let is_repeat = taken.iter().any(|earlier| overlaps(earlier, next))
            || chosen.iter().any(|earlier| one_line(&earlier.quote) == one_line(&citation.quote));
        if is_repeat
            || !taken.is_empty() && (chars + length > CHARS_MAX || !adds && next.score < CLOSE * best)
        {
            continue;
        }
        held |= next.held;
        chars += length;
        taken.push(next);
        chosen.push(citation);
    }
    chosen
}

fn overlaps(left: &Evidence<'_>, right: &Evidence<'_>) -> bool {
    left.passage.document_id == right.passage.document_id && left.start < right.end && right.start < left.end
}

/// The citation of a sentence, or of its part on the page that holds most of it. Without a marker yet; none where the
/// passage's pages do not hold the sentence.
fn cite(found: &Evidence<'_>) -> Option<Citation> {
    let shared = |start: u32, end: u32| found.end.min(end).saturating_sub(found.start.max(start));
    // Of equal parts the first page's.
    let page = found.passage.pages.iter().rev().max_by_key(|page| shared(page.start, page.end))?;
    let start = found.start.max(page.start);
    let skipped = usize::try_from(start - found.start).ok()?;
    let length = usize::try_from(shared(page.start, page.end)).ok()?;
    let part: Vec<char> = found.text.chars().skip(skipped).take(length).collect();
    let whole = seamless(&part);
    let start = start.saturating_add(u32::try_from(whole.start).ok()?);
    let part: String = part.get(whole)?.iter().collect();
    let quote = shorten(part.trim());
    let before = u32::try_from(part.chars().take_while(|first| first.is_whitespace()).count()).ok()?;
    let char_start = (start - page.start).saturating_add(before);
    let char_end = char_start.saturating_add(u32::try_from(quote.chars().count()).ok()?);
    (!quote.is_empty()).then(|| Citation {
        marker: 0,
        document_id: found.passage.document_id,
        title: found.passage.title.clone(),
        page: page.number,
        char_start,
        char_end,
        quote: quote.to_owned(),
        method: Method::Extracted,
        verification: Verification::Verified,
    })
}

/// The text, cut after a word where it is longer than a whole answer may be.
fn shorten(text: &str) -> &str {
    let Some((end, _)) = text.char_indices().nth(CHARS_MAX) else { return text };
    let head = text.get(..end).unwrap_or_default();
    head.rfind(char::is_whitespace).and_then(|at| head.get(..at)).unwrap_or(head).trim_end()
}

/// The text with wide brackets around numbers, as references and second units have them: `[12]`, `[3, 4]`.
fn without_markers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let inside = after.split_once(']').filter(|(inside, _)| {
            let is_listed = |found: char| {
                found.is_numeric() || found.is_whitespace() || matches!(found, ',' | ';' | '-' | '–' | '—')
            };
            inside.contains(char::is_numeric) && inside.chars().all(is_listed)
        });
        if let Some((inside, tail)) = inside {
            out.extend(["［", inside, "］"]);
            rest = tail;
        } else {
            out.push('[');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ids::DocumentId, passage::PageSpan},
        *,
    };

    /// The whole document of these pages, as one passage.
    fn document(pages: &[&str]) -> Passage {
        let (mut spans, mut start) = (Vec::new(), 0);
        for (number, page) in (1..).zip(pages) {
            let end = start + u32::try_from(page.chars().count()).unwrap();
            spans.push(PageSpan { number, start, end });
            start = end + 1;
        }
        Passage {
            document_id: DocumentId::default(),
            title: "Pipes".to_owned(),
            start: 0,
            text: pages.join("\n"),
            pages: spans,
            score: 1.0,
            similarity: None,
            lexical: 1.0,
        }
    }

    /// The part of a passage from `start` to `end`, in code points.
    fn part(whole: &Passage, start: usize, end: usize) -> Passage {
        Passage {
            start: u32::try_from(start).unwrap(),
            text: whole.text.chars().skip(start).take(end - start).collect(),
            ..whole.clone()
        }
    }

    fn check(found: &Extract, pages: &[&str]) {
        for citation in &found.citations {
            let page = pages[usize::try_from(citation.page).unwrap() - 1];
            let (start, end) =
                (usize::try_from(citation.char_start).unwrap(), usize::try_from(citation.char_end).unwrap());
            assert_eq!(page.chars().skip(start).take(end - start).collect::<String>(), citation.quote);
            let sentence = without_markers(&one_line(&citation.quote));
            assert!(found.answer.contains(&format!("{sentence} [{}]", citation.marker)));
        }
    }

    #[test]
    fn the_sentence_that_answers_is_quoted_with_its_page_and_range() {
        let pages = [
            "Übersicht. Pipes are made of steel.",
            "Flanges are forged. The hardness of a weld must\nnot exceed 22 HRC — ever. Paint is blue.",
        ];
        let found = extract("What is the maximum hardness of a weld?", &[document(&pages)]).unwrap();
        assert_eq!(found.answer, "The hardness of a weld must not exceed 22 HRC — ever. [1]");
        let citation = &found.citations[0];
        assert_eq!((citation.page, citation.char_start, citation.marker), (2, 20, 1));
        assert_eq!((citation.method, citation.verification), (Method::Extracted, Verification::Verified));
        check(&found, &pages);
    }

    #[test]
    fn a_sentence_over_a_page_end_is_clipped_to_the_page_that_holds_most_of_it() {
        let pages =
            ["Flanges are forged. The weld", "hardness must not exceed 22 HRC at any point. Paint is blue."];
        let found = extract("What is the maximum weld hardness?", &[document(&pages)]).unwrap();
        assert_eq!(found.citations[0].quote, "hardness must not exceed 22 HRC at any point.");
        assert_eq!((found.citations[0].page, found.citations[0].char_start), (2, 0));
        check(&found, &pages);
    }

    #[test]
    fn what_a_sentence_has_in_brackets_is_not_taken_for_a_citation() {
        let pages = [
            "Flanges are forged.\nThe hardness of a weld must not exceed 22 HRC [12], [3–5], 25 [1] mm [0.5 in] or [a [7]].\nPaint is blue.",
        ];
        let found = extract("What is the maximum hardness of a weld?", &[document(&pages)]).unwrap();
        assert_eq!(
            found.answer,
            "The hardness of a weld must not exceed 22 HRC ［12］, ［3–5］, 25 ［1］ mm [0.5 in] or [a ［7］]. [1]"
        );
        assert!(found.citations[0].quote.ends_with("22 HRC [12], [3–5], 25 [1] mm [0.5 in] or [a [7]]."));
        check(&found, &pages);
    }

    #[test]
    fn overlapping_passages_give_a_sentence_once() {
        let whole = document(&["Flanges are forged. The hardness limit of a weld is 22 HRC. Paint is blue."]);
        let passages = [part(&whole, 0, 59), part(&whole, 20, 74), part(&whole, 0, 40)];
        let found = extract("What is the hardness limit of a weld?", &passages).unwrap();
        assert_eq!(found.answer, "The hardness limit of a weld is 22 HRC. [1]");
    }

    #[test]
    fn a_table_row_speaks_through_its_caption_and_column_names() {
        let pages = [
            "Steel is tested in the works before it is sent.\nTable 6 — Maximum hardness\nGrade Base metal, HRC Weld, HV10\nP2 22 248\nP3 21 245\nD1 28 310",
        ];
        let found = extract("What is the maximum hardness of grade P3?", &[document(&pages)]).unwrap();
        assert_eq!(found.citations[0].quote, "P3 21 245");
        check(&found, &pages);
    }

    #[test]
    fn a_definition_comes_before_a_mention() {
        let pages = [
            "1.1 Soft zones are permitted in steel pipe.\n3.1 soft zone, n—a band whose hardness is low.\n3.2 lot, n—pieces of one heat.",
        ];
        let found = extract("How is a soft zone defined?", &[document(&pages)]).unwrap();
        assert!(found.citations[0].quote.starts_with("3.1 soft zone"));
    }

    #[test]
    fn nothing_is_said_where_no_sentence_fits() {
        let whole = document(&["Flanges are forged. The hardness limit of a weld is 22 HRC."]);
        assert_eq!(extract("Who won the football match?", std::slice::from_ref(&whole)), None);
        assert_eq!(extract("What is the?", std::slice::from_ref(&whole)), None);
        assert_eq!(extract("What is the hardness limit?", &[]), None);
        assert_eq!(extract("hardness limit", &[Passage { pages: Vec::new(), ..whole }]), None);
    }

    #[test]
    fn any_passages_give_true_citations() {
        let mut state = 0x0bad_cafe_dead_beef_u64;
        let mut next = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
        };
        let words = [
            "hardness",
            "weld",
            "22 HRC",
            "é漢",
            ". ",
            ". The ",
            "\n",
            "\n\n",
            "Table 1\n",
            "7.2 Limits\n",
            " ",
            "😀",
            "x",
        ];
        for _ in 0..400 {
            let texts: Vec<String> =
                (0..3).map(|_| (0..next(60)).map(|_| words[next(words.len())]).collect()).collect();
            let pages: Vec<&str> = texts.iter().map(String::as_str).collect();
            let whole = document(&pages);
            let length = whole.text.chars().count();
            let passages: Vec<Passage> = (0..4)
                .map(|_| {
                    let start = next(length + 1);
                    part(&whole, start, start + next(length - start + 1))
                })
                .collect();
            if let Some(found) = extract("maximum hardness of weld 22", &passages) {
                assert!(found.citations.len() <= SENTENCES_MAX);
                check(&found, &pages);
            }
        }
    }
}
