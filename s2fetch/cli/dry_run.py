"""What ``s2fetch sync --dry-run`` prints: every product with what would happen, and the sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s2fetch.cli.engine import run
from s2fetch.cli.listing import about_nothing, about_versions, tell_missing
from s2fetch.cli.output import Output
from s2fetch.cli.text import counted, printable
from s2fetch.errors import QueryError
from s2fetch.events import Event, EventBus, ProductPlanned
from s2fetch.units import format_size

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.config.values import Config
    from s2fetch.sync.preview import Preview

MOST_SHOWN = 10_000
"""Characters of a query that are printed: more than any that goes out in one request."""

_WORDS = {
    "have": "here",
    "record": "here",
    "verify": "verify",
    "fetch": "fetch",
    "offline": "offline",
    "consumed": "consumed",
    "quarantined": "leave",
}


def show_preview(config: Config, output: Output, *, renew: bool, everywhere: bool) -> int:
    """Print what a sync would do.

    Returns:
        The exit code.
    """
    bus = EventBus()
    waiting: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, ProductPlanned):
            waiting.append(_line(event))
        if len(waiting) >= 100:
            flush()

    def flush() -> None:
        if waiting:
            lines = "\n".join(waiting)
            waiting.clear()
            output.result(lines)

    async def work(client: Client) -> Preview:
        try:
            return await client.preview(renew=renew, everywhere=everywhere)
        except QueryError:
            # The message refers to it.
            output.result(_row("Query", _shortened(client.hub.describe(await client.query()))))
            raise

    bus.subscribe(listen)
    for note in config.area_notes:
        output.warn(note)
    with output.logging(bus):
        preview, interrupted = run(work, config, output, bus)
    flush()
    if preview is None:
        return int(interrupted or 0)
    output.result(preview_text(preview))
    if preview.elsewhere:
        lie = "lies" if preview.elsewhere == 1 else "lie"
        output.say(
            f"{counted(preview.elsewhere, 'product')} of these {lie} in other folders, as it "
            "seems: --find has them hashed and kept instead of fetched"
        )
    versions = about_versions(preview.superseded, preview.other_versions)
    for said in (*versions, *about_nothing(config, preview.found + preview.superseded)):
        output.say(said)
    return tell_missing(preview.missing_names, config, output)


def preview_text(preview: Preview) -> str:
    """The sums of a preview."""
    unknown = f", {preview.unknown_sizes:,} of unknown size" if preview.unknown_sizes else ""
    rows = [
        ("Query", _shortened(preview.query)),
        ("Found", f"{_amount(preview.found, preview.found_bytes)}{unknown}"),
        ("Here", f"{counted(preview.already, 'product')}, verified"),
        ("To verify", counted(preview.to_verify, "product")),
        ("To fetch", _amount(preview.to_fetch, preview.to_fetch_bytes)),
        ("Offline", f"{counted(preview.offline, 'product')}, to be retrieved first"),
        ("Left alone", _left_alone(preview)),
        ("Free space", _space(preview)),
    ]
    return "\n".join(_row(name, value) for name, value in rows)


def _row(name: str, value: str) -> str:
    return f"{name + ':':<12}{printable(value)}"


def _shortened(query: str) -> str:
    """A query that names thousands of products is sent in parts, and fills many screens."""
    if len(query) <= MOST_SHOWN:
        return query
    return f"{query[:MOST_SHOWN]}… ({len(query):,} characters, sent in parts)"


def _left_alone(preview: Preview) -> str:
    consumed = f", {preview.consumed:,} consumed" if preview.consumed else ""
    return f"{counted(preview.quarantined, 'product')} in quarantine{consumed}"


def _space(preview: Preview) -> str:
    reserve = format_size(preview.reserve_bytes)
    short = "" if preview.fits else ": not enough for everything"
    return f"{format_size(preview.free_bytes)}, of which {reserve} stay free{short}"


def _amount(count: int, size: int) -> str:
    return f"{counted(count, 'product')}, {format_size(size)}"


def _line(event: ProductPlanned) -> str:
    size = event.product.size
    shown = "?" if size is None else format_size(size)
    word = _WORDS.get(event.verdict, event.verdict)
    return f"{word:<8}{shown:>8}  {printable(event.product.name)}  {event.reason}"
