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

use crate::Upload;

/// Documents in one answer, unless the request asks for fewer or more.
const PAGE: u32 = 50;
/// The most that a request may ask for.
const PAGE_MAX: u32 = 200;

#[derive(Serialize)]
struct Listing {
    documents: Vec<Document>,
    /// Where the next answer begins; none: this is the last.
    next: Option<DocumentId>,
}

/// `?limit=` and `?cursor=`; newest first. The next answer's address is in the `Link` header (RFC 8288).
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

fn paging(query: &str) -> Result<(u32, Option<DocumentId>)> {
    let (mut limit, mut cursor) = (PAGE, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("limit", text)) => {
                limit =
                    text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit)).ok_or_else(|| {
                        Error::invalid(
                            "limit",
                            "invalid_value",
                            format!("Must be a whole number from 1 to {PAGE_MAX}"),
                        )
                    })?;
            }
            Some(("cursor", text)) => {
                let id =
                    text.parse().map_err(|_| Error::invalid("cursor", "invalid_format", "Invalid cursor"))?;
                cursor = Some(id);
            }
            _ => {
                return Err(Error::invalid(
                    "query",
                    "unrecognized_keys",
                    "The query takes limit and cursor only",
                ));
            }
        }
    }
    Ok((limit, cursor))
}

/// One document.
pub async fn show(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<DocumentId>,
) -> Result<Body<Document>> {
    let tenant = upload.db.each((&caller).into()).await?;
    documents::find(&tenant, id).await?.map(Body).ok_or(Error::NotFound("document"))
}

/// Deletes a document: its bytes in every version, then its rows. While the row is there, a second try finds it again.
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
pub async fn page(
    State(upload): State<Upload>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<DocumentId>,
    Path((_, number)): Path<(String, String)>,
) -> Result<Body<pages::Page>> {
    let number = number.parse::<u32>().ok().filter(|number| *number > 0);
    let number =
        number.ok_or_else(|| Error::invalid("n", "invalid_type", "Must be a whole number from 1"))?;
    let tenant = upload.db.each((&caller).into()).await?;
    pages::find(&tenant, id, number).await?.map(Body).ok_or(Error::NotFound("page"))
}
