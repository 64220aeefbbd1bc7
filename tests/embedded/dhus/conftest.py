"""A raw client of DHuS hubs and entries of every mission."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import aiohttp
import pytest

from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.entry import Attribute, Entry
from s2fetch.embedded.folder import FolderCatalogue, product_id
from s2fetch.embedded.identity import User
from tests.embedded.conftest import Reply

SLC = "S1A_IW_SLC__1SDV_20200103T170815_20200103T170842_030639_0382D5_F5FF.SAFE"
GRD = "S1B_EW_GRDM_1SDH_20200103T170815_20200103T170842_019700_0253A0_6F2B.SAFE"
L1C = "S2B_MSIL1C_20180101T105439_N0206_R051_T32TQM_20180101T125200.SAFE"
L2A = "S2A_MSIL2A_20230615T100601_N0509_R022_T33UUP_20230615T140000.SAFE"
OLCI = (
    "S3A_OL_1_EFR____20200103T094700_20200103T095000_20200104T140000_0179_053_250_2160"
    "_LN1_O_NT_002.SEN3"
)
NO2 = "S5P_OFFL_L2__NO2____20200103T105000_20200103T123130_11511_01_010302_20200105T050000.nc"
ORBIT = "S1A_OPER_AUX_POEORB_OPOD_20200124T120819_V20200102T225942_20200104T005942.EOF"
SQUARE = "POLYGON ((10 40, 12 40, 12 42, 10 42, 10 40))"


def listed(name: str, *attributes: Attribute, **members: Any) -> Entry:
    """An entry of a product with some name, ingested four hours after its sensing."""
    defaults: dict[str, Any] = {
        "id": product_id(name),
        "content_length": 7,
        "sensing_start": "2020-01-03T10:47:00.520000Z",
        "sensing_end": "2020-01-03T10:50:00.520000Z",
        "origin_date": "2020-01-03T14:40:00.000000Z",
        "publication_date": "2020-01-03T14:50:00.380000Z",
        "modification_date": "2020-01-03T14:51:00.000000Z",
        "md5": "321c3cf486ed509164edec1e1981fec8",
        "footprint": SQUARE,
    }
    return Entry(name=name, attributes=attributes, **defaults | members)


def catalogue(*entries: Entry, body: bytes = b"payload") -> FolderCatalogue:
    """A catalogue of entries that all have the same bytes."""
    return FolderCatalogue((entry, body) for entry in entries)


class Hub(Protocol):
    """Where a hub is, in this process or another, and who may use it."""

    @property
    def url(self) -> str: ...

    @property
    def users(self) -> Sequence[User]: ...


class Guest:
    """Sends plain requests to a hub, with the credentials of its first user."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def send(self, method: str, hub: Hub, url: str, **options: Any) -> Reply:
        headers = {"Authorization": basic(hub.users[0])} | options.pop("headers", {})
        target = url if url.startswith("http") else hub.url + url
        async with self.session.request(method, target, headers=headers, **options) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, hub: Hub, url: str, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("GET", hub, url, headers=named)

    async def search(self, hub: Hub, q: str = "*", **options: str) -> Reply:
        parameters = {"q": q, "format": "json"} | options
        return await self.send("GET", hub, "/search", params=parameters)

    async def feed(self, hub: Hub, q: str = "*", **options: str) -> dict[str, Any]:
        reply = await self.search(hub, q, **options)
        assert reply.status == 200, reply.body
        feed: dict[str, Any] = reply.json()["feed"]
        return feed

    async def titles(self, hub: Hub, q: str = "*", **options: str) -> list[str]:
        entries = (await self.feed(hub, q, **options)).get("entry", [])
        found = entries if isinstance(entries, list) else [entries]
        return [entry["title"] for entry in found]

    async def value(self, hub: Hub, entry: Entry, **headers: str) -> Reply:
        return await self.get(hub, value_path(entry), **headers)

    async def product(self, hub: Hub, entry: Entry, options: str = "") -> dict[str, Any]:
        reply = await self.get(hub, f"{path_of(entry)}?$format=json{options}")
        assert reply.status == 200, reply.body
        members: dict[str, Any] = reply.json()["d"]
        return members


def basic(user: User) -> str:
    """The header a user sends."""
    return "Basic " + base64.b64encode(f"{user.name}:{user.password}".encode()).decode()


def path_of(entry: Entry) -> str:
    """Where a product is, below the hub's root."""
    return f"/odata/v1/Products('{entry.id}')"


def value_path(entry: Entry) -> str:
    """Where its bytes are."""
    return f"{path_of(entry)}/$value"


@pytest.fixture
async def guest() -> AsyncIterator[Guest]:
    """A raw client."""
    async with aiohttp.ClientSession() as session:
        yield Guest(session)


@pytest.fixture
def entry(hub: EmbeddedDhus) -> Entry:
    """The first product of a test's own hub."""
    return hub.folder.entries[0]
