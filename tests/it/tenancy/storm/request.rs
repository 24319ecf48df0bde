//! One request of a storm, own or for somebody else's, and what its answer may be.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use harness::{
    app::{Answered, request},
    routes::Route,
};
use serde_json::{Value, json};

use super::{
    chance::Chance,
    ground::{Ground, Told, key, of_search},
};

/// Keys that everybody uses for their own requests.
const KEYS: usize = 8;

/// What is asked for, by holding `me`.
pub struct Request {
    pub me: usize,
    /// The request's line, for a report.
    pub what: String,
    sent: Sent,
    expected: Expected,
}

enum Sent {
    Call(Method, String),
    Post(String, Value, Option<String>),
}

/// What the answer must be, unless it is a 503.
enum Expected {
    /// This status, and this text in it.
    Own(StatusCode, String),
    /// This status, with nobody's words.
    Nothing(StatusCode),
    /// What somebody is answered who asks for what does not exist.
    LikeUnknown(Told),
    /// The same of a search.
    LikeUnknownSearch,
    /// This, or that the same request is being worked on.
    OwnOnce(String),
}

/// How an answer was judged.
pub enum Judged {
    /// Own rows, as they should be.
    Own,
    /// As if there were nothing.
    Nothing,
    /// 503, with this code.
    Unavailable(String),
    /// Somebody else's words or ids.
    Foreign(String),
    /// Anything else that must not be.
    Wrong(String),
}

impl Request {
    /// One that chance chooses.
    pub fn choose(ground: &Ground, chance: &mut Chance) -> Self {
        let (me, other) = (chance.below(ground.holdings.len()), chance.below(ground.holdings.len()));
        let (mine, theirs) = (&ground.holdings[me], &ground.holdings[other]);
        let chat = if chance.one_in(4) { "/api/chat" } else { "/v1/chat" };
        let ask = |body| Sent::Post(chat.to_owned(), body, None);
        let ok = StatusCode::OK;
        let (sent, expected) = match chance.below(16) {
            0..=1 => (ask(json!({ "message": mine.question() })), Expected::Own(ok, mine.secret.clone())),
            2 => {
                let body = json!({ "message": mine.question(), "conversation_id": mine.conversation });
                (ask(body), Expected::Own(ok, mine.secret.clone()))
            }
            3 if me != other => {
                let body = json!({ "message": mine.question(), "conversation_id": theirs.conversation });
                (ask(body), Expected::LikeUnknown(ground.unknown_conversation.clone()))
            }
            4 if !ground.shares(me, other) => {
                (ask(json!({ "message": theirs.question() })), Expected::Nothing(ok))
            }
            5 if !ground.shares(me, other) => {
                let filters = json!({ "document_ids": [theirs.document] });
                let body = json!({ "message": ground.holdings[1].question(), "filters": filters });
                (ask(body), Expected::LikeUnknownSearch)
            }
            6 => {
                let body = json!({ "message": mine.question() });
                let key = format!("key-{}", chance.below(KEYS));
                (Sent::Post("/v1/chat".to_owned(), body, Some(key)), Expected::OwnOnce(mine.secret.clone()))
            }
            7 => {
                let body = json!({ "filename": "a.pdf", "size_bytes": 1, "content_type": "application/pdf" });
                (Sent::Post("/v1/documents".to_owned(), body, None), Expected::Nothing(StatusCode::CREATED))
            }
            8 => {
                let path = format!("/v1/documents?limit=200&cursor={}", theirs.document);
                (Sent::Call(Method::GET, path), Expected::Nothing(ok))
            }
            9 => listed(ground, me, chance),
            10 => guessed(ground, me, chance),
            _ => named(ground, me, other, chance),
        };
        let what = match &sent {
            Sent::Call(method, path) => format!("{method} {path}"),
            Sent::Post(path, body, _) => format!("POST {path} {body}"),
        };
        Self { me, what, sent, expected }
    }

    /// Sends it.
    pub async fn send(&self, ground: &Ground) -> Answered {
        let token = &ground.holdings[self.me].token;
        match &self.sent {
            Sent::Call(method, path) => ground.app.call(method.clone(), path, token).await,
            Sent::Post(path, body, None) => ground.app.post(path, token, body).await,
            Sent::Post(path, body, Some(key)) => {
                let request = request(Method::POST, path, token)
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("idempotency-key", key);
                ground.app.send(request.body(Body::from(body.to_string())).expect("a request")).await
            }
        }
    }

    /// What its answer tells, without what the caller asked: everybody asks for everybody's secrets.
    fn told(&self, answered: &Answered) -> String {
        let Sent::Call(_, path) = &self.sent else { return answered.text() };
        let mut body = answered.json();
        if !path.starts_with("/v1/conversations") || !body.is_object() {
            return answered.text();
        }
        for list in ["conversations", "messages"] {
            for entry in body.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                entry["question"].take();
            }
        }
        body.to_string()
    }

    /// What its answer is.
    pub fn judge(&self, ground: &Ground, answered: &Answered) -> Judged {
        let (text, status) = (answered.text(), answered.status);
        let says = || format!("{} was answered {status}: {text}", self.what);
        if let Some(other) = ground.foreign_to(self.me, &self.told(answered)) {
            return Judged::Foreign(format!("{} saw {other}: {}", self.me, says()));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let code = answered.json()["code"].as_str().unwrap_or_default().to_owned();
            let clean = ["database_unavailable", "overloaded", "timeout"].contains(&code.as_str())
                && answered.headers.contains_key(header::RETRY_AFTER);
            return if clean { Judged::Unavailable(code) } else { Judged::Wrong(says()) };
        }
        let (well, judged) = match &self.expected {
            Expected::Own(expected, own) => (status == *expected && text.contains(own), Judged::Own),
            Expected::Nothing(expected) => (status == *expected, Judged::Nothing),
            Expected::LikeUnknown(unknown) => (answered.told() == *unknown, Judged::Nothing),
            Expected::LikeUnknownSearch => {
                let like = of_search(&answered.json()) == ground.unknown_document;
                (status == StatusCode::OK && like, Judged::Nothing)
            }
            Expected::OwnOnce(own) => {
                let in_flight = status == StatusCode::CONFLICT;
                (in_flight || (status == StatusCode::OK && text.contains(own)), Judged::Own)
            }
        };
        if status == StatusCode::CREATED {
            ground.announced(self.me, answered.json()["document_id"].as_str().expect("an id"));
        }
        if well { judged } else { Judged::Wrong(says()) }
    }
}

/// Any list there is.
fn listed(ground: &Ground, me: usize, chance: &mut Chance) -> (Sent, Expected) {
    let lists = ground.routes.iter().filter(|route| !route.names_something() && route.method == Method::GET);
    let lists: Vec<&Route> = lists.collect();
    let path = lists[chance.below(lists.len())].path.clone();
    if path == "/v1/documents" {
        let own = ground.holdings[me].document.clone();
        return (Sent::Call(Method::GET, format!("{path}?limit=200")), Expected::Own(StatusCode::OK, own));
    }
    (Sent::Call(Method::GET, path), Expected::Nothing(StatusCode::OK))
}

/// A document that somebody announced a moment ago, or one of one's own that is to be deleted.
fn guessed(ground: &Ground, me: usize, chance: &mut Chance) -> (Sent, Expected) {
    let Some((owner, id)) = ground.an_announced(me, chance) else {
        return (Sent::Call(Method::GET, "/v1/documents".to_owned()), Expected::Nothing(StatusCode::OK));
    };
    let path = format!("/v1/documents/{id}");
    if owner == me {
        return (Sent::Call(Method::DELETE, path), Expected::Nothing(StatusCode::NO_CONTENT));
    }
    if ground.shares(me, owner) {
        return (Sent::Call(Method::GET, path), Expected::Own(StatusCode::OK, id));
    }
    let method = if chance.one_in(2) { Method::DELETE } else { Method::GET };
    let unknown = ground.unknown[&format!("{method} /v1/documents/{{id}}")].clone();
    (Sent::Call(method, path), Expected::LikeUnknown(unknown))
}

/// Any route that names something: one's own, read, or somebody else's, read or deleted.
fn named(ground: &Ground, me: usize, other: usize, chance: &mut Chance) -> (Sent, Expected) {
    let named: Vec<&Route> = ground.routes.iter().filter(|route| route.names_something()).collect();
    let route = named[chance.below(named.len())];
    let (mine, theirs) = (&ground.holdings[me], &ground.holdings[other]);
    let own = if route.path.contains("/users/") {
        mine.user == theirs.user
    } else if route.path.contains("/documents/") {
        ground.shares(me, other)
    } else {
        me == other
    };
    if !own {
        let path = route.naming(&theirs.document, &theirs.conversation, &theirs.user);
        let unknown = ground.unknown[&key(route)].clone();
        return (Sent::Call(route.method.clone(), path), Expected::LikeUnknown(unknown));
    }
    // Nobody deletes what the storm stands on. A person may be in two workspaces, of which their token names one.
    let shown = if ground.shares(me, other) { theirs } else { mine };
    let path = format!("/v1/documents/{}/pages/1", shown.document);
    (Sent::Call(Method::GET, path), Expected::Own(StatusCode::OK, shown.secret.clone()))
}
