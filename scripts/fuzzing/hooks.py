"""What Schemathesis cannot read in the document: PDFs, percent-encoded names, ids that exist, and what is not to be seen.

Schemathesis loads this (`hooks` in its settings), with `FUZZ_FACTS` in the environment.
"""

from __future__ import annotations

import json
import os
import random
import re
import uuid
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import schemathesis
from hypothesis import strategies
from schemathesis.core.parameters import ParameterLocation

from .pdfs import pdf

# own: ids of the person in whose name requests are sent, by the document's schema; foreign: all that others have.
FACTS: dict[str, Any] = json.loads(os.environ["FUZZ_FACTS"])
FOREIGN = [value for person in FACTS["foreign"] for value in person.values()]
# What a form may be, once the document is read.
FORMS: list[Any] = []
CHOICE = random.Random(int(FACTS["seed"]))
KEY = re.compile(r"[!-~]{1,255}")
# Trimming would leave nothing of the others, or they are control characters.
NAMES = strategies.text(strategies.characters(exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=255)

schemathesis.openapi.format("percent-encoded", NAMES.map(quote))
# The one kind of file that the API takes: readable ones, and ones that only begin like one.
schemathesis.openapi.format(
    "binary",
    strategies.one_of(
        strategies.builds(pdf, strategies.text("abc ()\\", max_size=40)),
        strategies.binary(max_size=200).map(b"%PDF-1.7\n".__add__),
    ),
)


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """What answers hold is listed in full: a member that is not is a finding, though clients are to expect more."""
    schemas = raw_schema["components"]["schemas"]
    for schema in schemas.values():
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    form = {"$ref": "#/components/schemas/DocumentForm", "components": {"schemas": schemas}}
    FORMS.append(jsonschema_rs.Draft202012Validator(form, validate_formats=True))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """A form that is meant to be wrong is, also as text: `false` in one of its parts is the text "false", and may be right.
    Schemathesis sees to that by itself in other bodies, and cannot where bytes are among the members."""
    form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    if not form or case.meta is None or not case.meta.is_negative_at(ParameterLocation.BODY):
        return True
    # A list is a part for each of its members: none, where it is empty.
    members = {name: value if isinstance(value, list) else [value] for name, value in case.body.items()}
    if any(member is None or isinstance(member, (bool, int, float)) for each in members.values() for member in each):
        return False
    if any(len(each) > 1 for each in members.values()):
        return True
    return not FORMS[-1].is_valid({name: _as_text(member) for name, each in members.items() for member in each})


def _as_text(member: Any) -> str:
    """A part of a form. What has members is sent as JSON; bytes, which Schemathesis wraps in a kind of text, may be any."""
    if isinstance(member, (list, dict)):
        return json.dumps(member, default=str)
    return member if type(member) is str else "bytes"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Leads requests to things that are there, and away from the answers that were kept under a key."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    # One in eight is sent as it was made: most of those were used already. Not where requests follow on each other: a repeated
    # answer may name what was deleted since, and rightly so.
    follows = case.meta is not None and case.meta.phase.name.value == "stateful"
    if isinstance(key, str) and KEY.fullmatch(key) and (follows or CHOICE.randrange(8)):
        headers["Idempotency-Key"] = uuid.uuid4().hex
    parameters = case.path_parameters or {}
    if case.meta and case.meta.generation.mode.is_positive and case.meta.phase.name.value == "fuzzing":
        if "id" in parameters and CHOICE.randrange(2):
            parameters["id"] = CHOICE.choice([FACTS["own"], CHOICE.choice(FACTS["foreign"])])["DocumentId"]
            if "n" in parameters:
                parameters["n"] = CHOICE.choice([1, 1, 2])
        if isinstance(case.body, dict) and "/chat" in case.path and not CHOICE.randrange(4):
            _name_what_is_known(case.body)
        if "user_id" in parameters and not CHOICE.randrange(4):
            parameters["user_id"] = CHOICE.choice(FACTS["foreign"])["UserId"]
    # What the other requests need is deleted at the end of the run, and not by one of them.
    if case.method == "DELETE" and set(parameters.values()) & {FACTS["own"]["DocumentId"], FACTS["own"]["UserId"]}:
        other = CHOICE.choice(FACTS["foreign"])
        case.path_parameters = {name: other["DocumentId" if name == "id" else "UserId"] for name in parameters}


def _name_what_is_known(body: dict[str, Any]) -> None:
    someone = CHOICE.choice([FACTS["own"], *FACTS["foreign"]])
    if CHOICE.randrange(2):
        body.pop("session_id", None)
        body["conversation_id"] = someone["ConversationId"]
    else:
        body["filters"] = {"document_ids": [someone["DocumentId"]]}


@schemathesis.check
def nothing_foreign_is_seen(context: Any, response: Any, case: Any) -> None:
    """No answer names what another person has, and naming it is like naming nothing."""
    text = response.content.decode("utf-8", "replace")
    seen = [value for value in FOREIGN if value in text]
    if seen:
        raise AssertionError(f"the answer names what is another's: {seen}")
    named = [value for value in FOREIGN if value in (case.path_parameters or {}).values()]
    if named and response.status_code not in (400, 401, 403, 404, 405):
        raise AssertionError(f"{named} of another was answered with {response.status_code}")
