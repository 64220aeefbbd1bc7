"""What ``verify`` and ``scrub`` share: files are hashed again, and the damaged ones are named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from s2fetch.cli.engine import configured, run
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.sync.scrub import ScrubReport
    from s2fetch.sync.verify import VerifyReport

R = TypeVar("R", "VerifyReport", "ScrubReport")


def check_files(
    output: Output,
    archive: str | None,
    params: Mapping[str, object],
    work: Callable[[Client], Awaitable[R]],
    text: Callable[[R], str],
) -> int:
    """Hash files again, write the report that is wanted, and tell what was found.

    Args:
        output: Where it is told.
        archive: A configuration file, or none.
        params: The options.
        work: What to do; what it has recorded counts should it be interrupted.
        text: Tells what it returns.

    Returns:
        The exit code.
    """
    from s2fetch.cli.reporting import check_report, reported_failure, write_ending, write_report
    from s2fetch.events import EventBus

    config = configured(output, archive, params)
    check_report(config.showing.report)
    bus = EventBus()
    with reported_failure(config.showing.report, output), output.watching(bus):
        report, interrupted = run(work, config, output, bus)
    if report is None:
        code = interrupted or ExitCode.INTERRUPTED
        output.say("Interrupted; what was checked until then is recorded.")
        write_ending(config.showing.report, code, "", output)
        return code
    write_report(config.showing.report, report, output)
    output.summary(text(report))
    return report.exit_code


def damaged_lines(report: VerifyReport | ScrubReport) -> list[str]:
    """A line for every damaged file."""
    from s2fetch.cli.text import printable, sentence

    return [f"Damaged: {printable(file.path)}: {sentence(file.reason)}" for file in report.damaged]


def found_text(report: VerifyReport | ScrubReport) -> str:
    """How many files were hashed, and what came of it."""
    from s2fetch.cli.text import counted

    line = f"{counted(report.checked, 'file')} checked, {report.intact:,} intact"
    if report.damaged:
        line += f", {len(report.damaged):,} damaged or missing: the next sync fetches them again"
    return line
