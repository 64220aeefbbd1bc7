"""A daemon with nothing to do, over a big archive: memory, and share of a processor core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import msgspec

from tests.benchmarks.complete import PRODUCT_BYTES, build_archive, page_server
from tests.benchmarks.figures import Figure, IncompleteError
from tests.benchmarks.hub_process import running_hub
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.products import TYPE
from tests.benchmarks.scale import Scale

MOST_BYTES = 120e6
MOST_SHARE = 0.005
READY_SECONDS = 300.0
REST_SECONDS = 15.0
"""What follows a run, such as memory that is given back, is over by then."""
LOOK_SECONDS = 0.5
_CONFIG = """
[[archives]]
name = "big"
into = "{archive}"
product-type = ["{type}"]
schedule = "1d"
scrub-budget = "50 GB"
[http]
port = 0
[control]
socket = "{socket}"
"""


class Size(msgspec.Struct, frozen=True):
    """Products, and seconds that are measured."""

    products: int
    seconds: float


SIZES = {
    Scale.FULL: Size(200_000, 60.0),
    Scale.QUICK: Size(40_000, 20.0),
    Scale.TINY: Size(200, 0.5),
}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it, after the first run: the daemon has listed everything then, and has it all."""
    size = SIZES[scale]
    archive, config = work / "archive", work / "daemon.toml"
    arguments = ["--synthetic", str(size.products), "--size", str(PRODUCT_BYTES)]
    config.write_text(_CONFIG.format(archive=archive, type=TYPE, socket=work / "c.sock"))
    with running_hub(arguments, work / "hub.log") as hub, page_server(hub) as pages:
        catalogue = pages + urlsplit(hub.ready.catalogue_url).path
        environment = hub.environment(work) | {"S2FETCH_CATALOGUE_URL": catalogue}
        in_another_process(build_archive, archive, environment, datetime.now(UTC))
        with _daemon(config, environment, work / "daemon.log") as (process, url):
            _await_first_run(process, url, size.products)
            time.sleep(min(REST_SECONDS, size.seconds))
            before = _cpu_seconds(process.pid)
            began = time.monotonic()
            time.sleep(size.seconds)
            share = (_cpu_seconds(process.pid) - before) / (time.monotonic() - began)
            resident, peak = _memory(process.pid, "VmRSS"), _memory(process.pid, "VmHWM")
    return [
        Figure(
            what=f"resident memory of an idle daemon, {size.products:,} products",
            ours=f"{resident / 1e6:.1f} MB (at most {peak / 1e6:.1f} MB)",
            baseline=f"{MOST_BYTES / 1e6:.0f} MB",
            ratio=resident / MOST_BYTES,
            most=1,
        ),
        Figure(
            what=f"its share of one core over {size.seconds:g} s",
            ours=f"{share * 100:.3f} %",
            baseline=f"{MOST_SHARE * 100:g} %",
            ratio=share / MOST_SHARE,
            most=1,
        ),
    ]


@contextmanager
def _daemon(
    config: Path, environment: dict[str, str], log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a daemon; gives its process and the address of its HTTP face."""
    command = [sys.executable, "-m", "s2fetch", "daemon", str(config)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process, _address(process, log)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    def find() -> str:
        for word in log.read_text(errors="replace").split():
            if word.startswith("http://127.0.0.1:"):
                return word.rstrip('/",}')
        return ""

    _until(process, lambda: bool(find()), "tells no address")
    return find()


def _await_first_run(process: subprocess.Popen[bytes], url: str, products: int) -> None:
    def is_over() -> bool:
        try:
            with urlopen(f"{url}/api/v1/archives") as answer:
                (archive,) = json.load(answer)
        except URLError:
            return False
        if archive["activity"] == "failed":
            raise IncompleteError(f"the first run failed: {archive['why']}")
        complete: int = archive["products"].get("complete", 0)
        over = bool(archive["last_success"]) and archive["activity"] == "idle"
        return over and complete == products

    _until(process, is_over, "does not come to the end of its first run")


def _until(process: subprocess.Popen[bytes], holds: Callable[[], bool], what: str) -> None:
    began = time.monotonic()
    while not holds():
        if process.poll() is not None or time.monotonic() - began > READY_SECONDS:
            raise IncompleteError(f"the daemon {what}; exit status {process.returncode}")
        time.sleep(LOOK_SECONDS)


def _cpu_seconds(pid: int) -> float:
    """User and system time, see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))
