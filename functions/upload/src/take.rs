//! One document in: its row, then its bytes or a form to post them with.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    Error, Result,
    db::documents,
    domain::{
        caller::Caller,
        document::{CONTENT_TYPE, NewDocument, Status, object_key},
        ids::DocumentId,
    },
    http::{Authenticated, Body, media_type, openapi::IdempotencyKey},
    pdf,
    storage::{self, looks_like_pdf},
};
use utoipa::ToSchema;

use crate::{
    Upload,
    receive::{Announcement, Description, Form, Name, Pdf, direct, json, multipart},
};

/// A document that was taken in.
#[derive(Serialize, ToSchema)]
#[schema(as = TakenDocument)]
struct Taken {
    /// Its id.
    document_id: DocumentId,
    /// Where it stands.
    status: Status,
    /// Where to post its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    upload: Option<storage::Upload>,
}

/// Takes a document in: its bytes, or the announcement of bytes that go straight to storage.
#[utoipa::path(
    post,
    path = "/v1/documents",
    operation_id = "takeDocument",
    tag = "documents",
    params(IdempotencyKey, Description, Name),
    request_body(content(
        (Announcement = "application/json"),
        (Form = "multipart/form-data", encoding(("file" = (content_type = "application/pdf")))),
        (Pdf = "application/pdf"),
    )),
    responses(
        (status = 201, description = "Announced: `upload` is the form that takes the bytes.", body = Taken),
        (status = 202, description = "Stored: it is being read.", body = Taken),
        (status = 400),
        (status = 413),
        (status = 415),
    )
)]
pub async fn take(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    request: Request,
) -> Result<Response> {
    let taken = match media_type(request.headers()).as_deref() {
        Some(CONTENT_TYPE) => store(&upload, &caller, direct(request).await?).await?,
        Some("multipart/form-data") => store(&upload, &caller, multipart(request).await?).await?,
        Some("application/json") => announce(&upload, &caller, json(request).await?).await?,
        _ => {
            return Err(Error::UnsupportedMediaType(
                "Send application/pdf, multipart/form-data with one part `file`, or application/json to get an upload form."
                    .to_owned(),
            ));
        }
    };
    let status = if taken.upload.is_some() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok((status, Body(taken)).into_response())
}

/// Stores bytes that came with the request. What is no PDF, or is locked, is refused before anything is stored.
async fn store(
    upload: &Upload,
    caller: &Caller,
    (announcement, bytes): (Announcement, Bytes),
) -> Result<Taken> {
    let document = announcement.document()?;
    if !looks_like_pdf(&bytes) {
        return Err(Error::invalid("file", "invalid_format", "The file is not a PDF"));
    }
    refuse_locked(&upload.reader, &bytes, document.id).await?;
    let key = object_key(&caller.user, document.id);
    let tenant = upload.db.each(caller.into()).await?;
    documents::announce(&tenant, caller, &document, &key).await?;
    drop(tenant);
    if let Err(error) = upload.storage.put(&key, bytes).await {
        // Nothing may be left half-written; should this fail too, retention finds the row.
        let tenant = upload.db.each(caller.into()).await?;
        documents::delete(&tenant, document.id).await?;
        return Err(error);
    }
    let tenant = upload.db.each(caller.into()).await?;
    documents::stored(&tenant, document.id).await?;
    log(&document);
    Ok(Taken { document_id: document.id, status: Status::Processing, upload: None })
}

/// Answers with a form that takes the bytes straight to storage.
async fn announce(upload: &Upload, caller: &Caller, announcement: Announcement) -> Result<Taken> {
    let document = announcement.document()?;
    let key = object_key(&caller.user, document.id);
    #[expect(clippy::disallowed_methods, reason = "the form's lifetime begins now")]
    let now = Timestamp::now();
    let form = upload.storage.presign(&key, document.size_bytes, now).await?;
    let tenant = upload.db.each(caller.into()).await?;
    documents::announce(&tenant, caller, &document, &key).await?;
    log(&document);
    Ok(Taken { document_id: document.id, status: Status::AwaitingUpload, upload: Some(form) })
}

/// Refuses a file that opens with a password only. Looking into it costs a process, so that only files that speak of
/// encryption at all are looked into.
async fn refuse_locked(reader: &pdf::Reader, bytes: &Bytes, id: DocumentId) -> Result<()> {
    if !bytes.windows(8).any(|window| window == b"/Encrypt") {
        return Ok(());
    }
    let path = std::env::temp_dir().join(format!("footnote-{id}.pdf"));
    let read = async {
        tokio::fs::write(&path, bytes).await?;
        reader.read(&path).await
    };
    let outcome = read.await;
    tokio::fs::remove_file(&path).await.ok();
    match outcome? {
        Err(failure) if failure.code == pdf::Code::Encrypted => {
            Err(Error::invalid("file", "custom", failure.detail))
        }
        // Any other fault is told where all of them are: in the document's status.
        _ => Ok(()),
    }
}

fn log(document: &NewDocument) {
    tracing::info!(
        event = "upload",
        document.id = %document.id,
        size_bytes = document.size_bytes,
        "took in document {}",
        document.id
    );
}
