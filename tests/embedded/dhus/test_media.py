"""``$value``: headers, conditions, ranges."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.safe import demo_specs, make_product
from s2fetch.embedded.synthetic import SyntheticCatalogue
from tests.conftest import DhusFactory
from tests.embedded.conftest import MovableClock
from tests.embedded.dhus.conftest import (
    L1C,
    NO2,
    OLCI,
    ORBIT,
    SLC,
    Guest,
    catalogue,
    listed,
    value_path,
)

BODY = bytes(range(100))
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
async def hub(dhus_factory: DhusFactory, clock: MovableClock) -> EmbeddedDhus:
    """A hub with one product of 100 bytes."""
    entry = listed(SLC, content_length=100, md5=MD5)
    return await dhus_factory(catalogue(entry, body=BODY), clock=clock, most_flows=9)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_headers_are_those_of_the_recordings(
    hub: EmbeddedDhus, entry: Entry, guest: Guest, method: str
) -> None:
    """A Content-Range on 200, a bare ETag, a date in "UTC", a name with a zip's ending."""
    reply = await guest.send(method, hub, value_path(entry))
    assert reply.status == 200
    assert reply.body == (BODY if method == "GET" else b"")
    shown = {name: reply.headers[name] for name in reply.headers}
    for name in ("Date", "Server"):
        shown.pop(name)
    assert {name.lower(): value for name, value in shown.items()} == {
        "accept-ranges": "bytes",
        "content-disposition": f'inline;filename="{SLC.removesuffix(".SAFE")}.zip"',
        "content-length": "100",
        "content-range": "bytes 0-99/100",
        "content-type": "application/octet-stream",
        "etag": MD5,
        "last-modified": "Fri, 03 Jan 2020 14:50:00 UTC",
        "expires": "Mon, 08 Jul 2024 12:00:00 GMT",
    }
    assert hub.stats.downloads == ({hub.users[0].name: 1} if method == "GET" else {})


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        (L1C, L1C.replace(".SAFE", ".zip")),
        (OLCI, OLCI.replace(".SEN3", ".zip")),
        (NO2, NO2),
        (ORBIT, ORBIT),
    ],
)
async def test_folders_are_zips_and_files_keep_their_ending(
    dhus_factory: DhusFactory, guest: Guest, name: str, file_name: str
) -> None:
    """``.SAFE`` and ``.SEN3`` become ``.zip``."""
    hub = await dhus_factory(catalogue(listed(name)))
    reply = await guest.value(hub, hub.folder.entries[0])
    assert reply.headers["Content-Disposition"] == f'inline;filename="{file_name}"'


async def test_the_etag_is_the_checksum_as_it_is_shown(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """In capitals on old servers; the identity where there is no checksum."""
    entry = listed(SLC)
    hub = await dhus_factory(catalogue(entry), generation="old-B")
    assert (await guest.value(hub, entry)).headers["ETag"] == entry.md5.upper()
    hub = await dhus_factory(catalogue(entry), has_checksums=False)
    assert (await guest.value(hub, entry)).headers["ETag"] == entry.id


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=25-", 25, 100),
        ("bytes=0-1", 0, 2),
        ("bytes=10-19", 10, 20),
        ("bytes=90-200", 90, 100),
        ("bytes=99-", 99, 100),
        ("bytes=-10", 90, 100),
        ("bytes=-200", 0, 100),
    ],
)
async def test_one_range_is_honoured(
    hub: EmbeddedDhus, entry: Entry, guest: Guest, wanted: str, start: int, stop: int
) -> None:
    """206 with the same validators; the end is clipped."""
    reply = await guest.value(hub, entry, Range=wanted)
    assert (reply.status, reply.body) == (206, BODY[start:stop])
    assert reply.headers["Content-Range"] == f"bytes {start}-{stop - 1}/100"
    assert reply.headers["ETag"] == MD5


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=100-", 416),
        ("bytes=20-10", 416),
        ("bytes=-", 416),
        ("bytes=-0", 416),
        ("bytes=a-b", 416),
        ("items=0-1", 416),
        ("bytes=0-1,100-", 416),
        ("bytes=0-1,5-6", 501),
        ("bytes=0-0", 500),
    ],
)
async def test_other_ranges_are_refused(
    hub: EmbeddedDhus, entry: Entry, guest: Guest, wanted: str, status: int
) -> None:
    """A complete file, nonsense, several ranges, and the zero bytes that break the server."""
    reply = await guest.value(hub, entry, Range=wanted)
    assert (reply.status, reply.body) == (status, b"")
    if status == 416:
        assert reply.headers["Content-Range"] == "bytes */100"
    else:
        assert "Exception : " in reply.headers["cause-message"]
    assert hub.stats.bodies == {}
    assert hub.stats.downloads == {hub.users[0].name: 1}, "charged before the range was looked at"


DAY_BEFORE, DAY_AFTER = "Thu, 02 Jan 2020 00:00:00 GMT", "Sat, 04 Jan 2020 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": MD5}, 304),
        ({"If-None-Match": f"x, {MD5}"}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": f'"{MD5}"'}, 200),
        ({"If-None-Match": "x", "If-Modified-Since": DAY_AFTER}, 200),
        ({"If-Modified-Since": DAY_AFTER}, 304),
        ({"If-Modified-Since": "Fri, 03 Jan 2020 14:50:00 UTC"}, 304),
        ({"If-Modified-Since": DAY_BEFORE}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Match": "x"}, 412),
        ({"If-Match": MD5}, 200),
        ({"If-Unmodified-Since": DAY_BEFORE}, 412),
        ({"If-Unmodified-Since": DAY_AFTER}, 200),
        ({"Range": "bytes=5-", "If-Range": MD5}, 206),
        ({"Range": "bytes=5-", "If-Range": f'"{MD5}"'}, 200),
        ({"Range": "bytes=5-", "If-Range": "Fri, 03 Jan 2020 14:50:00 GMT"}, 200),
        ({"Range": "nonsense", "If-Range": "x"}, 200),
        ({"Range": "bytes=100-", "If-None-Match": MD5}, 304),
    ],
)
async def test_conditions_are_looked_at_in_the_softwares_order(
    hub: EmbeddedDhus, entry: Entry, guest: Guest, headers: dict[str, str], status: int
) -> None:
    """Tags are compared as texts; If-Range knows no dates."""
    reply = await guest.send("GET", hub, value_path(entry), headers=headers)
    assert reply.status == status
    assert len(reply.body) == {200: 100, 206: 95}.get(status, 0)


async def test_a_server_may_ignore_ranges(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Then it sends everything, with 200."""
    hub = await dhus_factory(catalogue(listed(SLC)), ranges="ignore")
    reply = await guest.value(hub, hub.folder.entries[0], Range="bytes=2-")
    assert (reply.status, reply.body) == (200, b"payload")


async def test_large_products_arrive_whole(
    dhus_factory: DhusFactory, guest: Guest, tmp_path: Path
) -> None:
    """Bodies the kernel copies, from the start and from the middle."""
    (spec,) = demo_specs(1, 3_000_000, 0, 7)
    entry = make_product(tmp_path / "large", spec)
    hub = await dhus_factory(tmp_path / "large")
    whole = await guest.value(hub, entry)
    assert hashlib.md5(whole.body).hexdigest() == entry.md5
    rest = await guest.value(hub, entry, Range="bytes=1000000-")
    assert rest.body == whole.body[1_000_000:]
    assert hub.stats.bytes_served == {entry.id: 2 * entry.content_length - 1_000_000}


async def test_a_product_without_bytes_is_an_error_of_the_stream(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """500, empty, with the software's own spelling in the header."""
    hub = await dhus_factory(SyntheticCatalogue(3))
    entry = (await guest.feed(hub, rows="1"))["entry"]
    reply = await guest.get(hub, entry["link"][0]["href"])
    assert (reply.status, reply.body) == (500, b"")
    assert "An exception occured while creating a stream: " in reply.headers["cause-message"]
