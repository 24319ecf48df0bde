"""Where things are, found from this file's own place, and small file operations with no half-written states."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator, Optional

SCRIPTS = Path(__file__).resolve().parent.parent
ROOT = SCRIPTS.parent
LOCAL = ROOT / ".local"
REQUIREMENTS = SCRIPTS / "local" / "requirements.txt"
SAMPLES = ROOT / "samples"

MODEL = LOCAL / "model"
POSTGRES = LOCAL / "postgres"
PDFIUM = LOCAL / "pdfium"
REDIS = LOCAL / "redis"
LOGS = LOCAL / "logs"

TEMPORARY_PREFIX = "footnote-stack-"
MAKING_PREFIX = "making-"


def keys_directory() -> Path:
    """Where the development key pair lives; `FOOTNOTE_KEYS_DIR` moves it."""
    return Path(os.environ.get("FOOTNOTE_KEYS_DIR") or LOCAL / "keys").resolve()


def write_atomically(path: Path, content: str, mode: int = 0o644) -> None:
    """Writes so that a reader, or a later run after a crash, sees the old content or the new and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def try_lock(path: Path) -> Optional[IO[str]]:
    """Takes the lock that the file stands for, or returns None. The system lets go of it when the process ends."""
    file = open(path, "a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def write_holder(lock: IO[str], holder: str) -> None:
    """Notes in a lock file who holds it, for the message that the next one gets."""
    lock.seek(0)
    lock.truncate()
    lock.write(holder)
    lock.flush()


def replace_directory(new: Path, place: Path) -> None:
    """Puts a finished directory where an older one may stand."""
    shutil.rmtree(place, ignore_errors=True)
    os.replace(new, place)


@contextmanager
def making() -> Iterator[Path]:
    """A new directory inside `.local`, from where finished results are moved into place, gone afterwards.

    Never the same twice: programs of a run that was killed may still write to theirs for a moment.
    """
    directory = Path(tempfile.mkdtemp(dir=LOCAL, prefix=MAKING_PREFIX))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def sweep_making() -> None:
    """Removes what killed runs left. Only while no other run makes anything."""
    for left in LOCAL.glob(f"{MAKING_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def passable(path: Path) -> bool:
    """Whether a user who is neither its owner nor in its group can reach what is inside `path`."""
    resolved = path.resolve()
    return all(place.stat().st_mode & 0o001 for place in (resolved, *resolved.parents))


@contextmanager
def temporary_data() -> Iterator[Path]:
    """A data directory that is gone afterwards. What an earlier run left behind when it was killed goes too."""
    base = Path(tempfile.gettempdir())
    if os.geteuid() == 0 and not passable(base):
        base = Path("/var/tmp")
    _sweep(base)
    directory = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=base))
    # Postgres, which does not run as root, has to pass through.
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    lock = try_lock(directory / "lock")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if lock:
            lock.close()


def _sweep(base: Path) -> None:
    for left in base.glob(f"{TEMPORARY_PREFIX}*"):
        try:
            ours = left.lstat().st_uid == os.geteuid() and (left / "lock").is_file()
        except OSError:
            continue
        lock = try_lock(left / "lock") if ours else None
        if lock:
            shutil.rmtree(left, ignore_errors=True)
            lock.close()
