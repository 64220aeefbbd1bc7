"""The download host: whole products, ranges, limits, offline products, nodes."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import aiohttp
import pytest

from s2fetch.embedded.entry import Entry
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.identity import User
from s2fetch.embedded.safe import demo_specs, make_product
from s2fetch.embedded.state import OfflineAnswer, Ranges
from tests.conftest import HubFactory
from tests.embedded.conftest import MovableClock, Visitor, value_url


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A folder with one product of 3 MB."""
    (spec,) = demo_specs(1, 3_000_000, 0, 7)
    make_product(tmp_path / "large", spec)
    return tmp_path / "large"


async def test_a_product_arrives_as_it_is_listed(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Length, MD5, name and validators agree with the catalogue; the bytes are counted."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    reply = await visitor.download(hub, entry)
    assert (reply.status, len(reply.body), md5(reply.body)) == (
        200,
        entry.content_length,
        entry.md5,
    )
    assert reply.headers["Content-Length"] == str(entry.content_length)
    assert f'filename="{entry.name}.zip"' in reply.headers["Content-Disposition"]
    assert "ETag" in reply.headers
    assert "Last-Modified" in reply.headers
    assert hub.stats.bytes_served == {entry.id: entry.content_length}
    assert hub.stats.bodies == {entry.id: 1}


async def test_large_bodies_arrive_whole(
    hub_factory: HubFactory, visitor: Visitor, large: Path
) -> None:
    """Bodies the kernel copies are the same bytes, from the start and from the middle."""
    hub = await hub_factory(large)
    (entry,) = hub.folder.entries
    whole = await visitor.download(hub, entry)
    rest = await visitor.download(hub, entry, Range="bytes=1000000-")
    assert md5(whole.body) == entry.md5
    assert rest.body == whole.body[1_000_000:]
    assert hub.stats.all_bytes_served == 2 * entry.content_length - 1_000_000


async def test_a_shaped_body_is_the_same_body(
    hub_factory: HubFactory, visitor: Visitor, large: Path
) -> None:
    """A rate changes when bytes come, not which."""
    hub = await hub_factory(large, bytes_per_second=60e6, latency_seconds=0.001)
    (entry,) = hub.folder.entries
    assert md5((await visitor.download(hub, entry)).body) == entry.md5


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("Products({id})/$value", "", 401, "DAT-ZIP-604"),
        ("Products({id})/$value", "nonsense", 401, "DAT-ZIP-109"),
        ("Products('{id}')/$value", "good", 422, "DAT-ZIP-111"),
        ("Products(5)/$value", "good", 422, "DAT-ZIP-111"),
        ("Products(5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b)/$value", "good", 404, "DAT-ZIP-101"),
        ("Products({id})/Nodes('{name}')/Nodes", "good", 400, "DAT-ZIP-104"),
        ("Products({id})/Nods", "good", 400, "DAT-ZIP-104"),
        ("Products({id})/Nodes({name})/Nodes(nothing)/$value", "good", 404, "DAT-ZIP-101"),
    ],
)
async def test_refusals_have_the_documented_codes(
    hub_factory: HubFactory, visitor: Visitor, path: str, token: str, status: int, code: str
) -> None:
    """Status, code and trace id of each refusal."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    if token == "good":
        token = await visitor.login(hub)
    url = f"{hub.download_url}/{path.format(id=entry.id, name=entry.name)}"
    reply = await visitor.get(url, token)
    assert (reply.status, reply.json()["code"]) == (status, code)
    assert len(reply.json()["trace-id"]) == 32


async def test_a_token_in_the_query_is_accepted(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Some clients send `?token=`."""
    hub = await hub_factory()
    url = f"{value_url(hub, hub.folder.entries[0])}?token={await visitor.login(hub)}"
    assert (await visitor.get(url)).status == 200


async def test_an_account_without_entitlement_is_forbidden(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """403 DAT-ZIP-608."""
    hub = await hub_factory(users=[User(name="u", password="p", entitled=False)])
    reply = await visitor.download(hub, hub.folder.entries[0])
    assert (reply.status, reply.json()["code"]) == (403, "DAT-ZIP-608")


async def test_head_tells_the_length_and_takes_no_slot(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """HEAD on a download is answered without a body."""
    hub = await hub_factory(most_transfers=0)
    entry = hub.folder.entries[0]
    headers = {"Authorization": f"Bearer {await visitor.login(hub)}"}
    reply = await visitor.request("HEAD", value_url(hub, entry), headers=headers)
    assert (reply.status, reply.headers["Content-Length"]) == (200, str(entry.content_length))


async def test_a_range_is_honoured(hub_factory: HubFactory, visitor: Visitor) -> None:
    """206 with exactly those bytes; 416 beyond the end."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    whole = (await visitor.download(hub, entry)).body
    part = await visitor.download(hub, entry, Range="bytes=1000-")
    assert (part.status, part.body) == (206, whole[1000:])
    assert part.headers["Content-Range"] == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
    beyond = await visitor.download(hub, entry, Range=f"bytes={len(whole)}-")
    assert beyond.status == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole)}"


async def test_if_range_gives_the_whole_body_when_it_changed(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """A validator that no longer holds makes the answer a 200."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    etag = (await visitor.download(hub, entry)).headers["ETag"]
    same = await visitor.download(hub, entry, Range="bytes=9-", If_Range=etag)
    assert same.status == 206
    hub.folder.replace_body(entry.id, b"x" * 50)
    other = await visitor.download(hub, entry, Range="bytes=9-", If_Range=etag)
    assert (other.status, other.body) == (200, b"x" * 50)


async def test_ranges_can_be_ignored_or_refused(hub_factory: HubFactory, visitor: Visitor) -> None:
    """The three behaviours seen on the real service."""
    ignoring = await hub_factory(ranges=Ranges.IGNORE)
    entry = ignoring.folder.entries[0]
    reply = await visitor.download(ignoring, entry, Range="bytes=5-")
    assert (reply.status, len(reply.body)) == (200, entry.content_length)
    refusing = await hub_factory(ranges=Ranges.ERROR, range_error_status=500)
    assert (await visitor.download(refusing, entry, Range="bytes=5-")).status == 500
    assert (await visitor.download(refusing, entry, Range="bytes=0-")).status == 200


async def open_bodies(
    hub: EmbeddedHub, visitor: Visitor, entries: list[Entry], token: str
) -> list[aiohttp.ClientResponse]:
    """Bodies that stay open, because they arrive slowly."""
    headers = {"Authorization": f"Bearer {token}"}
    urls = [value_url(hub, entry) for entry in entries]
    return [await visitor.session.get(url, headers=headers) for url in urls]


async def freed(hub: EmbeddedHub) -> None:
    async with asyncio.timeout(10):
        while any(hub.stats.open_bodies.values()):
            await asyncio.sleep(0.005)


async def test_an_account_has_a_limited_number_of_transfers(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """429 DAT-ZIP-100 without Retry-After beyond the cap, until a transfer ends."""
    hub = await hub_factory(most_transfers=2, bytes_per_second=10_000)
    entries = hub.folder.entries
    token = await visitor.login(hub)
    running = await open_bodies(hub, visitor, entries[:2], token)
    refused = await visitor.get(value_url(hub, entries[2]), token)
    assert (refused.status, refused.json()["code"]) == (429, "DAT-ZIP-100")
    assert "Retry-After" not in refused.headers
    node = f"Nodes({entries[2].name})/Nodes(manifest.safe)/$value"
    url = f"{hub.download_url}/Products({entries[2].id})/{node}"
    assert (await visitor.get(url, token)).status == 429
    for response in running:
        response.close()
    await freed(hub)
    hub.settings = type(hub.settings)(most_transfers=2)
    assert (await visitor.get(value_url(hub, entries[2]), token)).status == 200
    assert list(hub.stats.most_open_bodies.values()) == [2]


async def test_accounts_have_transfers_of_their_own(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """One account at its cap does not hinder another."""
    users = [User(name="a", password="p"), User(name="b", password="p")]
    hub = await hub_factory(users=users, most_transfers=1, bytes_per_second=10_000)
    (running,) = await open_bodies(hub, visitor, hub.folder.entries[:1], await visitor.login(hub))
    other = (await visitor.grant(hub, username="b")).json()["access_token"]
    (second,) = await open_bodies(hub, visitor, hub.folder.entries[:1], other)
    assert (running.status, second.status) == (200, 200)
    running.close()
    second.close()


async def test_a_slot_can_be_released_late(hub_factory: HubFactory, visitor: Visitor) -> None:
    """As on the service, a transfer may count for a while after its end."""
    hub = await hub_factory(most_transfers=1, slot_release_seconds=0.2)
    entry = hub.folder.entries[0]
    assert (await visitor.download(hub, entry)).status == 200
    assert (await visitor.download(hub, entry)).status == 429
    await freed(hub)
    assert (await visitor.download(hub, entry)).status == 200


async def test_an_offline_product_is_retrieved_on_request(
    hub_factory: HubFactory, visitor: Visitor, clock: MovableClock
) -> None:
    """202 and no body, again while it is under way; online afterwards, with an eviction date."""
    hub = await hub_factory(clock=clock, retrieval_seconds=60)
    entry = hub.folder.relist(hub.folder.entries[0].id, online=False)
    for _ in range(2):
        reply = await visitor.download(hub, entry)
        assert (reply.status, reply.body) == (202, b"")
    url = f"{hub.catalogue_url}/Products({entry.id})"
    assert (await visitor.get(url)).json()["Online"] is False
    clock.move(61)
    row = (await visitor.get(url)).json()
    assert row["Online"] is True
    assert row["EvictionDate"].startswith("2024-07-31")
    assert row["ModificationDate"] > entry.modification_date
    assert (await visitor.download(hub, entry)).status == 200
    assert hub.stats.retrievals == {entry.id: 2}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OfflineAnswer.FORBIDDEN, 403),
        (OfflineAnswer.NOT_FOUND, 404),
        (OfflineAnswer.ERROR, 500),
        (OfflineAnswer.QUOTA, 429),
    ],
)
async def test_offline_products_can_be_refused(
    hub_factory: HubFactory, visitor: Visitor, answer: OfflineAnswer, status: int
) -> None:
    """What the service really answers is not known, so every plausible answer exists."""
    hub = await hub_factory(offline_answer=answer)
    entry = hub.folder.relist(hub.folder.entries[0].id, online=False)
    assert (await visitor.download(hub, entry)).status == status
    assert hub.stats.retrievals == {entry.id: 1}


async def test_retrievals_have_a_quota(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Beyond it the answer is 429 and nothing is retrieved."""
    hub = await hub_factory(most_retrievals=1, retrieval_seconds=3600)
    first, second = (hub.folder.relist(e.id, online=False) for e in hub.folder.entries[:2])
    assert (await visitor.download(hub, first)).status == 202
    assert (await visitor.download(hub, second)).status == 429
    assert (await visitor.download(hub, first)).status == 202


async def test_files_of_a_product_are_listed_and_served(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Nodes lead from the top to every file; listing needs no token, bytes do."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    (top,) = (await visitor.get(f"{hub.download_url}/Products({entry.id})/Nodes")).json()["result"]
    assert (top["Name"], top["ContentLength"]) == (entry.name, 0)
    inside = (await visitor.get(top["Nodes"]["uri"])).json()["result"]
    assert top["ChildrenNumber"] == len(inside)
    names = {node["Name"] for node in inside}
    assert {"manifest.safe", "MTD_MSIL1C.xml", "GRANULE", "DATASTRIP", "HTML", "AUX_DATA"} <= names
    (manifest,) = (node for node in inside if node["Name"] == "manifest.safe")
    assert (await visitor.get(manifest["Nodes"]["uri"])).json()["result"] == []
    url = manifest["Nodes"]["uri"].removesuffix("/Nodes") + "/$value"
    assert (await visitor.get(url)).status == 401
    reply = await visitor.get(url, await visitor.login(hub))
    assert len(reply.body) == manifest["ContentLength"]
    assert reply.body.rstrip().endswith(b"</xfdu:XFDU>")


async def test_hostile_names_do_not_break_the_headers(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """A name with line ends and quotes is shown in a harmless form."""
    hub = await hub_factory()
    entry = hub.folder.relist(hub.folder.entries[0].id, name='a"\r\nSet-Cookie: x\0.SAFE')
    reply = await visitor.download(hub, entry)
    assert reply.status == 200
    assert "Set-Cookie" not in reply.headers


async def test_a_product_that_is_no_zip_is_served_as_it_is(
    hub_factory: HubFactory, visitor: Visitor, tmp_path: Path
) -> None:
    """Single-file products keep their name and have one node."""
    folder = tmp_path / "orbits"
    folder.mkdir()
    (folder / "S1A_OPER_AUX_POEORB.EOF").write_bytes(b"<xml/>")
    hub = await hub_factory(folder)
    (entry,) = hub.folder.entries
    reply = await visitor.download(hub, entry)
    assert (entry.name, reply.body) == ("S1A_OPER_AUX_POEORB.EOF", b"<xml/>")
    assert 'filename="S1A_OPER_AUX_POEORB.EOF"' in reply.headers["Content-Disposition"]
    listed = (await visitor.get(f"{hub.download_url}/Products({entry.id})/Nodes")).json()["result"]
    assert [(node["Name"], node["ContentLength"]) for node in listed] == [(entry.name, 6)]
