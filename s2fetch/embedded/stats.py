"""What the hub counts, for tests, benchmarks and the curious."""

from __future__ import annotations

import msgspec


class Stats(msgspec.Struct, kw_only=True):
    """Counters since the start. Products are counted by id, accounts by name.

    Attributes:
        requests: Requests by kind.
        statuses: Answers by status, as text.
        bytes_served: Body bytes handed to the network, by product.
        bodies: Downloads begun, by product.
        retrievals: Requests for an offline product, by product.
        open_bodies: Downloads running now, by account.
        most_open_bodies: Most downloads ever running at a time, by account.
        logins: Password grants that succeeded.
        refreshes: Refresh grants that succeeded.
        refused_tokens: Refused requests to the token endpoint.
        logouts: Sessions ended by their owner.
        most_open_sessions: Most sessions ever open at a time.
    """

    requests: dict[str, int] = {}
    statuses: dict[str, int] = {}
    bytes_served: dict[str, int] = {}
    bodies: dict[str, int] = {}
    retrievals: dict[str, int] = {}
    open_bodies: dict[str, int] = {}
    most_open_bodies: dict[str, int] = {}
    logins: int = 0
    refreshes: int = 0
    refused_tokens: int = 0
    logouts: int = 0
    most_open_sessions: int = 0

    @property
    def all_bytes_served(self) -> int:
        """Body bytes of all products."""
        return sum(self.bytes_served.values())

    def count(self, counter: dict[str, int], key: str, by: int = 1) -> None:
        """Add to one of the counters."""
        counter[key] = counter.get(key, 0) + by
