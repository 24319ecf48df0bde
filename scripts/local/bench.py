"""`scripts/bench`: what the release programs cost, each figure beside the one it is to be compared with."""

from __future__ import annotations

import argparse
import gzip
import os
import platform
from pathlib import Path

from . import binaries, library, set_up, test_parts
from .console import Fault, run_command, say
from .paths import MODEL, ROOT

# On parts of their own, by the benchmark program; the rest needs nothing that runs.
MEASURED = ("cold", "chat", "stream", "ingest", "refused")
PARTS = ("sizes", *MEASURED)
# Durable, as in a deployment: what a commit costs is part of what is measured.
POSTGRES_SETTINGS = ("max_connections=200",)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Builds the release programs and measures them, as Markdown tables on stdout: sizes, cold starts through "
        "a Runtime API on this machine, a warm server's questions without a model, answers streamed and given again beside direct calls to the "
        "same model, pages ingested per second, odd requests refused; `retrieval DIR…` measures search on collections in these folders; "
        "`embedder` holds the local embedder against candle, which it builds apart. Without arguments: all but these two.",
    )
    parser.add_argument("part", nargs="?", choices=(*PARTS, "retrieval", "embedder"), help="only this one")
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIR", help="for retrieval")
    options = parser.parse_args()
    return run_command(lambda: _bench(options.part, options.directories))


def _bench(part: str | None, directories: list[Path]) -> int:
    if directories and part != "retrieval":
        raise Fault(f"{part} takes no folders")
    wanted = [part] if part else list(PARTS)
    set_up.ensure(set_up.ALL)
    if part == "embedder":
        return _embedder()
    say("the first release build takes a quarter of an hour")
    programs = binaries.programs(release=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}\n", flush=True)
    if "sizes" in wanted:
        _sizes(programs)
    if part == "retrieval":
        return _run("retrieval", [str(directory.resolve()) for directory in directories], programs)
    measured = [name for name in wanted if name in MEASURED]
    return _run("bench", measured, programs) if measured else 0


def _embedder() -> int:
    """The local embedder beside candle, whose crate is no part of the workspace and has a folder of its own for what it builds."""
    manifest = ROOT / "tests" / "candle" / "Cargo.toml"
    command = ["run", "--release", "--locked", "--manifest-path", str(manifest), "--target-dir", str(ROOT / "target" / "candle")]
    return binaries.run_cargo([*command, "--", str(MODEL), str(library.FOLDER)], quiet_stdout=False)


def _sizes(programs: Path) -> None:
    names = sorted(
        path.name for path in programs.iterdir() if path.is_file() and not path.suffix and os.access(path, os.X_OK)
    )
    print("| program | MB | gzipped MB |\n| --- | --- | --- |")
    for name in names:
        content = (programs / name).read_bytes()
        print(f"| `{name}` | {len(content) / 1e6:.1f} | {len(gzip.compress(content, 9)) / 1e6:.1f} |")
    print(flush=True)


def _run(example: str, arguments: list[str], programs: Path) -> int:
    """One of the programs in `tests/examples`, over fresh parts."""
    folder = ROOT / "tests" / "examples"
    if not (folder / example).is_dir() and not (folder / f"{example}.rs").is_file():
        raise Fault(f"there is no {example} among tests/examples")
    with test_parts.running(programs, POSTGRES_SETTINGS) as environment:
        command = ["run", "--release", "-p", "tests", "--example", example, "--", *arguments]
        return binaries.run_cargo(command, {**os.environ, **environment}, quiet_stdout=False)
