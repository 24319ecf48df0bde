//! Every place of every request that takes something: members of JSON, parts of forms, the query, the path, headers.

use super::{CANARY, Case, Kept, texts, values};
use crate::routes::Route;

/// Around what the odd part stands.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// A good session token.
    pub token: &'a str,
    /// The id of a document that its owner has.
    pub document: &'a str,
    /// Every route.
    pub routes: &'a [Route],
}

/// What makes the cases of one kind.
pub type Cases = fn(&Target<'_>) -> Vec<Case>;

/// A file that is stored, and fails later.
const PDF: &[u8] = b"%PDF-1.4 and nothing more";

/// Other members of a body, with their JSON.
type Others = &'static [(&'static str, &'static str)];

/// Members of the two JSON bodies, with the rest of what they need. A dot goes into an object, a number into a list.
const MEMBERS: &[(&str, &str, Others)] = &[
    ("/v1/chat", "message", &[]),
    ("/v1/chat", "query", &[]),
    ("/v1/chat", "conversation_id", ASKED),
    ("/v1/chat", "session_id", ASKED),
    ("/v1/chat", "filters", ASKED),
    ("/v1/chat", "filters.standard", ASKED),
    ("/v1/chat", "filters.date_from", ASKED),
    ("/v1/chat", "filters.dateFrom", ASKED),
    ("/v1/chat", "filters.document_ids", ASKED),
    ("/v1/chat", "filters.document_ids.0", ASKED),
    ("/v1/chat", "top_k", ASKED),
    ("/v1/chat", "stream", ASKED),
    ("/v1/chat", "walrus7", ASKED),
    ("/v1/documents", "filename", &[SIZE, KIND]),
    ("/v1/documents", "size_bytes", &[NAME, KIND]),
    ("/v1/documents", "content_type", &[NAME, SIZE]),
    ("/v1/documents", "title", &[NAME, SIZE, KIND]),
    ("/v1/documents", "standard", &[NAME, SIZE, KIND]),
    ("/v1/documents", "effective_date", &[NAME, SIZE, KIND]),
];
const ASKED: Others = &[("message", "\"Where?\"")];
const NAME: (&str, &str) = ("filename", "\"a.pdf\"");
const SIZE: (&str, &str) = ("size_bytes", "1");
const KIND: (&str, &str) = ("content_type", "\"application/pdf\"");

/// Headers that the bundle reads.
const READ: &[&str] = &[
    "authorization",
    "idempotency-key",
    "content-type",
    "accept",
    "x-filename",
    "origin",
    "x-forwarded-for",
];

/// Headers that it does not, and that something in front of it might. They come all at once.
const UNREAD: &[&str] = &[
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "traceparent",
    "cookie",
    "user-agent",
    "range",
    "if-none-match",
    "accept-encoding",
    "content-encoding",
    "x-http-method-override",
    "access-control-request-method",
    "walrus7",
];

/// A request with a token.
pub fn request(head: &str, target: &Target<'_>, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head} HTTP/1.1\r\nhost: localhost\r\n").into_bytes();
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        bytes.extend(format!("authorization: Bearer {}\r\n", target.token).bytes());
    }
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if !head.starts_with("GET ") {
        bytes.extend(format!("content-length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

fn json(path: &str, target: &Target<'_>, body: &[u8]) -> Vec<u8> {
    request(&format!("POST {path}"), target, &[("content-type", b"application/json")], body)
}

/// Every member with every text and every odd value, every text as a member's name, every odd body.
pub fn bodies(target: &Target<'_>) -> Vec<Case> {
    let texts: Vec<(String, String, String)> = texts()
        .into_iter()
        .map(|(name, text)| {
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            (name, text, quoted)
        })
        .collect();
    let values = values::json();
    let mut cases = Vec::new();
    for (path, member, others) in MEMBERS {
        let case = |name: &str, value: &[u8]| {
            Case::new(format!("{path} {member}: {name}"), json(path, target, &object(others, member, value)))
        };
        for (name, text, quoted) in &texts {
            let kept = match *member {
                "message" | "query" => Kept::Question(text.clone()),
                "filename" => Kept::Filename(text.clone()),
                "title" => Kept::Title(text.clone()),
                _ => Kept::Nothing,
            };
            cases.push(Case { kept, ..case(name, quoted.as_bytes()) });
        }
        cases.extend(values.iter().map(|(name, value)| case(name, value)));
    }
    for path in ["/v1/chat", "/v1/documents"] {
        for (name, _, quoted) in &texts {
            let body = format!("{{{quoted}:1}}");
            cases.push(Case::new(
                format!("{path} a member's name: {name}"),
                json(path, target, body.as_bytes()),
            ));
        }
        for (name, body) in values::bodies() {
            cases.push(Case::new(format!("{path} {name}"), json(path, target, &body)));
        }
    }
    cases
}

/// An object with `member` of this value and the others.
fn object(others: &[(&str, &str)], member: &str, value: &[u8]) -> Vec<u8> {
    let (outer, inner) = member.split_once('.').map_or((member, None), |(outer, inner)| (outer, Some(inner)));
    let mut body = b"{".to_vec();
    for (name, value) in others {
        body.extend(format!("\"{name}\":{value},").bytes());
    }
    body.extend(format!("\"{outer}\":").bytes());
    match inner.map(|inner| inner.split_once('.').map_or((inner, false), |(inner, _)| (inner, true))) {
        None => body.extend(value),
        Some((inner, false)) => body.extend([b"{\"", inner.as_bytes(), b"\":", value, b"}"].concat()),
        Some((inner, true)) => body.extend([b"{\"", inner.as_bytes(), b"\":[", value, b"]}"].concat()),
    }
    body.push(b'}');
    body
}

/// Every part of a form with every text, its name and its file's name among them.
pub fn forms(target: &Target<'_>) -> Vec<Case> {
    let kind: &[(&str, &[u8])] = &[("content-type", b"multipart/form-data; boundary=walrus7-boundary")];
    let form = |parts: &[(&str, &[u8])]| {
        let mut body = Vec::new();
        for (head, content) in parts {
            let head = format!("--walrus7-boundary\r\nContent-Disposition: form-data; {head}\r\n\r\n");
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--walrus7-boundary--\r\n");
        request("POST /v1/documents", target, kind, &body)
    };
    let file: (&str, &[u8]) = ("name=\"file\"; filename=\"a.pdf\"", PDF);
    let mut cases = Vec::new();
    for (name, text) in texts() {
        for member in ["title", "standard", "effective_date", "filename", CANARY] {
            let part = form(&[file, (&format!("name=\"{member}\""), text.as_bytes())]);
            let kept = match member {
                // A file needs a name: a part that holds none says nothing.
                "filename" => Kept::Filename(text.clone()),
                "title" => Kept::Title(text.clone()),
                _ => Kept::Nothing,
            };
            cases.push(Case { kept, ..Case::new(format!("form {member}: {name}"), part) });
        }
        let named = form(&[file, (&format!("name=\"{text}\""), b"1")]);
        cases.push(Case::new(format!("form a part's name: {name}"), named));
        let named = form(&[(&format!("name=\"file\"; filename=\"{text}\""), PDF)]);
        cases.push(Case::new(format!("form the file's name: {name}"), named));
        let kind = format!("multipart/form-data; boundary={text}");
        let bounded = request("POST /v1/documents", target, &[("content-type", kind.as_bytes())], PDF);
        let unreadable = is_no_header(&text);
        let case = Case::new(format!("form boundary: {name}"), bounded);
        cases.push(Case { is_no_http: unreadable, is_last: unreadable, ..case });
    }
    for (name, bytes) in values::no_text() {
        for member in ["title", CANARY] {
            let part = form(&[file, (&format!("name=\"{member}\""), &bytes)]);
            cases.push(Case::new(format!("form {member}: {name}"), part));
        }
    }
    cases
}

/// Every part of every address with every text, percent-encoded, and with escapes that are none.
pub fn addresses(target: &Target<'_>) -> Vec<Case> {
    let mut parts: Vec<(String, String, Option<String>)> =
        texts().into_iter().map(|(name, text)| (name, percent(text.as_bytes()), Some(text))).collect();
    for (name, bytes) in values::no_text() {
        parts.push((format!("escaped {name}"), format!("{CANARY}{}", percent(&bytes)), None));
    }
    for escape in ["%", "%4", "%zz", "%%41", "%u0041", "%00", "%2500", "%ff", "%0d%0a", "%2f..%2f", "%5c"] {
        parts.push((format!("escape {escape}"), format!("{CANARY}{escape}{CANARY}"), None));
        parts.push((format!("escape {escape}, bare"), escape.to_owned(), None));
    }
    let named: Vec<_> =
        target.routes.iter().flat_map(|route| around_parameters(route, target.document)).collect();
    let mut cases = Vec::new();
    for (name, part, text) in parts {
        // The bounds of the server's HTTP library.
        let is_no_http = part.len() > 60_000;
        let mut add = |head: String, kept: Kept, upload: bool| {
            let headers: &[(&str, &[u8])] =
                if upload { &[("content-type", b"application/pdf")] } else { &[] };
            let body = if upload { PDF } else { b"" };
            let place: String = head.replace(&part, "…").chars().take(80).collect();
            let case = Case::new(format!("{place}: {name}"), request(&head, target, headers, body));
            cases.push(Case { is_no_http, is_last: is_no_http, kept, ..case });
        };
        for (method, before, after) in &named {
            add(format!("{method} {before}{part}{after}"), Kept::Nothing, false);
        }
        for head in [
            format!("GET /{part}"),
            format!("GET /v1/{part}/chat"),
            format!("GET /v1/documents?limit={part}"),
            format!("GET /v1/documents?cursor={part}"),
            format!("GET /v1/documents?{part}=1"),
            format!("GET /v1/documents?{part}"),
            format!("GET /health?{part}"),
        ] {
            add(head, Kept::Nothing, false);
        }
        let upload = |member: &str| format!("POST /v1/documents?{member}={part}");
        add(upload("title"), text.clone().map_or(Kept::Nothing, Kept::Title), true);
        add(upload("filename"), text.map_or(Kept::Nothing, Kept::Filename), true);
        for member in ["standard", "effective_date", "size_bytes", CANARY] {
            add(upload(member), Kept::Nothing, true);
        }
        add(format!("POST /v1/documents?{part}=1"), Kept::Nothing, true);
    }
    cases
}

/// For each parameter of a route's path: the method, what stands before it and what after, with the others filled in.
fn around_parameters(route: &Route, document: &str) -> Vec<(String, String, String)> {
    let filled =
        |text: &str| text.replace("{id}", document).replace("{user_id}", "nobody").replace("{n}", "1");
    let parameters = route.path.match_indices('{').filter_map(|(begins, _)| {
        let ends = begins + route.path[begins..].find('}')? + 1;
        Some((route.method.to_string(), filled(&route.path[..begins]), filled(&route.path[ends..])))
    });
    parameters.collect()
}

/// Every header with every text, as bytes as they are; those that name something percent-encoded too; and given twice.
pub fn headers(target: &Target<'_>) -> Vec<Case> {
    let mut values: Vec<(String, Vec<u8>)> =
        texts().into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    values.extend(values::no_text());
    let announced = b"{\"filename\":\"a.pdf\",\"size_bytes\":1,\"content_type\":\"application/pdf\"}";
    let mut cases = Vec::new();
    for (oddity, value) in &values {
        let unreadable = is_no_header(&String::from_utf8_lossy(value));
        let mut add = |place: &str, headers: &[(&str, &[u8])]| {
            let bytes = match headers[0].0 {
                "x-filename" => {
                    let headers = [headers, &[("content-type", b"application/pdf" as &[u8])]].concat();
                    request("POST /v1/documents", target, &headers, PDF)
                }
                "idempotency-key" => {
                    let headers = [headers, &[("content-type", b"application/json" as &[u8])]].concat();
                    request("POST /v1/documents", target, &headers, announced)
                }
                "content-type" => request("POST /v1/documents", target, headers, announced),
                _ => request("GET /v1/documents?limit=1", target, headers, b""),
            };
            let unreadable = unreadable || bytes.len() > 300_000;
            let case = Case::new(format!("{place}: {oddity}"), bytes);
            // What follows a line break is read as something else.
            cases.push(Case { is_no_http: unreadable, is_last: unreadable, ..case });
        };
        for name in READ {
            add(name, &[(name, value)]);
            add(&format!("{name} twice"), &[(name, value), (name, b"walrus7")]);
        }
        let all: Vec<(&str, &[u8])> = UNREAD.iter().map(|name| (*name, value.as_slice())).collect();
        add("many at once", &all);
        let (bearer, glued) =
            ([b"Bearer ", value.as_slice()].concat(), [b"Bearer ", target.token.as_bytes(), value].concat());
        add("a token", &[("authorization", &bearer)]);
        add("a token with more", &[("authorization", &glued)]);
    }
    for (oddity, text) in texts() {
        let escaped = percent(text.as_bytes());
        let headers: &[(&str, &[u8])] =
            &[("content-type", b"application/pdf"), ("x-filename", escaped.as_bytes())];
        let bytes = request("POST /v1/documents", target, headers, PDF);
        let case = Case::new(format!("x-filename, escaped: {oddity}"), bytes);
        let is_no_http = escaped.len() > 100_000;
        cases.push(Case { kept: Kept::Filename(text), is_no_http, is_last: is_no_http, ..case });
    }
    cases
}

/// Whether the server's HTTP library may refuse this as a header's value.
fn is_no_header(text: &str) -> bool {
    text.len() > 100_000 || text.chars().any(|c| c.is_ascii_control() && c != '\t')
}

/// All but unreserved characters escaped (RFC 3986 §2.3).
pub fn percent(bytes: &[u8]) -> String {
    let escape = |byte: &u8| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if plain { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
    };
    bytes.iter().map(escape).collect()
}
