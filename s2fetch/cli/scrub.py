"""``s2fetch scrub``: hash a part of an archive again, every day another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.sync.scrub import ScrubReport

EXAMPLES = """\b
Examples:
  s2fetch scrub archive.toml
  s2fetch scrub --into archive --scrub-budget "500 GB" --scrub-period 180d

Exit codes: 0 what was hashed is intact, 9 some files are damaged or missing, 5 disk.
"""


@click.command(
    cls=GroupedCommand,
    params=[
        archive_argument(),
        *setting_options(
            groups=("Output",), names=("into", "on-missing", "scrub-budget", "scrub-period")
        ),
    ],
    short_help="Hash a part of it again, oldest proof first.",
    epilog=EXAMPLES,
)
@click.pass_obj
def command(output: Output, /, archive: str | None, **params: object) -> int:
    """Hash so many bytes a day again, so that no file's proof becomes older than the period.

    Runs at the lowest priority and in nobody's way: it can be stopped at any moment and works
    beside a sync. The next sync fetches what is damaged or missing.
    """
    from s2fetch.cli.reporting import check_report, reported_failure, write_ending, write_report
    from s2fetch.events import EventBus

    config = configured(output, archive, params)
    check_report(config.showing.report)

    async def work(client: Client) -> ScrubReport:
        await client.require_archive()
        return await client.scrub()

    bus = EventBus()
    with reported_failure(config.showing.report, output), output.watching(bus):
        report, interrupted = run(work, config, output, bus)
    if report is None:
        code = interrupted or ExitCode.INTERRUPTED
        output.say("Interrupted; what was checked until then is recorded.")
        write_ending(config.showing.report, code, "", output)
        return code
    write_report(config.showing.report, report, output)
    output.summary(scrub_text(report))
    return report.exit_code


def scrub_text(report: ScrubReport) -> str:
    """Every damaged file, then one line for all of it."""
    from s2fetch.cli.text import counted, printable, sentence
    from s2fetch.units import format_duration, format_size

    parts = [f"Damaged: {printable(file.path)}: {sentence(file.reason)}" for file in report.damaged]
    line = f"{counted(report.checked, 'file')} checked, {report.intact:,} intact"
    if report.damaged:
        line += f", {len(report.damaged):,} damaged or missing: the next sync fetches them again"
    if report.unrecorded:
        line += f"; {report.unrecorded:,} not recorded, because the archive is in use"
    line += f"; {format_size(report.size_bytes)} in {format_duration(report.seconds)}"
    line += f"; {report.verified_share:.1%} of the bytes have a young proof"
    left = format_size(report.budget_left) if report.budget_left else "nothing"
    return "\n".join([*parts, f"{line}; {left} of today's budget is left."])
