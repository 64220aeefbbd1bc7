"""``s2fetch verify``: hash what is on disk again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.checking import check_files, damaged_lines, found_text
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output

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

    async def work(client: Client) -> VerifyReport:
        return await client.verify()

    return check_files(output, archive, params, work, verify_text)


def verify_text(report: VerifyReport) -> str:
    """Every damaged file, then one line for all of it."""
    from s2fetch.cli.text import counted
    from s2fetch.units import format_duration, format_rate, format_size

    line = found_text(report)
    if report.consumed:
        line += f", {report.consumed:,} consumed"
    if report.healed:
        line += f"; {counted(report.healed, 'record')} put right"
    line += f"; {format_size(report.size_bytes)} in {format_duration(report.seconds)}"
    if report.seconds > 0:
        line += f" ({format_rate(report.size_bytes / report.seconds)})"
    return "\n".join([*damaged_lines(report), f"{line}."])
