//! What becomes of words, and which documents questions find by them.

use super::*;

#[test]
fn hashes_are_those_of_fnv_1a_and_never_change() {
    // The first three are published test vectors of the algorithm.
    assert_eq!(hash("").cast_unsigned(), 0xcbf2_9ce4_8422_2325);
    assert_eq!(hash("a").cast_unsigned(), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(hash("foobar").cast_unsigned(), 0x8594_4171_f739_67e8);
    assert_eq!(terms("Hardness 22 HRC"), ["hard", "22", "hrc"].map(hash));
}

#[test]
fn terms_and_their_strings_agree() {
    let text = "The getUserId of MR0175/ISO-15156, naïve ﬁne 0.25 the the über-Straße 漢字 getUserId";
    let hashed: Vec<i64> = term_strings(text, Language::English).iter().map(|term| hash(term)).collect();
    assert_eq!(terms(text), hashed);
}

#[test]
fn a_question_has_distinct_terms_and_not_too_many() {
    assert_eq!(query_terms("What is the hardness of hard steel?"), ["hard", "steel"].map(hash));
    let long = (0..500).map(|number| format!("word{number} ")).collect::<Vec<_>>().concat();
    assert_eq!(query_terms(&long).len(), 64);
}

/// The documents' numbers and scores, best first, those of no score left out: one chunk each, in its language.
fn ranked(documents: &[&str], question: &str) -> Vec<(usize, f64)> {
    let asked = asked(question);
    let languages: Vec<Language> = documents.iter().map(|text| Language::of(text)).collect();
    let foreign = asked.foreign.iter().filter(|(language, _)| languages.contains(language));
    let terms: Vec<i64> = asked.terms.iter().copied().chain(foreign.map(|(_, term)| *term)).collect();
    let indexed: Vec<Vec<Posting>> = documents
        .iter()
        .zip(&languages)
        .map(|(text, language)| postings("", *language, std::iter::once(*text)))
        .collect();
    let weight = |document: &[Posting], term: i64| {
        document
            .iter()
            .find(|posting| posting.term == term)
            .map_or(0.0, |posting| f64::from(posting.weights[0]))
    };
    let mut found: Vec<(usize, f64)> = indexed
        .iter()
        .map(|document| {
            let score = terms.iter().map(|&term| {
                let holding = indexed.iter().filter(|other| weight(other, term) > 0.0).count();
                weight(document, term) * idf(documents.len() as u64, holding as u64)
            });
            score.sum::<f64>()
        })
        .enumerate()
        .filter(|(_, score)| *score > 0.0)
        .collect();
    found.sort_by(|left, right| right.1.total_cmp(&left.1));
    found
}

#[test]
fn designations_are_found_whole_and_in_parts_however_they_are_written() {
    let documents = [
        "Materials comply with ISO 15156-3:2020 in sour service.",
        "Materials comply with ISO 15156-1:2020 in sour service.",
        "Materials comply with NACE MR0175 in sour service.",
        "Materials comply with NACE MR0103 in sour service.",
        "The hardness is 22 HRC at most.",
        "The hardness is 26 HRC at most.",
        "Order the gasket as part KX-204/B of the list.",
        "Order the gasket as part KX-205/B of the list.",
        "Line pipe is made to API 5L, grade X65.",
        "Line pipe is made to API 5CT, grade L80.",
        "Bolts are of ASTM A193 B7M; see clause A.2.1 for tests.",
        "Bolts are of ASTM A320 L7M; see clause A.2.2 for tests.",
        "The partial pressure is 0.05 psi; water has 40 °C.",
    ];
    for (question, best) in [
        ("ISO 15156-3:2020", 0),
        ("ISO 15156-3", 0),
        ("ISO15156-3", 0),
        ("ISO-15156-3", 0),
        ("iso15156-3:2020", 0),
        ("15156-3", 0),
        ("ISO 15156-1", 1),
        ("ISO15156-1:2020", 1),
        ("MR0175", 2),
        ("NACE MR-0175", 2),
        ("NACE MR 0175", 2),
        ("mr0175/ISO 15160", 2),
        ("MR-0103", 3),
        ("22 HRC", 4),
        ("22HRC", 4),
        ("22-HRC", 4),
        ("26HRC", 5),
        ("KX-204/B", 6),
        ("KX204/B", 6),
        ("KX-204", 6),
        ("kx204b", 6),
        ("part 204", 6),
        ("KX-205", 7),
        ("API 5L", 8),
        ("API-5L", 8),
        ("API5L", 8),
        ("X65", 8),
        ("X-65", 8),
        ("API5CT", 9),
        ("A193-B7M", 10),
        ("ASTM A-193", 10),
        ("ASTM A 193", 10),
        ("clause A2.1", 10),
        ("L7M", 11),
        ("0.05psi", 12),
        ("40°C", 12),
    ] {
        let found = ranked(&documents, question);
        let first = found.first().map(|found| found.0);
        assert_eq!(first, Some(best), "{question}: {found:?}");
        assert!(found.len() == 1 || found[0].1 > found[1].1, "{question}: {found:?}");
    }
    // In parts: the family is found by its common part.
    let of_family = |question| ranked(&documents, question).iter().map(|found| found.0).collect::<Vec<_>>();
    assert_eq!(of_family("ISO 15156").len(), 2);
    assert_eq!(of_family("ISO15156").len(), 2);
    assert_eq!(of_family("KX").len(), 2);
    assert_eq!(of_family("HRC").len(), 2);
}

#[test]
fn each_document_is_found_in_its_language_and_a_foreign_word_in_any() {
    let documents = [
        "The maximum hardness of the welds is tested at the works, and the tests are recorded.",
        "Die höchste Härte der Schweißnähte wird im Werk geprüft, und die Prüfungen sind nach NACE MR0175 zu testen.",
        "La dureté maximale des soudures est contrôlée à l'usine, et les contrôles sont conservés par le fabricant.",
        "La dureza máxima de las soldaduras se comprueba en la fábrica y las pruebas son registradas por el fabricante.",
    ];
    let languages: Vec<Language> = documents.iter().map(|text| Language::of(text)).collect();
    let expected = [Language::English, Language::German, Language::French, Language::Spanish];
    assert_eq!(languages, expected);
    for (question, best) in [
        ("How hard may a weld be when it is tested?", 0),
        ("Was ist über die Prüfung der Schweißnaht gesagt?", 1),
        ("Wie hart? Härten?", 1),
        ("Quel contrôle est fait sur une soudure ?", 2),
        ("¿Qué prueba de la soldadura se registra?", 3),
        ("soldadura", 3),
        // An English word inside of the German document, and its standard.
        ("What does MR-0175 say?", 1),
        ("NACE standards", 1),
    ] {
        let found = ranked(&documents, question);
        assert_eq!(found.first().map(|found| found.0), Some(best), "{question}: {found:?}");
    }
}

#[test]
fn documents_in_other_languages_change_nothing_for_english_ones() {
    let english = asked("What is the maximum hardness of MR0175 welds?");
    assert_eq!(english.terms, query_terms("What is the maximum hardness of MR0175 welds?"));
    assert!(english.foreign.iter().all(|(_, term)| !english.terms.contains(term)));
    let indexed: Vec<i64> = postings("", Language::English, std::iter::once("maximum hardness of welds"))
        .iter()
        .map(|posting| posting.term)
        .collect();
    assert!(english.foreign.iter().all(|(_, term)| !indexed.contains(term)));
    // Words that are too common in the question's own language are looked for nowhere.
    let german = asked("Was ist die Härte?");
    assert_eq!(german.terms, ["härte"].map(hash));
    assert!(german.foreign.contains(&(Language::German, hash("de hart"))));
    assert_eq!(german.foreign.iter().filter(|(language, _)| *language == Language::French).count(), 1);
    // Unless nothing else is asked.
    assert_eq!(asked("die war").terms, query_terms("die war"));
}

#[test]
fn postings_are_sorted_and_title_terms_stand_in_every_chunk() {
    let found = postings(
        "Steel pipes",
        Language::English,
        ["steel bends", "glass", "", "steel steel steel"].into_iter(),
    );
    assert!(found.is_sorted_by(|left, right| left.term < right.term));
    let of = |term: &str| found.iter().find(|posting| posting.term == hash(term)).unwrap();
    assert_eq!(of("steel").chunks, [0, 1, 2, 3]);
    assert_eq!(of("glass").chunks, [1]);
    let weights = &of("steel").weights;
    assert!(weights[3] > weights[0] && weights[0] > weights[1] && weights[3] < 2.2, "{weights:?}");
    for posting in &found {
        assert_eq!(posting.chunks.len(), posting.weights.len());
        assert!(posting.chunks.is_sorted_by(|left, right| left < right));
    }
}

#[test]
fn a_chunk_of_average_length_weighs_one_per_first_occurrence() {
    let chunk = (0..90).map(|number| format!("{} ", 1000 + number)).collect::<Vec<_>>().concat();
    let found = postings("", Language::English, std::iter::once(chunk.as_str()));
    assert!(found.iter().all(|posting| (posting.weights[0] - 1.0).abs() < 1e-6));
}

#[test]
fn rare_terms_tell_more_and_no_count_breaks() {
    assert!(idf(1000, 1) > idf(1000, 10) && idf(1000, 1000) > 0.0);
    assert!((idf(5, 9) - (1.0_f64 + 0.5 / 9.5).ln()).abs() < 1e-12);
    assert!(idf(0, 0).is_finite());
}

#[test]
fn more_words_than_are_remembered_change_nothing() {
    let mut words: Vec<String> = (0..WORDS_MAX + 10).map(|number| format!("x{number}")).collect();
    words.extend(["x1".to_owned(), "x2".to_owned()]);
    let text = words.join(" ");
    let hashed: Vec<i64> = term_strings(&text, Language::English).iter().map(|term| hash(term)).collect();
    assert_eq!(terms(&text), hashed);
}
