"""The plain, frozen values a configuration becomes. Times in seconds, sizes in bytes."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from s2fetch.query import Query
from s2fetch.timetable import Timetable


class Resume(StrEnum):
    """Whether part files are continued (where that is provably safe) or always begun again."""

    AUTO = "auto"
    NEVER = "never"


class Offline(StrEnum):
    """What to do with products that are offline: ask for them, wait for them, or leave them."""

    REQUEST = "request"
    WAIT = "wait"
    SKIP = "skip"


class OnMissing(StrEnum):
    """What a run does about products that were here and verified, and whose files are gone."""

    FETCH = "fetch"
    """They are fetched again."""
    LEAVE = "leave"
    """They count as consumed: used up by the user, and not wanted again."""


class OnFull(StrEnum):
    """What a run does when the disk is down to the reserve: end, or wait until there is space."""

    STOP = "stop"
    WAIT = "wait"


class LogFormat(StrEnum):
    """How events are shown; ``auto`` is a live view on a terminal and lines elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class HubKind(StrEnum):
    """The protocol of a hub.

    ``CDSE``: the Copernicus Data Space. ``DHUS``: any hub that runs the Data Hub Software.
    """

    CDSE = "cdse"
    DHUS = "dhus"


class HubConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub is and how long it may be away.

    Attributes:
        kind: Its protocol.
        url: Root of a hub of the Data Hub Software, without a trailing slash; else empty.
        catalogue_url: OData service root of the catalogue, without a trailing slash. This and what
            follows but for the trusted hosts is empty for hubs of the Data Hub Software.
        download_url: OData service root of the downloads, without a trailing slash.
        token_url: OpenID Connect token endpoint.
        client_id: OpenID Connect client.
        trusted_hosts: Everywhere a token may be sent: ``host``, or ``host:port`` when the port is
            not the scheme's own; the hosts of all the URLs are among them.
        give_up_after_seconds: How long the hub may stay unreachable before a run ends.
    """

    kind: HubKind
    catalogue_url: str
    download_url: str
    token_url: str
    trusted_hosts: tuple[str, ...]
    client_id: str
    give_up_after_seconds: float
    url: str = ""

    @property
    def account_service(self) -> str:
        """The URL that tells accounts of the same name apart."""
        return self.url if self.kind is HubKind.DHUS else self.token_url

    def trusts(self, url: str) -> bool:
        """Whether a token may be sent to this URL: a trusted host, and TLS unless on loopback."""
        try:
            parts = urlsplit(url)
            secure = parts.scheme == "https" or (
                parts.scheme == "http" and is_loopback(parts.hostname or "")
            )
            return secure and parts.username is None and authority(url) in self.trusted_hosts
        except ValueError:
            return False


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the hub.

    Attributes:
        name: What messages and slots call it; the user when the configuration gives no name, and
            empty when only the credentials' source knows the user, who is its name then.
        user: Login, or None when the credentials' source knows it.
        credentials_file: A file with the password, or None.
        slots: Concurrent downloads, 1 to 20.
        quota_bytes: Most bytes to receive in any 30 days, or None for no limit of our own.
    """

    name: str
    user: str | None
    credentials_file: Path | None
    slots: int
    quota_bytes: int | None = None


class TransferConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of downloads. Rates in bytes per second; ``bandwidth`` None is no limit.

    ``timetable`` None means that ``bandwidth`` holds at all times.
    """

    connect_timeout_seconds: float
    first_byte_timeout_seconds: float
    minimum_rate: float
    minimum_rate_window_seconds: float
    attempts: int
    resume: Resume
    bandwidth: float | None
    timetable: Timetable | None = None


class RetrievalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How offline products are treated; ``limit`` is the most retrievals under way at a time."""

    offline: Offline
    wait_offline_seconds: float
    poll_interval_seconds: float
    limit: int


class IncrementConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a run asks for changes only.

    Attributes:
        overlap_seconds: How far back of the last settled moment it looks, because entries and
            checksums appear late.
        recount_seconds: How long after the last full listing the next one is due.
    """

    overlap_seconds: float
    recount_seconds: float


class ScrubConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How files are hashed again: so many bytes a day, so that no proof is older than a period."""

    budget_bytes: int
    period_seconds: float


class ShowingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown and written about a run; ``report`` is the file for its JSON summary."""

    report: Path | None
    log_format: LogFormat
    quiet: bool
    verbose: bool


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a command needs to know.

    Attributes:
        query: What to look for.
        everything: Whether a whole collection is really meant, should the query not restrict it.
        into: The archive's folder, or None when none was given (a search needs none).
        layout: Template of the paths inside the archive.
        reserve_bytes: Free space that downloads leave on the file system.
        on_full: What a run does when no more than that is left.
        on_missing: What a run does about verified products whose files are gone.
        wait_for_lock_seconds: How long to wait while another process works on the archive.
        hub: Where products come from.
        accounts: At least one.
        transfer: Limits of a download.
        retrieval: Offline products.
        increment: How to ask for changes only; None asks for everything each time.
        scrub: Hashing again.
        showing: Log, report.
        area_notes: What was done to the area of interest, sentences for the user.
        area_product: Name of the product whose footprint in the catalogue is the area of interest;
            `Client.query` looks it up.
        moving: Times of the query that move with the clock, as they were written: by its field,
            ``{"sensing_from": "-90d"}``. In ``query`` they count from when this was read;
            `Client.query` counts them anew.
        file: The configuration file this was read from, if any.
    """

    query: Query
    everything: bool
    into: Path | None
    layout: str
    reserve_bytes: int
    on_full: OnFull
    on_missing: OnMissing
    wait_for_lock_seconds: float
    hub: HubConfig
    accounts: tuple[AccountConfig, ...]
    transfer: TransferConfig
    retrieval: RetrievalConfig
    increment: IncrementConfig | None
    scrub: ScrubConfig
    showing: ShowingConfig
    area_notes: tuple[str, ...]
    area_product: str | None
    moving: Mapping[str, str]
    file: Path | None


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself (127.0.0.0/8, ::1, localhost).

    Addresses are without brackets. ``localhost.`` is asked of a name server where the system does
    not know better, and is none.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # is_loopback sees it since Python 3.13
    return (mapped or address).is_loopback


def authority(url: str) -> str:
    """``host``, or ``host:port`` when the port is not the scheme's own (RFC 3986 3.2)."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    return host if parts.port in (None, standard) else f"{host}:{parts.port}"
