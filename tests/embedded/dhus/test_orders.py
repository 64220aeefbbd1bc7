"""The long-term archive: orders, quotas, the queue, restored copies."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from s2fetch.embedded.dhus.hub import DhusSettings, EmbeddedDhus
from s2fetch.embedded.dhus.orders import OrderState
from s2fetch.embedded.dhus.refusals import archive_refusal
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Fault, Kind, Listed, OrderFails
from s2fetch.embedded.identity import User
from s2fetch.embedded.safe import generate_products
from tests.conftest import DhusFactory
from tests.embedded.conftest import MovableClock
from tests.embedded.dhus.conftest import (
    NO2,
    SLC,
    Guest,
    basic,
    catalogue,
    listed,
    path_of,
    value_path,
)

ANN, BOB = User(name="ann", password="a"), User(name="bob", password="b")


def offline(count: int) -> list[Entry]:
    return [listed(SLC.replace("F5FF", f"{n:04X}"), online=False) for n in range(count)]


async def online(hub: EmbeddedDhus, guest: Guest, entry: Entry) -> bool:
    reply = await guest.get(hub, f"{path_of(entry)}/Online/$value")
    return reply.body == b"true"


async def test_a_get_of_an_offline_product_orders_it_once(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """202 and an empty text; asking again costs nothing; then it is online with a new date."""
    (entry,) = offline(1)
    hub = await dhus_factory(catalogue(entry), clock=clock, restore_seconds=3600)
    assert not await online(hub, guest, entry)
    for _ in range(3):
        reply = await guest.value(hub, entry, Range="bytes=0-1")
        assert (reply.status, reply.body) == (202, b"")
        assert reply.headers["Content-Type"].split(";")[0] == "text/plain"
    assert (hub.stats.orders, hub.stats.retrievals) == ({entry.id: 1}, {entry.id: 3})
    assert hub.stats.downloads == {}
    clock.move(3599)
    assert not await online(hub, guest, entry)
    clock.move(1)
    assert await online(hub, guest, entry)
    members = await guest.product(hub, entry)
    assert members["ModificationDate"] == "/Date(1719838800000)/"
    assert members["Checksum"]["Value"] == entry.md5
    assert (await guest.value(hub, entry)).body == b"payload"


async def test_a_head_orders_nothing(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """It answers 202 all the same."""
    (entry,) = offline(1)
    hub = await dhus_factory(catalogue(entry), clock=clock)
    assert (await guest.send("HEAD", hub, value_path(entry))).status == 202
    assert (hub.stats.orders, hub.stats.retrievals) == ({}, {})
    clock.move(1e6)
    assert not await online(hub, guest, entry)


async def test_a_restored_copy_leaves_again(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """After three days, as its eviction date says; then it can be ordered anew."""
    (entry,) = offline(1)
    hub = await dhus_factory(catalogue(entry), clock=clock, restore_seconds=10)
    await guest.value(hub, entry)
    clock.move(10)
    members = await guest.product(hub, entry)
    restored = int(members["ModificationDate"][6:-2])
    evicted = int(members["EvictionDate"][6:-2])
    assert evicted - restored == 3 * 86_400_000
    clock.move(3 * 86_400 - 1)
    assert await online(hub, guest, entry)
    clock.move(1)
    members = await guest.product(hub, entry)
    assert (members["Online"], members["EvictionDate"]) == (False, None)
    assert (await guest.value(hub, entry)).status == 202
    assert hub.stats.orders == {entry.id: 2}


async def test_a_user_has_so_many_active_orders(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """403 with two blanks; finished ones are released; others have orders of their own."""
    entries = offline(3)
    hub = await dhus_factory(
        catalogue(*entries), clock=clock, most_orders=1, restore_seconds=10, users=(ANN, BOB)
    )
    assert (await guest.value(hub, entries[0])).status == 202
    reply = await guest.value(hub, entries[1])
    name = entries[1].name.removesuffix(".SAFE")
    assert reply.status == 403
    assert reply.headers["cause-message"] == (
        "ExpectedException : User 'ann' offline products retrieval quota exceeded"
        f" (1 fetches max)  trying to fetch product {name} (7 bytes compressed)"
    )
    assert (await guest.value(hub, entries[0])).status == 202
    assert (await guest.value(hub, entries[1], Authorization=basic(BOB))).status == 202
    assert hub.stats.refused_orders == {entries[1].id: 1}
    clock.move(10)
    assert (await guest.value(hub, entries[2])).status == 202


async def test_the_queue_of_the_hub_can_be_full(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """503; orders run some at a time, the others wait for their turn."""
    entries = offline(4)
    hub = await dhus_factory(
        catalogue(*entries),
        clock=clock,
        most_running_orders=1,
        most_pending_orders=2,
        restore_seconds=10,
    )
    replies = [await guest.value(hub, entry) for entry in entries]
    assert [reply.status for reply in replies] == [202, 202, 202, 503]
    assert (
        replies[3]
        .headers["cause-message"]
        .endswith("The retrieval of offline data is temporary unavailable, please try again later")
    )
    clock.move(25)
    assert [await online(hub, guest, entry) for entry in entries] == [True, True, False, False]
    states = [order.state for order in hub.state.orders.all]
    assert states == [OrderState.COMPLETED, OrderState.COMPLETED, OrderState.RUNNING]
    clock.move(5)
    assert await online(hub, guest, entries[2])


async def test_a_failed_order_looks_like_one_that_never_ends(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """It counts no more, and the product can be ordered again."""
    entries = offline(2)
    fault = Fault(OrderFails(), product=entries[0].name)
    hub = await dhus_factory(
        catalogue(*entries), clock=clock, restore_seconds=10, most_orders=1, faults=[fault]
    )
    assert (await guest.value(hub, entries[0])).status == 202
    clock.move(1000)
    assert not await online(hub, guest, entries[0])
    assert [order.state for order in hub.state.orders.all] == [OrderState.FAILED]
    assert (await guest.value(hub, entries[0])).status == 202
    clock.move(10)
    assert await online(hub, guest, entries[0])
    assert hub.stats.orders == {entries[0].id: 2}


@pytest.mark.parametrize(
    ("status", "text"),
    [(404, "Requested product not found"), (429, "Quota exceeded"), (502, "Bad gateway")],
)
async def test_the_archive_may_refuse_an_order(
    dhus_factory: DhusFactory, guest: Guest, status: int, text: str
) -> None:
    """Nothing is ordered then."""
    (entry,) = offline(1)
    fault = Fault(archive_refusal(status), on=Kind.ORDER)
    hub = await dhus_factory(catalogue(entry), faults=[fault])
    reply = await guest.value(hub, entry)
    assert (reply.status, reply.headers["cause-message"].split(" : ")[1]) == (status, text)
    assert (await guest.value(hub, entry)).status == 202
    assert hub.stats.orders == {entry.id: 1}


async def test_online_may_lie_both_ways(dhus_factory: DhusFactory, guest: Guest) -> None:
    """True for what is ordered by a GET, false for what is there."""
    away, there = listed(SLC, online=False), listed(NO2)
    hub = await dhus_factory(
        catalogue(away, there),
        faults=[
            Fault(Listed({"Online": True}), product=away.id, times=None),
            Fault(Listed({"Online": False}), product=there.id, times=None),
        ],
    )
    assert ((await guest.product(hub, away))["Online"], await online(hub, guest, away)) == (
        True,
        True,
    )
    assert (await guest.value(hub, away)).status == 202
    assert not await online(hub, guest, there)
    assert (await guest.value(hub, there)).status == 200


@pytest.mark.parametrize("kind", ["zip", "other"])
async def test_a_restored_copy_may_be_packed_anew(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock, tmp_path: Path, kind: str
) -> None:
    """Other length, other MD5, other ETag; metadata and bytes agree, and a zip is still one."""
    if kind == "zip":
        generate_products(tmp_path / "some", 2, size=40_000, offline=1)
        hub = await dhus_factory(tmp_path / "some", clock=clock, repacked_on_restore=True)
    else:
        hub = await dhus_factory(catalogue(*offline(1)), clock=clock, repacked_on_restore=True)
    entry = next(entry for entry in hub.folder.entries if not entry.online)
    assert (await guest.value(hub, entry)).status == 202
    clock.move(1)
    members = await guest.product(hub, entry)
    reply = await guest.value(hub, entry)
    assert members["ContentLength"] == str(len(reply.body)) != str(entry.content_length)
    assert members["Checksum"]["Value"] == hashlib.md5(reply.body).hexdigest() != entry.md5
    assert reply.headers["ETag"] == members["Checksum"]["Value"]
    if kind == "zip":
        assert zipfile.ZipFile(io.BytesIO(reply.body)).testzip() is None


async def test_a_product_may_be_deleted_while_it_is_restored(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """The order ends without a product."""
    (entry,) = offline(1)
    hub = await dhus_factory(catalogue(entry), clock=clock, restore_seconds=10)
    await guest.value(hub, entry)
    hub.folder.delete(entry.id)
    clock.move(10)
    assert (await guest.get(hub, path_of(entry))).status == 404


async def test_orders_outlive_the_hub_going_down(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """Its queue is kept; a change of settings applies at once."""
    entries = offline(2)
    hub = await dhus_factory(catalogue(*entries), clock=clock, restore_seconds=10)
    await guest.value(hub, entries[0])
    await hub.go_down()
    clock.move(10)
    await hub.come_up()
    assert await online(hub, guest, entries[0])
    hub.settings = DhusSettings(most_orders=0)
    assert (await guest.value(hub, entries[1])).status == 403
