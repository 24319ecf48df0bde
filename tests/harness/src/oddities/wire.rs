//! Requests that are odd as HTTP: methods, targets, versions, lengths, chunks.

use super::{
    CANARY, Case,
    places::{Target, request},
};

/// All of them. Most are no HTTP at all.
pub fn cases(target: &Target<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    let authorization = format!("host: localhost\r\nauthorization: Bearer {}\r\n", target.token);
    let body = "{\"message\":\"walrus7\"}";
    let mut add = |name: String, bytes: Vec<u8>, is_no_http: bool| {
        let ends = ENDS.contains(&name.as_str());
        cases.push(Case { is_no_http, ends, is_last: true, ..Case::new(name, bytes) });
    };
    for method in METHODS {
        for path in ["/v1/documents", "/v1/chat", "/health", "/nowhere"] {
            let bytes = request(&format!("{method} {path}"), target, &[], b"");
            let is_token =
                method.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
            add(format!("method {method:?} {path}"), bytes, !is_token || *method == "CONNECT");
        }
    }
    let long = CANARY.repeat(1_000);
    add("a long method".to_owned(), request(&format!("{long} /v1/chat"), target, &[], b""), true);
    for path in TARGETS {
        add(format!("target {path:?}"), request(&format!("GET {path}"), target, &[], b""), true);
    }
    for version in [
        "",
        "HTTP/0.9",
        "HTTP/1.0",
        "HTTP/1.2",
        "HTTP/2.0",
        "HTTP/3",
        "http/1.1",
        "HTTP/1.1 ",
        "ICE/1.1",
        CANARY,
    ] {
        let bytes = format!("GET /v1/documents {version}\r\n{authorization}\r\n");
        add(format!("version {version:?}"), bytes.into(), true);
    }
    for (name, headers, body) in FRAMES {
        let kind = "content-type: application/json\r\n";
        let bytes = format!("POST /v1/chat HTTP/1.1\r\n{authorization}{kind}{headers}\r\n{body}");
        add(format!("frame {name}"), bytes.into(), true);
    }
    for (name, headers) in HEADS {
        let bytes = format!("GET /v1/documents HTTP/1.1\r\n{authorization}{headers}\r\n");
        add(format!("head {name}"), bytes.into(), true);
    }
    let many: String = (0..1_000).map(|number| format!("{CANARY}-{number}: {CANARY}\r\n")).collect();
    add("a thousand headers".to_owned(), format!("GET /health HTTP/1.1\r\n{many}\r\n").into(), true);
    add(
        "ninety headers".to_owned(),
        [b"GET /health HTTP/1.1\r\n", &many.as_bytes()[..90 * 22], b"\r\n\r\n"].concat(),
        true,
    );
    for (name, bytes) in [
        ("zeros", vec![0; 1_000]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec()),
        ("a mail", b"EHLO walrus7\r\nMAIL FROM:<walrus7>\r\n\r\n".to_vec()),
        ("half a request", b"GET /v1/docu".to_vec()),
        ("half a head", b"GET /v1/documents HTTP/1.1\r\nhost: wal".to_vec()),
        ("no host", b"GET /health HTTP/1.1\r\n\r\n".to_vec()),
        ("line feeds only", b"GET /health HTTP/1.1\nhost: walrus7\n\n".to_vec()),
        ("empty lines first", b"\r\n\r\n\r\nGET /health HTTP/1.1\r\nhost: a\r\n\r\n".to_vec()),
    ] {
        add(format!("bytes {name}"), bytes, true);
    }
    let slow = request(
        "POST /v1/chat",
        target,
        &[("content-type", b"application/json"), ("expect", b"100-continue")],
        body.as_bytes(),
    );
    add("waits to be told to go on".to_owned(), slow, false);
    cases
}

/// Those that promise more than comes.
const ENDS: &[&str] = &[
    "frame length too long",
    "frame length of exabytes",
    "frame chunks that end early",
    "frame chunks of exabytes",
    "frame chunks too long",
    "frame identity",
    "bytes zeros",
    "bytes TLS",
    "bytes half a request",
    "bytes half a head",
    "bytes line feeds only",
    // The server's library speaks that too, and would go on.
    "bytes HTTP/2",
];

const METHODS: &[&str] = &[
    "HEAD",
    "PUT",
    "PATCH",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "M-SEARCH",
    "PURGE",
    "get",
    "Get",
    "GETT",
    "WALRUS7",
    "walrus7",
    "!#$%&'*+-.^_`|~",
    "G\u{e9}T",
    "G:T",
    "(GET)",
    "\"GET\"",
];

const TARGETS: &[&str] = &[
    "*",
    "walrus7",
    "//",
    "//walrus7/v1/documents",
    "/.",
    "/..",
    "/../../etc/passwd",
    "/v1/../v1/documents",
    "/v1//documents",
    "/v1/documents/",
    "/V1/DOCUMENTS",
    "/v1/documents;walrus7=1",
    "/v1/documents#walrus7",
    "/v1/documents?",
    "/v1/documents??",
    "/v1/documents?#",
    "/v1/documents?limit=1&limit=2",
    "/v1/documents?limit=1&",
    "/v1/documents?&&&&limit=1",
    "/v1/documents?=",
    "/v1/documents?limit[]=1",
    "/v1/documents?limit=1;cursor=2",
    "/v1\\documents",
    "\\v1\\documents",
    "/v1/documents\u{0}",
    "/v1/documents\t",
    "/v1/ documents",
    "/\u{e4}",
    "/\u{1f980}?\u{1f980}",
    "http://walrus7/v1/documents",
    "https://walrus7:99999/v1/documents",
    "http:///v1/documents",
    "http://walrus7@localhost/health",
    "walrus7:80",
    "ftp://walrus7/",
    "http://[::1]/health",
    "http://[walrus7",
    "/%",
    "/%2",
    "/{id}",
    "/v1/documents/{id}",
    "/v1/documents/*",
    "/v1/documents/:id",
    "?",
    "",
    "#",
];

/// Lengths and chunks that do not fit.
const FRAMES: &[(&str, &str, &str)] = &[
    ("no length", "", "{\"message\":\"walrus7\"}"),
    ("length of nothing", "content-length: 0\r\n", ""),
    ("length too long", "content-length: 1000\r\n", "{\"message\":\"walrus7\"}"),
    ("length too short", "content-length: 3\r\n", "{\"message\":\"walrus7\"}"),
    ("length negative", "content-length: -1\r\n", "{}"),
    ("length with a sign", "content-length: +2\r\n", "{}"),
    ("length in hexadecimal", "content-length: 0x2\r\n", "{}"),
    ("length of no number", "content-length: walrus7\r\n", "{}"),
    ("length empty", "content-length:\r\n", "{}"),
    ("length beyond all numbers", "content-length: 99999999999999999999999\r\n", "{}"),
    ("length of exabytes", "content-length: 9223372036854775807\r\n", "{}"),
    ("length twice, the same", "content-length: 2\r\ncontent-length: 2\r\n", "{}"),
    ("length twice, another", "content-length: 2\r\ncontent-length: 3\r\n", "{} "),
    ("length as a list", "content-length: 2, 2\r\n", "{}"),
    ("length and chunks", "content-length: 2\r\ntransfer-encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("chunks and length", "transfer-encoding: chunked\r\ncontent-length: 2\r\n", "0\r\n\r\n"),
    ("chunks", "transfer-encoding: chunked\r\n", "5\r\n{\"mes\r\n11\r\nsage\":\"walrus7\"}\r\n0\r\n\r\n"),
    ("chunks with an extension", "transfer-encoding: chunked\r\n", "2;walrus7=\"a\"\r\n{}\r\n0\r\n\r\n"),
    ("chunks with trailers", "transfer-encoding: chunked\r\n", "2\r\n{}\r\n0\r\nwalrus7: a\r\n\r\n"),
    ("chunks that end early", "transfer-encoding: chunked\r\n", "5\r\n{}"),
    ("chunks of no size", "transfer-encoding: chunked\r\n", "walrus7\r\n{}\r\n0\r\n\r\n"),
    ("chunks of negative size", "transfer-encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"),
    ("chunks beyond all numbers", "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    ("chunks of exabytes", "transfer-encoding: chunked\r\n", "7fffffffffffffff\r\n{}"),
    ("chunks too long", "transfer-encoding: chunked\r\n", "2\r\n{}{}\r\n0\r\n\r\n"),
    ("chunks with line feeds", "transfer-encoding: chunked\r\n", "2\n{}\n0\n\n"),
    (
        "chunks, told twice",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "2\r\n{}\r\n0\r\n\r\n",
    ),
    ("chunks and something", "transfer-encoding: chunked, walrus7\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("something and chunks", "transfer-encoding: walrus7, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("packed and chunks", "transfer-encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("something instead of chunks", "transfer-encoding: walrus7\r\n", "{}"),
    ("chunks with a vertical tab", "transfer-encoding:\u{b}chunked\r\n", "0\r\n\r\n"),
    ("identity", "transfer-encoding: identity\r\ncontent-length: 2\r\n", "{}"),
];

/// Heads that no library writes.
const HEADS: &[(&str, &str)] = &[
    ("space before the colon", "walrus7 : a\r\n"),
    ("no colon", "walrus7\r\n"),
    ("no name", ": walrus7\r\n"),
    ("a folded line", "walrus7: a\r\n b\r\n"),
    ("a NUL", "walrus7: a\u{0}b\r\n"),
    ("a bare return", "walrus7: a\rb\r\n"),
    ("a name in another script", "wälrus7: a\r\n"),
    ("a name with a slash", "wal/rus7: a\r\n"),
    ("two hosts", "host: walrus7\r\nhost: walrus7\r\n"),
    ("upgrade to h2c", "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: walrus7\r\n"),
    (
        "upgrade to a socket",
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: walrus7\r\nsec-websocket-version: 13\r\n",
    ),
    ("expects the impossible", "expect: walrus7\r\n"),
    ("connection: walrus7", "connection: walrus7\r\n"),
    ("connection: authorization", "connection: close, authorization\r\n"),
    ("te", "te: trailers, walrus7\r\n"),
    ("two tokens", "authorization: Bearer walrus7\r\n"),
    ("a body", "content-length: 7\r\n\r\nwalrus7"),
];
