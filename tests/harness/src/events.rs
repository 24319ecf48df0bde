//! The events that AWS hands to the functions, shaped as AWS documents them, and what API Gateway makes of an answer.
//! Everything that a test does not choose is fixed, so that snapshots are stable; tests may overwrite any member.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// The caller's address in every HTTP event.
pub const SOURCE_IP: &str = "192.0.2.1";
/// The moment of every event.
pub const TIME: &str = "2026-03-12T19:03:58.390Z";
/// [`TIME`] in milliseconds since 1970.
pub const TIME_EPOCH_MS: u64 = 1_773_342_238_390;
const TIME_CLF: &str = "12/Mar/2026:19:03:58 +0000";

/// A request as an HTTP API hands it over (payload format 2.0, stage `$default`).
///
/// As on AWS: `rawPath` arrives percent-decoded, cookies leave the headers, and any body that is neither text nor JSON
/// by its content type (forms and missing types included) is base64.
pub fn http_api(method: &str, path_and_query: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let host = format!("a1b2c3d4e5.execute-api.{REGION}.amazonaws.com");
    let mut event = http_event(method, path_and_query, headers, body, &host);
    let path = percent_decoded(event["rawPath"].as_str().unwrap_or_default(), false);
    event["requestContext"]["http"]["path"] = json!(path);
    event["rawPath"] = json!(path);
    event["requestContext"]["accountId"] = json!(ACCOUNT);
    event["requestContext"]["requestId"] = json!("JKJaXmPLvHcESHA=");
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("cookie");
    }
    event
}

/// A request as a function URL (auth type `NONE`) hands it over: the path stays encoded, cookies are also a header.
pub fn function_url(method: &str, path_and_query: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let host = format!("a1b2c3d4e5f6g7h8i9j0klmnopqrstuv.lambda-url.{REGION}.on.aws");
    let mut event = http_event(method, path_and_query, headers, body, &host);
    event["requestContext"]["accountId"] = json!("anonymous");
    event["requestContext"]["requestId"] = json!("84545120-9bda-41af-9b45-6bd9fb4503a6");
    event["headers"]["x-amzn-tls-cipher-suite"] = json!("TLS_AES_128_GCM_SHA256");
    event["headers"]["x-amzn-tls-version"] = json!("TLSv1.3");
    event
}

fn http_event(method: &str, path_and_query: &str, given: &[(&str, &str)], body: &[u8], host: &str) -> Value {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let mut headers = BTreeMap::from([
        ("accept".to_owned(), "*/*".to_owned()),
        ("content-length".into(), body.len().to_string()),
        ("host".into(), host.to_owned()),
        ("user-agent".into(), "curl/8.5.0".into()),
        ("x-amzn-trace-id".into(), "Root=1-69b30ffe-1a2b3c4d5e6f708192a3b4c5".into()),
        ("x-forwarded-for".into(), SOURCE_IP.into()),
        ("x-forwarded-port".into(), "443".into()),
        ("x-forwarded-proto".into(), "https".into()),
    ]);
    if body.is_empty() {
        headers.remove("content-length");
    }
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in given {
        // Two cookie headers are one list to RFC 6265; all others are joined as HTTP joins them.
        let name = name.to_ascii_lowercase();
        let separator = if name == "cookie" { "; " } else { "," };
        chosen
            .entry(name)
            .and_modify(|present| {
                present.push_str(separator);
                present.push_str(value);
            })
            .or_insert_with(|| (*value).to_owned());
    }
    headers.extend(chosen);

    let domain_prefix = host.split('.').next().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "apiId": domain_prefix,
            "domainName": host,
            "domainPrefix": domain_prefix,
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE_IP,
                "userAgent": headers["user-agent"],
            },
            "routeKey": "$default",
            "stage": "$default",
            "time": TIME_CLF,
            "timeEpoch": TIME_EPOCH_MS,
        },
        "isBase64Encoded": false,
    });
    if let Some(cookies) = headers.get("cookie") {
        event["cookies"] = cookies.split("; ").collect();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = query_parameters(query);
    }
    if !body.is_empty() {
        let text = is_text(headers.get("content-type")).then(|| std::str::from_utf8(body).ok()).flatten();
        event["body"] = text.map_or_else(|| json!(BASE64.encode(body)), |text| json!(text));
        event["isBase64Encoded"] = json!(text.is_none());
    }
    event
}

fn is_text(content_type: Option<&String>) -> bool {
    let Some(content_type) = content_type else { return false };
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind)
}

fn query_parameters(query: &str) -> Value {
    let mut parameters = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decoded(value, true);
        parameters
            .entry(percent_decoded(name, true))
            .and_modify(|present| {
                present.push(',');
                present.push_str(&value);
            })
            .or_insert(value);
    }
    json!(parameters)
}

fn percent_decoded(text: &str, plus_is_space: bool) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (byte, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(value)) => {
                decoded.push(value);
                rest = &after[2..];
                continue;
            }
            (b'+', _) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// What the caller of an HTTP API receives for a function's answer: status, headers (one `set-cookie` per cookie), body.
///
/// An answer without `statusCode` is the body of a 200, as AWS infers it. Panics if the answer is none: API Gateway would
/// send its own 500.
pub fn http_response(answer: &Value) -> (u16, HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    let Some(status) = answer.get("statusCode") else {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        return (200, headers, body.into_bytes());
    };
    let status = status.as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status code");
    let mut append = |name: &str, value: &Value| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a header name"),
            HeaderValue::from_str(&value).expect("a header value"),
        );
    };
    // Format 2.0 knows no `multiValueHeaders`: API Gateway drops what is only there, and so do we.
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        append(name, value);
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        append("set-cookie", cookie);
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        BASE64.decode(body).expect("a base64 body")
    } else {
        body.as_bytes().to_vec()
    };
    (status, headers, body)
}

/// One record of an S3 notification: `key` was put. `sequencer` is hexadecimal; `etag` comes without quotes.
///
/// For a bucket with versions set `["s3"]["object"]["versionId"]`.
pub fn s3_record(bucket: &str, key: &str, size: u64, etag: &str, sequencer: &str) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": TIME,
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": "AWS:AROAJ3ZGMT746QFJO6ZL4:upload" },
        "requestParameters": { "sourceIPAddress": SOURCE_IP },
        "responseElements": {
            "x-amz-request-id": "C3D13FE58DE4C810",
            "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "tf-s3-queue-20260312190358",
            "bucket": {
                "name": bucket,
                "ownerIdentity": { "principalId": "A3NL1KOZZKExample" },
                "arn": format!("arn:aws:s3:::{bucket}"),
            },
            "object": { "key": s3_key(key), "size": size, "eTag": etag, "sequencer": sequencer },
        },
    })
}

/// A key as S3 writes it in events: form encoding, with the slashes left.
fn s3_key(key: &str) -> String {
    key.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(byte.into());
            }
            b' ' => encoded.push('+'),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes all"),
        }
        encoded
    })
}

/// The notification that S3 sends to a queue or function, of [`s3_record`]s (S3 itself sends one at a time).
pub fn s3_event(records: &[Value]) -> Value {
    json!({ "Records": records })
}

/// The body S3 sends once when a notification is configured. It has no `Records`.
pub fn s3_test_event(bucket: &str) -> Value {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": TIME,
        "Bucket": bucket,
        "RequestId": "5582815E1AEA5ADF",
        "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
    })
}

/// A batch from a queue: message id and body of each.
pub fn sqs(messages: Vec<(&str, String)>) -> Value {
    let records: Vec<Value> =
        messages.into_iter().map(|(message_id, body)| sqs_record(message_id, &body)).collect();
    json!({ "Records": records })
}

/// A batch from a queue fed by S3: each message holds a notification of one [`s3_record`].
pub fn s3_through_sqs(messages: Vec<(&str, Value)>) -> Value {
    sqs(messages
        .into_iter()
        .map(|(message_id, record)| (message_id, s3_event(&[record]).to_string()))
        .collect())
}

fn sqs_record(message_id: &str, body: &str) -> Value {
    let md5_of_body = Md5::digest(body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    });
    json!({
        "messageId": message_id,
        "receiptHandle": format!("AQEB{}", BASE64.encode(message_id)),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": TIME_EPOCH_MS.to_string(),
            "SenderId": "AROAJ3ZGMT746QFJO6ZL4:S3-PROD-END",
            "ApproximateFirstReceiveTimestamp": (TIME_EPOCH_MS + 12).to_string(),
        },
        "messageAttributes": Map::new(),
        "md5OfBody": md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:ingest"),
        "awsRegion": REGION,
    })
}

/// What an `EventBridge` rule with a schedule sends.
pub fn schedule() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": "2026-03-12T19:03:58Z",
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/retention")],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_api_decodes_the_path_and_takes_the_cookies() {
        let given =
            [("X-One", "1"), ("x-one", "2"), ("Cookie", "a=1; b=2"), ("content-type", "application/json")];
        let event = http_api("POST", "/v1/a%20b?q=x%2By&q=2&r", &given, br#"{"a":1}"#);
        assert_eq!(event["rawPath"], "/v1/a b");
        assert_eq!(event["rawQueryString"], "q=x%2By&q=2&r");
        assert_eq!(event["queryStringParameters"], json!({ "q": "x+y,2", "r": "" }));
        assert_eq!(event["headers"]["x-one"], "1,2");
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert!(event["headers"].get("cookie").is_none());
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(r#"{"a":1}"#), &json!(false)));
        assert_eq!(event["requestContext"]["domainPrefix"], "a1b2c3d4e5");
    }

    #[test]
    fn a_function_url_leaves_both_as_they_are() {
        let event = function_url("GET", "/a%20b", &[("cookie", "a=1")], b"");
        assert_eq!(event["rawPath"], "/a%20b");
        assert_eq!(event["headers"]["cookie"], "a=1");
        assert_eq!(event["requestContext"]["accountId"], "anonymous");
        assert!(event.get("body").is_none() && event.get("queryStringParameters").is_none());
    }

    #[test]
    fn bodies_of_other_types_are_base64() {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        for headers in [&form[..], &[]] {
            let event = http_api("POST", "/", headers, b"a=1");
            assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YT0x"), &json!(true)));
        }
    }

    #[test]
    fn a_key_is_form_encoded_but_for_its_slashes() {
        let record = s3_record("bucket", "user/Grüße (1)+2 ~.pdf", 3, "etag", "0A");
        assert_eq!(record["s3"]["object"]["key"], "user/Gr%C3%BC%C3%9Fe+%281%29%2B2+%7E.pdf");
    }

    #[test]
    fn a_message_carries_the_digest_of_its_body() {
        let batch = sqs(vec![("one", "test".into())]);
        assert_eq!(batch["Records"][0]["md5OfBody"], "098f6bcd4621d373cade4e832627b4f6");
        let batch = s3_through_sqs(vec![("one", s3_record("bucket", "a b", 1, "etag", "0A"))]);
        let body: Value = serde_json::from_str(batch["Records"][0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["Records"][0]["s3"]["object"]["key"], "a+b");
    }

    #[test]
    fn an_answer_becomes_what_the_caller_receives() {
        let answer = json!({ "statusCode": 201, "headers": { "X-A": "1" }, "cookies": ["a=1", "b=2"],
            "multiValueHeaders": { "x-lost": ["1"] }, "body": "YT0x", "isBase64Encoded": true });
        let (status, headers, body) = http_response(&answer);
        assert_eq!((status, &body[..]), (201, &b"a=1"[..]));
        assert_eq!(headers["x-a"], "1");
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert!(!headers.contains_key("x-lost"));
        assert_eq!(http_response(&json!({ "ok": true })).2, br#"{"ok":true}"#);
    }
}
