"""``s2fetch search``: list what matches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from s2fetch.cli.listing import Found
    from s2fetch.client import Client

EXAMPLES = """\b
Examples:
  s2fetch search --product-type S2MSI1C --tile 32TQM --from 2024-06-01 --to 2024-07-01
  s2fetch search archive.toml --cloud 0..20 --newest-first --limit 10
  s2fetch search archive.toml --geojson > footprints.geojson
  s2fetch search archive.toml | cut -f1 > names.txt

A terminal gets a table. Anything else gets lines of name, size, start of sensing, time of
publication, online or offline, and id, with tabs between, unless a format is chosen.
"""


@click.command(
    cls=GroupedCommand,
    params=[
        archive_argument(),
        *setting_options(
            groups=("Selection", "Hub"),
            names=(
                *("user", "credentials-file", "connect-timeout", "first-byte-timeout"),
                *("log-format", "quiet", "verbose"),
            ),
        ),
    ],
    short_help="List what matches.",
    epilog=EXAMPLES,
)
@click.option("--json", "form", flag_value="json", help="One JSON object on each line")
@click.option("--geojson", "form", flag_value="geojson", help="A GeoJSON FeatureCollection")
@click.option("--csv", "form", flag_value="csv", help="CSV with a header")
@click.pass_obj
def command(output: Output, /, archive: str | None, form: str | None, **params: object) -> int:
    """List the products that match, with their number and total size at the end.

    Needs no account, unless the hub is of the kind dhus. Takes the same file and the same options
    as sync.
    """
    from s2fetch.cli.listing import list_products
    from s2fetch.cli.text import counted
    from s2fetch.events import EventBus
    from s2fetch.units import format_size

    config = configured(output, archive, params)
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    form = form or ("table" if on_terminal else "plain")

    async def work(client: Client) -> Found:
        return await list_products(client, form)

    bus = EventBus()
    for note in config.area_notes:
        output.warn(note)
    with output.logging(bus):
        found, interrupted = run(work, config, output, bus)
    if found is None:
        return int(interrupted or ExitCode.INTERRUPTED)
    unknown = f", {found.unknown_sizes:,} of unknown size" if found.unknown_sizes else ""
    output.say(f"{counted(found.count, 'product')}, {format_size(found.size_bytes)}{unknown}")
    for name in found.missing_names:
        output.warn(f"not in the catalogue: {name}")
    return ExitCode.FAILED if found.missing_names else ExitCode.OK
