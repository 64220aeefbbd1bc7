"""What a hub has withdrawn, from its list of deleted products.

Sources: Copernicus Data Space documentation, OData, "DeletedProducts" (the same options as for
products, ordered and filtered by ``DeletionDate``); DHuS has an entity set of the same name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Protocol

import msgspec

from s2fetch.clock import timestamp
from s2fetch.errors import CatalogueError, QueryError
from s2fetch.hub import odata
from s2fetch.hub.base import Deletion
from s2fetch.hub.http import HttpClient
from s2fetch.hub.refusals import catalogue_refusal
from s2fetch.hub.rows import read_time

PAGE_ROWS = 1000
MOST_SKIPPED = 10_000
"""The service pages no further than this."""


class DeletionPage(msgspec.Struct, frozen=True):
    """One page of a list of deletions.

    Attributes:
        deletions: Oldest first; what does not say what was deleted or when is left out.
        last: Whether nothing follows. A page can be short and not the last: the Copernicus Data
            Space leaves duplicates out of it.
    """

    deletions: list[Deletion]
    last: bool


class ReadDeletions(Protocol):
    """How one page of a list of deletions is read, oldest first from a moment on."""

    async def __call__(self, since: datetime, *, skip: int, top: int) -> DeletionPage: ...


async def walk(
    read: ReadDeletions, since: datetime, *, page_rows: int = PAGE_ROWS
) -> AsyncGenerator[Deletion]:
    """A whole list of deletions; see `hub.base.Hub.deletions`.

    The list is walked along its dates rather than by position, so that its length does not matter
    and what is deleted meanwhile shifts nothing.

    Args:
        read: Reads one page.
        since: Aware.
        page_rows: Rows that are asked for at a time.

    Raises:
        CatalogueError: If the list cannot be read completely.
    """
    start, skip = since, 0
    at_start: set[str] = set()
    while True:
        page = await read(start, skip=skip, top=page_rows)
        begun = start
        for deletion in page.deletions:
            if deletion.id not in at_start:
                yield deletion
            if deletion.deleted > start:
                start = deletion.deleted
                at_start.clear()
            at_start.add(deletion.id)
        if page.last:
            return
        # A later start lists what was deleted at that moment again, which is known by its id.
        skip = skip + page_rows if start == begun else 0
        if skip > MOST_SKIPPED:
            raise CatalogueError(
                f"the hub's list of deleted products cannot be read on from {timestamp(start)}: "
                f"more than {MOST_SKIPPED} were deleted at that moment",
                did="Nothing was marked as withdrawn from there on",
            )


class _Row(msgspec.Struct, rename="pascal"):
    id: str
    name: str | None = None
    deletion_date: str | None = None
    deletion_cause: str | None = None


class _Page(msgspec.Struct):
    value: list[_Row]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


_decoder = msgspec.json.Decoder(_Page)


async def read_deletions(
    client: HttpClient, url: str, collection: str, since: datetime, *, skip: int, top: int
) -> DeletionPage:
    """One page of the Copernicus Data Space's list.

    Args:
        client: The run's HTTP client.
        url: Base of the OData catalogue, ``…/odata/v1``.
        collection: Of this collection only; all when empty.
        since: Aware.
        skip: Rows to leave out.
        top: Rows to list.

    Raises:
        CatalogueError: If it cannot be read.
    """
    conditions = [f"Collection/Name eq {odata.string(collection)}"] if collection else []
    conditions.append(f"DeletionDate ge {odata.moment(since)}")
    options = {
        "$filter": " and ".join(conditions),
        "$orderby": "DeletionDate asc",
        "$top": str(top),
    }
    if skip:
        options["$skip"] = str(skip)
    address = f"{url}/DeletedProducts?{odata.url_query(options)}"
    try:
        page = await client.read("GET", address, _decoder.decode, refusal=catalogue_refusal)
    except QueryError as error:
        raise CatalogueError(
            f"the hub does not list what it has deleted: {error.what}",
            did="Nothing was marked as withdrawn",
        ) from error
    found = [
        Deletion(row.id, row.name or "", deleted, row.deletion_cause or "")
        for row in page.value
        if (deleted := read_time(row.deletion_date)) is not None
    ]
    return DeletionPage(found, last=len(page.value) < top and page.next_link is None)
