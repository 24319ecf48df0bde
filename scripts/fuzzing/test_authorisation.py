"""The tries with others' ids, against servers that leak and one that does not."""

from __future__ import annotations

import json
import unittest
from typing import Any, Callable, Optional

from local.console import Fault
from local.http_client import HttpClient, Response
from local.paths import ROOT

from .authorisation import IDS, slots_of, try_all
from .people import KEY_OF_DOCUMENT, KEY_OF_QUESTION, Person

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
KINDS = (*IDS, KEY_OF_QUESTION, KEY_OF_DOCUMENT)


class Stub(HttpClient):
    """Answers what a function says."""

    def __init__(self, answer: Callable[[str, str, Any, dict[str, str]], Response]) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answer = answer

    def send(self, method: str, path: str, body: Optional[bytes] = None, headers: Any = None) -> Response:
        return self.answer(method, path, json.loads(body or b"null"), dict(headers or {}))


def two(answer: Callable[[str, str, Any, dict[str, str]], Response], organisation: Optional[str] = None) -> list[Person]:
    """Two people whose ids end with their names' letters."""
    return [Person(user, organisation, "", Stub(answer), {kind: f"{kind}-{user}" for kind in KINDS}) for user in "ab"]


def nothing(method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
    """The answer to an unknown id: the same for all, but for the request's id."""
    problem = {"code": "not_found", "request_id": f"{path}{headers}"}
    return Response(404, json.dumps(problem).encode(), {"x-request-id": path, "content-type": "application/problem+json"})


class Authorisation(unittest.TestCase):
    def test_every_place_that_takes_an_id_is_found_in_the_document(self) -> None:
        found = {str(slot) for slot in slots_of(DOCUMENT)}
        for expected in (
            "DELETE /v1/documents/{id} path id",
            "GET /v1/documents query cursor",
            "GET /v1/documents/{id}/pages/{n} path id",
            "DELETE /api/users/{user_id} path user_id",
            "POST /v1/chat body conversation_id",
            "POST /api/chat body session_id",
            "POST /v1/chat body filters.document_ids[]",
            "POST /v1/chat header Idempotency-Key",
        ):
            self.assertIn(expected, found)

    def test_an_id_that_nobody_has_said_anything_about_stops_the_run(self) -> None:
        parameter = {"name": "note", "in": "query", "schema": {"$ref": "#/components/schemas/NoteId"}}
        operation = {"operationId": "note", "parameters": [parameter]}
        document = {"paths": {"/v1/notes": {"get": operation}}, "components": {"schemas": {"NoteId": {"format": "uuid"}}}}
        with self.assertRaisesRegex(Fault, "NoteId"):
            list(slots_of(document))

    def test_a_server_to_which_others_ids_are_unknown_ids_is_well(self) -> None:
        outcome = try_all(DOCUMENT, two(nothing))
        self.assertEqual((outcome.findings, outcome.pairs), ([], 2 * outcome.slots))

    def test_another_status_another_word_and_another_header_are_findings(self) -> None:
        def forbidden(method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
            told = nothing(method, path, body, headers)
            return Response(403, told.body, told.headers) if path == "/v1/documents/DocumentId-b" else told

        def worded(method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
            known = (body or {}).get("conversation_id") == "ConversationId-b"
            return Response(404, b'{"code": "not_yours"}', {}) if known else Response(404, b'{"code": "not_found"}', {})

        def replayed(method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
            known = headers.get("Idempotency-Key") == f"{KEY_OF_QUESTION}-b"
            return Response(200, b'{"answer": "x"}', {"idempotency-replayed": "true"} if known else {})

        for answer, operations in (
            (forbidden, ("GET /v1/documents/{id} ", "DELETE /v1/documents/{id} ")),
            (worded, ("POST /v1/chat ", "POST /api/chat ")),
            (replayed, ("POST /v1/chat ", "POST /api/chat ")),
        ):
            findings = try_all(DOCUMENT, two(answer)).findings
            self.assertEqual(len(findings), 2, findings)
            for operation in operations:
                self.assertTrue(any(finding.startswith(operation) for finding in findings), findings)

    def test_colleagues_may_see_documents_and_nothing_else(self) -> None:
        def shown(method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
            own = path.startswith("/v1/documents") or "filters" in (body or {})
            return Response(200, json.dumps(path).encode(), {}) if own else nothing(method, path, body, headers)

        self.assertTrue(try_all(DOCUMENT, two(shown)).findings)
        self.assertEqual(try_all(DOCUMENT, two(shown, "org")).findings, [])


if __name__ == "__main__":
    unittest.main()
