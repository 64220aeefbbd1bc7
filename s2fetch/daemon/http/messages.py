"""Events as one line for people, and as values for those who follow the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from s2fetch.daemon.events import (
    AlertBegan,
    AlertEnded,
    AlertsNotKept,
    AlertUndelivered,
    ConfigurationRefused,
    ConfigurationTaken,
    DaemonAsked,
    DaemonStarted,
    DaemonStopped,
    HookFailed,
    HookFinished,
    IntakeChanged,
    KeeperFailed,
)
from s2fetch.errors import ExitCode
from s2fetch.events import (
    AccountThrottled,
    AccountUnthrottled,
    AreaNoted,
    AttemptFailed,
    CopyRefused,
    DeletionsUnread,
    Event,
    FileDamaged,
    GapFound,
    Healed,
    HubPaused,
    HubResumed,
    IncrementPlanned,
    NamesNotListed,
    ProductAdopted,
    ProductCompleted,
    ProductConsumed,
    ProductFailed,
    ProductOnline,
    ProductQuarantined,
    ProductWithdrawn,
    QuotaFreed,
    QuotaNotKept,
    QuotaUsedUp,
    RetrievalRequested,
    RunFinished,
    RunStarted,
    ScrubFinished,
    SpaceBack,
    SpaceLow,
    TransferStarted,
    TrashingRefused,
)
from s2fetch.product import Product
from s2fetch.units import format_duration, format_rate, format_size

LEVELS = frozenset({"info", "warning", "error"})
"""Levels that are told; the others come too often to be read."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    Attributes:
        id: Its place in the stream; send the last one as ``Last-Event-ID`` to go on after it.
        time: When, ISO 8601 in UTC.
        name: What, e.g. ``product-completed``.
        level: ``info``, ``warning`` or ``error``.
        archive: In which archive, or empty when the event does not say.
        product: To which product, or empty.
        account: With which account, or empty.
        text: One line for people.
    """

    id: str
    time: str
    name: str
    level: str
    archive: str = ""
    product: str = ""
    account: str = ""
    text: str = ""


def message_of(event: Event, *, id: str, time: str) -> Message:  # noqa: A002 - the stream's own word
    """The message that tells of an event."""
    product = getattr(event, "product", None)
    name = product.name if isinstance(product, Product) else getattr(event, "product_name", "")
    return Message(
        id=id,
        time=time,
        name=event.name,
        level=event.level,
        archive=event.archive,
        product=name,
        account=getattr(event, "account", ""),
        text=_text(event),
    )


def _text(event: Event) -> str:
    describe = _TEXTS.get(type(event))
    return describe(event) if describe else _fields(event)


def _fields(event: Event) -> str:
    """What an event without words of its own holds."""
    shown = []
    for field in event.__struct_fields__:
        value = getattr(event, field)
        if isinstance(value, str | int | float) and value != "" and field != "archive":
            shown.append(f"{field.replace('_', ' ')} {value}")
    return ", ".join(shown)


def _started(event: TransferStarted) -> str:
    size = "of unknown size" if event.size is None else format_size(event.size)
    again = f", attempt {event.attempt}" if event.attempt > 1 else ""
    kept = f", {format_size(event.offset)} are kept" if event.offset else ""
    return f"{size}{again}{kept}"


def _finished(event: RunFinished) -> str:
    parts = [f"{event.fetched} fetched ({format_size(event.received)})"]
    parts += [f"{event.waiting} waiting"] if event.waiting else []
    parts += [f"{event.failed} failed"] if event.failed else []
    outcome = ExitCode(event.exit_code).outcome
    return f"{outcome}: {', '.join(parts)} in {format_duration(event.seconds)}"


def _moment(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


def _failed(event: ProductFailed) -> str:
    said = event.error.removeprefix(f"{event.product.name}: ")
    return f"{said}. {event.next_step[:1].upper()}{event.next_step[1:]}"


def _planned(event: IncrementPlanned) -> str:
    asked = f"changes since {_moment(event.since)}" if event.since else "the whole listing"
    unsettled = f", and {event.unsettled} unsettled products" if event.unsettled else ""
    return f"asks for {asked}{unsettled}" + (f": {event.reason}" if event.reason else "")


def _taken(event: ConfigurationTaken) -> str:
    later = f"; only a restart brings {event.needs_restart}" if event.needs_restart else ""
    return f"{event.archives} archives{later}"


_TEXTS: dict[type[Event], Callable[[Any], str]] = {
    RunStarted: lambda e: f"begins with {e.slots} slots",
    RunFinished: _finished,
    TransferStarted: _started,
    AttemptFailed: lambda e: (
        f"attempt {e.attempt}: {e.error}; again in {format_duration(e.retry_in)}"
    ),
    ProductCompleted: lambda e: f"{format_size(e.size)} in {format_duration(e.seconds)}, verified",
    ProductAdopted: lambda e: f"{format_size(e.size)} were there and proved to be the product",
    ProductFailed: _failed,
    AccountThrottled: lambda e: (
        f"the hub has slowed {e.account} down to {format_rate(e.rate)}, after "
        f"{format_size(e.received)} of {format_size(e.quota)} in 30 days"
    ),
    AccountUnthrottled: lambda e: f"{e.account} is served at full speed again",
    AlertsNotKept: lambda e: f"a restart will tell open alerts again: {e.error}",
    AreaNoted: lambda e: e.note,
    DeletionsUnread: lambda e: f"what the hub has withdrawn is not known: {e.error}",
    ProductConsumed: lambda e: f"{e.path} is gone, and is left so: consumed",
    DaemonStopped: lambda _: "part files are kept and continued",
    GapFound: lambda e: e.reason,
    IncrementPlanned: _planned,
    IntakeChanged: lambda e: (
        "notifications come" if e.works else f"notifications do not come: {e.why}"
    ),
    ProductWithdrawn: lambda e: (
        f"the hub has withdrawn it ({e.cause or 'no cause given'}): {e.action}"
    ),
    QuotaFreed: lambda e: f"{e.account} may receive again",
    QuotaNotKept: lambda e: f"what {e.account} received is kept in memory: {e.error}",
    QuotaUsedUp: lambda e: (
        f"{e.account} waits until {_moment(e.until)}, with {format_size(e.received)} of "
        f"{format_size(e.quota)} received"
    ),
    ScrubFinished: lambda e: (
        f"{e.checked} files ({format_size(e.size)}) hashed in {format_duration(e.seconds)}, "
        f"{e.damaged} damaged; {e.verified_share:.1%} are verified lately"
    ),
    SpaceBack: lambda e: f"{e.folder} has {format_size(e.free)} free again",
    SpaceLow: lambda e: (
        f"{e.folder} has {format_size(e.free)} free, and {format_size(e.floor)} is to be left: "
        "the queue rests"
    ),
    TrashingRefused: lambda e: (
        f"{e.count} products were withdrawn, and no more than {e.most} may go to the trash at "
        "once: all of them stay"
    ),
    ProductQuarantined: lambda e: f"expected {e.expected}, computed {e.computed}: kept aside",
    ProductOnline: lambda _: "is online again",
    RetrievalRequested: lambda e: f"asked for: {e.answer}",
    HubPaused: lambda e: f"{e.host} rests for {format_duration(e.seconds)}: {e.reason}",
    HubResumed: lambda e: f"{e.host} answers again",
    Healed: lambda e: f"{e.subject}: {e.what}",
    FileDamaged: lambda e: e.reason,
    AlertBegan: lambda e: f"{e.rule}: {e.message}",
    AlertEnded: lambda e: f"{e.rule} of {e.subject} is over",
    AlertUndelivered: lambda e: (
        f"{e.rule} of {e.subject} did not reach the {e.receiver}: {e.error}"
    ),
    ConfigurationTaken: _taken,
    ConfigurationRefused: lambda e: f"the old one stays in force: {e.error}",
    DaemonStarted: lambda e: f"s2fetch {e.version} keeps {e.archives} archives",
    HookFailed: lambda e: f"{e.hook}: {e.error}",
    HookFinished: lambda e: f"{e.hook} in {format_duration(e.seconds)}",
    KeeperFailed: lambda e: f"{e.error}; the log has the traceback",
    CopyRefused: lambda e: f"{e.path} is there, but not taken: {e.reason}",
    NamesNotListed: lambda e: f"{e.count} names are not listed, e.g. {e.first[0]}",
    DaemonAsked: lambda e: f"{e.what} {e.archive or 'everything'}, asked for over {e.via}",
}
