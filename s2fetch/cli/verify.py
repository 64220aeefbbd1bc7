"""``s2fetch verify``: hash what is on disk again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.sync.verify import VerifyReport

EXAMPLES = """\b
Examples:
  s2fetch verify archive.toml
  s2fetch verify --into archive --report verified.json

Exit codes: 0 every file is intact, 9 some are damaged or missing, 5 disk, 6 archive in use.
"""


@click.command(
    cls=GroupedCommand,
    params=[
        archive_argument(),
        *setting_options(groups=("Output",), names=("into", "on-missing", "wait-for-lock")),
    ],
    short_help="Hash what is on disk again.",
    epilog=EXAMPLES,
)
@click.pass_obj
def command(output: Output, /, archive: str | None, **params: object) -> int:
    """Hash every recorded file again, name the damaged ones, and put the record right.

    The next sync fetches what is damaged or missing. Asks nothing of the network.
    """
    from s2fetch.cli.reporting import check_report, reported_failure, write_ending, write_report
    from s2fetch.events import EventBus

    config = configured(output, archive, params)
    check_report(config.showing.report)

    async def work(client: Client) -> VerifyReport:
        return await client.verify()

    bus = EventBus()
    with reported_failure(config.showing.report, output), output.watching(bus):
        report, interrupted = run(work, config, output, bus)
    if report is None:
        code = interrupted or ExitCode.INTERRUPTED
        output.say("Interrupted; what was checked until then is recorded.")
        write_ending(config.showing.report, code, "", output)
        return code
    write_report(config.showing.report, report, output)
    output.summary(verify_text(report))
    return report.exit_code


def verify_text(report: VerifyReport) -> str:
    """Every damaged file, then one line for all of it."""
    from s2fetch.cli.text import counted, printable, sentence
    from s2fetch.units import format_duration, format_rate, format_size

    parts = [f"Damaged: {printable(file.path)}: {sentence(file.reason)}" for file in report.damaged]
    line = f"{counted(report.checked, 'file')} checked, {report.intact:,} intact"
    if report.damaged:
        line += f", {len(report.damaged):,} damaged or missing: the next sync fetches them again"
    if report.consumed:
        line += f", {report.consumed:,} consumed"
    if report.healed:
        line += f"; {counted(report.healed, 'record')} put right"
    line += f"; {format_size(report.size_bytes)} in {format_duration(report.seconds)}"
    if report.seconds > 0:
        line += f" ({format_rate(report.size_bytes / report.seconds)})"
    return "\n".join([*parts, f"{line}."])
