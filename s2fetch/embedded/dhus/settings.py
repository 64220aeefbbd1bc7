"""How a DHuS hub behaves when nothing goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from s2fetch.embedded.state import Ranges


class Generation(StrEnum):
    """Generations of the software, which differ in statuses and shapes."""

    OLD_A = "old-A"
    """0.12, to early 2017."""
    OLD_B = "old-B"
    """0.13 and 0.14."""
    V2 = "2.x"
    """The hubs of ESA from 2019 on."""
    V3 = "3.x"
    """The latest public source."""

    @property
    def old(self) -> bool:
        """Whether every expected error is a 500."""
        return self in (Generation.OLD_A, Generation.OLD_B)


class Stub(StrEnum):
    """What ``/api/stub/version`` answers."""

    OPEN = "open"
    """The version, to anybody."""
    LOCKED = "locked"
    """The version, to those who log in."""
    MISSING = "missing"
    """404."""


class DhusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the hub behaves.

    Attributes:
        generation: Which software it runs.
        base_path: Path of its root, e.g. ``/dhus``; empty for none. Fixed once it started.
        long_name: How it calls itself in titles and realms.
        stub: Who is told the version; by default anybody, from 3.x on those who log in.
        upper_case_md5: Whether MD5 is shown in capitals; by default on old servers.
        has_online: Whether products have ``Online``; by default not on old servers.
        has_checksums: Whether products have a checksum.
        most_rows: Greatest ``rows`` of a search; None for any.
        most_query_characters: Longest encoded ``q``.
        most_url_characters: Longest request target.
        most_clauses: Boolean clauses of a group.
        approximate_areas: Whether "Intersects" also finds what nearly does, as a grid index does.
        unstable_ties: Whether results with equal sort keys come in another order each time.
        metered_searches: Metered requests (pages of 100 or more) per user and hour on 2.x and 3.x;
            None for any number.
        places: Areas in WKT by place name, lower case, for searches by a bare word.
        most_flows: Downloads a user may run at a time.
        flow_release_seconds: How long after its end a download still counts.
        most_downloads: Downloads per user and window; None for any number.
        most_download_bytes: Volume per user and window; None for any.
        download_window_seconds: How long a download counts for these two.
        most_flow_bytes: Largest single download; None for any.
        bytes_per_second: Rate of each download; None for as fast as it goes.
        latency_seconds: Time before every answer.
        ranges: What a Range header does (honour or ignore).
        most_orders: Orders of offline products a user may have at a time.
        most_pending_orders: Orders that wait, of all users.
        most_running_orders: Orders being carried out, of all users.
        restore_seconds: How long one order takes.
        restored_for_seconds: How long a restored product stays online.
        repacked_on_restore: Whether a restored product is another zip, with other length and MD5.
    """

    generation: Generation = Generation.V2
    base_path: str = "/dhus"
    long_name: str = "Sentinels Scientific Data Hub"
    stub: Stub | None = None
    upper_case_md5: bool | None = None
    has_online: bool | None = None
    has_checksums: bool = True
    most_rows: int | None = 100
    most_query_characters: int = 3898
    most_url_characters: int = 65_536
    most_clauses: int = 1024
    approximate_areas: bool = True
    unstable_ties: bool = False
    metered_searches: int | None = 3600
    places: Mapping[str, str] = {}
    most_flows: int = 2
    flow_release_seconds: float = 0.0
    most_downloads: int | None = None
    most_download_bytes: int | None = None
    download_window_seconds: float = 86_400.0
    most_flow_bytes: int | None = None
    bytes_per_second: float | None = None
    latency_seconds: float = 0.0
    ranges: Ranges = Ranges.HONOUR
    most_orders: int = 20
    most_pending_orders: int = 4
    most_running_orders: int = 4
    restore_seconds: float = 1.0
    restored_for_seconds: float = 3 * 86_400.0
    repacked_on_restore: bool = False

    @property
    def shows_online(self) -> bool:
        """Whether products have ``Online``."""
        return not self.generation.old if self.has_online is None else self.has_online

    @property
    def shows_capitals(self) -> bool:
        """Whether MD5 is shown in capitals."""
        return self.generation.old if self.upper_case_md5 is None else self.upper_case_md5

    @property
    def version_access(self) -> Stub:
        """Who is told the version."""
        if self.stub is not None:
            return self.stub
        return Stub.LOCKED if self.generation is Generation.V3 else Stub.OPEN

    @property
    def version(self) -> str:
        """The software's version."""
        return {
            Generation.OLD_A: "0.12.5-7",
            Generation.OLD_B: "0.13.4-22",
            Generation.V2: "2.4.1",
        }.get(self.generation, "3.0.9")
