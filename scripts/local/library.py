"""The evaluation on `tests/eval/library`: figures that a change may raise and must not lower."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Mapping

from .console import Fault, say
from .paths import ROOT

FOLDER = ROOT / "tests" / "eval" / "library"
BASELINE = ROOT / "tests" / "eval" / "baseline.json"
# One question of 192: another processor rounds the embedder's sums otherwise.
TOLERANCE = 0.006
# What holds on every processor.
EXACT = ("citation_exactness",)


def evaluate(environment: Mapping[str, str], answers: Path | None = None, release: bool = False) -> int:
    """Asks all questions of the library on the parts that `environment` names; 1 if a figure fell below the baseline."""
    command = ["cargo", "run", "-p", "tests", "--example", "library", *(["--release"] if release else []), "--", str(FOLDER)]
    if answers:
        command += ["--answers", str(answers.resolve())]
    run = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    print(run.stdout, end="", flush=True)
    if run.returncode != 0:
        raise Fault("the evaluation did not come to its end; its messages are above")
    found = json.loads(run.stdout.splitlines()[-1])
    known = json.loads(BASELINE.read_text())
    least = {name: figure - (0.0 if name in EXACT else TOLERANCE) for name, figure in known.items()}
    lower = {name: (figure, found.get(name, 0.0)) for name, figure in known.items() if found.get(name, 0.0) < least[name]}
    higher = [name for name, figure in found.items() if figure > known.get(name, 0.0)]
    for name, (was, now) in lower.items():
        say(f"{name} fell from {was} to {now}")
    if higher and not lower:
        say(f"higher than the baseline: {', '.join(higher)}; write the last line above to {BASELINE.relative_to(ROOT)}")
    return 1 if lower else 0
