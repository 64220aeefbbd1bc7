"""``s2fetch sync``: fetch everything that matches and is not on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, every_setting
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.config.values import Config
    from s2fetch.sync.report import Report

EXAMPLES = """\b
Examples:
  s2fetch sync archive.toml
  s2fetch sync archive.toml --from -30d --wait-offline 2h
  s2fetch sync --product-type S2MSI1C --tile 32TQM --from 2024-06-01 --to 2024-07-01 \\
      --cloud 0..20 --into archive --dry-run

Exit codes: 0 everything that matched is on disk and verified, 2 usage, 3 account, 4 hub,
5 disk, 6 archive in use, 7 some products failed, 8 some are offline still, 130 and 143
interrupted.
"""


@click.command(
    cls=GroupedCommand,
    params=[archive_argument(), *every_setting()],
    short_help="Fetch everything that matches and is not on disk.",
    epilog=EXAMPLES,
)
@click.option("--renew", is_flag=True, help="Fetch also what is there and verified")
@click.option("--find", is_flag=True, help="Look for copies in all folders of the archive")
@click.option("--dry-run", is_flag=True, help="Print what would happen, and change nothing")
@click.pass_obj
def command(
    output: Output,
    /,
    archive: str | None,
    renew: bool,
    find: bool,
    dry_run: bool,
    **params: object,
) -> int:
    """Fetch everything that matches and is not on disk, verified.

    What to fetch and where to is in ARCHIVE.toml, in the options, or in both: an option overrides
    the key of the same name. Run it again at any time; it goes on where it was.
    """
    from s2fetch.cli.reporting import check_report, write_report

    given = params.get("report")
    kept = _Kept(Path(given) if isinstance(given, str) else None)
    try:
        config = configured(output, archive, params)
        kept.path = None
        check_report(config.showing.report, config.into)
        kept.path = config.showing.report
        if dry_run:
            if given is not None:
                output.warn("A dry run writes no report")
            from s2fetch.cli.dry_run import show_preview

            return show_preview(config, output, renew=renew, everywhere=find)
        report = _synchronised(config, output, kept, renew=renew, everywhere=find)
    except Exception as error:
        if not dry_run:
            _report_failure(kept, error, output)
        raise
    from s2fetch.cli.listing import about_nothing, not_listed
    from s2fetch.cli.summary import summary_text

    write_report(kept.path, report, output)
    output.summary(summary_text(report, not_listed(config)))
    if report.exit_code == ExitCode.OK:
        for said in about_nothing(config, report.found + report.superseded):
            output.say(said)
    if report.error:
        output.failure(report.error, code=report.outcome, exit_code=report.exit_code)
    return report.exit_code


class _Kept(msgspec.Struct):
    """What there is to report when something goes wrong: where to, and the sums so far."""

    path: Path | None
    report: Report | None = None


def _synchronised(
    config: Config, output: Output, kept: _Kept, *, renew: bool, everywhere: bool
) -> Report:
    """Run; when a signal ends it, the report of what was done until then."""
    from s2fetch.events import EventBus
    from s2fetch.sync.report import Report

    async def work(client: Client) -> Report:
        try:
            return await client.sync(renew=renew, everywhere=everywhere)
        finally:
            kept.report = client.report

    bus = EventBus()
    with output.watching(bus):
        for note in config.area_notes:
            output.warn(note)
        report, interrupted = run(work, config, output, bus)
    report = report or kept.report or Report()
    if interrupted is not None:
        report.exit_code, report.outcome = int(interrupted), interrupted.outcome
    return report


def _report_failure(kept: _Kept, error: Exception, output: Output) -> None:
    """Write the report of a run that did not come to its own end."""
    from s2fetch.cli.reporting import told, write_report
    from s2fetch.clock import SystemClock, timestamp
    from s2fetch.sync.report import Report

    report = kept.report or Report(started=timestamp(SystemClock().now()))
    code, report.error = told(error)
    report.exit_code, report.outcome = int(code), code.outcome
    write_report(kept.path, report, output)
