"""The state of an archive, for people."""

from __future__ import annotations

import msgspec

from s2fetch.account.meter import Usage
from s2fetch.cli.summary import summary_line
from s2fetch.cli.text import counted, folder_shown, printable, sentence, time_shown
from s2fetch.sync.report import Report
from s2fetch.sync.scrub import ScrubState
from s2fetch.sync.status import PartialProduct, Status, UnfinishedProduct
from s2fetch.units import format_size

MOST_LISTED = 20
"""Products listed by name for each state; ``--json`` has more of them."""


def status_text(status: Status) -> str:
    """The sums, then every state's products by name."""
    holder = "nobody" if status.holder is None else printable(str(status.holder))
    rows = [
        ("Archive", folder_shown(status.archive, status.exists)),
        ("In use by", holder),
        (
            "Complete",
            f"{counted(status.complete, 'product')}, {format_size(status.complete_bytes)}",
        ),
        ("Waiting", f"{status.waiting_count:,}"),
        ("Failed", f"{status.failed_count:,}"),
        ("Quarantined", f"{status.quarantined_count:,}"),
        ("Withdrawn", _withdrawn(status)),
        *([("Consumed", f"{status.consumed_count:,}")] if status.consumed_count else []),
        ("Free space", format_size(status.free_bytes)),
        ("Last run", _last_run(status.last_run)),
    ]
    rows += [("Received", _usage(usage)) for usage in status.accounts]
    if status.scrub is not None:
        rows.append(("Scrub", _scrub(status.scrub)))
    if status.damage:
        rows.append(("Damage", sentence(status.damage)))
    parts = [f"{name + ':':<13}{value}" for name, value in rows]
    parts += _list("Waiting", status.waiting_count, [_unfinished(p) for p in status.waiting])
    parts += _list("Failed", status.failed_count, [_unfinished(p) for p in status.failed])
    parts += _list(
        "Quarantined", status.quarantined_count, [_unfinished(p) for p in status.quarantined]
    )
    parts += _list("Partly here", len(status.partial), [_part(p) for p in status.partial])
    return "\n".join(parts)


def _withdrawn(status: Status) -> str:
    kept = f", and {status.withdrawn_kept:,} of the complete ones" if status.withdrawn_kept else ""
    return f"{status.withdrawn_count:,}{kept}"


def _last_run(last_run: object) -> str:
    if last_run is None:
        return "never"
    try:
        report = msgspec.convert(last_run, Report)
    except msgspec.ValidationError:
        return "unknown"
    told = f"{time_shown(report.started)}, {printable(report.outcome)}. {summary_line(report)}"
    return f"{told} {sentence(report.error)}".rstrip()


def _usage(usage: Usage) -> str:
    told = f"{printable(usage.account)}: {format_size(usage.received)} in 30 days"
    if usage.quota is None:
        return told
    told += f" of {format_size(usage.quota)}"
    if usage.reached:
        return f"{told}, reached {time_shown(usage.reached)} at the pace of the last day"
    return f"{told}, not reached at the pace of the last day"


def _scrub(scrub: object) -> str:
    try:
        state = msgspec.convert(scrub, ScrubState)
    except msgspec.ValidationError:
        return "unknown"
    return f"{time_shown(state.at)}, {state.verified_share:.1%} of the bytes have a young proof"


def _unfinished(product: UnfinishedProduct) -> str:
    told = f"{printable(product.name)}: {printable(product.reason) or 'no reason is recorded'}"
    if product.since:
        told += f"; since {time_shown(product.since)}"
    if product.attempts:
        told += f"; {counted(product.attempts, 'attempt')}"
    if product.next_try:
        told += f"; asked for again {time_shown(product.next_try)}"
    return told


def _part(product: PartialProduct) -> str:
    whole = "?" if product.total is None else format_size(product.total)
    return f"{printable(product.name)}: {format_size(product.position)} of {whole}"


def _list(heading: str, count: int, items: list[str]) -> list[str]:
    if not count:
        return []
    shown = [f"  {item}" for item in items[:MOST_LISTED]]
    if count > len(shown):
        shown.append(f"  … and {count - len(shown):,} more")
    return ["", f"{heading}:", *shown]
