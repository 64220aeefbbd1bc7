"""What a hub has withdrawn: the entity set ``DeletedProducts`` of its OData service, version 2."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from s2fetch.errors import CatalogueError, ProductGoneError, QueryError
from s2fetch.hub.base import Deletion
from s2fetch.hub.deletions import DeletionPage
from s2fetch.hub.dhus.metadata import date, rows_of
from s2fetch.hub.dhus.requests import Requests

_SAFE = "/:,()='$"


async def read_deletions(
    requests: Requests, base: str, since: datetime, *, skip: int, top: int
) -> DeletionPage:
    """One page of the list, oldest first.

    Args:
        requests: Makes requests with an account.
        base: Root of the hub.
        since: Aware.
        skip: Rows to leave out.
        top: Rows to list.

    Raises:
        CatalogueError: If it cannot be read; hubs need not have the list.
    """
    moment = since.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    wanted = quote(f"DeletionDate ge datetime'{moment}'", safe=_SAFE)
    options = f"$filter={wanted}&$orderby=DeletionDate%20asc&$top={top}&$format=json"
    if skip:
        options += f"&$skip={skip}"
    parse = partial(parse_deletions, top=top)
    try:
        return await requests.read(f"{base}/odata/v1/DeletedProducts?{options}", parse)
    except (QueryError, ProductGoneError) as error:
        raise CatalogueError(
            f"the hub does not list what it has deleted: {error.what}",
            did="Nothing was marked as withdrawn",
        ) from error


def parse_deletions(body: bytes, top: int) -> DeletionPage:
    """Parse one page; an entry without a date is no deletion that can be placed.

    Args:
        body: As it came.
        top: Rows that were asked for.

    Raises:
        ValueError: If it is something else.
    """
    found = []
    rows = rows_of(body)
    for row in rows:
        deleted = date(row.get("DeletionDate"))
        if isinstance(row.get("Id"), str) and deleted is not None:
            cause = str(row.get("DeletionCause") or "")
            found.append(Deletion(row["Id"], str(row.get("Name") or ""), deleted, cause))
    return DeletionPage(found, last=len(rows) < top)
