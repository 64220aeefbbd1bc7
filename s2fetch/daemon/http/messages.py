"""Events as one line for people, and as values for those who follow the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from s2fetch.errors import ExitCode
from s2fetch.events import (
    AttemptFailed,
    CopyRefused,
    DaemonAsked,
    Event,
    FileDamaged,
    Healed,
    HubPaused,
    HubResumed,
    NamesNotListed,
    ProductAdopted,
    ProductCompleted,
    ProductFailed,
    ProductOnline,
    ProductQuarantined,
    RetrievalRequested,
    RunFinished,
    RunStarted,
    TransferStarted,
)
from s2fetch.product import Product
from s2fetch.units import format_duration, format_size

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


def outcome(exit_code: int) -> str:
    """How a run ended, in one stable word: ``ok``, ``failed``, ``hub`` and so on."""
    try:
        return ExitCode(exit_code).name.lower().replace("_", "-")
    except ValueError:
        return "bug"


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
    return f"{outcome(event.exit_code)}: {', '.join(parts)} in {format_duration(event.seconds)}"


_TEXTS: dict[type[Event], Callable[[Any], str]] = {
    RunStarted: lambda e: f"begins with {e.slots} slots",
    RunFinished: _finished,
    TransferStarted: _started,
    AttemptFailed: lambda e: (
        f"attempt {e.attempt}: {e.error}; again in {format_duration(e.retry_in)}"
    ),
    ProductCompleted: lambda e: f"{format_size(e.size)} in {format_duration(e.seconds)}, verified",
    ProductAdopted: lambda e: f"{format_size(e.size)} were there and proved to be the product",
    ProductFailed: lambda e: f"{e.error}. {e.next_step[:1].upper()}{e.next_step[1:]}",
    ProductQuarantined: lambda e: f"expected {e.expected}, computed {e.computed}: kept aside",
    ProductOnline: lambda _: "is online again",
    RetrievalRequested: lambda e: f"asked for: {e.answer}",
    HubPaused: lambda e: f"{e.host} rests for {format_duration(e.seconds)}: {e.reason}",
    HubResumed: lambda e: f"{e.host} answers again",
    Healed: lambda e: f"{e.subject}: {e.what}",
    FileDamaged: lambda e: e.reason,
    CopyRefused: lambda e: f"{e.path} is there, but not taken: {e.reason}",
    NamesNotListed: lambda e: f"{e.count} names are not listed, e.g. {e.first[0]}",
    DaemonAsked: lambda e: f"{e.what} {e.archive or 'everything'}, asked for over {e.via}",
}
