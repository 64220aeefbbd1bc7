"""What a hub says it has deleted is read to its end, whatever the pages look like."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aiohttp import web

from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.hub.base import Deletion
from s2fetch.hub.deletions import read_deletions, walk
from tests.conftest import HubFactory
from tests.hub.conftest import ClientFactory, Server
from tests.rows import entry_of

SINCE = datetime(2024, 6, 1, tzinfo=UTC)
PATTERN = "S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T1200{:02}.SAFE"
ROW = {"Id": "1", "Name": "A.SAFE", "DeletionDate": "2024-06-02T00:00:00.000000Z"}


def page(*rows: dict[str, Any], more: bool = False) -> web.Response:
    """A page of the Copernicus Data Space's list."""
    link = {"@odata.nextLink": "https://hub/odata/v1/DeletedProducts?…"} if more else {}
    return web.Response(body=json.dumps({"value": rows, **link}), content_type="application/json")


async def listed(
    servers: Callable[..., Awaitable[Server]], client: ClientFactory, *pages: web.Response
) -> tuple[list[Deletion], list[dict[str, str]]]:
    """What is read of a list of these pages of three rows, and how they were asked for."""
    server = await servers(*pages)
    http = await client(server.url)

    async def read(since: datetime, *, skip: int, top: int) -> Any:
        return await read_deletions(http, server.url, "", since, skip=skip, top=top)

    found = [deletion async for deletion in walk(read, SINCE, page_rows=3)]
    return found, [dict(request.rel_url.query) for request in server.requests]


async def test_all_are_listed_however_many_share_a_moment(
    hub_factory: HubFactory, client_factory: ClientFactory
) -> None:
    """More than a page has, and those that were deleted before are left out."""
    entries = [entry_of(PATTERN.format(number)) for number in range(11)]
    source = FolderCatalogue((entry, b"") for entry in entries)
    for number, entry in enumerate(entries):
        source.delete(entry.id, at=SINCE + timedelta(days=(number + 4) // 8 - 1))
    hub = await hub_factory(source)
    http = await client_factory(hub.catalogue_url)
    read = partial(read_deletions, http, hub.catalogue_url, "SENTINEL-2")
    found = [deletion.id async for deletion in walk(read, SINCE, page_rows=3)]
    assert sorted(found) == sorted(entry.id for entry in entries[4:])


async def test_a_short_page_is_not_the_last_while_more_follow(
    servers: Callable[..., Awaitable[Server]], client_factory: ClientFactory
) -> None:
    """The service leaves duplicates out of a page, which is short then."""
    second = ROW | {"Id": "2", "DeletionDate": "2024-06-03T00:00:00Z"}
    third = second | {"Id": "3"}
    pages = page(ROW, second, more=True), page(second, more=True), page(third)
    found, asked = await listed(servers, client_factory, *pages)
    assert [deletion.id for deletion in found] == ["1", "2", "3"]
    assert [options.get("$skip") for options in asked] == [None, None, "3"]


async def test_an_odd_entry_costs_itself(
    servers: Callable[..., Awaitable[Server]], client_factory: ClientFactory
) -> None:
    """Without a date it cannot be placed; a date without a zone is UTC."""
    undated = ROW | {"Id": "2", "DeletionDate": None}
    bare = {"Id": "3", "Name": None, "DeletionDate": "2024-06-03T00:00:00", "DeletionCause": None}
    full = page(ROW, undated, undated | {"DeletionDate": "soon"})
    found, _ = await listed(servers, client_factory, full, page(bare))
    assert found == [
        Deletion("1", "A.SAFE", datetime(2024, 6, 2, tzinfo=UTC)),
        Deletion("3", "", datetime(2024, 6, 3, tzinfo=UTC)),
    ]
