"""``s2fetch explain``: everything that is known of one product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s2fetch.cli.engine import configured, kept_archive, run
from s2fetch.cli.options import GroupedCommand, archive_argument, setting_options
from s2fetch.cli.output import Output
from s2fetch.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s2fetch.archive.records import Record
    from s2fetch.client import Client
    from s2fetch.sync.conditions import Check
    from s2fetch.sync.explain import Explanation

EXAMPLES = """\b
Examples:
  s2fetch explain S2B_MSIL1C_20240601T100559_N0510_R022_T32TQM_20240601T120000 archive.toml
  s2fetch explain 0fe82e4a-d051-573f-90a9-bc6c0c302efd --into archive --local
  s2fetch explain S2B_MSIL1C_20240601T100559_N0510_R022_T32TQM_20240601T120000 daemon.toml:alps
  s2fetch explain S2B_MSIL1C_20240601T100559_N0510_R022_T32TQM_20240601T120000.SAFE --into a --json

Exit code 0 when the product is known, whatever became of it; 2 when nobody knows it.
"""


@click.command(
    cls=GroupedCommand,
    params=[
        click.Argument(["product"], metavar="PRODUCT"),
        archive_argument(),
        *setting_options(
            groups=("Selection", "Hub"),
            names=(
                "into",
                "layout",
                "on-missing",
                "connect-timeout",
                "first-byte-timeout",
                "log-format",
            ),
        ),
    ],
    short_help="Tell all that is known of one product.",
    epilog=EXAMPLES,
)
@click.option("--local", is_flag=True, help="Ask nothing of the network")
@click.option("--json", "as_json", is_flag=True, help="One JSON object")
@click.pass_obj
def command(
    output: Output,
    /,
    product: str,
    archive: str | None,
    local: bool,
    as_json: bool,
    **params: object,
) -> int:
    """Tell why a product is on disk, or why it is not, and what happens to it next.

    PRODUCT is a name, an identifier, or the path of a file. Asks the catalogue whether the query
    selects it, and which condition fails if it does not. Works while a sync is running.
    """
    from datetime import UTC, datetime
    from functools import partial

    import anyio
    import msgspec

    from s2fetch.events import EventBus

    config = configured(output, archive, params)
    entry = kept_archive(archive, params)

    async def work(client: Client) -> Explanation:
        told = await client.explain(product, local=local)
        if entry is not None:
            from s2fetch.daemon import outlook

            due = partial(outlook.outlook, entry, client.into, datetime.now(UTC))
            outlook.tell(told, await anyio.to_thread.run_sync(due))
        return told

    bus = EventBus()
    with output.logging(bus):
        told, interrupted = run(work, config, output, bus)
    if told is None:
        return int(interrupted or ExitCode.INTERRUPTED)
    if as_json:
        output.result(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    else:
        output.result(explanation_text(told))
    return ExitCode.OK


def explanation_text(told: Explanation) -> str:
    """What is known, then what happened, then what happens next."""
    from s2fetch.cli.text import printable, sentence, time_shown

    rows = [(name, printable(value)) for name, value in _rows(told) if value]
    parts = [f"{name + ':':<13}{value}" for name, value in rows]
    if told.conditions:
        parts += ["", "Conditions of the query:"]
        parts += map(_condition, told.conditions)
    if told.history:
        parts += ["", "What happened:"]
        for moment in told.history:
            attempt = f" (attempt {moment.attempt})" if moment.attempt else ""
            text = sentence(moment.text)
            parts.append(f"  {time_shown(moment.at)}  {moment.event}{attempt}: {text}")
    after = f" Not before {time_shown(told.next_time)}." if told.next_time else ""
    due = f" The daemon looks at it again {time_shown(told.next_run)}." if told.next_run else ""
    return "\n".join([*parts, "", f"Next: {sentence(told.next_step)}{after}{due}"])


def _condition(check: Check) -> str:
    from s2fetch.cli.text import printable

    text = f"  {'holds' if check.holds else 'FAILS'}  {check.condition}: {printable(check.wanted)}"
    if check.holds or check.actual is None:
        return text
    return f"{text} (the product: {printable(check.actual)})"


def _rows(told: Explanation) -> Iterator[tuple[str, str]]:
    from s2fetch.cli.text import folder_shown, time_shown
    from s2fetch.units import format_size

    yield "Product", told.name
    yield "Identifier", told.id
    yield "Same name", ", ".join(told.same_name)
    yield "Archive", folder_shown(told.archive, told.exists)
    yield "In use by", str(told.holder) if told.holder is not None else ""
    answers = {True: "selects it", False: "does not select it", None: "was not asked"}
    yield "Query", answers[told.matches]
    if told.catalogue_error:
        yield "Catalogue", told.catalogue_error
    elif told.listed is not None:
        row = told.listed
        size = "unknown size" if row.size is None else format_size(row.size)
        where = "online" if row.online else "offline"
        digest = row.checksum or "no checksum"
        yield "Catalogue", f"{size}, {where}, {digest}, modified {time_shown(row.modified)}"
    elif told.catalogue_asked:
        yield "Catalogue", "not listed"
    yield "Record", _record(told.record)
    if told.stored is not None:
        yield "File", _file(told)
    if told.partial is not None:
        total = told.partial.total
        whole = "?" if total is None else format_size(total)
        yield "Partly here", f"{format_size(told.partial.size)} of {whole}"


def _record(record: Record | None) -> str:
    from s2fetch.cli.text import counted, time_shown

    if record is None:
        return "none: no sync has come to it, or it was forgotten"
    parts = [str(record.state)]
    if record.verified:
        parts.append(f"verified {time_shown(record.verified)} by {record.proof or 'nothing'}")
    if record.attempts:
        parts.append(counted(record.attempts, "failed attempt"))
    if record.failure is not None:
        failure = record.failure
        parts.append(f"{failure.code} {time_shown(failure.at)}: {failure.message}")
    if record.retrieval is not None:
        retrieval = record.retrieval
        parts.append(f"waits since {time_shown(retrieval.since)}, retrieval {retrieval.state}")
        if retrieval.asked:
            times = "once" if retrieval.asked == 1 else f"{retrieval.asked} times"
            parts.append(f"asked for {times}, answer: {retrieval.answer or 'none'}")
    if record.withdrawn is not None:
        withdrawn = record.withdrawn
        cause = withdrawn.cause or "no cause given"
        parts.append(f"withdrawn by the hub {time_shown(withdrawn.at)}: {cause}")
        if withdrawn.trash:
            parts.append(f"its file is {withdrawn.trash}")
    return "; ".join(parts)


def _file(told: Explanation) -> str:
    from s2fetch.cli.text import time_shown
    from s2fetch.units import format_size

    file = told.stored
    if file is None or not file.exists:
        return f"{file.path if file else ''}: missing"
    state = "untouched since" if file.untouched else "touched or changed since"
    changed = time_shown(file.modified)
    return f"{file.path}: {format_size(file.size)}, {state} it was verified, modified {changed}"
