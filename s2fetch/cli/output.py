"""Where a command's words go: results to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from s2fetch.cli.text import sentence
from s2fetch.errors import ArchiveError, ExitCode, S2FetchError

if TYPE_CHECKING:
    from s2fetch.cli.log import EventLog
    from s2fetch.cli.view import LiveView
    from s2fetch.config.values import ShowingConfig
    from s2fetch.events import EventBus

ISSUES = "the project's issue tracker"


class Output:
    """What the user wants to see, and how.

    Attributes:
        log_format: ``auto``, ``console`` or ``json``.
        quiet: Only warnings and errors.
        verbose: Every step.
    """

    def __init__(self) -> None:
        self.log_format = "auto"
        self.quiet = False
        self.verbose = False
        self._log: EventLog | None = None
        self._view: LiveView | None = None

    def take_options(self, options: Mapping[str, object]) -> None:
        """Follow what the command line says, before any file is read."""
        self.log_format = str(options.get("log-format") or "auto")
        self.quiet = bool(options.get("quiet"))
        self.verbose = bool(options.get("verbose"))

    def follow(self, showing: ShowingConfig) -> None:
        """Follow the whole configuration."""
        self.log_format = showing.log_format
        self.quiet, self.verbose = showing.quiet, showing.verbose

    @property
    def as_json(self) -> bool:
        """Whether everything on standard error is JSON lines."""
        return self.log_format == "json"

    @contextmanager
    def watching(self, bus: EventBus) -> Iterator[None]:
        """Show what the bus tells: a live view on a terminal, a log elsewhere."""
        if sys.stderr is None:
            yield
        elif self._wants_view(sys.stderr):
            from s2fetch.cli.view import LiveView

            self._view = LiveView(sys.stderr)
            try:
                with self._view.shown(bus):
                    yield
            finally:
                self._view = None
        else:
            with self.logging(bus):
                yield

    @contextmanager
    def logging(self, bus: EventBus) -> Iterator[None]:
        """Log what the bus tells, for commands that are short or print to the terminal."""
        if sys.stderr is None:
            yield
        else:
            with self._open_log(sys.stderr).shown(bus):
                yield

    def restore_terminal(self) -> None:
        """Leave the terminal usable; for the moment before the process ends at once."""
        if self._view is not None:
            self._view.restore()

    def result(self, text: str) -> None:
        """Print a result, or a part of one, as it is.

        Raises:
            ArchiveError: If standard output cannot be written.
            BrokenPipeError: If nobody reads it any more.
        """
        try:
            click.echo(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(error) from error

    def say(self, text: str) -> None:
        """Print what a person wants to know in the end, unless quiet or in JSON."""
        if not (self.quiet or self.as_json):
            self._to_stderr(text)

    def summary(self, text: str) -> None:
        """Print the end of a run to standard output, unless quiet or in JSON."""
        if not (self.quiet or self.as_json):
            try:
                click.echo(text)
            except OSError:
                return  # nobody reads it; the exit code and the report say the same

    def warn(self, text: str) -> None:
        """Tell about something that is wrong and does not end the command."""
        if self._view is not None:
            self._view.note(text)
        elif self.as_json and sys.stderr is not None:
            self._open_log(sys.stderr).write("warning", "warning", message=text)
        else:
            self._to_stderr(f"Warning: {sentence(text)}")

    def error(self, error: S2FetchError) -> None:
        """Tell what ended the command."""
        self.failure(str(error), code=error.code, exit_code=error.exit_code)

    def failure(self, text: str, *, code: str, exit_code: int) -> None:
        """Tell what ended the command, where there is no exception for it."""
        if self.as_json and sys.stderr is not None:
            self._open_log(sys.stderr).write(
                "error", "command-failed", code=code, error=text, exit_code=int(exit_code)
            )
        else:
            self._to_stderr(f"Error: {sentence(text)}")

    def defect(self, error: Exception) -> None:
        """Tell about a defect of s2fetch; the traceback goes to a file unless verbose."""
        trace = "".join(traceback.format_exception(error))
        kept = "" if self.verbose else _keep(trace)
        what = f"s2fetch has a defect ({type(error).__name__}); what was fetched so far is kept"
        where = f"attach {kept}" if kept else "attach the lines above"
        if not kept:
            self._to_stderr(trace.rstrip())
        self.failure(
            f"{what}. Please report it to {ISSUES} and {where}",
            code="defect",
            exit_code=ExitCode.BUG,
        )

    def _wants_view(self, stream: TextIO) -> bool:
        return (
            self.log_format == "auto"
            and not self.quiet
            and not self.verbose
            and stream.isatty()
            and _is_capable()
        )

    def _open_log(self, stream: TextIO) -> EventLog:
        if self._log is None:
            from s2fetch.cli.log import EventLog, goes_to_journal

            self._log = EventLog(
                stream,
                as_json=self.as_json,
                least="debug" if self.verbose else "warning" if self.quiet else "info",
                colours=_wants_colours(stream),
                to_journal=goes_to_journal(stream, os.environ),
            )
        return self._log

    def _to_stderr(self, text: str) -> None:
        try:
            click.echo(text, err=True)
        except OSError:
            return  # standard error is closed; there is nobody to tell


def _is_capable() -> bool:
    """Whether the terminal understands more than text."""
    return os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def _wants_colours(stream: TextIO) -> bool:
    """Whether to colour what goes there; see https://no-color.org for the variable."""
    return stream.isatty() and _is_capable() and not os.environ.get("NO_COLOR")


def unwritable(error: OSError) -> ArchiveError:
    """What to tell when standard output cannot be written."""
    reason = error.strerror or str(error)
    return ArchiveError(f"standard output cannot be written ({reason})")


def _keep(trace: str) -> str:
    """Write a traceback where only the user can read it; returns the path, or empty."""
    try:
        with tempfile.NamedTemporaryFile(
            prefix="s2fetch-defect-", suffix=".txt", delete=False
        ) as file:
            file.write(trace.encode(errors="backslashreplace"))
            return file.name
    except OSError:
        return ""
