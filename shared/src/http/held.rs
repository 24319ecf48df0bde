//! A response's body that keeps something until it is over: sent, or given up.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The body, which drops `kept` when nobody needs it any more; `sent` is called before, once or twice, if
/// all of it was read.
pub fn held<K: Send + Unpin + 'static>(body: Body, kept: K, sent: fn(&mut K)) -> Body {
    Body::new(Held { body, kept, sent })
}

struct Held<K> {
    body: Body,
    kept: K,
    sent: fn(&mut K),
}

impl<K: Unpin> HttpBody for Held<K> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let held = self.get_mut();
        let frame = ready!(Pin::new(&mut held.body).poll_frame(context));
        // Whoever reads a body that says that it is at its end does not ask again.
        if frame.is_none() || held.body.is_end_stream() {
            (held.sent)(&mut held.kept);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
