//! Documents that are there: listed, shown, deleted; and their pages.

use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use shared::{
    Error, Result,
    db::{documents, pages},
    domain::{document::Document, ids::DocumentId},
    http::{Authenticated, Body, PathId},
};
use utoipa::ToSchema;

use crate::{Upload, receive::query};

/// Documents in one answer, unless the request asks for fewer or more.
const PAGE: u32 = 50;
/// The most that a request may ask for.
const PAGE_MAX: u32 = 200;

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

/// Which documents are listed.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the OpenAPI document")]
struct Paging {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` of the answer before.
    cursor: Option<DocumentId>,
}

const _: () = assert!(PAGE == 50 && PAGE_MAX == 200, "a page's bounds are described as they are checked");

/// Lists the workspace's documents, newest first; the next answer's address is in the `Link` header.
#[utoipa::path(
    get,
    path = "/v1/documents",
    operation_id = "listDocuments",
    tag = "documents",
    params(Paging),
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
    let (limit, cursor) = paging(query.as_deref().unwrap_or_default())?;
    let tenant = upload.db.each((&caller).into()).await?;
    // One more than asked for tells whether there is a next answer.
    let mut documents = documents::list(&tenant, cursor, i64::from(limit) + 1).await?;
    let more = documents.len() > limit as usize;
    documents.truncate(limit as usize);
    let next = documents.last().map(|document| document.id).filter(|_| more);
    let mut response = Body(Listing { documents, next }).into_response();
    if let Some(next) = next {
        let link = format!("</v1/documents?limit={limit}&cursor={next}>; rel=\"next\"");
        let link = HeaderValue::from_str(&link).map_err(anyhow::Error::from)?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn paging(text: &str) -> Result<(u32, Option<DocumentId>)> {
    let (mut limit, mut cursor) = (PAGE, None);
    for (name, value) in query(text)? {
        let value = value.as_str().unwrap_or_default();
        match name.as_str() {
            "limit" => {
                let number = whole(value).filter(|limit| (1..=PAGE_MAX).contains(limit));
                let message = || format!("Must be a whole number from 1 to {PAGE_MAX}");
                limit = number.ok_or_else(|| Error::invalid("limit", "invalid_value", message()))?;
            }
            "cursor" => {
                let id = value.parse();
                cursor = Some(id.map_err(|_| Error::invalid("cursor", "invalid_format", "Invalid cursor"))?);
            }
            _ => {
                let message = "The query takes limit and cursor only";
                return Err(Error::invalid("query", "unrecognized_keys", message));
            }
        }
    }
    Ok((limit, cursor))
}

/// A whole number that is written with digits and nothing else.
fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
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
