//! Conversations that are there: listed, shown, deleted. Each is one person's own.

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    Error, Result,
    db::conversations::{self, Conversation, Message},
    domain::ids::{ConversationId, MessageId},
    http::{
        Authenticated, Body, PathId,
        paging::{Limit, Piece},
    },
};
use utoipa::ToSchema;

use crate::Chat;

/// Some of the person's conversations.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversationList)]
struct Listing {
    /// Newest first.
    conversations: Vec<Conversation>,
    /// Where the next answer begins; none: this is the last.
    #[schema(required)]
    next: Option<ConversationId>,
}

/// A conversation with some of its messages.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownConversation)]
struct Shown {
    /// Its id.
    id: ConversationId,
    /// When it began.
    created_at: Timestamp,
    /// In the order in which they were asked.
    messages: Vec<Message>,
    /// Where the next answer begins; none: this is the last.
    #[schema(required)]
    next: Option<MessageId>,
}

/// Lists your conversations, newest first; the next answer's address is in the `Link` header.
#[utoipa::path(
    get,
    path = "/v1/conversations",
    operation_id = "listConversations",
    tag = "chat",
    params(Limit, ("cursor" = Option<ConversationId>, Query, description = "`next` of the answer before.")),
    responses(
        (
            status = 200,
            description = "The conversations, newest first.",
            body = Listing,
            headers(("Link" = String, description = "`rel=\"next\"`: where the next answer is (RFC 8288)."))
        ),
        (status = 400),
    )
)]
pub async fn list(
    State(chat): State<Chat>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let piece = Piece::asked(query.as_deref())?;
    let tenant = chat.db.each((&caller).into()).await?;
    let mut conversations = conversations::list(&tenant, piece.cursor, piece.fetch()).await?;
    let next = piece.cut(&mut conversations, |conversation| conversation.id);
    let mut response = Body(Listing { conversations, next }).into_response();
    piece.link(&mut response, "/v1/conversations", next)?;
    Ok(response)
}

/// Shows one of your conversations: its questions and answers with their citations, in their order.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}",
    operation_id = "showConversation",
    tag = "chat",
    params(("id" = ConversationId, Path, description = "The conversation."), Limit, ("cursor" = Option<MessageId>, Query, description = "`next` of the answer before.")),
    responses(
        (
            status = 200,
            description = "The conversation; its messages in their order.",
            body = Shown,
            headers(("Link" = String, description = "`rel=\"next\"`: where the next answer is (RFC 8288)."))
        ),
        (status = 400),
        (status = 404),
    )
)]
pub async fn show(
    State(chat): State<Chat>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<ConversationId>,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let piece = Piece::asked(query.as_deref())?;
    let tenant = chat.db.each((&caller).into()).await?;
    let found = conversations::messages(&tenant, id, piece.cursor, piece.fetch()).await?;
    let (created_at, mut messages) = found.ok_or(Error::NotFound("conversation"))?;
    let next = piece.cut(&mut messages, |message| message.answer.id);
    let mut response = Body(Shown { id, created_at, messages, next }).into_response();
    piece.link(&mut response, &format!("/v1/conversations/{id}"), next)?;
    Ok(response)
}

/// Deletes one of your conversations with all its messages.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}",
    operation_id = "deleteConversation",
    tag = "chat",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 204, description = "It is gone."), (status = 400), (status = 404))
)]
pub async fn delete(
    State(chat): State<Chat>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode> {
    let tenant = chat.db.each((&caller).into()).await?;
    if !conversations::delete(&tenant, id).await? {
        return Err(Error::NotFound("conversation"));
    }
    tracing::info!(event = "conversation_deleted", conversation.id = %id, "deleted conversation {id}");
    Ok(StatusCode::NO_CONTENT)
}
