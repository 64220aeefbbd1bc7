"""The JSON summary of a run in a file."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import msgspec

from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode, S2FetchError


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


def write_report(path: Path | None, summary: msgspec.Struct, output: Output) -> None:
    """Write a summary where the user wants it; a failure is a warning and changes nothing else."""
    if path is None:
        return
    if os.path.isdir(path):  # noqa: PTH112 - what cannot be looked at is told by whoever writes
        output.warn(f"the report was not written: {path} is a folder")
        return
    try:
        from s2fetch.sync.save import save_summary

        anyio.run(save_summary, summary, path)
    except S2FetchError as error:
        output.warn(f"the report was not written: {error}")
