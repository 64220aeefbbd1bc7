"""Faults of downloads, nodes, quicklooks, products of whole archives."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.dhus.refusals import maintenance, processing_quota
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import (
    Changed,
    Cut,
    Fault,
    FlippedByte,
    GoDown,
    Kind,
    Reset,
    Slow,
    WrongRange,
)
from s2fetch.embedded.safe import generate_products
from tests.conftest import DhusFactory
from tests.embedded.dhus.conftest import NO2, SLC, Guest, catalogue, listed, path_of, value_path


@pytest.fixture
async def hub(dhus_factory: DhusFactory) -> EmbeddedDhus:
    """A hub with one product of 1000 bytes."""
    return await dhus_factory(catalogue(listed(SLC), body=bytes(1000)))


async def test_a_body_may_end_early(hub: EmbeddedDhus, entry: Entry, guest: Guest) -> None:
    """Noticeably, with its length, or not, without."""
    hub.faults.add(Fault(Cut(300)), Fault(Cut(300, chunked=True), skip=1))
    with pytest.raises(aiohttp.ClientPayloadError):
        await guest.value(hub, entry)
    reply = await guest.value(hub, entry)
    assert (len(reply.body), "Content-Length" in reply.headers) == (300, False)


async def test_a_connection_may_be_reset(hub: EmbeddedDhus, entry: Entry, guest: Guest) -> None:
    """After so many bytes; the flow ends with it."""
    hub.faults.add(Fault(Reset(300)))
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await guest.value(hub, entry)
    assert not any(hub.stats.open_bodies.values())
    assert len((await guest.value(hub, entry)).body) == 1000


async def test_bytes_may_be_wrong(hub: EmbeddedDhus, entry: Entry, guest: Guest) -> None:
    """One of them, or the range they claim to be, or all with another ETag."""
    hub.faults.add(
        Fault(FlippedByte(5)), Fault(WrongRange(start_by=1), skip=1), Fault(Changed(), skip=2)
    )
    assert (await guest.value(hub, entry)).body[4:7] == b"\0\xff\0"
    reply = await guest.value(hub, entry, Range="bytes=10-19")
    assert reply.headers["Content-Range"] == "bytes 11-20/1000"
    reply = await guest.value(hub, entry)
    assert (reply.headers["ETag"], set(reply.body)) == ("changed", {255})


async def test_bytes_may_come_slowly(hub: EmbeddedDhus, entry: Entry, guest: Guest) -> None:
    """At a rate of the hub or of one download; they are the same bytes."""
    hub.faults.add(Fault(Slow(1e6)))
    assert (await guest.value(hub, entry)).body == bytes(1000)


async def test_an_answer_may_be_something_else(
    hub: EmbeddedDhus, entry: Entry, guest: Guest
) -> None:
    """A maintenance page with 200, a quota with a cause."""
    hub.faults.add(Fault(maintenance()), Fault(processing_quota(), skip=1))
    reply = await guest.value(hub, entry)
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    reply = await guest.value(hub, entry)
    assert reply.status == 429
    assert reply.headers["cause-message"].startswith("ProcessingQuotaException: Maximum number")


async def test_a_wrong_checksum_is_wrong_everywhere(
    hub: EmbeddedDhus, entry: Entry, guest: Guest
) -> None:
    """In metadata and in the ETag, when the row is changed."""
    hub.folder.relist(entry.id, md5="0" * 32)
    assert (await guest.product(hub, entry))["Checksum"]["Value"] == "0" * 32
    assert (await guest.value(hub, entry)).headers["ETag"] == "0" * 32


async def test_a_hub_can_go_down_and_come_back(
    hub: EmbeddedDhus, entry: Entry, guest: Guest
) -> None:
    """On the same port."""
    hub.faults.add(Fault(GoDown(0.01), on=Kind.LOOKUP))
    with pytest.raises(aiohttp.ClientError):
        await guest.get(hub, path_of(entry))
    for _ in range(1000):
        try:
            assert (await guest.get(hub, path_of(entry))).status == 200
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.001)
        else:
            break
    else:
        pytest.fail("it never came back")


async def test_the_files_of_a_product_can_be_listed_and_fetched(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Every step of a path is a node; ``manifest.safe`` names the rest."""
    hub = await dhus_factory()
    entry = hub.folder.entries[0]
    top = f"{path_of(entry)}/Nodes"
    (root,) = (await guest.get(hub, f"{top}?$format=json")).json()["d"]["results"]
    assert (root["Id"], root["__metadata"]["type"]) == (entry.name, "DHuS.Node")
    folder = f"{top}('{entry.name}')/Nodes"
    found = {one["Name"]: one for one in (await guest.get(hub, folder)).json()["d"]["results"]}
    manifest = found["manifest.safe"]
    assert manifest["ChildrenNumber"] == "0"
    assert found["GRANULE"]["ChildrenNumber"] == "1"
    reply = await guest.get(hub, manifest["__metadata"]["media_src"])
    assert (reply.status, len(reply.body)) == (200, int(manifest["ContentLength"]))
    assert reply.body.startswith(b"<?xml")
    assert reply.headers["Content-Disposition"] == 'inline;filename="manifest.safe"'
    one = await guest.get(hub, f"{folder}('manifest.safe')?$format=json")
    assert one.json()["d"] == manifest
    deferred = found["GRANULE"]["Nodes"]["__deferred"]["uri"]
    assert len((await guest.get(hub, deferred)).json()["d"]["results"]) == 1


async def test_a_file_inside_can_be_continued(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Ranges and validators as for whole products."""
    hub = await dhus_factory()
    entry = hub.folder.entries[0]
    path = f"{path_of(entry)}/Nodes('{entry.name}')/Nodes('manifest.safe')/$value"
    whole = await guest.get(hub, path)
    tag = whole.headers["ETag"]
    rest = await guest.get(hub, path, Range="bytes=10-", If_Range=tag)
    assert (rest.status, rest.body) == (206, whole.body[10:])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Nodes('nothing')", 404),
        ("Nodes('nothing')/$value", 404),
        ("Nodes('nothing')/Nodes", 404),
        ("Nodes(nothing)/$value", 404),
        ("Nodes/$value", 404),
        ("Nodes('{name}')/Nodes('GRANULE')/$value", 404),
    ],
)
async def test_nodes_that_do_not_exist_are_refused(
    dhus_factory: DhusFactory, guest: Guest, path: str, status: int
) -> None:
    """Wrong names, wrong keys, folders."""
    hub = await dhus_factory()
    entry = hub.folder.entries[0]
    reply = await guest.get(hub, f"{path_of(entry)}/{path.format(name=entry.name)}")
    assert reply.status == status
    assert reply.headers["cause-message"]


async def test_an_offline_product_has_a_picture_but_no_nodes(
    dhus_factory: DhusFactory, guest: Guest, tmp_path: Path
) -> None:
    """An empty list, and an error of the stream for a file."""
    generate_products(tmp_path / "some", 2, size=40_000, offline=1)
    hub = await dhus_factory(tmp_path / "some")
    entry = next(entry for entry in hub.folder.entries if not entry.online)
    assert (await guest.get(hub, f"{path_of(entry)}/Nodes")).json()["d"]["results"] == []
    inside = f"{path_of(entry)}/Nodes('{entry.name}')/Nodes('manifest.safe')/$value"
    reply = await guest.get(hub, inside)
    assert (reply.status, reply.body) == (500, b"")
    picture = await guest.get(hub, f"{path_of(entry)}/Products('Quicklook')/$value")
    assert (picture.status, picture.body[:3]) == (200, b"\xff\xd8\xff")
    assert hub.stats.orders == {}


async def test_a_picture_is_an_attachment_unless_a_browser_asks(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Quicklook and thumbnail, also as entities; missing ones are not found."""
    hub = await dhus_factory()
    entry = hub.folder.entries[0]
    stem = entry.name.removesuffix(".SAFE")
    for name, short in (("Quicklook", "ql"), ("Thumbnail", "th")):
        path = f"{path_of(entry)}/Products('{name}')"
        reply = await guest.get(hub, f"{path}/$value")
        assert reply.headers["Content-Type"] == "image/jpeg"
        assert reply.headers["Content-Disposition"] == f'attachment;filename="{stem}-{short}.jpg"'
        reply = await guest.get(hub, f"{path}/$value", Accept="image/jpeg")
        assert reply.headers["Content-Disposition"].startswith("inline;")
        members = (await guest.get(hub, f"{path}?$format=json")).json()["d"]
        assert (members["Id"], members["ContentType"]) == (name, "image/jpeg")
    both = (await guest.get(hub, f"{path_of(entry)}/Products?$format=json")).json()["d"]["results"]
    assert [one["Id"] for one in both] == ["Quicklook", "Thumbnail"]
    hub = await dhus_factory(catalogue(listed(NO2)))
    path = f"{path_of(hub.folder.entries[0])}/Products('Quicklook')/$value"
    assert (await guest.get(hub, path)).status == 404


async def test_a_hub_speaks_https(
    dhus_factory: DhusFactory, guest: Guest, tls: tuple[object, object]
) -> None:
    """With a certificate; links follow."""
    hub = await dhus_factory(ssl_context=tls[0])
    assert hub.url.startswith("https://127.0.0.1:")
    entry = hub.folder.entries[0]
    reply = await guest.send("GET", hub, value_path(entry), ssl=tls[1])
    assert len(reply.body) == entry.content_length
