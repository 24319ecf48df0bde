"""`scripts/eval`: how well the bundle searches test collections, and how fast, beside Postgres' own text search."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from . import binaries, library, postgres, set_up, test_parts
from .console import Fault, run_command
from .paths import ROOT

FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")
# Beside the repository, where there is one: test collections have licences of their own.
DEFAULT = ROOT.parent / "shared" / "eval"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="eval",
        description="Without DIR, the questions of tests/eval/library through the whole bundle, held against the stored figures; then, "
        "nDCG@10, recall@100 and time per question of BM25, vectors and both fused, through the bundle's own SQL as "
        "the application's role under row-level security, with Postgres' ts_rank_cd beside them: Markdown tables on stdout. "
        f"Each DIR holds a collection in BEIR's layout ({', '.join(FILES)}); without any, those in ../shared/eval. "
        "Vectors are kept in .local/vectors: the first run on a collection embeds it. `eval scale` measures instead what a search "
        "costs in workspaces of 10 to 50,000 chunks.",
    )
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIR|scale")
    parser.add_argument("--release", action="store_true", help="with the release build")
    options = parser.parse_args()
    return run_command(lambda: _eval(options.directories, options.release))


def _eval(directories: list[Path], release: bool) -> int:
    if directories == [Path("scale")]:
        return _run(["scale"], release, of_library=False)
    collections = directories or sorted(path.parent for path in DEFAULT.glob(f"*/{FILES[0]}"))
    for directory in collections:
        missing = [name for name in FILES if not (directory / name).is_file()]
        if missing:
            raise Fault(f"{directory} has no {missing[0]}")
    return _run([str(directory.resolve()) for directory in collections], release, of_library=not directories)


def _run(arguments: list[str], release: bool, of_library: bool) -> int:
    set_up.ensure(set_up.ALL)
    programs = binaries.programs(release)
    with test_parts.running(programs, postgres.FAST_SETTINGS) as environment:
        code = library.evaluate(environment, release=release) if of_library else 0
        if code or not arguments:
            return code
        command = ["run", "-p", "tests", "--example", "retrieval", *(["--release"] if release else []), "--"]
        return binaries.run_cargo([*command, *arguments], {**os.environ, **environment}, quiet_stdout=False)
