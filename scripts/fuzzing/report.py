"""What a run of Schemathesis did, counted from its report of events."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY")


@dataclass
class Tally:
    """Numbers of one run or of several."""

    requests: int = 0
    # (method, path of the document) → statuses.
    operations: dict[tuple[str, str], Counter[int]] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Takes the numbers of another run in."""
        self.requests += other.requests
        for operation, statuses in other.operations.items():
            self.operations.setdefault(operation, Counter()).update(statuses)
        self.checks.update(other.checks)
        self.findings += other.findings


def read(path: Path) -> Tally:
    """The numbers of a report."""
    tally = Tally()
    for event in _events(path):
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        cases = recorder.get("cases", {})
        for case, interaction in recorder.get("interactions", {}).items():
            response = interaction.get("response") or {}
            about = cases.get(case, {}).get("value", {})
            tally.requests += 1
            operation = (about.get("method", "?"), about.get("path", "?"))
            tally.operations.setdefault(operation, Counter())[response.get("status_code", 0)] += 1
        for case, checks in recorder.get("checks", {}).items():
            for check in checks:
                tally.checks[check["name"]] += 1
                if check["status"] != "success":
                    tally.findings.append(_finding(check, recorder, case))
        for name in ("NonFatalError", "FatalError"):
            if name in event:
                tally.findings.append(f"{name}: {json.dumps(event[name])[:2000]}")
    return tally


def _events(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _finding(check: dict[str, Any], recorder: dict[str, Any], case: str) -> str:
    failure = check.get("failure_info", {}).get("failure", {})
    interaction = recorder.get("interactions", {}).get(case, {})
    request, response = interaction.get("request", {}), interaction.get("response") or {}
    told = " ".join(str(failure.get(name) or "") for name in ("operation", "title", "message"))
    return f"{check['name']}: {told}\n  {request.get('method')} {request.get('uri')} → {response.get('status_code')}"
