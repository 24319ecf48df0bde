//! Vectors from an API, in both wire formats: what is asked for, and what of the replies is believed.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use futures_util::future::join_all;
use harness::openai::{Answer, OpenAi, vector, vectors};
use serde_json::{Value, json};
use shared::{
    domain::attempt::Outcome,
    env::Env,
    llm::{Attempts, Embeddings},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wire {
    OpenAi,
    Voyage,
}

const WIRES: [Wire; 2] = [Wire::OpenAi, Wire::Voyage];

impl Wire {
    /// How many numbers of a vector come.
    fn dimensions(self) -> usize {
        if self == Self::OpenAi { 384 } else { 512 }
    }

    fn connect(self, provider: &OpenAi) -> Embeddings {
        let url = provider.url();
        let settings = match self {
            Self::OpenAi => [
                ("EMBEDDINGS", "openai:text-embedding-3-small"),
                ("OPENAI_API_KEY", "sk-test"),
                ("OPENAI_BASE_URL", &url),
            ],
            Self::Voyage => [
                ("EMBEDDINGS", "voyage:voyage-3.5-lite"),
                ("VOYAGE_API_KEY", "pa-test"),
                ("VOYAGE_BASE_URL", &url),
            ],
        };
        Embeddings::connect(&Env::of(settings.map(|(name, value)| (name, value.to_owned())))).unwrap()
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// The beginning of the vector, of length 1.
fn shortened(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vector(text, dimensions);
    vector.truncate(384);
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter().map(|number| number / length).collect()
}

fn assert_near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (one, other) in found.iter().zip(expected) {
        assert!((one - other).abs() < 1e-6, "{one} {other}");
    }
}

#[tokio::test]
async fn texts_go_out_a_hundred_at_a_time_and_come_back_in_order() {
    for wire in WIRES {
        let dimensions = wire.dimensions();
        let provider =
            OpenAi::answering_both(|_| Answer::unauthorized(), move |request| vectors(request, dimensions));
        let embeddings = wire.connect(&provider);
        let texts: Vec<String> = (0..250).map(|number| format!("hardness of weld {number}")).collect();
        let found = embeddings.batch(&texts, &Attempts::default()).await.unwrap();
        assert_eq!(found.len(), 250);
        for (text, vector) in texts.iter().zip(&found) {
            assert_near(vector, &shortened(text, dimensions));
        }
        let question = embeddings.question("hardness of weld 7", soon(), &Attempts::default()).await.unwrap();
        assert_near(&question, &found[7]);

        let requests = provider.requests();
        let counts: Vec<usize> =
            requests.iter().map(|one| one.body["input"].as_array().unwrap().len()).collect();
        assert_eq!(counts, [100, 100, 50, 1]);
        for (number, recorded) in requests.iter().enumerate() {
            let body = &recorded.body;
            assert_eq!(recorded.path, "/v1/embeddings");
            let kind = if number < 3 { "document" } else { "query" };
            match wire {
                Wire::OpenAi => {
                    assert_eq!(
                        (&body["model"], &body["dimensions"]),
                        (&json!("text-embedding-3-small"), &json!(384))
                    );
                    assert_eq!(
                        (&body["input_type"], &body["output_dimension"]),
                        (&Value::Null, &Value::Null)
                    );
                    assert_eq!(recorded.headers["authorization"], "Bearer sk-test");
                }
                Wire::Voyage => {
                    assert_eq!(
                        (&body["model"], &body["dimensions"]),
                        (&json!("voyage-3.5-lite"), &Value::Null)
                    );
                    assert_eq!((&body["input_type"], &body["output_dimension"]), (&json!(kind), &json!(512)));
                    assert_eq!(recorded.headers["authorization"], "Bearer pa-test");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_reply_in_another_order_or_in_numbers_is_as_good() {
    for wire in WIRES {
        let dimensions = wire.dimensions();
        let item = move |index: usize, text: &str| json!({ "object": "embedding", "index": index, "embedding": vector(text, dimensions) });
        let provider = OpenAi::answering_both(
            |_| Answer::unauthorized(),
            move |_| Answer::Error {
                status: 200,
                headers: Vec::new(),
                body: json!({ "object": "list", "data": [item(1, "flange"), item(0, "weld")] }),
            },
        );
        let found = wire
            .connect(&provider)
            .batch(&["weld".to_owned(), "flange".to_owned()], &Attempts::default())
            .await
            .unwrap();
        assert_near(&found[0], &shortened("weld", dimensions));
        assert_near(&found[1], &shortened("flange", dimensions));
    }
}

#[tokio::test]
async fn a_reply_that_is_not_one_good_vector_per_text_is_no_reply() {
    for wire in WIRES {
        let good = vector("weld", wire.dimensions());
        let items = |items: Vec<(Value, Value)>| {
            let items =
                items.into_iter().map(|(index, embedding)| json!({ "index": index, "embedding": embedding }));
            json!({ "data": items.collect::<Vec<_>>() })
        };
        let encoded = |numbers: &[f32]| {
            BASE64.encode(numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
        };
        let with = |number: f32| {
            let mut numbers = good.clone();
            numbers[0] = number;
            json!(encoded(&numbers))
        };
        let broken = [
            json!({}),
            json!([]),
            json!({ "data": "none" }),
            json!({ "error": { "type": "server_error", "message": "overloaded" } }),
            items(vec![]),
            items(vec![(json!(0), json!(good))]),
            items(vec![(json!(0), json!(good)), (json!(0), json!(good))]),
            items(vec![(json!(1), json!(good)), (json!(2), json!(good))]),
            items(vec![(json!(0), json!(good)), (Value::Null, json!(good))]),
            items(vec![(json!(0), json!(good)), (json!(1), json!(good[1..].to_vec()))]),
            items(vec![(json!(0), json!(good)), (json!(1), json!(vec![0.0; wire.dimensions()]))]),
            items(vec![(json!(0), json!(good)), (json!(1), json!(["x"]))]),
            items(vec![(json!(0), json!(good)), (json!(1), with(f32::NAN))]),
            items(vec![(json!(0), json!(good)), (json!(1), with(f32::INFINITY))]),
            items(vec![(json!(0), json!(good)), (json!(1), json!("%%%"))]),
            items(vec![(json!(0), json!(good)), (json!(1), json!(BASE64.encode([1, 2, 3, 4, 5])))]),
            items(vec![(json!(0), json!(good)), (json!(1), json!(good)), (json!(2), json!(good))]),
        ];
        // Some of them are tried again, after a pause: all of them at once.
        let refused = broken.into_iter().map(async |body| {
            let reply = body.clone();
            let provider = OpenAi::answering_both(
                |_| Answer::unauthorized(),
                move |_| Answer::Error { status: 200, headers: Vec::new(), body: reply.clone() },
            );
            let texts = ["weld".to_owned(), "flange".to_owned()];
            assert!(
                wire.connect(&provider).batch(&texts, &Attempts::default()).await.is_err(),
                "{wire:?} {body}"
            );
        });
        join_all(refused).await;
    }
}

#[tokio::test]
async fn a_call_is_booked_with_what_the_provider_counts_or_the_most_that_it_can_have_been() {
    let texts = ["weld".to_owned(), "flange".to_owned()];
    for wire in WIRES {
        let vector = vector("weld", wire.dimensions());
        let data = json!([0, 1].map(|index| json!({ "index": index, "embedding": vector })));
        for (usage, tokens, estimated) in [
            (json!({ "total_tokens": 7, "prompt_tokens": 7 }), 7, false),
            (json!({ "total_tokens": 0 }), 10, true),
            (json!({ "prompt_tokens": 7 }), 10, true),
            (json!({}), 10, true),
            (Value::Null, 10, true),
        ] {
            let reply = json!({ "data": data, "usage": usage });
            let provider = OpenAi::answering_both(
                |_| Answer::unauthorized(),
                move |_| Answer::Error { status: 200, headers: Vec::new(), body: reply.clone() },
            );
            let attempts = Attempts::default();
            wire.connect(&provider).batch(&texts, &attempts).await.unwrap();
            let booked = attempts.booked();
            let first = &booked[0];
            assert_eq!(
                (booked.len(), first.outcome, first.input_tokens),
                (1, Outcome::Answered, tokens),
                "{usage}"
            );
            assert_eq!((first.estimated, first.cost_usd > 0.0), (estimated, true), "{usage}");
        }
        for (reply, outcome, tokens) in
            [(Answer::unauthorized(), Outcome::Failed, 0), (Answer::Hang, Outcome::Abandoned, 4)]
        {
            let provider = OpenAi::answering_both(|_| Answer::unauthorized(), move |_| reply.clone());
            let (attempts, deadline) = (Attempts::default(), Instant::now() + Duration::from_millis(500));
            assert!(wire.connect(&provider).question("weld", deadline, &attempts).await.is_err());
            let booked = attempts.booked();
            assert_eq!((booked.len(), booked[0].outcome, booked[0].input_tokens), (1, outcome, tokens));
        }
    }
}

#[test]
fn voyage_needs_its_key() {
    let env = Env::of([("EMBEDDINGS", "voyage:voyage-3.5".to_owned())]);
    let error = Embeddings::connect(&env).err().unwrap().to_string();
    assert!(error.contains("VOYAGE_API_KEY"), "{error}");
}
