"""A daemon's state, for people: archives, accounts and slots as tables."""

from __future__ import annotations

from collections.abc import Sequence

from s2fetch.cli.text import counted, printable, short_name, time_shown
from s2fetch.daemon.alerts import Rule
from s2fetch.daemon.state import AccountState, ArchiveState, DaemonState, RunState, SlotState
from s2fetch.units import format_duration, format_rate, format_size

_PRODUCT_COLUMNS = 48
_GAP = "  "


def daemon_text(state: DaemonState) -> str:
    """Everything worth a look, what is wrong in words."""
    parts = [_head(state), "", *_archives(state.archives)]
    parts += [f"  {note}" for archive in state.archives for note in _archive_notes(archive)]
    if state.needs_restart:
        parts.append(f"  only a restart brings what was changed: {printable(state.needs_restart)}")
    # Everything else that can be alerted of is among the notes, alerts or not.
    quiet = (alert for alert in state.alerts if alert.rule == Rule.NOTHING_NEW)
    parts += [f"  {printable(alert.message)}" for alert in quiet]
    parts += ["", *_accounts(state.accounts)]
    parts += [f"  {note}" for account in state.accounts for note in _account_notes(account)]
    if state.slots:
        parts += ["", *_slots(state.slots)]
    return "\n".join(parts)


def _head(state: DaemonState) -> str:
    told = [f"s2fetch {printable(state.version)}, running since {time_shown(state.started)}"]
    if state.stopping:
        told.append("stopping")
    if state.paused:
        told.append("everything is paused")
    if not state.hub_reachable:
        why = f" ({printable(state.hub_trouble)})" if state.hub_trouble else ""
        told.append(f"the hub does not answer{why}")
    if state.bandwidth is not None:
        told.append(f"at most {format_rate(state.bandwidth)} now")
    return "; ".join(told)


def _archives(archives: Sequence[ArchiveState]) -> list[str]:
    head = (
        *("ARCHIVE", "DOES", "COMPLETE", "WAITING", "FAILED", "QUEUE"),
        *("LAST RUN (UTC)", "NEXT RUN (UTC)"),
    )
    rows = [
        (
            printable(archive.name),
            archive.activity.value,
            f"{archive.products.get('complete', 0):,} ({format_size(archive.bytes)})",
            f"{archive.products.get('waiting', 0):,}",
            f"{archive.products.get('failed', 0):,}",
            f"{archive.queued:,}",
            _last_run(archive.last_run),
            _moment(archive.next_run) or "-",
        )
        for archive in archives
    ]
    return _table(head, rows, right=range(3, 6))


def _last_run(run: RunState | None) -> str:
    if run is None:
        return "never"
    return f"{_moment(run.started)}, {printable(run.outcome)}, {run.fetched:,} fetched"


def _moment(iso: str) -> str:
    """A time without its zone, which the heading names."""
    return time_shown(iso).removesuffix(" UTC")


def _archive_notes(archive: ArchiveState) -> list[str]:
    name = printable(archive.name)
    notes = []
    if archive.why:
        notes.append(f"{name}: {archive.activity.value}: {printable(archive.why)}")
    if archive.last_run is not None and archive.last_run.error not in ("", archive.why):
        notes.append(f"{name}: the last run ended early: {printable(archive.last_run.error)}")
    if quarantined := archive.products.get("quarantined", 0):
        notes.append(f"{name}: {counted(quarantined, 'product')} quarantined")
    if archive.damaged:
        notes.append(f"{name}: {counted(archive.damaged, 'product')} damaged, to be fetched again")
    return notes


def _accounts(accounts: Sequence[AccountState]) -> list[str]:
    rows = [
        (
            printable(account.name),
            f"{account.in_use}/{account.slots}",
            _volume(account),
            "-" if account.token_seconds is None else format_duration(account.token_seconds),
        )
        for account in accounts
    ]
    return _table(("ACCOUNT", "SLOTS", "RECEIVED IN 30 DAYS", "TOKEN"), rows, right=range(1, 2))


def _volume(account: AccountState) -> str:
    received = format_size(account.received_30_days)
    return received if account.quota is None else f"{received} of {format_size(account.quota)}"


def _account_notes(account: AccountState) -> list[str]:
    name = printable(account.name)
    notes = []
    if account.refused:
        notes.append(f"{name}: cannot be used: {printable(account.refused)}")
    if account.quota_reached:
        when = time_shown(account.quota_reached)
        notes.append(f"{name}: at today's pace the monthly volume is reached on {when}")
    if account.throttled:
        notes.append(f"{name}: the hub has slowed its connections down")
    return notes


def _slots(slots: Sequence[SlotState]) -> list[str]:
    rows = [
        (
            f"{printable(slot.account)} {slot.slot}",
            printable(slot.archive) if slot.product else "free",
            short_name(slot.product, _PRODUCT_COLUMNS),
            _position(slot),
            format_rate(slot.rate) if slot.product else "",
        )
        for slot in slots
    ]
    return _table(("SLOT", "ARCHIVE", "PRODUCT", "RECEIVED", "RATE"), rows, right=range(3, 5))


def _position(slot: SlotState) -> str:
    if not slot.product:
        return ""
    if not slot.size:
        return format_size(slot.position)
    return f"{100 * slot.position // slot.size} % of {format_size(slot.size)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: range) -> list[str]:
    """Lines as wide as their cells need; no blanks at their ends."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        shown = (
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return _GAP.join(shown).rstrip()

    return [line(head), *(line(row) for row in rows)]
