"""The JSON summary of a run in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec

from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode, S2FetchError

_REPORT = re.compile(rb"\s*(\{\s*\"exit_code\"|\Z)")
"""How every summary begins."""


class CommandEnded(msgspec.Struct, frozen=True):
    """What there is to say about a command that has no sums of its own."""

    exit_code: int
    outcome: str
    error: str = ""


def told(error: Exception) -> tuple[ExitCode, str]:
    """Exit code and words for what ended a command."""
    if isinstance(error, S2FetchError):
        return error.exit_code, str(error)
    return ExitCode.BUG, f"a defect of s2fetch ({type(error).__name__})"


def check_report(path: Path | None, made: Path | None = None) -> None:
    """See that a report can be written, and takes the place of nothing but an older one.

    Args:
        path: Where to; None for no report.
        made: A folder that the command makes before it writes the report.

    Raises:
        UsageError: See `check_place`.
    """
    if path is not None:
        from s2fetch.cli.places import check_place

        check_place(path, "report", _REPORT, made)


@contextmanager
def reported_failure(path: Path | None, output: Output) -> Iterator[None]:
    """Have a report also of what ends a command early, lest an older one is taken for its own."""
    try:
        yield
    except Exception as error:
        write_ending(path, *told(error), output)
        raise


def write_ending(path: Path | None, code: ExitCode, words: str, output: Output) -> None:
    """Write the report of a command that ended without sums of its own."""
    write_report(path, CommandEnded(code, code.outcome, words), output)


def write_report(path: Path | None, summary: msgspec.Struct, output: Output) -> None:
    """Write a summary where the user wants it; a failure is a warning and changes nothing else."""
    if path is None:
        return
    try:
        from s2fetch.cli.places import check_replaced
        from s2fetch.sync.save import save_summary

        check_replaced(path, "report", _REPORT)  # again: hours may have passed
        anyio.run(save_summary, summary, path)
    except S2FetchError as error:
        output.warn(f"the report was not written: {error}")
