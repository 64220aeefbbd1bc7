"""What a daemon shows of itself: plain values that control socket, API, metrics and page share.

Times are ISO 8601 in UTC with a Z, durations in seconds, sizes in bytes, rates in bytes per second.
Nothing in here is a secret.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Activity(StrEnum):
    """What an archive does now."""

    IDLE = "idle"
    QUEUED = "queued"
    SYNCING = "syncing"
    SCRUBBING = "scrubbing"
    PAUSED = "paused"
    OUT_OF_SPACE = "out-of-space"
    FAILED = "failed"


class SlotState(msgspec.Struct, frozen=True, kw_only=True):
    """One slot of one account; ``product`` is empty while it is free.

    Attributes:
        account: The account's name.
        slot: Number from 1.
        archive: For which archive it works.
        product: Name of the product.
        product_id: Its identifier.
        position: Bytes that have come.
        size: Of the whole product, or None when nobody says.
        rate: Over the last seconds.
        since: When this transfer began.
    """

    account: str
    slot: int
    archive: str = ""
    product: str = ""
    product_id: str = ""
    position: int = 0
    size: int | None = None
    rate: float = 0.0
    since: str = ""


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """One account.

    Attributes:
        name: Its name.
        slots: Downloads it may have at a time.
        in_use: How many it has.
        refused: Why it cannot be used, or empty.
        token_seconds: Life left in its access token, or None without one.
        received_30_days: Bytes received in the rolling 30 days.
        quota: Bytes the hub allows in 30 days, or None when none is set.
        quota_reached: When today's pace reaches the quota, or empty when it does not.
        throttled: Whether the hub has slowed its connections down.
    """

    name: str
    slots: int
    in_use: int = 0
    refused: str = ""
    token_seconds: float | None = None
    received_30_days: int = 0
    quota: int | None = None
    quota_reached: str = ""
    throttled: bool = False


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is over."""

    started: str
    seconds: float
    outcome: str
    found: int = 0
    fetched: int = 0
    waiting: int = 0
    failed: int = 0
    received: int = 0
    error: str = ""


class ArchiveState(msgspec.Struct, frozen=True, kw_only=True):
    """One archive.

    Attributes:
        name: Its name in the configuration.
        folder: Where it is.
        activity: What it does now.
        why: Why it is paused, out of space or failed; empty otherwise.
        priority: Greater goes first.
        products: Number of products by state: complete, waiting, failed, quarantined, withdrawn,
            consumed.
        bytes: Of the complete ones.
        queued: Products of the present run that are not settled.
        last_run: The last run that ended, or None.
        last_success: When the last run without an error ended, or empty.
        next_run: When the next one is due, or empty when paused.
        watermark: Up to when the catalogue's changes are settled, or empty before the first time.
        lag_seconds: From the newest product's publication until it was here, or None.
        newest: When the newest product that is here was published, or empty.
        oldest_waiting: Since when the product waits that has waited longest, or empty.
        last_arrival: When the last product was completed here, or empty.
        damaged: Products found damaged that are not here again yet.
        verified_share: Share of bytes whose proof is younger than the scrub's period, 0 to 1.
        free_bytes: Free space on its volume.
        floor_bytes: Free space it leaves.
    """

    name: str
    folder: str
    activity: Activity = Activity.IDLE
    why: str = ""
    priority: int = 0
    products: dict[str, int] = {}
    bytes: int = 0
    queued: int = 0
    last_run: RunState | None = None
    last_success: str = ""
    next_run: str = ""
    watermark: str = ""
    lag_seconds: float | None = None
    newest: str = ""
    oldest_waiting: str = ""
    last_arrival: str = ""
    damaged: int = 0
    verified_share: float = 1.0
    free_bytes: int = 0
    floor_bytes: int = 0


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was alerted of and is not over.

    Attributes:
        rule: Which alert, as the configuration calls it.
        subject: Name of the archive or account.
        message: What is wrong, a sentence without its full stop.
        since: When it began.
    """

    rule: str
    subject: str
    message: str
    since: str


class DaemonState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole daemon at one moment.

    Attributes:
        version: Of s2fetch.
        now: When this was true.
        started: When the daemon started.
        paused: Whether everything is paused.
        stopping: Whether it is about to end.
        hub_reachable: Whether the hubs answered when they were last asked.
        hub_trouble: Which did not, and why, or empty.
        bandwidth: Limit on all archives together that holds now, or None for none.
        loop_delay_seconds: How late the event loop is, at worst over the last minute.
        stalled_seconds: For how long the engine has had work it could do and no progress in it;
            0 while it waits for something outside, is paused or has nothing to do.
        archives: In the order of the configuration.
        accounts: All of them.
        slots: All slots, the free ones too.
        alerts: What was alerted of and is not over.
        needs_restart: What the configuration says now and only a restart brings, or empty.
    """

    version: str
    now: str
    started: str
    paused: bool = False
    stopping: bool = False
    hub_reachable: bool = True
    hub_trouble: str = ""
    bandwidth: float | None = None
    loop_delay_seconds: float = 0.0
    stalled_seconds: float = 0.0
    archives: tuple[ArchiveState, ...] = ()
    accounts: tuple[AccountState, ...] = ()
    slots: tuple[SlotState, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    needs_restart: str = ""


class ProductRow(msgspec.Struct, frozen=True, kw_only=True):
    """One product in a list of those that are queued, wait, failed or were withdrawn.

    Attributes:
        archive: In which archive.
        id: Its identifier.
        name: Its name.
        state: Of the list.
        since: Since when it is in that state, or empty.
        reason: Why.
        attempts: Attempts that failed so far.
        next: What happens to it next, in words, or empty.
        next_at: When, or empty when that depends on something else.
        size: Of the product, or None when nobody knows.
    """

    archive: str
    id: str
    name: str
    state: str
    since: str = ""
    reason: str = ""
    attempts: int = 0
    next: str = ""
    next_at: str = ""
    size: int | None = None


class DayCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Products sensed on one day (UTC), by what became of them.

    Attributes:
        day: ISO 8601.
        complete: Here and verified.
        waiting: Offline, and asked for.
        missing: Given up by the last run, or delivered wrong.
        queued: Their turn comes in the run that is under way.
    """

    day: str
    complete: int = 0
    waiting: int = 0
    missing: int = 0
    queued: int = 0


class Throughput(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes received in one period of ``seconds`` that began at ``start``."""

    start: str
    seconds: float
    received: int
    completed: int = 0
