"""What the Copernicus Data Space has withdrawn, from its list of deleted products.

Source: Copernicus Data Space documentation, OData, "DeletedProducts": the same options as for
products, ordered and filtered by ``DeletionDate``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import msgspec

from s2fetch.errors import CatalogueError, QueryError
from s2fetch.hub import odata
from s2fetch.hub.base import Deletion
from s2fetch.hub.http import HttpClient
from s2fetch.hub.refusals import catalogue_refusal

PAGE_ROWS = 1000
MOST_SKIPPED = 10_000
"""The service pages no further than this."""


class _Row(msgspec.Struct, rename="pascal"):
    id: str
    name: str
    deletion_date: datetime
    deletion_cause: str | None = None


class _Page(msgspec.Struct):
    value: list[_Row]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


async def read_deletions(
    client: HttpClient, url: str, collection: str, since: datetime
) -> AsyncGenerator[Deletion]:
    """See `hub.base.Hub.deletions`.

    The list is walked along its dates rather than by position, so that its length does not matter
    and what is deleted meanwhile shifts nothing.

    Args:
        client: The run's HTTP client.
        url: Base of the OData catalogue, ``…/odata/v1``.
        collection: Of this collection only; all when empty.
        since: Aware.

    Raises:
        CatalogueError: If the list cannot be read completely.
    """
    start, skip = since, 0
    at_start: set[str] = set()
    while True:
        page = await _page(client, url, collection, start, skip)
        for row in page.value:
            deleted = row.deletion_date.astimezone(UTC)
            if row.id not in at_start:
                yield Deletion(row.id, row.name, deleted, row.deletion_cause or "")
            if deleted > start:
                start, skip = deleted, -1
                at_start.clear()
            at_start.add(row.id)
        if page.next_link is None and len(page.value) < PAGE_ROWS:
            return
        # A new start lists what was deleted at that moment again, which is known by its id.
        skip = 0 if skip < 0 else skip + len(page.value)
        if not page.value or skip > MOST_SKIPPED:
            raise CatalogueError(
                "the hub's list of deleted products cannot be read on from "
                f"{start:%Y-%m-%dT%H:%M:%SZ}",
                did="Nothing was marked as withdrawn from there on",
                advice="Run the same command again later",
            )


async def _page(client: HttpClient, url: str, collection: str, start: datetime, skip: int) -> _Page:
    conditions = [f"Collection/Name eq {odata.string(collection)}"] if collection else []
    conditions.append(f"DeletionDate ge {odata.moment(start)}")
    options = {
        "$filter": " and ".join(conditions),
        "$orderby": "DeletionDate asc",
        "$top": str(PAGE_ROWS),
    }
    if skip:
        options["$skip"] = str(skip)
    try:
        return await client.read(
            "GET",
            f"{url}/DeletedProducts?{odata.url_query(options)}",
            msgspec.json.Decoder(_Page).decode,
            refusal=catalogue_refusal,
        )
    except QueryError as error:
        raise CatalogueError(
            f"the hub does not list what it has deleted: {error.what}",
            did="Nothing was marked as withdrawn",
        ) from error
