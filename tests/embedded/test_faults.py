"""Each fault does what it says, to the requests it is meant for, as often as it says."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import aiohttp
import msgspec
import pytest

from s2fetch.embedded import answers
from s2fetch.embedded.faults import (
    Answer,
    BrokenJson,
    Changed,
    Chunked,
    Cut,
    Delay,
    Effect,
    EndSessions,
    ExpireTokens,
    ExtraBytes,
    Fault,
    FaultPlan,
    FlippedByte,
    GoDown,
    Kind,
    Listed,
    MissingRows,
    Redirect,
    Reset,
    Slow,
    Stall,
    WrongBytes,
    WrongLength,
    WrongRange,
)
from s2fetch.embedded.hub import EmbeddedHub
from tests.conftest import HubFactory
from tests.embedded.conftest import Visitor, value_url

ORDER = "ContentDate/Start asc"


async def received(hub: EmbeddedHub, visitor: Visitor, number: int = 0) -> tuple[bytes, Any]:
    """What arrives of a product's body, and how it ended."""
    headers = {"Authorization": f"Bearer {await visitor.login(hub)}"}
    data = bytearray()
    try:
        async with visitor.session.get(
            value_url(hub, hub.folder.entries[number]), headers=headers
        ) as response:
            async for piece in response.content.iter_any():
                data += piece
    except aiohttp.ClientError as error:
        return bytes(data), error
    return bytes(data), None


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("after", [0, 1, 20_000])
async def test_a_reset_comes_after_so_many_bytes(
    hub_factory: HubFactory, visitor: Visitor, after: int, secure: bool, tls: Any
) -> None:
    """Exactly those bytes arrive, then the connection is reset; the next request is fine."""
    server, client = tls if secure else (None, None)
    hub = await hub_factory(faults=[Fault(Reset(after))], ssl_context=server)
    connector = aiohttp.TCPConnector(ssl=client or True)
    async with aiohttp.ClientSession(connector=connector) as session:
        visitor = Visitor(session)
        data, error = await received(hub, visitor)
        assert isinstance(error, aiohttp.ClientError)
        assert len(data) == after
        data, error = await received(hub, visitor)
        assert error is None
        assert md5(data) == hub.folder.entries[0].md5


async def test_a_reset_is_a_reset(hub_factory: HubFactory, visitor: Visitor) -> None:
    """A plain socket sees ECONNRESET and not an orderly end."""
    hub = await hub_factory(faults=[Fault(Reset(100))])
    entry = hub.folder.entries[0]
    host, port = hub.download_url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    token = await visitor.login(hub)
    head = f"GET /odata/v1/Products({entry.id})/$value HTTP/1.1\r\nHost: x\r\n"
    writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
    with pytest.raises(ConnectionResetError):
        await reader.read(-1)
    writer.close()


async def test_a_connection_can_be_reset_before_the_head(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """No status arrives at all. Twice, because aiohttp asks again once by itself."""
    hub = await hub_factory(faults=[Fault(Reset(-1), on=Kind.SEARCH, times=2)])
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        async with visitor.session.get(f"{hub.catalogue_url}/Products"):
            pass
    assert (await visitor.search(hub)).status == 200


async def test_a_cut_body_ends_too_early(hub_factory: HubFactory, visitor: Visitor) -> None:
    """With a length the client notices; without one the end looks right."""
    hub = await hub_factory(faults=[Fault(Cut(500)), Fault(Cut(700, chunked=True), skip=1)])
    data, error = await received(hub, visitor)
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert len(data) == 500
    data, error = await received(hub, visitor)
    assert error is None
    assert len(data) == 700


async def test_a_stalled_body_goes_on_later(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Nothing more than so many bytes arrives until the stall is over."""
    hub = await hub_factory(faults=[Fault(Stall(1234, seconds=3600)), Fault(Stall(10, 0.01))])
    entry = hub.folder.entries[0]
    headers = {"Authorization": f"Bearer {await visitor.login(hub)}"}
    async with visitor.session.get(value_url(hub, entry), headers=headers) as response:
        data = await response.content.readexactly(1234)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readany(), 0.05)
    assert len(data) == 1234
    hub.faults.clear()
    hub.faults.add(Fault(Stall(10, 0.01)))
    assert md5((await received(hub, visitor))[0]) == entry.md5


async def test_one_byte_is_flipped(hub_factory: HubFactory, visitor: Visitor) -> None:
    """The position counts from the start of the product, also in a range."""
    hub = await hub_factory(faults=[Fault(FlippedByte(1000), times=None)])
    entry = hub.folder.entries[0]
    damaged, _ = await received(hub, visitor)
    part = await visitor.download(hub, entry, Range="bytes=990-1009")
    hub.faults.clear()
    whole, _ = await received(hub, visitor)
    assert [at for at in range(len(whole)) if whole[at] != damaged[at]] == [1000]
    assert part.body == damaged[990:1010]


async def test_wrong_bytes_are_the_same_wrong_bytes_each_time(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Length and validator are right, the digest is not, twice in the same way."""
    hub = await hub_factory(faults=[Fault(WrongBytes(), times=2)])
    entry = hub.folder.entries[0]
    first, second, third = [await visitor.download(hub, entry) for _ in range(3)]
    assert md5(first.body) == md5(second.body) != md5(third.body) == entry.md5
    assert len(first.body) == entry.content_length
    assert first.headers["ETag"] == third.headers["ETag"]


async def test_a_changed_product_has_other_bytes_and_validators(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """A conditional range gets the whole new body, an unconditional one a part of it."""
    hub = await hub_factory(faults=[Fault(Changed("v2"), skip=1, times=None)])
    entry = hub.folder.entries[0]
    before = await visitor.download(hub, entry)
    etag = before.headers["ETag"]
    after = await visitor.download(hub, entry, Range="bytes=10-", If_Range=etag)
    blind = await visitor.download(hub, entry, Range="bytes=10-")
    assert (after.status, after.headers["ETag"]) == (200, '"v2"')
    assert len(after.body) == len(before.body)
    assert after.body != before.body
    assert (blind.status, blind.body) == (206, after.body[10:])
    assert after.headers["Last-Modified"] != before.headers["Last-Modified"]


async def test_extra_bytes_follow(hub_factory: HubFactory, visitor: Visitor) -> None:
    """The body is longer than the product and its length says so, unless it is chunked."""
    hub = await hub_factory(
        faults=[Fault(ExtraBytes(7), times=2), Fault(Chunked(), skip=1, times=2)]
    )
    entry = hub.folder.entries[0]
    replies = [await visitor.download(hub, entry) for _ in range(3)]
    assert [len(one.body) - entry.content_length for one in replies] == [7, 7, 0]
    assert replies[0].headers["Content-Length"] == str(entry.content_length + 7)
    assert "Content-Length" not in replies[1].headers
    assert replies[1].headers["Transfer-Encoding"] == "chunked"


async def test_content_length_can_lie(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Too long a length ends in an error, too short a one in a short body."""
    hub = await hub_factory(faults=[Fault(WrongLength(50)), Fault(WrongLength(-50), skip=1)])
    entry = hub.folder.entries[0]
    data, error = await received(hub, visitor)
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert len(data) == entry.content_length
    data, error = await received(hub, visitor)
    assert error is None
    assert len(data) == entry.content_length - 50


async def test_content_range_can_lie(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Start and total of a partial answer can be off."""
    faults = [Fault(WrongRange(start_by=-3)), Fault(WrongRange(total_by=9), skip=1)]
    hub = await hub_factory(faults=faults)
    entry = hub.folder.entries[0]
    total = entry.content_length
    moved = await visitor.download(hub, entry, Range="bytes=10-19")
    resized = await visitor.download(hub, entry, Range="bytes=10-19")
    assert moved.headers["Content-Range"] == f"bytes 7-16/{total}"
    assert resized.headers["Content-Range"] == f"bytes 10-19/{total + 9}"


async def test_a_slow_body_has_its_own_rate(hub_factory: HubFactory, visitor: Visitor) -> None:
    """One body is shaped although the hub is not, and it arrives whole."""
    hub = await hub_factory(faults=[Fault(Slow(400_000))])
    loop = asyncio.get_running_loop()
    start = loop.time()
    data, error = await received(hub, visitor)
    assert error is None
    assert loop.time() - start >= 0.9 * len(data) / 400_000


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (answers.token_expired(), 401, b"DAT-ZIP-109"),
        (answers.access_forbidden(), 403, b"DAT-ZIP-608"),
        (answers.product_not_found(), 404, b"DAT-ZIP-101"),
        (answers.too_many_transfers(), 429, b"Max session number exceeded"),
        (answers.rate_limited("2"), 429, b"detail"),
        (answers.rate_limited("Wed, 21 Oct 2025 07:28:00 GMT", 503), 503, b"detail"),
        (answers.server_error(408), 408, b""),
        (answers.server_error(502), 502, b""),
        (answers.firewall(), 403, b"reference ID"),
        (answers.html_page(), 200, b"<html>"),
        (answers.json_error_page(), 200, b"request_id"),
    ],
)
async def test_an_answer_replaces_the_body(
    hub_factory: HubFactory, visitor: Visitor, answer: Answer, status: int, said: bytes
) -> None:
    """Status, body and headers are as given; the next request is answered normally."""
    hub = await hub_factory(faults=[Fault(answer)])
    entry = hub.folder.entries[0]
    reply = await visitor.download(hub, entry)
    assert reply.status == status
    assert said in reply.body
    assert reply.headers.get("Retry-After") == answer.headers.get("Retry-After")
    assert md5((await visitor.download(hub, entry)).body) == entry.md5


async def test_a_redirect_leads_elsewhere(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Also to another host."""
    hub = await hub_factory(faults=[Fault(Redirect("https://evil.example/x", 307))])
    reply = await visitor.download(hub, hub.folder.entries[0])
    assert (reply.status, reply.headers["Location"]) == (307, "https://evil.example/x")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (Kind.SEARCH, "Products"),
        (Kind.DELETED, "DeletedProducts"),
        (Kind.LOOKUP, "Products({id})"),
        (Kind.ATTRIBUTES, "Attributes(SENTINEL-2)"),
        (Kind.QUICKLOOK, "Assets({quicklook})/$value"),
        (Kind.REDIRECT, "Products({id})/$value"),
    ],
)
async def test_faults_hit_every_kind_of_catalogue_request(
    hub_factory: HubFactory, visitor: Visitor, kind: Kind, path: str
) -> None:
    """A 503 for one kind leaves the next request of it alone."""
    hub = await hub_factory(faults=[Fault(answers.server_error(503), on=kind)])
    entry = hub.folder.entries[0]
    url = f"{hub.catalogue_url}/{path.format(id=entry.id, quicklook=entry.quicklook_id)}"
    assert (await visitor.get(url)).status == 503
    assert (await visitor.get(url)).status in (200, 301)


async def test_faults_hit_the_token_endpoint(hub_factory: HubFactory, visitor: Visitor) -> None:
    """A login can meet a 500 and a cut answer."""
    faults = [Fault(answers.server_error(500), on=Kind.TOKEN), Fault(Cut(5), Kind.TOKEN, skip=1)]
    hub = await hub_factory(faults=faults)
    assert (await visitor.grant(hub)).status == 500
    with pytest.raises(aiohttp.ClientPayloadError):
        await visitor.grant(hub)
    assert (await visitor.grant(hub)).status == 200


async def test_a_fault_is_for_one_product_and_some_requests(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Product, skip and times choose the requests; the plan counts what happened."""
    hub = await hub_factory()
    bad, good = hub.folder.entries[:2]
    fault = Fault(answers.server_error(500), product=bad.name, skip=1, times=2)
    hub.faults.add(fault)
    statuses = [(await visitor.download(hub, bad)).status for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert (await visitor.download(hub, good)).status == 200
    assert hub.faults.happened(fault) == 2
    hub.faults.remove(fault)
    assert (await visitor.download(hub, bad)).status == 200


async def test_a_row_lies_as_often_as_told(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Publication lag: the first listing has no checksum, the second has."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    hub.faults.add(Fault(Listed({"Checksum": [], "ContentLength": 0}), product=entry.id))
    first, second = [
        {row["Id"]: row for row in (await visitor.search(hub)).json()["value"]} for _ in range(2)
    ]
    assert (first[entry.id]["Checksum"], first[entry.id]["ContentLength"]) == ([], 0)
    assert len(second[entry.id]["Checksum"]) == 2
    assert all(row["Checksum"] for key, row in first.items() if key != entry.id)


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\0b", "x" * 300, "CON"])
async def test_a_row_can_have_a_hostile_name(
    hub_factory: HubFactory, visitor: Visitor, name: str
) -> None:
    """Names arrive as they were set."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    hub.faults.add(Fault(Listed({"Name": name}), product=entry.id, times=None))
    row = (await visitor.get(f"{hub.catalogue_url}/Products({entry.id})")).json()
    assert row["Name"] == name


async def test_a_page_can_be_broken(hub_factory: HubFactory, visitor: Visitor) -> None:
    """JSON that ends in the middle, rows that are missing, a page cut by the network."""
    faults = [
        Fault(BrokenJson(300)),
        Fault(MissingRows(2), skip=1),
        Fault(Cut(300), on=Kind.SEARCH, skip=2),
    ]
    hub = await hub_factory(faults=faults)
    broken = await visitor.search(hub, orderby=ORDER)
    assert (broken.status, len(broken.body)) == (200, 300)
    with pytest.raises(msgspec.DecodeError):
        broken.json()
    page = (await visitor.search(hub, orderby=ORDER, count="true")).json()
    assert (page["@odata.count"], len(page["value"])) == (6, 4)
    with pytest.raises(aiohttp.ClientPayloadError):
        await visitor.search(hub)
    assert len((await visitor.search(hub)).json()["value"]) == 6


async def test_tokens_can_expire_in_mid_run(hub_factory: HubFactory, visitor: Visitor) -> None:
    """From the third download on the old token is refused; a refresh helps."""
    hub = await hub_factory(faults=[Fault(ExpireTokens(), skip=2)])
    body = (await visitor.grant(hub)).json()
    url = value_url(hub, hub.folder.entries[0])
    statuses = [(await visitor.get(url, body["access_token"])).status for _ in range(3)]
    assert statuses == [200, 200, 401]
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    new = (await visitor.grant(hub, **form)).json()["access_token"]
    assert (await visitor.get(url, new)).status == 200


async def test_sessions_can_end_in_mid_run(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Then a refresh does not help, only a login does."""
    hub = await hub_factory(faults=[Fault(EndSessions())])
    body = (await visitor.grant(hub)).json()
    url = value_url(hub, hub.folder.entries[0])
    assert (await visitor.get(url, body["access_token"])).status == 401
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert (await visitor.grant(hub, **form)).status == 400
    assert (await visitor.get(url, await visitor.login(hub))).status == 200


async def test_the_hub_can_go_down_on_a_request(hub_factory: HubFactory, visitor: Visitor) -> None:
    """The request gets no answer, and connections are refused."""
    hub = await hub_factory(faults=[Fault(GoDown(3600), on=Kind.SEARCH)])
    url = hub.catalogue_url
    with pytest.raises(aiohttp.ClientError):
        await visitor.search(hub)
    with pytest.raises(aiohttp.ClientConnectorError):
        await visitor.get(f"{url}/Products")


async def test_a_hub_that_went_down_for_a_while_comes_back_by_itself(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """On the ports it had."""
    hub = await hub_factory(faults=[Fault(GoDown(0.01), on=Kind.SEARCH)])
    url = hub.catalogue_url
    with pytest.raises(aiohttp.ClientError):
        await visitor.search(hub)
    async with asyncio.timeout(20):
        while True:
            try:
                assert (await visitor.get(f"{url}/Products")).status == 200
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
            else:
                break


async def test_an_answer_can_be_late(hub_factory: HubFactory, visitor: Visitor) -> None:
    """A delay holds the answer back."""
    hub = await hub_factory(faults=[Fault(Delay(3600), on=Kind.SEARCH)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(visitor.search(hub), 0.05)
    assert (await visitor.search(hub)).status == 200


@pytest.mark.parametrize(
    "effect",
    [Reset(5), Cut(9, chunked=True), Answer(503, "x"), Listed({"ContentLength": 0}), GoDown(1.0)],
)
def test_faults_can_be_written_as_json(effect: Effect) -> None:
    """What a process is told over its control endpoint is what was meant."""
    fault = Fault(effect, Kind.BODY, "name", 1, None)
    assert msgspec.json.decode(msgspec.json.encode(fault), type=Fault) == fault


def test_an_empty_plan_has_no_effects() -> None:
    """Nothing is counted and nothing happens."""
    plan = FaultPlan()
    assert not plan.take(Kind.BODY)
    assert not plan.changes_rows
