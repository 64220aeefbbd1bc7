"""The JSON summary of a run in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec

from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode, S2FetchError, UsageError

_REPORT = re.compile(rb"\s*(\{\s*\"exit_code\"|\Z)")
"""How every summary begins; an empty file may become one."""


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


def check_report(path: Path | None) -> None:
    """See that a report takes the place of nothing but an older one: not of the configuration.

    Raises:
        UsageError: There is another file of this name.
    """
    from s2fetch.sync.save import replaces_file

    if path is None or not replaces_file(path):
        return
    try:
        with path.open("rb") as file:
            begin = file.read(100)
    except OSError:
        return  # writing tells what is wrong with it
    if not _REPORT.match(begin):
        raise UsageError(
            f"{path} is there already and is no report",
            did="It was left as it is",
            advice="Give the report another name, or remove that file",
        )


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
    if os.path.isdir(path):  # noqa: PTH112 - which raises nothing, whatever stands in the way
        output.warn(f"the report was not written: {path} is a folder")
        return
    try:
        from s2fetch.sync.save import save_summary

        check_report(path)
        anyio.run(save_summary, summary, path)
    except S2FetchError as error:
        output.warn(f"the report was not written: {error}")
