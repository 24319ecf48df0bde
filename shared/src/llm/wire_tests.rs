//! Providers' streams as they come over the wire, split at every byte: the text, the count of tokens and the ending are the
//! same. The shapes are those of the providers' API references.

use super::{
    ModelFailure,
    anthropic::AnthropicWire,
    openai::OpenAiWire,
    writing::{Decoder, Ending, Piece, Tokens, Wire},
};

/// What a stream says in all: text, tokens, and how it ended or why it failed.
type Said = (String, Option<Tokens>, Result<Option<Ending>, ModelFailure>);

type MakeWire = fn() -> Box<dyn Wire>;

fn openai() -> Box<dyn Wire> {
    Box::new(OpenAiWire::default())
}

fn anthropic() -> Box<dyn Wire> {
    Box::new(AnthropicWire::default())
}

fn read<'a>(wire: Box<dyn Wire>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Said {
    let mut decoder = Decoder::new(wire);
    let mut outcome = pieces.into_iter().try_for_each(|piece| decoder.push(piece));
    if outcome.is_ok() {
        outcome = decoder.finish();
    }
    let (mut text, mut tokens, mut ending) = (String::new(), None, None);
    while let Some(piece) = decoder.next() {
        match piece {
            Piece::Text(words) => text.push_str(&words),
            Piece::Usage(counted) => tokens = Some(counted),
            Piece::End(said) => ending = Some(said),
        }
    }
    (text, tokens, outcome.map(|()| ending))
}

/// Reads the stream whole, byte by byte, and split in two at each byte; all must say the same.
fn said(wire: MakeWire, stream: &str) -> Said {
    let bytes = stream.as_bytes();
    let whole = read(wire(), [bytes]);
    assert_eq!(read(wire(), bytes.chunks(1)), whole);
    for at in 0..bytes.len() {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(read(wire(), [head, tail]), whole, "split at {at}");
    }
    whole
}

fn ended(text: &str, tokens: Option<(u32, u32)>, ending: Ending) -> Said {
    (text.to_owned(), tokens.map(|(input, output)| Tokens { input, output }), Ok(Some(ending)))
}

const OPENAI: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"It is "},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"22 HRC ≤ 😀"},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}

data: [DONE]

"#;

const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":3,"cache_read_input_tokens":2,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"It is "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"22 HRC ≤ 😀"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

const TEXT: &str = "It is 22 HRC ≤ 😀";

#[test]
fn the_providers_own_streams_are_read() {
    assert_eq!(said(openai, OPENAI), ended(TEXT, Some((19, 10)), Ending::Complete));
    assert_eq!(said(anthropic, ANTHROPIC), ended(TEXT, Some((30, 15)), Ending::Complete));
}

#[test]
fn line_ends_comments_and_a_missing_end_mark_change_nothing() {
    for (wire, stream, mark) in [
        (openai as MakeWire, OPENAI, "data: [DONE]\n\n"),
        (anthropic, ANTHROPIC, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    ] {
        let plain = said(wire, stream);
        for odd in [
            stream.replace('\n', "\r\n"),
            stream.replace('\n', "\r"),
            stream.replace("\n\n", "\n\n: keep-alive\n\n"),
            stream.replace("data: ", "data:"),
            stream.replace(mark, ""),
        ] {
            assert_eq!(said(wire, &odd), plain);
        }
    }
}

#[test]
fn an_event_may_span_lines() {
    for (wire, stream) in [(openai as MakeWire, OPENAI), (anthropic, ANTHROPIC)] {
        let spanning = stream.replace(",\"", ",\ndata: \"");
        assert_ne!(spanning, stream);
        assert_eq!(said(wire, &spanning), said(wire, stream));
    }
}

#[test]
fn a_long_line_is_read_and_one_without_end_is_not() {
    let head = r#"{"choices":[{"index":0,"delta":{"content":""#;
    let tail = "\"},\"finish_reason\":\"stop\"}]}\n\n";
    // With `data: ` and its JSON it has 1 MiB, the most that is kept; one more byte is too many.
    let room = 1024 * 1024 - "data: ".len() - head.len() - (tail.len() - 2);
    let first = "\"}}]}\n\n";
    let stream = |long: usize| format!("data: {head}It is {first}data: {head}{}{tail}", "x".repeat(long));
    for pieces in [1, 1_000, 70_000, usize::MAX] {
        let (at_most, too_long) = (stream(room), stream(room + 1));
        let (text, _, outcome) = read(openai(), at_most.as_bytes().chunks(pieces));
        assert_eq!((text.len(), outcome), ("It is ".len() + room, Ok(Some(Ending::Complete))));
        let (text, _, outcome) = read(openai(), too_long.as_bytes().chunks(pieces));
        assert_eq!(text, "It is ");
        assert!(outcome.unwrap_err().transient);
    }
}

#[test]
fn each_reason_to_end_is_told() {
    for (reason, ending) in [
        ("stop", Ending::Complete),
        ("tool_calls", Ending::Complete),
        ("length", Ending::Length),
        ("content_filter", Ending::Refused),
    ] {
        let stream = OPENAI.replace(r#""finish_reason":"stop""#, &format!(r#""finish_reason":"{reason}""#));
        assert_eq!(said(openai, &stream), ended(TEXT, Some((19, 10)), ending), "{reason}");
    }
    for (reason, ending) in [
        ("end_turn", Ending::Complete),
        ("stop_sequence", Ending::Complete),
        ("max_tokens", Ending::Length),
        ("refusal", Ending::Refused),
    ] {
        let stream = ANTHROPIC.replace("end_turn", reason);
        assert_eq!(said(anthropic, &stream), ended(TEXT, Some((30, 15)), ending), "{reason}");
    }
    let refusal = OPENAI.replace(r#""delta":{"content":"It is "}"#, r#""delta":{"refusal":"I'm sorry"}"#);
    assert_eq!(said(openai, &refusal).2, Ok(Some(Ending::Refused)));
}

#[test]
fn a_stream_that_breaks_off_is_told_from_one_that_ends() {
    let cut = |stream: &str, at: &str| stream.split_once(at).unwrap().0.to_owned();
    for (wire, stream) in [
        (
            openai as MakeWire,
            cut(
                OPENAI,
                r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"#,
            ),
        ),
        (openai, cut(OPENAI, "≤")),
        (anthropic, cut(ANTHROPIC, "event: message_delta")),
        (anthropic, String::new()),
        (openai, "data: {\"choices\"".to_owned()),
    ] {
        let failure = said(wire, &stream).2.unwrap_err();
        assert!(failure.transient && failure.reason == "the stream broke off", "{failure}");
    }
}

#[test]
fn errors_within_a_success_keep_what_came_before_and_say_whether_they_pass() {
    let cases: [(MakeWire, &str, bool); 7] = [
        (openai, r#"{"error":{"message":"overloaded","type":"server_error","code":null}}"#, true),
        (
            openai,
            r#"{"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            false,
        ),
        (
            openai,
            r#"{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            false,
        ),
        (openai, r#"{"choices":7}"#, true),
        (openai, "<html>", true),
        (anthropic, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true),
        (
            anthropic,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
            false,
        ),
    ];
    for (wire, error, transient) in cases {
        let failure = said(wire, &format!("data: {error}\n\n")).2.unwrap_err();
        assert_eq!(failure.transient, transient, "{error}: {failure}");
        assert!(!failure.reason.contains("credit"), "messages are not repeated");
    }
    let begun =
        r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"#;
    for (wire, stream, end, error) in [
        (openai as MakeWire, OPENAI, begun, cases[0].1),
        (anthropic, ANTHROPIC, "event: content_block_stop", cases[5].1),
    ] {
        let (head, _) = stream.split_once(end).unwrap();
        let (text, _, outcome) = said(wire, &format!("{head}event: error\ndata: {error}\n\n"));
        assert_eq!((text.as_str(), outcome.is_err()), (TEXT, true));
    }
}

#[test]
fn groqs_place_for_the_count_and_others_oddities_are_read() {
    let groq = r#"data: {"choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"queue_time":0.1,"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}}

data: [DONE]

data: {"choices":[{"index":0,"delta":{"content":" more"}}]}

"#;
    let (text, tokens, outcome) = said(openai, groq);
    assert_eq!((tokens, outcome), (Some(Tokens { input: 5, output: 2 }), Ok(Some(Ending::Complete))));
    assert_eq!(text, "Yes", "after the end nothing is said");
    let two = r#"data: {"choices":[{"index":1,"delta":{"content":"B"}},{"index":0,"delta":{"content":"A"},"finish_reason":"stop"}]}

"#;
    assert_eq!(said(openai, two), ended("A", None, Ending::Complete));
}

#[test]
fn responses_that_are_not_streamed_are_read_too() {
    let whole = |wire: Box<dyn Wire>, body: &str| {
        let mut wire = wire;
        wire.whole(body.as_bytes())
    };
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Yes"},"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
    let usage = Piece::Usage(Tokens { input: 5, output: 2 });
    let yes = Piece::Text("Yes".to_owned());
    assert_eq!(whole(openai(), body).unwrap(), [usage.clone(), yes.clone(), Piece::End(Ending::Length)]);
    let body = r#"{"type":"message","content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"Yes"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":2}}"#;
    assert_eq!(whole(anthropic(), body).unwrap(), [yes, usage, Piece::End(Ending::Complete)]);
    for body in ["", "{", r#"{"error":{"type":"overloaded_error"}}"#, r#"{"choices":"x","content":"x"}"#] {
        assert!(whole(openai(), body).is_err(), "{body}");
        assert!(whole(anthropic(), body).is_err(), "{body}");
    }
}
