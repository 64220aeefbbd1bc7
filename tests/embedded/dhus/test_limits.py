"""Flows, downloads and volumes per user."""

from __future__ import annotations

import asyncio

import pytest

from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.dhus.refusals import flows_in_a_document
from s2fetch.embedded.faults import Fault
from s2fetch.embedded.identity import User
from tests.conftest import DhusFactory
from tests.embedded.conftest import MovableClock
from tests.embedded.dhus.conftest import SLC as NAME
from tests.embedded.dhus.conftest import Guest, basic, catalogue, listed, value_path

USERS = (User(name="ann", password="a"), User(name="bob", password="b"))
STREAM = "MediaRegulationException : An exception occured while creating a stream: "


async def flows(hub: EmbeddedDhus, guest: Guest, count: int) -> list[asyncio.Task[object]]:
    """So many downloads of the first user that do not end by themselves."""
    url = value_path(hub.folder.entries[0])
    tasks = [asyncio.create_task(guest.get(hub, url)) for _ in range(count)]
    while hub.stats.open_bodies.get(hub.users[0].name, 0) < count:
        await asyncio.sleep(0)
    return list(tasks)


async def stop(hub: EmbeddedDhus, tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    while any(hub.stats.open_bodies.values()):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("generation", "status"), [("old-A", 500), ("old-B", 500), ("2.x", 403), ("3.x", 403)]
)
async def test_a_user_has_two_flows(
    dhus_factory: DhusFactory, guest: Guest, generation: str, status: int
) -> None:
    """The third is refused with a cause; old servers say 500 and send nothing else."""
    source = catalogue(listed(NAME), body=bytes(100_000))
    hub = await dhus_factory(source, generation=generation, users=USERS, bytes_per_second=1.0)
    entry = hub.folder.entries[0]
    running = await flows(hub, guest, 2)
    reply = await guest.value(hub, entry, Range="bytes=0-1")
    text = 'Maximum number of 2 concurrent flows achieved by the user "ann"'
    assert (reply.status, reply.headers["cause-message"]) == (status, STREAM + text)
    assert (reply.body == b"") is (status == 500)
    if status == 403:
        assert b"concurrent flows" in reply.body
        json = await guest.get(hub, f"{value_path(entry)}?$format=json")
        assert "concurrent flows" in json.json()["error"]["message"]["value"]
    assert (await guest.send("HEAD", hub, value_path(entry))).status == 200
    hub.settings = type(hub.settings)()
    assert (await guest.value(hub, entry, Authorization=basic(USERS[1]))).status == 200
    await stop(hub, running)
    assert (await guest.value(hub, entry)).status == 200
    assert hub.stats.most_open_bodies == {"ann": 2, "bob": 1}


async def test_nodes_are_flows_too(dhus_factory: DhusFactory, guest: Guest) -> None:
    """A file inside a product counts, a listing and a picture do not."""
    hub = await dhus_factory(most_flows=0)
    entry = hub.folder.entries[0]
    top = f"/odata/v1/Products('{entry.id}')/Nodes('{entry.name}')"
    reply = await guest.get(hub, f"{top}/Nodes('manifest.safe')/$value")
    assert (reply.status, b"concurrent flows" in reply.body) == (403, True)
    assert (await guest.get(hub, f"{top}/Nodes")).status == 200
    picture = f"/odata/v1/Products('{entry.id}')/Products('Quicklook')/$value"
    assert (await guest.get(hub, picture)).status == 200


async def test_an_ended_flow_may_count_for_a_while(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Until the server notices."""
    hub = await dhus_factory(most_flows=1, flow_release_seconds=3600)
    entry = hub.folder.entries[0]
    assert (await guest.value(hub, entry)).status == 200
    assert (await guest.value(hub, entry)).status == 403


async def test_downloads_are_counted_in_a_window(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """The message has the count so far; a range counts as much as a whole."""
    hub = await dhus_factory(most_downloads=2, download_window_seconds=100, clock=clock)
    entry = hub.folder.entries[0]
    await guest.value(hub, entry)
    clock.move(60)
    await guest.value(hub, entry, Range="bytes=0-1")
    reply = await guest.value(hub, entry)
    user = hub.users[0].name
    text = f'{STREAM}Maximum number of download (2) exceeded by the user "{user}"'
    assert (reply.status, reply.headers["cause-message"]) == (403, text)
    clock.move(40)
    assert (await guest.value(hub, entry)).status == 200
    assert (await guest.value(hub, entry)).status == 403
    assert hub.stats.downloads == {user: 3}


async def test_volume_is_charged_in_full_before_the_range(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """The message has the bytes with this download."""
    source = catalogue(listed(NAME), body=bytes(100))
    hub = await dhus_factory(
        source, most_download_bytes=250, download_window_seconds=100, clock=clock
    )
    entry = hub.folder.entries[0]
    for _ in range(2):
        assert (await guest.value(hub, entry, Range="bytes=0-1")).status == 206
    reply = await guest.value(hub, entry, Range="bytes=0-1")
    text = f'Maximum size of download (300) exceeded by the user "{hub.users[0].name}"'
    assert (reply.status, reply.headers["cause-message"]) == (403, STREAM + text)
    clock.move(100)
    assert (await guest.value(hub, entry)).status == 200


async def test_one_download_may_be_too_large(dhus_factory: DhusFactory, guest: Guest) -> None:
    """For a single flow."""
    hub = await dhus_factory(catalogue(listed(NAME), body=bytes(100)), most_flow_bytes=99)
    reply = await guest.value(hub, hub.folder.entries[0])
    text = f'{STREAM}Maximum size of 99 bytes for a single flow achieved by the user "'
    assert (reply.status, reply.headers["cause-message"].startswith(text)) == (403, True)


async def test_an_account_may_lack_the_right_to_download(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """It can search; 403 without a word about flows."""
    hub = await dhus_factory(users=(User(name="a", password="b", entitled=False),))
    reply = await guest.value(hub, hub.folder.entries[0])
    cause = "ExpectedException : Insufficient permissions"
    assert (reply.status, reply.headers["cause-message"]) == (403, cause)
    assert len(await guest.titles(hub)) == 6


async def test_long_ago_a_refusal_looked_like_a_product(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """An XML document with status 200."""
    hub = await dhus_factory(faults=[Fault(flows_in_a_document("ann"))])
    reply = await guest.value(hub, hub.folder.entries[0])
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (200, "application/xml")
    assert b"Maximum number of 2 concurrent flows achieved by the user" in reply.body
