"""Broken object-level authorisation: every id of one person, in every place that takes one, tried by every other. What is not
yours must answer exactly like what does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional
from urllib.parse import quote

from local.console import Fault
from local.http_client import Response

from .people import ANNOUNCEMENT, QUESTION, Person

# What else a request needs, and what of its success is new each time, by operation.
BODIES: dict[str, dict[str, Any]] = {"ask": {"message": QUESTION}, "takeDocument": ANNOUNCEMENT}
NEW_EACH_TIME = {"ask": ("id", "conversation_id", "timings_ms"), "takeDocument": ("document_id", "upload")}
OTHER_PARAMETERS = {"n": "1"}
# Two responses never agree on these.
VOLATILE = ("x-request-id", "date", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset")
IDS = ("DocumentId", "ConversationId", "MessageId", "UserId")


@dataclass(frozen=True)
class Slot:
    """A place of an operation that takes an id."""

    method: str
    path: str
    operation: str
    place: str
    name: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.place} {'.'.join(self.name)}"


@dataclass
class Outcome:
    """What the tries found."""

    slots: int = 0
    pairs: int = 0
    findings: list[str] = field(default_factory=list)


def try_all(document: Mapping[str, Any], people: list[Person]) -> Outcome:
    """Everybody tries everybody else's ids."""
    slots = list(slots_of(document))
    outcome = Outcome(slots=len(slots))
    for slot in slots:
        for attacker in people:
            for victim in people:
                # Colleagues share documents, by design.
                shared = slot.kind == "DocumentId" and attacker.shares_documents_with(victim)
                if attacker is not victim and not shared:
                    outcome.pairs += 1
                    _compare(slot, attacker, victim, outcome)
    return outcome


def slots_of(document: Mapping[str, Any]) -> Iterator[Slot]:
    """Every place that takes an id, read from the document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"].removesuffix("Alias")
            for parameter in operation.get("parameters", ()):
                key = f"Idempotency-Key of {name}" if parameter["name"] == "Idempotency-Key" else None
                kind = key or _kind(document, parameter["schema"])
                if kind:
                    yield Slot(method.upper(), path, name, parameter["in"], (parameter["name"],), kind)
            content = operation.get("requestBody", {}).get("content", {})
            for members, kind in _in_body(document, content.get("application/json", {}).get("schema", {})):
                yield Slot(method.upper(), path, name, "body", members, kind)


def _compare(slot: Slot, attacker: Person, victim: Person, outcome: Outcome) -> None:
    foreign = _told(slot, _send(slot, attacker, victim.ids[slot.kind]))
    unknown = _told(slot, _send(slot, attacker, _unknown(victim.ids[slot.kind])))
    if foreign != unknown:
        outcome.findings.append(
            f"{slot}: {attacker.user} with the {slot.kind} of {victim.user}:\n  {foreign}\nbut with an unknown one:\n  {unknown}"
        )


def _unknown(known: str) -> str:
    """An id of the same shape and age that nothing has; lists are in order of age."""
    return known[:-1] + ("0" if known[-1] != "0" else "1")


def _send(slot: Slot, attacker: Person, value: str) -> Response:
    path, headers, body = slot.path, {}, None
    if slot.operation in BODIES:
        body = dict(BODIES[slot.operation])
    elif slot.place == "body":
        raise Fault(f"say in BODIES of {__name__} what {slot.operation} needs")
    if slot.place == "body":
        _put(body or {}, slot.name, value)
    elif slot.place == "header":
        headers = {slot.name[0]: value}
    elif slot.place == "query":
        path += f"?{slot.name[0]}={quote(value)}"
    path = path.replace(f"{{{slot.name[0]}}}", quote(value))
    # Beside another's message, one's own conversation.
    path = path.replace("/conversations/{id}", f"/conversations/{quote(attacker.ids['ConversationId'])}")
    for name, other in OTHER_PARAMETERS.items():
        path = path.replace(f"{{{name}}}", other)
    if "{" in path:
        raise Fault(f"say in OTHER_PARAMETERS of {__name__} what {path} takes")
    return attacker.send(slot.method, path, body, headers)


def _put(body: dict[str, Any], names: tuple[str, ...], value: str) -> None:
    *outer, last = names
    for name in outer:
        body = body.setdefault(name, {})
    if last.endswith("[]"):
        body[last[:-2]] = [value]
    else:
        body[last] = value


def _told(slot: Slot, response: Response) -> tuple[int, dict[str, str], Any]:
    """All that a response tells, without what is new each time."""
    headers = {name: value for name, value in response.headers.items() if name not in VOLATILE}
    body = response.json()
    if not isinstance(body, dict):
        return response.status, headers, response.body
    new = NEW_EACH_TIME.get(slot.operation, ()) if response.status < 400 else ("request_id",)
    if response.status < 400:
        # As long as what is new each time.
        headers.pop("content-length", None)
    return response.status, headers, {name: value for name, value in body.items() if name not in new}


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Optional[str]:
    """Which id a value is, if it is one."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    if name in IDS:
        return name
    known = document["components"]["schemas"].get(name, schema)
    if known.get("format") == "uuid" or name.endswith("Id"):
        raise Fault(f"say in IDS of {__name__} whose {name or schema} is")
    return None


def _in_body(
    document: Mapping[str, Any], schema: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    kind = _kind(document, schema) if above else None
    if kind:
        yield above, kind
        return
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for alternative in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _in_body(document, alternative, above)
    if "items" in schema and above:
        yield from _in_body(document, schema["items"], (*above[:-1], above[-1] + "[]"))
    for name, member in schema.get("properties", {}).items():
        yield from _in_body(document, member, (*above, name))
