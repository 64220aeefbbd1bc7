"""Running a program and what the operating system says it took."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from tests.benchmarks.figures import IncompleteError

LONGEST_SECONDS = 480.0
"""A program that takes longer is ended, and its benchmark with it."""
LAST_LINES = 15
_RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024

P = ParamSpec("P")
T = TypeVar("T")


class Usage(msgspec.Struct, frozen=True):
    """What one run of a program took.

    Attributes:
        seconds: From start to end.
        cpu_seconds: In user and kernel mode, of the program and the children it waited for.
        peak_bytes: Most memory it had at a time.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    statuses: Sequence[int] = (0,),
) -> Usage:
    """Run a program to its end.

    Args:
        command: Program and arguments.
        log: Where its output goes.
        environment: Instead of this process's own.
        statuses: Exit statuses that mean that it has done its work.

    Raises:
        IncompleteError: It ended otherwise or not in time; the message has its last lines.
    """
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    timer = threading.Timer(LONGEST_SECONDS, process.kill)
    timer.start()
    try:
        # Only wait4 tells the usage of this child alone.
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in statuses:
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        raise IncompleteError(
            f"{' '.join(map(str, command))[:200]} ended with {process.returncode} after "
            f"{seconds:.1f} s:\n" + "\n".join(lines)
        )
    return Usage(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT_BYTES)


def in_another_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a process of its own.

    The memory it needs stays out of this process, which matters because a program begins with the
    peak of whoever started it (getrusage(2), ``ru_maxrss`` survives execve).
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        return executor.submit(work, *args, **kwargs).result()
