"""The files of this repository, found without git so that a plain copy can be checked too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Made by tools, and not in the repository.
MADE = {".git", ".local", ".aws-sam", ".ruff_cache", ".terraform", "__pycache__", "node_modules", "target"}

# In the repository as others wrote it; its rules are theirs.
FOREIGN = {"vendor"}


def every_file() -> Iterator[Path]:
    """Each file, relative to the root, in a stable order."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - MADE - FOREIGN)
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(ROOT)


def files_named(*suffixes: str) -> list[Path]:
    """The files whose names end so."""
    return [path for path in every_file() if path.name.endswith(suffixes)]


def text_of(path: Path) -> str:
    """The text of a file that `every_file` named."""
    return (ROOT / path).read_text("utf-8")


def interpreter_of(path: Path) -> str:
    """The first line of a script (`#!…`), or an empty string."""
    with open(ROOT / path, "rb") as file:
        first = file.readline(200)
    return first.decode("utf-8", "replace").strip() if first.startswith(b"#!") else ""
