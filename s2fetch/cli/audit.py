"""``s2fetch audit``: what the catalogue lists against what the archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.sync.audit import AuditReport

EXAMPLES = """\b
Examples:
  s2fetch audit archive.toml
  s2fetch audit archive.toml --csv > audit.csv
  s2fetch audit daemon.toml:alps
  s2fetch audit --tile 32TQM --from 2024-06-01 --to 2024-07-01 --into archive --json

CSV has one row for every gap, then one for every day and one for every tile; the first column says
which. Exit codes: 0 complete, 7 some products failed or their files are gone, 8 some are not here
yet, 4 hub, 2 there is no archive.
"""


@click.command(
    cls=GroupedCommand,
    params=[
        archive_argument(),
        *setting_options(
            groups=("Selection", "Hub"),
            names=(
                "into",
                "on-missing",
                "connect-timeout",
                "first-byte-timeout",
                "report",
                "log-format",
                "quiet",
                "verbose",
            ),
        ),
    ],
    short_help="Compare catalogue and archive; list every gap.",
    epilog=EXAMPLES,
)
@click.option("--json", "form", flag_value="json", help="One JSON object")
@click.option("--csv", "form", flag_value="csv", help="CSV with a header")
@click.pass_obj
def command(output: Output, /, archive: str | None, form: str | None, **params: object) -> int:
    """Prove that the archive is complete, per day and per tile, or list every gap with its reason.

    Nothing is fetched, hashed or changed. Needs no account and works while a sync is running.
    """
    from s2fetch.cli.audit_text import AuditCsv, audit_json, audit_text
    from s2fetch.cli.reporting import check_report, reported_failure, write_ending, write_report
    from s2fetch.events import EventBus

    config = configured(output, archive, params)
    check_report(config.showing.report)
    table = AuditCsv(output.result) if form == "csv" else None

    async def work(client: Client) -> AuditReport:
        await client.require_archive()
        return await client.audit(table.gap if table is not None else None)

    bus = EventBus()
    for note in config.area_notes:
        output.warn(note)
    with reported_failure(config.showing.report, output), output.logging(bus):
        report, interrupted = run(work, config, output, bus)
    if report is None:
        code = interrupted or ExitCode.INTERRUPTED
        write_ending(config.showing.report, code, "", output)
        return code
    write_report(config.showing.report, report, output)
    if table is not None:
        table.finish(report)
    else:
        output.result(audit_json(report) if form == "json" else audit_text(report))
    return report.exit_code
