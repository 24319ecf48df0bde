//! JSON that is odd, where a value is expected and as a whole body; and bytes that are no text.

use super::CANARY;

/// How deep is far too deep.
const DEEP: usize = 100_000;

/// JSON values, and what is none, as bytes.
pub fn json() -> Vec<(String, Vec<u8>)> {
    let mut values: Vec<(String, Vec<u8>)> =
        LITERALS.iter().map(|text| (format!("JSON {text}"), text.as_bytes().to_vec())).collect();
    let mut add = |name: &str, bytes: Vec<u8>| values.push((format!("JSON {name}"), bytes));
    for depth in [2, 100, 126, 127, 128, 129, 10_000, DEEP] {
        add(&format!("array {depth} deep"), ["[".repeat(depth), "]".repeat(depth)].concat().into());
        let open = "{\"a\":".repeat(depth);
        add(&format!("object {depth} deep"), [&open, "1", &"}".repeat(depth)].concat().into());
    }
    add("half an array", "[".repeat(30_000).into());
    add("array of 20,000 texts", format!("[{}\"\"]", "\"\",".repeat(19_999)).into());
    add("array of 30,000 numbers", format!("[{}0]", "0,".repeat(29_999)).into());
    let members: Vec<String> = (0..4_000).map(|number| format!("\"{CANARY}{number}\":0")).collect();
    add("object of 4,000 members", format!("{{{}}}", members.join(",")).into());
    add("number of 10,000 digits", "9".repeat(10_000).into());
    add("fraction of 10,000 digits", format!("0.{}", "3".repeat(10_000)).into());
    add("text of a megabyte", format!("\"{}\"", "a".repeat(1 << 20)).into());
    add("space of 60,000 characters", [&" ".repeat(60_000), "1"].concat().into());
    for (name, bytes) in no_text() {
        add(&format!("text with {name}"), [b"\"", CANARY.as_bytes(), &bytes, b"\""].concat());
    }
    values
}

/// Whole bodies that are odd in themselves.
pub fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut bodies: Vec<(String, Vec<u8>)> =
        BODIES.iter().map(|text| (format!("body {text}"), text.as_bytes().to_vec())).collect();
    bodies.push(("body with a byte order mark".to_owned(), b"\xef\xbb\xbf{\"message\":\"a\"}".to_vec()));
    let utf16 = "{\"message\":\"a\"}".encode_utf16();
    bodies.push(("body in UTF-16".to_owned(), utf16.clone().flat_map(u16::to_le_bytes).collect()));
    bodies.push(("body in UTF-16, big end first".to_owned(), utf16.flat_map(u16::to_be_bytes).collect()));
    bodies.push(("body of zeros".to_owned(), vec![0; 4_096]));
    bodies.push(("body of 64 KiB".to_owned(), vec![b' '; 64 * 1024]));
    bodies.push(("body of 64 KiB and a byte".to_owned(), vec![b' '; 64 * 1024 + 1]));
    bodies.push(("body that is a PDF".to_owned(), b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec()));
    bodies.push(("body that is packed".to_owned(), b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec()));
    bodies.extend(json());
    bodies
}

/// Bytes that are no UTF-8: alone, overlong, surrogates, beyond the last character, cut off.
pub fn no_text() -> Vec<(String, Vec<u8>)> {
    let bytes: [(&str, &[u8]); 16] = [
        ("a lone continuation", b"\x80"),
        ("an impossible byte", b"\xff"),
        ("another impossible byte", b"\xfe"),
        ("an overlong slash of two", b"\xc0\xaf"),
        ("an overlong slash of three", b"\xe0\x80\xaf"),
        ("an overlong slash of four", b"\xf0\x80\x80\xaf"),
        ("an overlong NUL", b"\xc0\x80"),
        ("a high surrogate", b"\xed\xa0\x80"),
        ("a low surrogate", b"\xed\xb0\x80"),
        ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("beyond the last character", b"\xf4\x90\x80\x80"),
        ("far beyond", b"\xf5\x80\x80\x80"),
        ("five bytes", b"\xf8\x88\x80\x80\x80"),
        ("half a character", b"\xe2\x82"),
        ("Latin 1", b"\xe4\xf6\xfc"),
        ("a mark of UTF-16", b"\xff\xfe"),
    ];
    bytes.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

const LITERALS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e0",
    "1E+2",
    "50",
    "51",
    "52428800",
    "52428801",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "1e308",
    "1e309",
    "1e400",
    "-1e400",
    "1e-400",
    "1e99999999999999999999",
    "NaN",
    "Infinity",
    "-Infinity",
    "0123",
    "+1",
    ".5",
    "5.",
    "1e",
    "0x10",
    "1_000",
    "--1",
    "\"\"",
    "'walrus7'",
    "walrus7",
    "undefined",
    "\"walrus7",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"walrus7\\ud800walrus7\"",
    "\"\\ud83e\\udd80\"",
    "\"\\u0000\"",
    "\"walrus7\\u0000walrus7\"",
    "\"\\u001f\"",
    "\"\\u007f\"",
    "\"\\u202e\"",
    "\"\\ufffe\"",
    "\"\\x41\"",
    "\"\\u12\"",
    "\"\\u{41}\"",
    "\"\\\"",
    "\"walrus7\nwalrus7\"",
    "\"walrus7\twalrus7\"",
    "\"walrus7\u{0}walrus7\"",
    "[]",
    "[[]]",
    "[null]",
    "[\"walrus7\"]",
    "[1,]",
    "[1 2]",
    "{}",
    "{\"walrus7\":1}",
    "{\"__proto__\":{\"walrus7\":1}}",
    "{\"constructor\":{\"prototype\":{}}}",
    "{\"a\":1,\"a\":2}",
    "{\"\":1}",
    "{\"$serde_json::private::Number\":\"1\"}",
    "{\"$serde_json::private::RawValue\":\"1\"}",
    "{a:1}",
    "{\"a\":1,}",
    "{\"a\"}",
    "/* walrus7 */ 1",
    "1 // walrus7",
    "1}",
    "\u{feff}1",
    "\u{a0}1",
    "",
];

const BODIES: &[&str] = &[
    " ",
    "{",
    "{}",
    "{}{}",
    "{} walrus7",
    "{\"message\":\"a\"} {\"message\":\"b\"}",
    "{\"message\":\"a\",\"message\":\"b\"}",
    "{\"message\":\"a\",\"query\":\"b\"}",
    "{\"message\":\"a\",\"Message\":\"b\"}",
    "{\"message\":\"a\",\"\\u006dessage\":\"b\"}",
    "{\"message\":\"a\",\"filters\":{\"date_from\":\"2024-01-01\",\"dateFrom\":\"2024-01-01\"}}",
    "{\"message\":\"a\",\"__proto__\":{\"walrus7\":true}}",
    "{\"filename\":\"a\",\"filename\":\"b\",\"size_bytes\":1,\"content_type\":\"application/pdf\"}",
    "{\"filename\":\"a\",\"size_bytes\":1,\"size_bytes\":2,\"content_type\":\"application/pdf\"}",
    "message=walrus7&stream=true",
    "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
    "--walrus7\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n",
];
