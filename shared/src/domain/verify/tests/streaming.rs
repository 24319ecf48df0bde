//! The check of an answer that is still being written: the same in the end, however it is cut, and never far behind.

use super::{
    super::*,
    properties::{Random, random_answer, random_passages},
    sour,
};

/// The answer in these pieces, and what was said of it on the way.
fn streamed<'a>(pieces: impl Iterator<Item = &'a str>, passages: &[Passage]) -> (Vec<Event>, Verified) {
    let mut filter = Filter::new(passages);
    let mut events: Vec<Event> = pieces.flat_map(|piece| filter.push(piece)).collect();
    let (rest, verified) = filter.finish();
    events.extend(rest);
    (events, verified)
}

/// The events put together are the answer and its citations, each before its first marker.
fn assert_told(events: &[Event], verified: &Verified, input: &str) {
    let (mut text, mut citations) = (String::new(), Vec::new());
    for event in events {
        match event {
            Event::Text(more) => {
                assert!(!more.is_empty());
                text += more;
            }
            Event::Citation(citation) => {
                assert!(!text.contains(&format!("[{}]", citation.marker)), "{input:?}");
                citations.push(citation.clone());
            }
        }
    }
    assert_eq!((&text, &citations), (&verified.answer, &verified.citations), "{input:?}");
}

const ANSWERS: [&str; 28] = [
    r#"The hardness of carbon steel shall not exceed 22 HRC [1 "shall not exceed 22 HRC"]. Leave is 25 days [2 "25 days of annual leave"]."#,
    "The hardness of carbon steel in sour service is at most 22 HRC [1]. Annual leave is 25 days [2]! Done.",
    "The hardness of carbon steel [1] shall not exceed 23 HRC. A. [1 \"exceed 22 HRC\"]. B [9]. C",
    r#"Ünïcode 漢字 is 95 % [3 "eﬃciency is 95 %"]、そして “é” 22 HRC [1: “exceed 22 HRC”]. 漢字。次の文 [2]。"#,
    r#"- One [1 "exceed 22 HRC"], [2 "annual leave"] and [1 "sour service"].\n- Two **[2 "notice period"]** ([3 "95 %"])\n\n1. Three"#,
    "See [the list](https://evil.example/x) and ![a [1] cat](https://evil.example/x?q=1) and https://evil.example/a, or (https://evil.example).",
    "See [the list](https://ok.example/spec), https://ok.example/spec, <https://ok.example/spec> & <https://evil.example>.",
    "A <b>bold</b> claim<br>and <img src=\"https://evil.example/>x\" onerror=alert(1)> more <!-- no --> text <script>x()</script> end",
    "If p <q and q < 5 or 3<x, List<String>, a&lt;b&gt;c, AT&T, x &amp;lt;script&amp;gt; y",
    "Text\n[a]: https://evil.example/x\nmore\n[1]: x\n > [b]: javascript:alert(1)\n",
    "A ht<b></b>tps://evil.example/ B, www.evil.example/x or mailto:a@evil.example now. \u{ff48}ttps://evil.example %68ttps%3A%2F%2Fevil.example",
    r#"A [1 "exceed 22 HRC" and more."#,
    r#"A [1 "exceed 22 HRC"#,
    "A [1",
    "[1 \"exceed 22 HRC\"] A.\n[2]\nB e.g. this, i.e. No. 5 of approx. 3 mm. Dr. J. R. Smith agrees [1].\nlower goes on [2].",
    "   \n  Leading [9] and trailing   \n\n ",
    "A[9]B [9]C [9] D\n[9]\n\n[9]\nE (see [9]) F ( [9] ) G [9] .",
    "\\[1 \\\"exceed 22 HRC\\\"\\] and 【1†source】 and [Passage 1, p. 3] and [22 HRC] and x[i](j) and [[1]](#1)",
    r#"A [1 "hardness of carbon steel ... days of annual leave"] B [2 "shall not exceed 22 HRC"] C [1 "x y z"]."#,
    "One\r\ntwo\rthree\u{2028}four \u{200b}\u{202e}five\u{ad} s\u{200d}ix 👩\u{200d}🔬 end",
    "[1<b></b>] [<b>1</b>] [1[2]] [1 [2 \"annual leave\"]] <[9]b> <[x](y)b> ![x]\n(y) [9](https://evil.example",
    "evil.com/x?d=1 and e.g./i.e. kg.m/s 1.2.3.4/x a@b.com: (b.com) //c.com/x https:\\\\d.com",
    "Word words word\n\n## Title [1]\n| a | b [2] |\n|---|---|\n| 22 HRC [1 \"22 HRC\"] | x |\n",
    "",
    "NO_ANSWER: the passages are about bridges [1 \"exceed 22 HRC\"].",
    "**NO\\_ANSWER** and more",
    "The passages do not say. NO_ANSWER, sorry",
    r#"It is 22 HRC [1 "exceed 22 HRC"]. On the rest: NO_ANSWER."#,
];

#[test]
fn every_split_gives_the_same_answer() {
    let passages = sour();
    let mut splits = 0;
    for answer in ANSWERS {
        let whole = verify(answer, &passages);
        super::assert_sound(&whole, &passages, answer);
        let places: Vec<usize> = answer.char_indices().map(|(at, _)| at).chain([answer.len()]).collect();
        for (index, &first) in places.iter().enumerate() {
            // All splits in two, and in three where the answer is short or the second cut is near.
            for &second in places.iter().skip(index).take(24) {
                let pieces = [&answer[..first], &answer[first..second], &answer[second..]];
                let (events, split) = streamed(pieces.into_iter(), &passages);
                assert_eq!(split, whole, "{pieces:?}");
                assert_told(&events, &split, answer);
                splits += 1;
            }
        }
        let single = answer.char_indices().map(|(at, found)| &answer[at..at + found.len_utf8()]);
        let (events, split) = streamed(single, &passages);
        assert_eq!(split, whole, "{answer:?} by characters");
        assert_told(&events, &split, answer);
    }
    println!("{splits} splits");
    assert!(splits > 40_000);
}

#[test]
fn random_splits_of_random_answers_give_the_same() {
    let mut random = Random(0x5eed_5eed_1234_5678);
    for _ in 0..10_000 {
        let passages = random_passages(&mut random);
        let answer = random_answer(&mut random, &passages);
        let whole = verify(&answer, &passages);
        let mut cuts: Vec<usize> =
            answer.char_indices().map(|(at, _)| at).filter(|_| random.below(3) == 0).collect();
        cuts.push(answer.len());
        let mut from = 0;
        let pieces = cuts.iter().map(|&to| {
            let piece = &answer[from..to];
            from = to;
            piece
        });
        let (events, split) = streamed(pieces, &passages);
        assert_eq!(split, whole, "{answer:?}");
        assert_told(&events, &split, &answer);
    }
}

#[test]
fn prose_comes_out_a_word_behind() {
    let passages = sour();
    let prose = "The hardness of carbon steel shall not exceed 22 HRC in sour service, whatever the product form. \
        Welds are tested after each heat treatment; the minimum preheat temperature of thick plates (i.e. those above \
        25 mm) is 60 °C. Employees of the company get 25 days of annual leave, which may not be carried over.\n\n\
        - First, the efficiency of the well-known process is 95 %.\n- Second, it isn't certain that it is more.\n";
    let mut filter = Filter::new(&passages);
    let (mut taken, mut told, mut delays) = (0_usize, 0_usize, Vec::new());
    for found in prose.chars() {
        taken += 1;
        for event in filter.push(found.encode_utf8(&mut [0; 4])) {
            if let Event::Text(text) = event {
                told += text.chars().count();
            }
        }
        delays.push(taken - told);
    }
    let most = *delays.iter().max().unwrap();
    let tenths = delays.iter().sum::<usize>() * 10 / delays.len();
    println!("characters behind: {}.{} on average, {most} at most", tenths / 10, tenths % 10);
    assert!(most <= 13 && tenths <= 45, "{most} {tenths}");
}

#[test]
fn a_marker_with_words_is_resolved_when_it_ends() {
    let passages = sour();
    let mut filter = Filter::new(&passages);
    let mut told = |piece: &str| -> (String, usize) {
        let events = filter.push(piece);
        let texts = events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            Event::Citation(_) => None,
        });
        (texts.collect(), events.iter().filter(|event| matches!(event, Event::Citation(_))).count())
    };
    assert_eq!(told("The limit is 22 HRC "), ("The limit is 22 HRC".to_owned(), 0));
    assert_eq!(told("[1 \"shall not exceed"), (String::new(), 0));
    assert_eq!(told(" 22 HRC\"]"), (String::new(), 0));
    assert_eq!(told(". "), (" [1].".to_owned(), 1));
    // One without words waits for the end of its sentence, and so does what follows.
    assert_eq!(told("Leave is 25 days [2] "), (" Leave is 25 days".to_owned(), 0));
    assert_eq!(told("per year. "), (String::new(), 0));
    assert_eq!(told("Next "), (" [2] per year. Next".to_owned(), 1));
}

#[test]
fn what_is_held_back_is_bounded() {
    let passages = sour();
    let endless = [
        "[",
        "[1 \"",
        "[1 \"a\" ",
        "[1,",
        "[1][",
        "([",
        "![x",
        "![x](",
        "[x](",
        "<",
        "<a b=\"",
        "<!--",
        "<script>",
        "&",
        "&#",
        "https://x.y/",
        "data:text/html,",
        "a",
        "漢",
        " ",
        "\n",
        "[1] ",
        "[1] a",
        "\\",
        "**",
        "(",
        "a.b.",
        "%25",
        "\u{200b}",
        "\"",
        "[a]: ",
        "<a ",
        "[1 a b c ",
    ];
    let mut overall = 0;
    for start in endless {
        for filler in ["x", "x ", "1", " ", "[", "\"", "<", "a b c. ", "漢", "%25", start] {
            let mut filter = Filter::new(&passages);
            filter.push(start);
            let mut most = 0;
            for _ in 0..90 {
                filter.push(&filler.repeat(100 / filler.len()));
                most = most.max(filter.held());
            }
            overall = overall.max(most);
            assert!(most <= 5_000, "{most} for {start:?} and then {filler:?}");
        }
    }
    println!("characters held back at most: {overall}");
}
