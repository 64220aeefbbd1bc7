"""Runs the benchmarks: ``python -m tests.benchmarks [NAME…] [--quick] [--json FILE]``.

The exit status is 0 when every benchmark did its work, whether or not it reached its target, 1 when
one did not, and 2 with ``--strict`` when a target was missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.benchmarks import complete, cpu, idle, kills, listing, record, slots, small, soak, start
from tests.benchmarks.figures import Figure, IncompleteError, table
from tests.benchmarks.scale import Scale

BENCHMARKS: dict[str, Callable[[Scale, Path], list[Figure]]] = {
    "slots": slots.measure,
    "cpu": cpu.measure,
    "small": small.measure,
    "complete": complete.measure,
    "listing": listing.measure,
    "record": record.measure,
    "kills": kills.measure,
    "idle": idle.measure,
    "soak": soak.measure,
    "start": start.measure,
}


class Result(msgspec.Struct, frozen=True):
    """What came of one benchmark.

    Attributes:
        benchmark: Its name.
        seconds: How long all of it took, preparation included.
        figures: Its numbers.
        problem: Why it has none; empty when it has.
    """

    benchmark: str
    seconds: float
    figures: list[Figure]
    problem: str = ""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    line.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    line.add_argument("--quick", action="store_true", help="smaller, in about a minute")
    line.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    line.add_argument("--strict", action="store_true", help="a missed target is a failure")
    line.add_argument(
        "--folder", type=Path, help="where to work, on a real disk; default the temporary folder"
    )
    return line


def measure(name: str, scale: Scale, folder: Path | None) -> Result:
    """Run one benchmark in a folder that is gone afterwards."""
    started = time.monotonic()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="s2fetch-bench-", dir=folder) as work:
        try:
            figures, problem = BENCHMARKS[name](scale, Path(work)), ""
        except IncompleteError as error:
            figures, problem = [], str(error)
    return Result(name, round(time.monotonic() - started, 1), figures, problem)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    line = parser()
    options = line.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        line.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    # An installed program has its bytecode; the first turn of each benchmark, which does not count,
    # writes it for a checkout's.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    scale = Scale.QUICK if options.quick else Scale.FULL
    results: list[Result] = []
    try:
        for name in options.names or BENCHMARKS:
            results.append(measure(name, scale, options.folder))
            sys.stderr.write(f"{name}: {results[-1].seconds:.0f} s {results[-1].problem}\n")
    finally:  # what took minutes is shown, whatever stopped the next one
        _show(results, scale, options.json)
    if any(result.problem for result in results):
        return 1
    missed = any(figure.missed for result in results for figure in result.figures)
    return 2 if missed and options.strict else 0


def _show(results: list[Result], scale: Scale, report: Path | None) -> None:
    shown = [(result.benchmark, figure) for result in results for figure in result.figures]
    sys.stdout.write(table(shown))
    if scale is Scale.QUICK:
        sys.stdout.write("Targets are promised for the full size; start-up weighs more here.\n")
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
