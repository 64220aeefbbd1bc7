"""``s2fetch search``: list what matches."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, run
from s2fetch.cli.listing import about_nothing, list_products, tell_missing, totals
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.cli.places import check_place
from s2fetch.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.config.values import Config
    from s2fetch.events import EventBus
    from s2fetch.export import Exported
    from s2fetch.selection import Counted

EXAMPLES = """\b
Examples:
  s2fetch search --product-type S2MSI1C --tile 32TQM --from 2024-06-01 --to 2024-07-01
  s2fetch search archive.toml --cloud 0..20 --newest-first --limit 10
  s2fetch search archive.toml --geojson > footprints.geojson
  s2fetch search archive.toml --fields name,size,cloudCover
  s2fetch search archive.toml --names > names.txt
  s2fetch search archive.toml --versions newest --count

A terminal gets a table. Anything else gets lines of name, size, start of sensing, time of
publication, online or offline, and id, with tabs between, unless a format is chosen.
"""

FORMS = {
    "json": "One JSON object on each line",
    "geojson": "A GeoJSON FeatureCollection",
    "csv": "CSV with a header",
    "stac": "A STAC item collection",
    "names": "Names only",
    "urls": "Addresses of the downloads only",
}
"""The forms of `export.FORMS` that can be chosen, and what their options do."""

_GEOPARQUET = re.compile(rb"PAR1")


@click.command(
    cls=GroupedCommand,
    params=[
        archive_argument(),
        *(click.Option([f"--{name}"], is_flag=True, help=text) for name, text in FORMS.items()),
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
@click.option("--geoparquet", metavar="FILE", help="Write a GeoParquet file instead")
@click.option("--fields", metavar="NAMES", help="Columns, such as name,size,cloudCover")
@click.option("--count", is_flag=True, help="Only the number of products")
@click.pass_obj
def command(
    output: Output,
    /,
    archive: str | None,
    geoparquet: str | None,
    fields: str | None,
    count: bool,
    **params: object,
) -> int:
    """List the products that match, with their number and total size at the end.

    Needs no account, unless the hub is of the kind dhus. Takes the same file and the same options
    as sync.
    """
    from s2fetch.events import EventBus

    config = configured(output, archive, params)
    chosen = tuple(name.strip() for name in (fields or "").split(",") if name.strip())
    forms = [name for name in FORMS if params.get(name)]
    _check_forms(forms, geoparquet, chosen, count=count)
    if geoparquet is not None:
        check_place(Path(geoparquet), "GeoParquet file", _GEOPARQUET)
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    (shown,) = forms or ("table" if on_terminal else "plain",)

    async def work(client: Client) -> Exported:
        if geoparquet is not None:
            return await client.export("geoparquet", Path(geoparquet))
        return await list_products(client, shown, chosen)

    bus = EventBus()
    for note in config.area_notes:
        output.warn(note)
    with output.logging(bus):
        if count:
            return _count(config, output, bus)
        found, interrupted = run(work, config, output, bus)
    if found is None:
        return int(interrupted or ExitCode.INTERRUPTED)
    for sentence in (*totals(found), *about_nothing(config, found.count + found.superseded)):
        output.say(sentence)
    return tell_missing(found.missing_names, config, output)


def _check_forms(
    forms: list[str], geoparquet: str | None, fields: tuple[str, ...], *, count: bool
) -> None:
    """One form at a time.

    Raises:
        UsageError: There are several, or fields for what has none.
    """
    given = [f"--{form}" for form in forms]
    given += ["--geoparquet"] if geoparquet is not None else []
    given += ["--count"] if count else []
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other")
    if fields and given in (["--geoparquet"], ["--count"]):
        raise UsageError(f"--fields is not for {given[0]}")


def _count(config: Config, output: Output, bus: EventBus) -> int:
    async def work(client: Client) -> Counted:
        return await client.count()

    counted, interrupted = run(work, config, output, bus)
    if counted is None:
        return int(interrupted or ExitCode.INTERRUPTED)
    output.result(str(counted.count))
    if counted.listed:
        output.say("Counted by listing them, because the hub cannot count such a selection")
    for sentence in about_nothing(config, counted.count):
        output.say(sentence)
    return tell_missing(counted.missing_names, config, output)
