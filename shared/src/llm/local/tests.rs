//! Checks of the local embedder against recorded results: ids of the `tokenizers` package, vectors of an
//! independent double-precision pass. Those on the whole model need its files; the directory is named by
//! `FOOTNOTE_MODEL_DIR`.

use super::tokenizer::Tokenizer;
use super::weights::Weights;
use super::{MiniLm, elementwise};
use std::path::PathBuf;

type Recorded = (&'static str, &'static [u32], [f32; 8]);

/// Text, ids, and the first components of the vector.
const RECORDED: [Recorded; 11] = [
    ("", &[101, 102], [-0.11884, 0.04830, -0.00255, -0.01101, 0.05195, 0.01029, 0.11543, 0.00070]),
    (
        "How many days of leave carry over?",
        &[101, 2129, 2116, 2420, 1997, 2681, 4287, 2058, 1029, 102],
        [0.04857, 0.01241, 0.04018, 0.05811, 0.06890, 0.02533, 0.02887, -0.05210],
    ),
    (
        "Maximum hardness: 22 HRC (ISO 6892-1:2019).",
        &[
            101, 4555, 23608, 1024, 2570, 17850, 2278, 1006, 11163, 6273, 2683, 2475, 1011, 1015, 1024,
            10476, 1007, 1012, 102,
        ],
        [-0.04620, -0.02116, -0.03716, 0.03914, -0.08902, -0.01955, 0.00357, 0.13508],
    ),
    (
        "Žluťoučký kůň İSTANBUL Straße",
        &[101, 1062, 7630, 24826, 17413, 28919, 9960, 2358, 27807, 102],
        [0.05455, 0.06949, -0.04262, 0.08307, -0.07419, -0.01314, 0.03746, -0.01769],
    ),
    (
        "中文 and 漢字 mixed",
        &[101, 1746, 1861, 1998, 1904, 100, 3816, 102],
        [-0.01310, 0.01064, 0.03712, 0.01213, -0.03414, 0.03306, 0.01630, -0.07986],
    ),
    (
        "한국어 テスト",
        &[101, 1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 1713, 30233, 30240, 102],
        [-0.05047, 0.11045, -0.04271, 0.01049, -0.07063, -0.04603, 0.09822, 0.04692],
    ),
    (
        "e\u{301}\u{323} zero\u{200b}width non\u{a0}breaking \u{fffd}\u{7}",
        &[101, 1041, 5717, 9148, 11927, 2232, 2512, 4911, 102],
        [-0.00456, 0.06764, 0.05630, 0.00093, -0.00237, -0.00887, -0.01178, 0.06123],
    ),
    (
        "😀 👩\u{200d}👩\u{200d}👧 ok",
        &[101, 100, 100, 7929, 102],
        [0.02570, -0.02508, 0.09458, 0.05085, 0.03212, -0.01078, 0.04457, -0.00599],
    ),
    (
        "antidisestablishmentarianism don't re-use",
        &[101, 3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964, 2123, 1005, 1056, 2128, 1011, 2224, 102],
        [0.07233, 0.01229, 0.03122, 0.01185, -0.04280, -0.06792, 0.02356, -0.11889],
    ),
    (
        "a [SEP] b [MASK]",
        &[101, 1037, 102, 1038, 103, 102],
        [-0.08464, -0.00894, -0.01668, -0.00441, -0.12375, 0.08485, 0.13490, -0.00895],
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx y",
        &[101, 100, 1061, 102],
        [-0.04690, -0.03708, 0.04598, 0.00945, 0.01745, -0.02196, 0.17931, -0.01347],
    ),
];

#[test]
fn ids_and_vectors_are_those_recorded() {
    let model = MiniLm::open(&model_dir()).expect("the model opens");
    let texts: Vec<&str> = RECORDED.iter().map(|(text, ..)| *text).collect();
    let vectors = model.embed(&texts).expect("the texts are embedded");
    for ((text, ids, components), vector) in RECORDED.iter().zip(&vectors) {
        assert_eq!(model.tokenizer.framed_ids(text, MiniLm::TOKENS_MAX), *ids, "{text}");
        assert_eq!(model.tokens(text), ids.len() - 2, "{text}");
        assert_eq!(vector.len(), MiniLm::DIMENSIONS);
        for (found, expected) in vector.iter().zip(components) {
            assert!((found - expected).abs() < 1e-5, "{text}: {found} is not {expected}");
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5, "{text}: length {length}");
    }
}

#[test]
fn a_text_alone_gives_what_it_gives_in_a_batch() {
    let model = MiniLm::open(&model_dir()).expect("the model opens");
    let long = "hardness ".repeat(400);
    let cut = "hardness ".repeat(MiniLm::TOKENS_MAX - 2);
    let batch = model.embed(&["leave", &long, "leave", &cut]).expect("the texts are embedded");
    let alone = model.embed(&["leave"]).expect("the text is embedded");
    assert_eq!(batch[0], alone[0]);
    assert_eq!(batch[2], alone[0]);
    assert_eq!(batch[1], batch[3], "what is behind the limit changes nothing");
    assert_eq!(model.tokens(&long), 400);
    assert!(model.embed(&[]).expect("nothing is embedded").is_empty());
}

#[test]
fn words_become_the_longest_pieces() {
    let tokenizer = Tokenizer::from_json(TINY).expect("the vocabulary is read");
    let longest_known = format!("b{}", "a".repeat(99));
    let too_long = format!("b{}", "a".repeat(100));
    let cases: [(&str, &[u32]); 12] = [
        ("", &[]),
        ("UnAffable café!", &[5, 6, 7, 10, 12]),
        ("ab.a x b", &[8, 9, 13, 8, 1, 14]),
        ("中a中", &[11, 8, 11]),
        ("a[SEP]b [sep]", &[8, 3, 14, 1, 1, 1]),
        ("\u{130} \u{1c5}", &[15, 1]),
        ("a\u{0}b a\u{ad}b a\u{fffd}b", &[8, 9, 8, 9, 8, 9]),
        ("a\u{a0}b a\u{200b}b a\u{3000}b", &[8, 14, 8, 9, 8, 14]),
        ("cafe\u{301}\u{323}", &[10]),
        ("ΣΑΣ ΣΑς", &[1, 17]),
        (&too_long, &[1]),
        ("unaffablez un", &[1, 5]),
    ];
    for (text, ids) in cases {
        assert_eq!(tokenizer.ids(text, usize::MAX), ids, "{text}");
    }
    assert_eq!(tokenizer.ids(&longest_known, usize::MAX).len(), 100);
    assert_eq!(tokenizer.framed_ids("UnAffable café!", 5), [2, 5, 6, 7, 3]);
    assert_eq!(tokenizer.framed_ids("", 2), [2, 3]);
}

#[test]
fn another_tokenizer_is_refused() {
    for (part, other) in [
        (r#""lowercase":true"#, r#""lowercase":false"#),
        ("WordPiece", "BPE"),
        (r#""id":2,"content":"[CLS]""#, r#""id":2,"content":"[BOS]""#),
        (r###""continuing_subword_prefix":"##""###, r#""continuing_subword_prefix":"@@""#),
        (r#""vocab":{"#, r#""vocab":["#),
    ] {
        assert!(TINY.contains(part));
        assert!(Tokenizer::from_json(&TINY.replace(part, other)).is_err(), "{other}");
    }
}

#[test]
fn damaged_weights_are_refused() {
    let header = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
    let tensor = |rows: &str, end: u64| {
        let name = "embeddings.word_embeddings.weight";
        header(&format!(r#"{{"{name}":{{"dtype":"F32","shape":[{rows},384],"data_offsets":[0,{end}]}}}}"#))
    };
    let path = std::env::temp_dir().join(format!("damaged-{}.safetensors", std::process::id()));
    for bytes in [
        Vec::new(),
        vec![0; 7],
        u64::MAX.to_le_bytes().to_vec(),
        header("[]"),
        header("{}"),
        header("{\"__metadata__\":"),
        tensor("2", 3072),
        tensor("2", 3071),
        tensor("18446744073709551615", 3072),
        tensor("-1", 3072),
        tensor("0", u64::MAX),
    ] {
        std::fs::write(&path, &bytes).expect("the file is written");
        assert!(Weights::open(&path).is_err(), "{:?}", String::from_utf8_lossy(&bytes));
    }
    std::fs::remove_file(&path).expect("the file is removed");
    assert!(Weights::open(&path).is_err(), "a missing file");
}

#[test]
fn approximations_are_close() {
    for step in -9_000_i16..=0 {
        let power = f32::from(step) / 100.0;
        let (found, expected) = (f64::from(elementwise::exponential(power)), f64::from(power).exp());
        assert!((found - expected).abs() <= 2e-7 * expected + 1e-37, "e^{power}: {found}, {expected}");
    }
    // The error function by its series, which converges for all inputs and is exact enough below 4.
    for step in -600_i16..=600 {
        let input = f32::from(step) / 100.0;
        let exact = f64::from(input).clamp(-4.5, 4.5);
        let mut term = exact;
        let mut sum = exact;
        for order in 1..120 {
            let order = f64::from(order);
            term *= -exact * exact / order;
            sum += term / (2.0 * order + 1.0);
        }
        let expected = sum * std::f64::consts::FRAC_2_SQRT_PI;
        let found = f64::from(elementwise::error_function(input));
        assert!((found - expected).abs() < 5e-7, "erf {input}: {found}, {expected}");
    }
}

fn model_dir() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "scripts/test says where the model is")]
    let dir = std::env::var_os("FOOTNOTE_MODEL_DIR");
    dir.expect("FOOTNOTE_MODEL_DIR names the directory that holds model.safetensors and tokenizer.json")
        .into()
}

/// A tokenizer file like the published one, with eighteen pieces.
const TINY: &str = r###"{"added_tokens":[
    {"id":1,"content":"[UNK]","normalized":false,"single_word":false,"lstrip":false,"rstrip":false},
    {"id":2,"content":"[CLS]","normalized":false,"single_word":false,"lstrip":false,"rstrip":false},
    {"id":3,"content":"[SEP]","normalized":false,"single_word":false,"lstrip":false,"rstrip":false}],
    "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,
        "lowercase":true},
    "pre_tokenizer":{"type":"BertPreTokenizer"},
    "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":100,
        "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"un":5,"##aff":6,"##able":7,"a":8,"##b":9,
            "cafe":10,"中":11,"!":12,".":13,"b":14,"i":15,"##a":16,"σας":17}}}"###;
