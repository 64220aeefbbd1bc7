"""A selection that nothing restricts is a mistake more often than not: all of a collection.

On the public services that is tens of millions of products, petabytes; on a hub inside an institute
it may be just what somebody wants to have.
"""

from __future__ import annotations

from s2fetch.errors import QueryError
from s2fetch.hub.base import Hub
from s2fetch.query import Query

MOST_UNASKED = 10_000
"""A collection with no more products is fetched as a whole without being asked twice."""


async def check_extent(hub: Hub, query: Query, *, everything: bool) -> None:
    """Refuse to fetch a large collection as a whole unless that is said to be meant.

    Raises:
        QueryError: If nothing restricts the query and it matches too many products.
        HubError: If the hub cannot count them.
    """
    if everything or not query.is_whole_collection:
        return
    count = await hub.count(query)
    if count > MOST_UNASKED:
        raise QueryError(
            f"nothing says which products: the whole collection {query.collection} has {count:,}",
            did="Nothing was fetched",
            advice="Select some, for example by --from and --to, --box, --tile, --product-type, "
            "--name or --limit; or give --everything if you really want all of them",
        )
