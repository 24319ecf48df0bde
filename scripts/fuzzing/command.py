"""`scripts/fuzz`: the stack on free ports, two people's requests by Schemathesis, then everybody's ids tried by everybody else."""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from checks.tools import tools
from local import stack
from local.console import Fault, run_command, say
from local.http_client import HttpClient
from local.paths import ROOT, SCRIPTS, temporary_data
from local.settings import Settings
from local.stack import Stack

from . import authorisation, held, report
from .people import Person, settle, somebody

REQUESTS = 5_000
# Below this the phase that walks every bound of every schema (some 650 requests) is left out.
REQUESTS_FOR_BOUNDS = 1_500
SECONDS_MAX = 900.0
# A request that keeps the document may still name what is not there, not be the caller's, or reuse a key.
SETTINGS = """
hooks = "fuzzing.hooks"

[auth.openapi.session]
bearer = "${FUZZ_TOKEN}"

[checks]
positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "409", "422"]
negative_data_rejection.expected-statuses = ["4xx"]
"""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="fuzz",
        description="Starts the stack on free ports with data that is thrown away, sends requests made from its OpenAPI document "
        "in the name of two people, holds every answer to the document, and tries everybody's ids as everybody else. "
        "Ends with 0 only if nothing was found.",
    )
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help=f"at least so many (default {REQUESTS})")
    parser.add_argument("--seed", type=int, metavar="S", help="of an earlier run, to do the same again")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    return run_command(lambda: fuzz(options.requests, seed))


def fuzz(requests: int, seed: int) -> int:
    """The whole run; 0 if nothing was found."""
    began = time.monotonic()
    say("== set-up")
    _forget_settings()
    tool = tools("fuzz-venv", (SCRIPTS / "fuzzing" / "requirements.txt").read_text("utf-8"))
    settings = Settings()
    programs = stack.prepare(settings)
    say("== stack")
    with temporary_data() as data, stack.running(settings, programs, data, "127.0.0.1:0", keep=False) as running:
        people = [somebody(running.url, user, organisation) for user, organisation in _people()]
        for person in people:
            settle(running.url, person, running.check)
        tally = report.Tally()
        document = _document(people[0], tally)
        for number, person in enumerate(people[:2]):
            say(f"== requests of {person.user}")
            _send(running, tool, data, person, people, (requests + 1) // 2, seed + number * 1_000, tally)
        say("== ids of others")
        # What the requests left is no longer what was set up.
        for person in people[:2]:
            settle(running.url, person, running.check)
        tried = _try_ids(running, document, people)
        say("== deletion of the accounts")
        for person, path in zip(people, ("/v1/users", "/api/users", "/v1/users", "/api/users")):
            _delete(running, document, person, path, people, tally)
        findings = [*tally.findings, *tried.findings, *_errors(data / "logs" / "server.log")]
        _print(document, tally, tried, findings, seed, time.monotonic() - began)
    return 1 if findings else 0


def _document(person: Person, tally: report.Tally) -> dict[str, Any]:
    """The document that is served. Schemathesis reads it too, and counts that not as a request."""
    served = person.client.send("GET", "/v1/openapi.json")
    if (served.status, served.headers.get("content-type")) != (200, "application/json"):
        raise Fault(f"/v1/openapi.json answered {served.status}, {served.headers.get('content-type')}")
    tally.operations["GET", "/v1/openapi.json"] = Counter({200: 1})
    return dict(served.json())


def _people() -> list[tuple[str, str | None]]:
    return [("fuzz_alice", None), ("fuzz_bob", None), ("fuzz_carol", "org_fuzz"), ("fuzz_dave", "org_fuzz")]


def _forget_settings() -> None:
    """Settings of the server in the caller's environment: this runs on parts of its own, without a model, and the local
    stack's limits are as good as none."""
    listed = re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    for name in [name for name in os.environ if name in listed or name.startswith("AWS_")]:
        del os.environ[name]


def _send(
    running: Stack,
    tool: dict[str, str],
    data: Path,
    person: Person,
    people: list[Person],
    requests: int,
    seed: int,
    tally: report.Tally,
) -> None:
    """Rounds of Schemathesis until enough requests were sent in the person's name."""
    others = [other for other in people if other is not person]
    own = held.workspace_of(running.cluster, person.user)
    before = {row for row in held.rows(running.cluster) if row.workspace != own}
    sent, number = 0, 0
    began = time.monotonic()
    while sent < requests:
        if time.monotonic() - began > SECONDS_MAX:
            raise Fault(f"{sent} requests took {SECONDS_MAX:.0f} s")
        bounds = number == 0 and requests >= REQUESTS_FOR_BOUNDS // 2
        phases = "fuzzing,stateful" if number or not bounds else "examples,coverage,fuzzing,stateful"
        # A round sends about eight requests per example, and some 650 where it walks the bounds.
        examples = max(4, min(150, (requests - sent - (650 if bounds else 0)) // 8))
        facts = {"seed": seed + number, "user": person.user, "own": person.ids, "foreign": [other.ids for other in others]}
        done = _round(running, tool, data, person, facts, phases, examples)
        tally.add(done)
        sent += done.requests
        number += 1
        say(f"   {sent} requests, {len(done.findings)} findings, {time.monotonic() - began:.0f} s")
        if not done.requests:
            raise Fault("a round sent nothing")
    after = {row for row in held.rows(running.cluster) if row.workspace != own}
    # The audit log notes of whom nobody knows who they are, too.
    for row in {row for row in before ^ after if row.workspace or row in before}:
        tally.findings.append(f"what is another's was changed by requests of {person.user}: {row}")


def _round(
    running: Stack, tool: dict[str, str], data: Path, person: Person, facts: dict[str, Any], phases: str, examples: int
) -> report.Tally:
    name = f"schemathesis-{person.user}-{facts['seed']}"
    configuration, events, log = data / f"{name}.toml", data / f"{name}.ndjson", data / "logs" / f"{name}.log"
    configuration.write_text(SETTINGS, "utf-8")
    command = ["schemathesis", "--no-color", "--config-file", str(configuration), "run", f"{running.url}/v1/openapi.json"]
    command += ["--phases", phases, "--max-examples", str(examples)]
    command += ["--seed", str(facts["seed"]), "--continue-on-failure", "--generation-database", "none", "--warnings", "off"]
    # It compares people whom Schemathesis signs in itself; here `authorisation` does that.
    command += ["--exclude-checks", "object_level_authorization", "--generation-with-security-parameters", "false"]
    command += ["--report-ndjson-path", str(events), "--output-truncate", "false"]
    path = [str(SCRIPTS), *filter(None, [tool.get("PYTHONPATH")])]
    environment = {
        **tool,
        "FUZZ_FACTS": json.dumps(facts),
        "FUZZ_TOKEN": person.token,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "127.0.0.1",
    }
    with log.open("wb") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=data).returncode
    running.check()
    if not events.exists():
        raise Fault(f"Schemathesis ended with {code}:\n{log.read_text('utf-8', 'replace')}")
    tally = report.read(events)
    if code or tally.findings:
        print(log.read_text("utf-8", "replace"), flush=True)
    if code and not tally.findings:
        tally.findings.append(f"Schemathesis ended with {code}; its words are above")
    return tally


def _try_ids(running: Stack, document: dict[str, Any], people: list[Person]) -> authorisation.Outcome:
    before = held.rows(running.cluster)
    outcome = authorisation.try_all(document, people)
    gone = before - held.rows(running.cluster)
    outcome.findings += [f"a row was changed or deleted by somebody whose it is not: {row}" for row in gone]
    for person in people:
        shown = person.send("GET", f"/v1/documents/{person.ids['DocumentId']}")
        continued = person.send("POST", "/v1/chat", {"message": "Go on?", "conversation_id": person.ids["ConversationId"]})
        if (shown.status, continued.status) != (200, 200):
            outcome.findings.append(f"{person.user} lost something: {shown.status} {continued.status}")
    return outcome


def _delete(
    running: Stack, document: dict[str, Any], person: Person, path: str, people: list[Person], tally: report.Tally
) -> None:
    """Deletes the person's account, which no request before did, and sees that nobody else's rows went with it."""
    others = [other.user for other in people if other is not person]
    before = held.rows_of(running.cluster, others)
    for bad in ("", "Bearer x", person.client.headers["authorization"][:-4]):
        refused = HttpClient(running.url, {"authorization": bad}).send("DELETE", f"{path}/{person.user}")
        if refused.status != 401:
            tally.findings.append(f"DELETE {path}/{person.user} with {bad[:8]!r} answered {refused.status}")
    deleted = person.send("DELETE", f"{path}/{person.user}")
    tally.operations.setdefault(("DELETE", f"{path}/{{user_id}}"), Counter())[deleted.status] += 1
    tally.requests += 1
    members = set(document["components"]["schemas"]["Erased"]["required"])
    if deleted.status != 200 or set(deleted.json()) != members:
        tally.findings.append(f"DELETE {path}/{person.user} answered {deleted.status}: {deleted.body!r}")
    left = {row.table for row in held.rows_of(running.cluster, [person.user])}
    if left:
        tally.findings.append(f"after the account of {person.user} was deleted, rows are left in {', '.join(sorted(left))}")
    if held.rows_of(running.cluster, others) != before:
        tally.findings.append(f"rows of others went with the account of {person.user}")


def _errors(log: Path) -> list[str]:
    """What the server itself calls an error."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return [f"the server logged an error: {line}" for line in lines if '"level":"ERROR"' in line or "panicked at" in line]


def _print(
    document: dict[str, Any],
    tally: report.Tally,
    tried: authorisation.Outcome,
    findings: list[str],
    seed: int,
    seconds: float,
) -> None:
    described = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
    reached = [operation for operation in described if operation in tally.operations]
    succeeded = [one for one in reached if any(200 <= status < 300 for status in tally.operations[one])]
    print(f"operations: {len(described)} described, {len(reached)} called, {len(succeeded)} with success")
    for operation in described:
        statuses = sorted(tally.operations.get(operation, {}).items())
        print(f"  {operation[0]:6} {operation[1]:32} " + " ".join(f"{status}×{count}" for status, count in statuses))
    print(f"checks: {sum(tally.checks.values())}")
    for name, count in sorted(tally.checks.items()):
        print(f"  {name:32} {count}")
    print(f"ids of others: {tried.pairs} pairs of requests over {tried.slots} places that take an id")
    if len(reached) < len(described):
        missing = sorted(set(described) - set(reached))
        findings.append(f"never called: {missing}")
    for finding in findings:
        print(f"finding: {finding}")
    print(f"{tally.requests} requests, {len(findings)} findings, {seconds:.0f} s, --seed {seed}", flush=True)
