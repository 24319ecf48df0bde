"""The people of a run, each with a document that is ready and a conversation."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from local.console import Fault
from local.documents import PDF, Documents
from local.http_client import HttpClient, Response
from local.tokens import mint

from .pdfs import pdf

QUESTION = "What is the codeword?"
# A key belongs to one request.
KEY_OF_QUESTION, KEY_OF_DOCUMENT = "Idempotency-Key of ask", "Idempotency-Key of takeDocument"
ANNOUNCEMENT = {"filename": "a.pdf", "size_bytes": 1, "content_type": PDF}


@dataclass
class Person:
    """Somebody with a session token, and what is theirs."""

    user: str
    organisation: Optional[str]
    token: str
    client: HttpClient
    # By the name of the schema in the document.
    ids: dict[str, str] = field(default_factory=dict)

    def shares_documents_with(self, other: Person) -> bool:
        """Whether both are in one organisation."""
        return self.organisation is not None and self.organisation == other.organisation

    def send(self, method: str, path: str, value: Any = None, headers: Optional[dict[str, str]] = None) -> Response:
        """One request, with JSON where there is a value."""
        if value is None:
            return self.client.send(method, path, None, headers)
        return self.client.send_json(method, path, value, headers)


def somebody(url: str, user: str, organisation: Optional[str] = None) -> Person:
    """With a session token, and nothing yet."""
    token = mint(user, organisation)
    return Person(user, organisation, token, HttpClient(url, {"authorization": f"Bearer {token}"}))


def settle(url: str, person: Person, check: Callable[[], None]) -> None:
    """Gives the person a document that is ready, a conversation, and requests made under a key."""
    codeword = uuid.uuid4().hex
    content = pdf(f"Notes of {person.user}", f"The codeword of {person.user} is {codeword}.")
    taken = _expect(202, person.client.send("POST", "/v1/documents", content, {"content-type": PDF}))
    Documents(url, person.token, check).wait_ready(taken["document_id"])
    asked = _expect(200, person.send("POST", "/v1/chat", {"message": QUESTION}))
    if not any(codeword in citation["quote"] for citation in asked["citations"]):
        raise Fault(f"{person.user} was not answered from their own document: {asked}")
    person.ids = {
        "DocumentId": taken["document_id"],
        "ConversationId": asked["conversation_id"],
        "MessageId": asked["id"],
        "UserId": person.user,
        KEY_OF_QUESTION: uuid.uuid4().hex,
        KEY_OF_DOCUMENT: uuid.uuid4().hex,
    }
    _expect(200, person.send("POST", "/v1/chat", {"message": QUESTION}, {"idempotency-key": person.ids[KEY_OF_QUESTION]}))
    _expect(201, person.send("POST", "/v1/documents", ANNOUNCEMENT, {"idempotency-key": person.ids[KEY_OF_DOCUMENT]}))


def _expect(status: int, answered: Response) -> Any:
    if answered.status != status:
        raise Fault(f"setting up, the server answered {answered.status}: {answered.body!r}")
    return answered.json()
