"""Rules of CONVENTIONS.md that no other tool knows."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .files import ROOT, every_file, files_named, interpreter_of, text_of

LINES_MAX = 400

# Where a secret is used: a request is signed, a connection opened. A new place deserves a look.
EXPOSES_SECRETS = re.compile(
    r"shared/src/(auth|db|env|http|llm|redis|secrets|storage|tls)(\.rs|/.+)|functions/(delete-user|server)/src/.+|tests/.+"
)

# `runtime` asks whether it is on Lambda, by a variable that is no setting.
READS_ENVIRONMENT = re.compile(r"shared/src/(env(\.rs|/.+)|runtime\.rs)|tests/.+|.+/tests\.rs")

# Written in two pieces, so that this file does not accuse itself.
LEFT_UNDONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
TEXT = (".rs", ".py", ".sh", ".sql", ".toml", ".yaml", ".yml", ".tf", ".html", ".js")


def rust_rules() -> list[str]:
    return [problem for path in files_named(".rs") for problem in _rust_problems(str(path), text_of(path))]


def nothing_left_undone() -> list[str]:
    found = [path for path in every_file() if path.suffix in TEXT or (not path.suffix and interpreter_of(path))]
    return [f"{path}:{line}: a note of work left undone" for path in found for line in _lines(LEFT_UNDONE, text_of(path))]


def scripts_are_executable() -> list[str]:
    scripts = [path for path in sorted((ROOT / "scripts").iterdir()) if path.is_file()]
    scripts += [path for path in (ROOT / ".ci").glob("*") if path.is_file()]
    not_executable = [path for path in scripts if not os.access(path, os.X_OK)]
    return [f"{path.relative_to(ROOT)}: not executable" for path in not_executable]


def migrations() -> list[str]:
    """Dated names, in which the order of names is the order of application."""
    problems = []
    numbers: set[str] = set()
    for path in sorted((ROOT / "shared" / "migrations").iterdir()):
        name = path.name
        dated = re.fullmatch(r"(20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])-\d\d)-[a-z0-9-]+\.sql", name)
        if not dated:
            problems.append(f"shared/migrations/{name}: not named YYYY-MM-DD-NN-what.sql")
            continue
        if dated[1] in numbers:
            problems.append(f"shared/migrations/{name}: {dated[1]} is taken")
        numbers.add(dated[1])
        if not text_of(path.relative_to(ROOT)).startswith("-- "):
            problems.append(f"shared/migrations/{name}: its first line does not say what it is for")
    return problems


def _rust_problems(path: str, text: str) -> list[str]:
    problems = []
    count = text.count("\n")
    if not text.startswith("//!"):
        problems.append(f"{path}: does not open with `//!`")
    if count > LINES_MAX and "\n//! Long because" not in text:
        problems.append(f"{path}: {count} lines; more than {LINES_MAX} need a line `//! Long because …`")
    rules = [(r"#!?\[(allow|ignore)\b", "write #[expect(…, reason = …)], and run every test")]
    if not READS_ENVIRONMENT.fullmatch(path):
        rules.append((r"\benv::vars?(_os)?\b", "only shared::env reads the environment"))
    if not EXPOSES_SECRETS.fullmatch(path):
        rules.append((r"\bexpose_secret(_mut)?\b", "a secret is exposed only where a request is signed; see EXPOSES_SECRETS"))
    for pattern, why in rules:
        problems += [f"{path}:{line}: {why}" for line in _lines(re.compile(pattern), text)]
    return problems


def _lines(pattern: re.Pattern[str], text: str) -> list[int]:
    """The numbers of the lines that match."""
    return [number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def listed_settings() -> list[str]:
    """`.env.example` is comments and NAME=value lines, each name once. That it is complete is a test's business."""
    place = Path(".env.example")
    if not (ROOT / place).exists():
        return [f"{place} is missing"]
    problems = []
    names: set[str] = set()
    for number, line in enumerate(text_of(place).splitlines(), 1):
        setting = re.fullmatch(r"(?:# ?)?([A-Z][A-Z0-9_]+)=(.*)", line)
        if line.strip() and not line.startswith("#") and not setting:
            problems.append(f"{place}:{number}: neither a comment nor NAME=value")
        if not setting:
            continue
        if setting[1] in names:
            problems.append(f"{place}:{number}: {setting[1]} is listed twice")
        names.add(setting[1])
        if setting[2] != setting[2].strip():
            problems.append(f"{place}:{number}: space around the value of {setting[1]}")
    return problems
