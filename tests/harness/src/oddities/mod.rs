//! The big list of oddities: texts, JSON and bytes that no sensible client sends, and every place to put them.

pub mod places;
pub mod values;
pub mod wire;

use std::fmt;

/// Stands in everything odd that is sent, and must never stand in a log.
pub const CANARY: &str = "walrus7";

/// One odd request.
#[derive(Clone)]
pub struct Case {
    /// Where it is odd, and how.
    pub name: String,
    /// The request as it goes over the wire.
    pub bytes: Vec<u8>,
    /// Whether these bytes are no HTTP, so that the server's HTTP library may refuse them before the bundle sees a request.
    pub is_no_http: bool,
    /// Whether nothing follows, though the request promises more.
    pub ends: bool,
    /// Whether no other request can follow on the connection: something may be left over.
    pub is_last: bool,
    /// What is kept, if the request is accepted.
    pub kept: Kept,
}

/// What an accepted request leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Nothing to look at.
    Nothing,
    /// A document with this name.
    Filename(String),
    /// A document with this title.
    Title(String),
    /// A message with this question.
    Question(String),
}

impl Case {
    /// A well-formed request that leaves nothing behind.
    pub fn new(name: impl fmt::Display, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.to_string(), bytes.into());
        Self { name, bytes, is_no_http: false, ends: false, is_last: false, kept: Kept::Nothing }
    }
}

/// Text that is odd, with a name for it. Bare, and wrapped in the canary, so that an oddity is seen inside a text and at its
/// ends.
pub fn texts() -> Vec<(String, String)> {
    let mut texts: Vec<(String, String)> = vec![("nothing".to_owned(), String::new())];
    let mut add = |name: String, text: &str| {
        texts.push((format!("{name}, bare"), text.to_owned()));
        texts.push((name, format!("{CANARY}{text}{CANARY}")));
    };
    for (name, characters) in CHARACTERS {
        for character in characters.chars() {
            add(format!("{name} U+{:04X}", u32::from(character)), &character.to_string());
        }
    }
    for code in (0..0x20).chain(0x7f..=0x9f) {
        let character = char::from_u32(code).expect("a control character");
        add(format!("control U+{code:04X}"), &character.to_string());
    }
    for text in HOSTILE {
        add(format!("hostile {text:?}"), text);
    }
    let storm: String = "e".chars().chain((0..300).map(|_| '\u{301}')).collect();
    add("300 accents".to_owned(), &storm);
    add("a ligature of 18 letters, 80 times".to_owned(), &"\u{fdfa}".repeat(80));
    add("nested isolates".to_owned(), &"\u{2067}".repeat(125));
    add("a family of families".to_owned(), &"👩\u{200d}👩\u{200d}👧\u{200d}👦".repeat(20));
    for (unit, of) in [("a", "letters"), ("\u{1f980}", "crabs"), (" ", "spaces"), ("\"", "quotes")] {
        // Around the bounds that fields have: 128, 255, 500, 1,000, 2,000 characters, 64 KiB.
        for count in [1, 127, 128, 254, 255, 256, 499, 500, 501, 1_000, 1_001, 2_000, 2_001, 9_000] {
            texts.push((format!("{count} {of}"), unit.repeat(count)));
        }
    }
    texts.push(("a megabyte".to_owned(), format!("{CANARY}{}", "a".repeat(1 << 20))));
    texts.push(("a megabyte of crabs".to_owned(), "\u{1f980}".repeat(1 << 18)));
    texts
}

/// Characters that are odd one by one.
const CHARACTERS: &[(&str, &str)] = &[
    (
        "bidi",
        "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}",
    ),
    (
        "invisible",
        "\u{200b}\u{200c}\u{200d}\u{2060}\u{2061}\u{feff}\u{ad}\u{34f}\u{180e}\u{115f}\u{3164}\u{ffa0}",
    ),
    ("separator", "\u{2028}\u{2029}"),
    ("space", "\u{a0}\u{1680}\u{2000}\u{2003}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}"),
    ("selector", "\u{fe0e}\u{fe0f}\u{e0100}\u{e0001}\u{e007f}"),
    ("noncharacter", "\u{fdd0}\u{fffe}\u{ffff}\u{1fffe}\u{10ffff}"),
    ("private", "\u{e000}\u{f8ff}\u{100000}"),
    ("replacement", "\u{fffc}\u{fffd}"),
    ("case", "ßẞİıſςΣŉǰﬀﬃ"),
    ("digit", "١٢٣１²Ⅷ½𝟙"),
    ("look-alike", "／＼．：％ａаοℯ⁄∕⧸"),
    ("combining", "\u{301}\u{338}\u{20dd}\u{1ab0}\u{e31}\u{94d}"),
    ("script", "文ابก한🦀🏳🇩"),
];

/// What is something else to somebody further on.
const HOSTILE: &[&str] = &[
    "'; DROP TABLE documents; --",
    "' OR '1'='1",
    "\\'; SELECT pg_sleep(10); --",
    "$$ || current_user || $$",
    "%s%n%x",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "a%00.pdf",
    "%252e%252e%252f",
    "%c0%ae%c0%ae/",
    "C:\\con\\nul.pdf",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "\r\nSet-Cookie: a=b",
    "\n\nHTTP/1.1 200 OK\r\n\r\n",
    "\\u0000\\ud800",
    "__proto__",
    "constructor.prototype",
    "{\"$ne\": null}",
    "[object Object]",
    "undefined",
    "null",
    "NaN",
    "true",
    "-1",
    "1e400",
    "0x1F",
    "1_000",
    "18446744073709551616",
    "2024-02-30",
    "2024-05-01T24:00:00Z",
    "9999-12-31T23:59:60Z",
    "+292278994-08-17T07:12:55Z",
    "0000-00-00",
    "00000000-0000-0000-0000-000000000000",
    "{018f0000-0000-7000-8000-000000000000}",
    "urn:uuid:018f0000-0000-7000-8000-000000000000",
    "018f000000007000800000000000000018f0",
    "=cmd|'/c calc'!A0",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{202e}fdp.exe",
    "*",
    "?a=b&c=d#e",
    ";",
    "&limit=1",
    ".",
    "..",
    "~",
    "`id`",
    "$(id)",
    "| id",
];
