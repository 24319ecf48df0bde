"""The whole stack: Postgres, object store, migrations, server; started in order, stopped in the reverse order."""

from __future__ import annotations

import signal
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional, Sequence

from . import binaries, objects, postgres, redis_store, set_up
from .console import Fault, say
from .processes import Child, run_logged
from .settings import Settings

# The server drains: requests in flight may take as long as a request may take.
SERVER_STOP_SIGNALS = ((signal.SIGTERM, 35.0),)


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    url: str
    children: Sequence[Child]
    cluster: Optional[postgres.Cluster]

    def check(self) -> None:
        """Raises when any part has ended."""
        for child in self.children:
            child.check()


def prepare(settings: Settings, redis: bool = False) -> Path:
    """Set-up and build; returns the folder with the programs."""
    steps = [set_up.PYTHON, set_up.KEYS]
    if settings.needs_postgres:
        steps.append(set_up.POSTGRES)
    if settings.needs_model:
        steps.append(set_up.MODEL_STEP)
    if settings.needs_pdfium:
        steps.append(set_up.PDFIUM_STEP)
    if redis:
        steps += set_up.REDIS_STEPS
    set_up.ensure(steps)
    return binaries.programs()


@contextmanager
def running(
    settings: Settings,
    programs: Path,
    data: Path,
    listen_address: str,
    keep: bool,
    redis: bool = False,
) -> Iterator[Stack]:
    """The stack on the data in `data`; `keep` says whether that data is to survive, `redis` whether one counts."""
    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stop_in_order:
        children = []
        cluster = None
        objects_url = None
        if settings.needs_postgres:
            cluster = postgres.start(data, logs, () if keep else postgres.FAST_SETTINGS)
            stop_in_order.callback(cluster.child.stop)
            children.append(cluster.child)
        else:
            say("using the database that DATABASE_URL names")
        if settings.needs_objects:
            store, objects_url = objects.start(logs, data / "objects" if keep else None)
            stop_in_order.callback(store.stop)
            children.append(store)
        else:
            say("using the object storage that the environment names")
        environment = settings.for_server(cluster, objects_url, listen_address)
        if redis:
            counter, url, token = redis_store.start(logs)
            stop_in_order.callback(counter.stop)
            children.append(counter)
            environment.update(UPSTASH_REDIS_REST_URL=url, UPSTASH_REDIS_REST_TOKEN=token)
        if "DATABASE_DIRECT_URL" in environment:
            run_logged("applying the migrations", [str(programs / "migrate")], logs / "migrate.log", environment)
        else:
            say("DATABASE_DIRECT_URL is not set: the migrations are taken to be applied")
        server = Child("server", [str(programs / "server")], logs, environment, stop_signals=SERVER_STOP_SIGNALS)
        stop_in_order.callback(server.stop)
        children.append(server)
        url = server.wait_ready()
        if not url.startswith(("http://", "https://")):
            raise Fault(f"the server said it is ready at {url!r}, which is no URL")
        yield Stack(url, children, cluster)
