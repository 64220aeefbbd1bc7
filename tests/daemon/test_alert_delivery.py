"""Alerts reach their receivers, and no receiver reaches the daemon."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import msgspec
import pytest

from s2fetch.daemon.alert_delivery import (
    MOST_WAITING,
    AlertDelivery,
    CommandReceiver,
    DeliveryError,
    Receiver,
    Undelivered,
)
from s2fetch.daemon.alerts import Alert
from s2fetch.daemon.events import AlertUndelivered
from s2fetch.events import Event, EventBus
from tests.cli.conftest import until
from tests.daemon.test_webhook import ALERT


class Memory:
    """A receiver that remembers, fails or hangs."""

    def __init__(self, name: str = "memory", error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.free = anyio.Event()
        self.free.set()
        self.got: list[Alert] = []

    async def send(self, alert: Alert) -> None:
        await self.free.wait()
        self.got.append(alert)
        if self.error is not None:
            raise self.error


def numbered(number: int) -> Alert:
    return msgspec.structs.replace(ALERT, id=str(number))


async def test_a_command_gets_the_alert_as_json_and_as_variables(
    bus: EventBus, tmp_path: Path, events: list[Event]
) -> None:
    out = tmp_path / "out"
    script = 'printf "%s %s " "$S2FETCH_ALERT_RULE" "$S2FETCH_ALERT_EVENT" > out.new; '
    script += "cat >> out.new; mv out.new out"
    receiver: Receiver = CommandReceiver(
        ["bash", "-c", f'cd "{tmp_path}"; {script}'], seconds=60, environ=os.environ
    )
    delivery = AlertDelivery([receiver], events=bus)
    async with anyio.create_task_group() as group:
        group.start_soon(delivery.run)
        delivery.put(ALERT)
        await until(out.exists)
        group.cancel_scope.cancel()
    delivery.close()
    rule, event, sent = out.read_text().split(" ", 2)
    assert (rule, event) == ("disk-floor", "began")
    assert msgspec.json.decode(sent, type=Alert) == ALERT
    assert events == []


async def test_a_command_that_fails_is_a_delivery_that_failed() -> None:
    with pytest.raises(DeliveryError, match="exit code 4: no modem"):
        await CommandReceiver(
            ["bash", "-c", "echo no modem; exit 4"], seconds=60, environ=os.environ
        ).send(ALERT)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DeliveryError("it answered 404"), "it answered 404"),
        (RuntimeError("oops"), "s2fetch has a defect (RuntimeError)"),
    ],
)
async def test_a_failure_is_an_event_and_the_next_alert_is_delivered(
    bus: EventBus, events: list[Event], error: Exception, told: str
) -> None:
    bad, good = Memory("bad", error), Memory("good")
    delivery = AlertDelivery([bad, good], events=bus)
    async with anyio.create_task_group() as group:
        group.start_soon(delivery.run)
        delivery.put(numbered(1))
        delivery.put(numbered(2))
        await until(lambda: len(bad.got) == len(good.got) == 2)
        group.cancel_scope.cancel()
    delivery.close()
    assert (
        events
        == [AlertUndelivered(rule="disk-floor", subject="alps", receiver="bad", error=told)] * 2
    )


async def test_a_receiver_that_hangs_delays_no_other_and_its_queue_is_bounded(
    bus: EventBus, events: list[Event]
) -> None:
    """What is too much is given up, and told."""
    slow, good = Memory("slow"), Memory("good")
    slow.free = anyio.Event()
    delivery = AlertDelivery([slow, good], events=bus)
    async with anyio.create_task_group() as group:
        group.start_soon(delivery.run)
        for number in range(MOST_WAITING + 10):
            delivery.put(numbered(number))
            await until(lambda: len(good.got) == number + 1)  # noqa: B023 - awaited at once
        assert slow.got == []
        given_up = [event for event in events if isinstance(event, AlertUndelivered)]
        assert {event.receiver for event in given_up} == {"slow"}
        assert len(given_up) == 9  # one is under way
        slow.free.set()
        await until(lambda: len(slow.got) == MOST_WAITING + 1)
        group.cancel_scope.cancel()
    delivery.close()


async def test_what_was_not_delivered_is_delivered_by_the_next_process(bus: EventBus) -> None:
    """One that was under way, and one behind it; to the receiver that lacks them only."""
    slow, good = Memory("slow"), Memory("good")
    slow.free = anyio.Event()
    first = AlertDelivery([slow, good], events=bus)
    async with anyio.create_task_group() as group:
        group.start_soon(first.run)
        first.put(numbered(1))
        first.put(numbered(2))
        await until(lambda: len(good.got) == 2)
        group.cancel_scope.cancel()
    first.close()
    left = msgspec.json.decode(msgspec.json.encode(first.waiting), type=tuple[Undelivered, ...])
    assert [(each.receiver, each.alert.id) for each in left] == [("slow", "1"), ("slow", "2")]
    slow.free.set()
    second = AlertDelivery([slow, good], events=bus, before=left)
    async with anyio.create_task_group() as group:
        group.start_soon(second.run)
        await until(lambda: len(slow.got) == 2)
        await until(lambda: not second.waiting)
        group.cancel_scope.cancel()
    second.close()
    assert len(good.got) == 2


async def test_of_two_receivers_of_one_name_each_gets_what_it_lacks(
    bus: EventBus, events: list[Event]
) -> None:
    """Two webhooks of one host: what one has got still waits for the other, in the next process."""
    good, slow = Memory(), Memory()
    slow.free = anyio.Event()
    first = AlertDelivery([good, slow], events=bus)
    async with anyio.create_task_group() as group:
        group.start_soon(first.run)
        first.put(numbered(1))
        await until(lambda: len(good.got) == 1)
        group.cancel_scope.cancel()
    first.close()
    assert [(each.receiver, each.alert.id) for each in first.waiting] == [("memory (2)", "1")]
    slow.free.set()
    slow.error = DeliveryError("it answered 404")
    second = AlertDelivery([good, slow], events=bus, before=first.waiting)
    async with anyio.create_task_group() as group:
        group.start_soon(second.run)
        await until(lambda: not second.waiting)
        group.cancel_scope.cancel()
    second.close()
    assert [alert.id for alert in good.got] == [alert.id for alert in slow.got] == ["1"]
    assert [e.receiver for e in events if isinstance(e, AlertUndelivered)] == ["memory (2)"]


async def test_without_receivers_nothing_waits(bus: EventBus) -> None:
    delivery = AlertDelivery([], events=bus)
    delivery.put(ALERT)
    await delivery.run()
