//! Documents that are there: listed, shown, deleted; and their pages.

use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    Error, Result,
    db::{documents, pages},
    domain::{document::Document, ids::DocumentId},
    http::{
        Authenticated, Body, PathId,
        paging::{Limit, Piece, whole},
    },
};
use utoipa::ToSchema;

use crate::Upload;

/// Some of the workspace's documents.
#[derive(Serialize, ToSchema)]
#[schema(as = DocumentList)]
struct Listing {
    /// Newest first.
    documents: Vec<Document>,
    /// Where the next answer begins; none: this is the last.
    #[schema(required)]
    next: Option<DocumentId>,
}

/// Lists the workspace's documents, newest first; the next answer's address is in the `Link` header.
#[utoipa::path(
    get,
    path = "/v1/documents",
    operation_id = "listDocuments",
    tag = "documents",
    params(Limit, ("cursor" = Option<DocumentId>, Query, description = "`next` of the answer before.")),
    responses(
        (
            status = 200,
            description = "The documents, newest first.",
            body = Listing,
            headers(("Link" = String, description = "`rel=\"next\"`: where the next answer is (RFC 8288)."))
        ),
        (status = 400),
    )
)]
pub async fn list(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let piece = Piece::asked(query.as_deref())?;
    let tenant = upload.db.each((&caller).into()).await?;
    let mut documents = documents::list(&tenant, piece.cursor, piece.fetch()).await?;
    let next = piece.cut(&mut documents, |document| document.id);
    let mut response = Body(Listing { documents, next }).into_response();
    piece.link(&mut response, "/v1/documents", next)?;
    Ok(response)
}

/// Shows a document.
#[utoipa::path(
    get,
    path = "/v1/documents/{id}",
    operation_id = "showDocument",
    tag = "documents",
    params(("id" = DocumentId, Path, description = "The document.")),
    responses((status = 200, description = "The document.", body = Document), (status = 400), (status = 404))
)]
pub async fn show(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<DocumentId>,
) -> Result<Body<Document>> {
    let tenant = upload.db.each((&caller).into()).await?;
    documents::find(&tenant, id).await?.map(Body).ok_or(Error::NotFound("document"))
}

/// Deletes a document: its bytes in every version, then its rows. While the row is there, a second try finds it again.
#[utoipa::path(
    delete,
    path = "/v1/documents/{id}",
    operation_id = "deleteDocument",
    tag = "documents",
    params(("id" = DocumentId, Path, description = "The document.")),
    responses((status = 204, description = "It is gone."), (status = 400), (status = 404))
)]
pub async fn delete(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<DocumentId>,
) -> Result<StatusCode> {
    let tenant = upload.db.each((&caller).into()).await?;
    let key = documents::key(&tenant, id).await?.ok_or(Error::NotFound("document"))?;
    upload.storage.erase(&key).await?;
    if !documents::delete(&tenant, id).await? {
        return Err(Error::NotFound("document"));
    }
    if let Some(answers) = &upload.answers {
        #[expect(clippy::disallowed_methods, reason = "answers are kept by the hour")]
        answers.erase(caller.workspace.id, Timestamp::now()).await;
    }
    tracing::info!(event = "document_deleted", document.id = %id, "deleted document {id}");
    Ok(StatusCode::NO_CONTENT)
}

/// One page's stored text: what citations' ranges count in.
#[utoipa::path(
    get,
    path = "/v1/documents/{id}/pages/{n}",
    operation_id = "showPage",
    tag = "documents",
    params(
        ("id" = DocumentId, Path, description = "The document."),
        ("n" = u32, Path, description = "The page's number.", minimum = 1, maximum = 4_294_967_295_u64, format = Int64),
    ),
    responses((status = 200, description = "The page.", body = pages::Page), (status = 400), (status = 404))
)]
pub async fn page(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<DocumentId>,
    Path((_, number)): Path<(String, String)>,
) -> Result<Body<pages::Page>> {
    let number = whole(&number).filter(|number| *number > 0);
    let number =
        number.ok_or_else(|| Error::invalid("n", "invalid_type", "Must be a whole number from 1"))?;
    let tenant = upload.db.each((&caller).into()).await?;
    pages::find(&tenant, id, number).await?.map(Body).ok_or(Error::NotFound("page"))
}
