"""``s2fetch scrub``: hash a part of an archive again, every day another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.checking import check_files, damaged_lines, found_text
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output

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

    async def work(client: Client) -> ScrubReport:
        await client.require_archive()
        return await client.scrub()

    return check_files(output, archive, params, work, scrub_text)


def scrub_text(report: ScrubReport) -> str:
    """Every damaged file, then one line for all of it."""
    from s2fetch.units import format_duration, format_size

    line = found_text(report)
    if report.unrecorded:
        line += f"; {report.unrecorded:,} not recorded, because the archive is in use"
    line += f"; {format_size(report.size_bytes)} in {format_duration(report.seconds)}"
    line += f"; {report.verified_share:.1%} of the bytes have a young proof"
    left = format_size(report.budget_left) if report.budget_left else "nothing"
    return "\n".join([*damaged_lines(report), f"{line}; {left} of today's budget is left."])
