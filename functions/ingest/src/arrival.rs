//! An object that came into the bucket, and what came of it.

/// An object that came into the bucket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Its key, decoded.
    pub key: String,
    /// Its size, as the bucket says.
    pub size_bytes: u64,
    /// Its entity tag.
    pub etag: String,
    /// S3's order of events for the key; none: nobody told us, we looked.
    pub sequencer: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The document answers questions.
    Ready,
    /// The document cannot be read; its row says why.
    Failed,
    /// The workspace holds the same bytes already.
    Duplicate,
    /// Nothing to do: done already, overtaken, or none of ours.
    Ignored,
    /// Another worker is at it.
    Held,
    /// The document was deleted; the object is gone too now.
    Erased,
}
