"""What the hub counts."""

from __future__ import annotations

import msgspec

from s2fetch.embedded.stats import Stats


class DhusStats(Stats, kw_only=True):
    """Counters since the start: those of every embedded hub, and a DHuS hub's own.

    ``open_bodies`` and ``most_open_bodies`` are a user's flows, ``retrievals`` all GETs of an
    offline product.

    Attributes:
        orders: Accepted orders of offline products, repetitions not counted, by product.
        refused_orders: Orders refused for any reason, by product.
        downloads: Downloads charged to a user's quota.
        metered: Metered searches, by user.
        refused_logins: Answers 401.
    """

    orders: dict[str, int] = msgspec.field(default_factory=dict)
    refused_orders: dict[str, int] = msgspec.field(default_factory=dict)
    downloads: dict[str, int] = msgspec.field(default_factory=dict)
    metered: dict[str, int] = msgspec.field(default_factory=dict)
    refused_logins: int = 0
