"""Brings alerts to their receivers, beside everything else the daemon does."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Protocol

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from s2fetch.daemon.alerts import Alert
from s2fetch.daemon.commands import CommandError, run_command
from s2fetch.daemon.events import AlertUndelivered
from s2fetch.events import EventBus

MOST_WAITING = 100
"""Alerts that wait for one receiver; more are given up, and the log says so."""


class DeliveryError(Exception):
    """An alert was not delivered; the text says why, and names no URL."""


class Receiver(Protocol):
    """Somebody who wants to know."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def send(self, alert: Alert) -> None:
        """Deliver one alert.

        Raises:
            DeliveryError: If that is not possible.
        """


class CommandReceiver:
    """A command: the alert as JSON on its standard input, and as ``S2FETCH_ALERT_…``.

    Args:
        arguments: Program and arguments; no shell looks at them.
        seconds: How long it may take.
        environ: What its environment is made of.
    """

    def __init__(
        self, arguments: Sequence[str], *, seconds: float, environ: Mapping[str, str]
    ) -> None:
        self.name = f"command {arguments[0]}"
        self._arguments = arguments
        self._seconds = seconds
        self._environ = environ

    async def send(self, alert: Alert) -> None:
        """Run it; a command that fails is not run again.

        Raises:
            DeliveryError: If it cannot be started, fails or takes too long.
        """
        fields = msgspec.structs.asdict(alert)
        try:
            await run_command(
                self._arguments,
                stdin=msgspec.json.encode(alert) + b"\n",
                variables={f"S2FETCH_ALERT_{k.upper()}": str(v) for k, v in fields.items()},
                environ=self._environ,
                seconds=self._seconds,
            )
        except CommandError as error:
            raise DeliveryError(str(error)) from error


class Undelivered(msgspec.Struct, frozen=True):
    """An alert that waits for a receiver, by its name."""

    receiver: str
    alert: Alert


class AlertDelivery:
    """A queue for each receiver; a slow one delays no other, and nobody delays the daemon.

    Args:
        receivers: Who wants to know.
        events: Told of alerts that were not delivered.
        before: `waiting` of the process before this one; receivers that are gone get nothing.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        *,
        events: EventBus,
        before: Sequence[Undelivered] = (),
    ) -> None:
        self._events = events
        self._waiting: dict[Undelivered, None] = {}
        self._queues = [
            (name, receiver, *anyio.create_memory_object_stream[Alert](MOST_WAITING))
            for name, receiver in _told_apart(receivers)
        ]
        for one in before:
            self._put(one.alert, {one.receiver})

    @property
    def waiting(self) -> tuple[Undelivered, ...]:
        """What is on its way."""
        return tuple(self._waiting)

    def put(self, alert: Alert) -> None:
        """Have an alert delivered; never waits."""
        self._put(alert, {name for name, *_ in self._queues})

    def _put(self, alert: Alert, names: Container[str]) -> None:
        for name, _, entrance, _ in self._queues:
            if name not in names:
                continue
            try:
                entrance.send_nowait(alert)
            except anyio.WouldBlock:
                self._give_up(alert, name, f"{MOST_WAITING} others are waiting already")
            else:
                self._waiting[Undelivered(name, alert)] = None

    async def run(self) -> None:
        """Deliver until cancelled; no failure of a receiver ends it."""
        async with anyio.create_task_group() as group:
            for name, receiver, _, exit_ in self._queues:
                group.start_soon(self._deliver, name, receiver, exit_)

    def close(self) -> None:
        """Give the queues up."""
        for _, _, entrance, exit_ in self._queues:
            entrance.close()
            exit_.close()

    async def _deliver(
        self, name: str, receiver: Receiver, queue: MemoryObjectReceiveStream[Alert]
    ) -> None:
        async for alert in queue:
            try:
                await receiver.send(alert)
            except DeliveryError as error:
                self._give_up(alert, name, str(error))
            except Exception as error:  # a defect in here must not end the daemon
                logging.getLogger("s2fetch").exception("alert delivery failed")
                self._give_up(alert, name, f"s2fetch has a defect ({type(error).__name__})")
            # Not reached when the daemon ends in the middle of it: the next one delivers it then.
            self._waiting.pop(Undelivered(name, alert), None)

    def _give_up(self, alert: Alert, receiver: str, why: str) -> None:
        self._events.emit(
            AlertUndelivered(rule=alert.rule, subject=alert.subject, receiver=receiver, error=why)
        )


def _told_apart(receivers: Sequence[Receiver]) -> Iterator[tuple[str, Receiver]]:
    """Every receiver with a name of its own: two webhooks may be of one host.

    What waits for one must not be forgotten when another has got it.
    """
    seen: Counter[str] = Counter()
    for receiver in receivers:
        seen[receiver.name] += 1
        number = seen[receiver.name]
        yield f"{receiver.name} ({number})" if number > 1 else receiver.name, receiver
