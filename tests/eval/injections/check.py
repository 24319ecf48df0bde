#!/usr/bin/env python3
"""Checks that the cases of this folder are whole: what each is about is in it, and nothing in the files is invisible. Whether
the bundle withstands them is what their runners test."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, Iterator

HERE = Path(__file__).resolve().parent
CASES_MIN, OUTPUTS_MIN, LANGUAGES_MIN = 300, 150, 8


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def is_invisible(found: str) -> bool:
    """Whether a reviewer would not see the character, or see another order."""
    return unicodedata.category(found) in ("Cf", "Co", "Cn", "Cc", "Zl", "Zp") or "\ufe00" <= found <= "\ufe0f" or "\U000e0100" <= found <= "\U000e01ef"


def problems() -> list[str]:
    """All that is wrong with the two files."""
    return [*_visible("cases.jsonl"), *_visible("model_outputs.jsonl"), *_cases(read("cases.jsonl")), *_outputs(read("model_outputs.jsonl"))]


def _visible(name: str) -> Iterator[str]:
    for number, line in enumerate((HERE / name).read_text("utf-8").split("\n"), 1):
        found = sorted({f"U+{ord(each):04X}" for each in line if is_invisible(each)})
        if found:
            yield f"{name}:{number}: write as escapes: {', '.join(found)}"


def _cases(cases: list[dict[str, Any]]) -> Iterator[str]:
    yield from _unique(cases, "payload", CASES_MIN)
    languages = {case["language"] for case in cases if case["kind"] == "instruction"}
    if len(languages) < LANGUAGES_MIN:
        yield f"orders in {len(languages)} languages only"
    for case in cases:
        expect = case["expect"]
        text = case["passage"] + case.get("title", "") + case["question"]
        if case["payload"] not in text:
            yield f"{case['id']}: the payload is nowhere"
        # The true answer is there to be found, whatever the document wants.
        yield from (f"{case['id']}: {answer!r} is not in the passage" for answer in expect["answer_has"] if answer not in case["passage"])
        for forged in expect.get("prompt_adds_none_of", []):
            if forged[:1] not in text:
                yield f"{case['id']}: nothing could add {forged!r}"
        if "obeyed" in case and not any(lack.lower() in case["obeyed"].lower() for lack in expect["answer_lacks"]):
            yield f"{case['id']}: its `obeyed` would pass undefended"


def _outputs(outputs: list[dict[str, Any]]) -> Iterator[str]:
    yield from _unique(outputs, "output", OUTPUTS_MIN)
    for case in outputs:
        harmless = case["kind"] in ("control", "refusal", "bulk")
        if not harmless and "citations" not in case and not any(part.lower() in case["output"].lower() for part in case["must_not_contain"]):
            yield f"{case['id']}: would pass undefended"
        for number, quote in case.get("cited", []):
            if quote not in case["passages"][number - 1]:
                yield f"{case['id']}: {quote!r} is not in passage {number}"
        for part in case.get("must_contain", []):
            if any(bad.lower() in part.lower() for bad in case["must_not_contain"]):
                yield f"{case['id']}: {part!r} is wanted and forbidden"


def _unique(cases: list[dict[str, Any]], member: str, least: int) -> Iterator[str]:
    if len(cases) < least:
        yield f"{len(cases)} cases, {least} are wanted"
    for name in ("id", member):
        # The same output may be judged over other passages, the same payload in another place.
        seen = Counter((case[name], json.dumps(case.get("passages")), case.get("title"), case["kind"]) if name != "id" else case[name] for case in cases)
        yield from (f"{name} {value!r} stands {count} times" for value, count in seen.items() if count > 1)


def main() -> int:
    found = problems()
    print("\n".join(found))
    for name in ("cases.jsonl", "model_outputs.jsonl"):
        cases = read(name)
        kinds = Counter(case["kind"] for case in cases)
        print(f"{name}: {len(cases)}, of which {sum('gap' in case for case in cases)} are gaps: {', '.join(f'{kind} {count}' for kind, count in kinds.most_common())}")
    print(f"{len(found)} problems" if found else "all well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
