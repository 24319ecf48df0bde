"""PgBouncer, the pooler that the isolation tests go through: the machine's own, or Debian's package taken apart."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Optional, Sequence

from .console import Fault, say
from .paths import LOCAL, LOGS, making, replace_directory
from .pins import is_stamped, put_stamp, remove_stamp, stamp_for
from .processes import run_logged

NAME = "pgbouncer"
PLACE = LOCAL / NAME
PROGRAM = PLACE / NAME
LIBRARIES = PLACE / "lib"
LOG = LOGS / "set-up-pgbouncer.log"
RELEASE = Path("/etc/os-release")
# Where packages put it; not every user's PATH holds these.
SYSTEM_PLACES = ("/usr/local/sbin", "/usr/sbin")
# Its absence must not be overlooked: what is proven then is less.
WARNING = "== WARNING: THERE IS NO PGBOUNCER HERE; the isolation tests go straight to Postgres and prove nothing about a pooler: "


def variables() -> dict[str, str]:
    """What tells tests where it is; nothing, with a loud word about it, where it cannot be had."""
    found = shutil.which(NAME, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_PLACES)))
    if found:
        return {"TEST_PGBOUNCER": found}
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        say(f"{WARNING}install the package {NAME}")
        return {}
    # A package belongs to one release of one distribution: its libraries are that release's.
    stamp = stamp_for(NAME, RELEASE.read_text("utf-8") if RELEASE.exists() else "")
    if not (is_stamped(NAME, stamp) and PROGRAM.is_file()):
        remove_stamp(NAME)
        try:
            _take()
        except Fault as fault:
            say(f"{WARNING}{fault}")
            return {}
        put_stamp(NAME, stamp)
    return {"TEST_PGBOUNCER": str(PROGRAM), "TEST_PGBOUNCER_LIBRARIES": str(LIBRARIES)}


def _take() -> None:
    """The program out of its package, and those of its libraries that this machine lacks. No root is needed."""
    with making() as work:
        new, root = work / "new", work / "root"
        (new / "lib").mkdir(parents=True)
        options = _fetch(work, [NAME])
        [package] = work.glob(f"{NAME}_*.deb")
        _run(["dpkg-deb", "-x", str(package), str(root)])
        shutil.copy2(root / "usr" / "sbin" / NAME, new / NAME)
        missing = missing_libraries(_run(["ldd", str(new / NAME)]))
        if missing:
            libraries = library_packages(_run(["dpkg-deb", "-f", str(package), "Depends"]))
            _fetch(work, libraries, options)
            for library in work.glob("lib*.deb"):
                _run(["dpkg-deb", "-x", str(library), str(root)])
        for name in missing:
            found = next(root.rglob(name), None)
            if found:
                shutil.copyfile(found, new / "lib" / name)
        _run([str(new / NAME), "--version"], {"LD_LIBRARY_PATH": str(new / "lib")})
        replace_directory(new, PLACE)


def _fetch(work: Path, packages: Sequence[str], options: Optional[Sequence[str]] = None) -> Sequence[str]:
    """Downloads packages into `work`; answers the options that it took."""
    title = "fetching PgBouncer"
    if options is None:
        try:
            return _fetch(work, packages, ())
        except Fault:
            # A machine without package lists, or with old ones. Lists of one's own need nobody's leave.
            (work / "lists" / "partial").mkdir(parents=True)
            options = ("-o", f"Dir::State::lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}")
            run_logged("fetching the lists of packages", ["apt-get", *options, "update"], LOG)
    run_logged(title, ["apt-get", *options, "download", *packages], LOG, cwd=work)
    return options


def missing_libraries(listed: str) -> list[str]:
    """What the dynamic linker did not find, from what `ldd` prints."""
    return re.findall(r"^\s*(\S+) => not found", listed, re.MULTILINE)


def library_packages(depends: str) -> list[str]:
    """The libraries among a package's dependencies, the first of each choice; the C library is there."""
    names = [choice.split("|")[0].split("(")[0].split(":")[0].strip() for choice in depends.split(",")]
    return [name for name in names if name.startswith("lib") and name != "libc6"]


def _run(arguments: Sequence[str], environment: Optional[dict[str, str]] = None) -> str:
    done = subprocess.run(
        list(arguments), capture_output=True, text=True, env={**os.environ, "LC_ALL": "C", **(environment or {})}
    )
    if done.returncode != 0:
        raise Fault(f"{arguments[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
