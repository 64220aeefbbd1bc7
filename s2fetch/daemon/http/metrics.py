"""What Prometheus scrapes: the daemon's state at that moment, and what was counted.

Names follow the Prometheus conventions (base units, ``_total`` for counters); the one exception is
the lag, in hours as operators speak of it. Labels are names from the configuration and words of
s2fetch, never products or hosts, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from s2fetch.daemon.http.tally import Tally
from s2fetch.daemon.state import AccountState, Activity, ArchiveState, DaemonState
from s2fetch.errors import ExitCode

Rows = Iterable[tuple[tuple[str, ...], float | None]]
OUTCOMES = tuple(
    code.outcome
    for code in ExitCode
    if code not in (ExitCode.DAMAGED, ExitCode.NO_DAEMON, ExitCode.INTERRUPTED)
)
PRODUCT_STATES = ("complete", "waiting", "failed", "quarantined", "withdrawn", "consumed")


class Metrics:
    """The registry of one daemon.

    Args:
        state: The daemon now.
        tally: What was counted.
    """

    def __init__(self, state: Callable[[], DaemonState], tally: Tally) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(state, tally))
        ProcessCollector(registry=self._registry)

    def scrape(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that suits the ``Accept`` header best, and its media type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Collector(Collector):
    def __init__(self, state: Callable[[], DaemonState], tally: Tally) -> None:
        self._state = state
        self._tally = tally

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the daemon, which may not run yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        state = self._state()
        yield from _of_daemon(state)
        yield from _by_kind(state.archives)
        yield from _of_archives(state)
        yield from _of_accounts(state.accounts)
        yield from _counted(self._tally, state)


def _of_daemon(state: DaemonState) -> Iterator[Metric]:
    yield _gauge(
        "build_info", "Version of s2fetch; always 1", ("version",), [((state.version,), 1)]
    )
    yield _gauge("start_time_seconds", "When the daemon started", (), [((), _unix(state.started))])
    plain = {
        "paused": ("Whether everything is paused", state.paused),
        "stopping": ("Whether the daemon is about to end", state.stopping),
        "hub_reachable": ("Whether the hubs answered when last asked", state.hub_reachable),
        "event_loop_delay_seconds": (
            "How late the event loop is, at worst over the last minute",
            state.loop_delay_seconds,
        ),
        "stalled_seconds": (
            "How long the engine has had work and made no progress",
            state.stalled_seconds,
        ),
    }
    for name, (help_text, value) in plain.items():
        yield _gauge(name, help_text, (), [((), float(value))])
    yield _gauge(
        "bandwidth_limit_bytes_per_second",
        "Limit on all archives together that holds now; not there when there is none",
        (),
        [((), state.bandwidth)],
    )
    yield _gauge(
        "alert",
        "Alerts that were told and are not over: 1",
        ("rule", "subject"),
        [((alert.rule, alert.subject), 1) for alert in state.alerts],
    )


def _by_kind(archives: Iterable[ArchiveState]) -> Iterator[Metric]:
    products = [
        ((a.name, kind), float(a.products.get(kind, 0)))
        for a in archives
        for kind in PRODUCT_STATES
    ]
    yield _gauge("products", "Products by state", ("archive", "state"), products)
    activities = [
        ((a.name, kind), float(a.activity == kind)) for a in archives for kind in Activity
    ]
    yield _gauge(
        "archive_activity", "What an archive does now: 1", ("archive", "activity"), activities
    )


def _of_archives(state: DaemonState) -> Iterator[Metric]:
    archives = state.archives

    def gauge(name: str, text: str, value: Callable[[ArchiveState], float | None]) -> Metric:
        return _gauge(name, text, ("archive",), [((a.name,), value(a)) for a in archives])

    yield gauge("archive_bytes", "Bytes of complete products", lambda a: a.bytes)
    yield gauge("queued_products", "Products of the present run not settled", lambda a: a.queued)
    yield gauge(
        "newest_product_lag_hours",
        "From the newest product's publication until it was in the archive",
        lambda a: None if a.lag_seconds is None else a.lag_seconds / 3600,
    )
    yield gauge(
        "newest_product_published_timestamp_seconds",
        "When the newest product in the archive was published",
        lambda a: _unix(a.newest),
    )
    now = _unix(state.now)
    yield gauge(
        "oldest_waiting_age_seconds",
        "How long the product waits that has waited longest; 0 when none waits",
        lambda a: _age(now, a.oldest_waiting),
    )
    yield gauge(
        "verified_ratio",
        "Share of bytes whose proof is younger than the scrub's period",
        lambda a: a.verified_share,
    )
    yield gauge("free_bytes", "Free space on the archive's volume", lambda a: a.free_bytes)
    yield gauge("floor_bytes", "Free space the archive leaves", lambda a: a.floor_bytes)
    yield gauge(
        "watermark_timestamp_seconds",
        "Up to when the catalogue's changes are settled",
        lambda a: _unix(a.watermark),
    )
    yield gauge(
        "last_success_timestamp_seconds",
        "When the last run without an error ended",
        lambda a: _unix(a.last_success),
    )
    yield gauge(
        "last_run_duration_seconds",
        "How long the last run took",
        lambda a: a.last_run.seconds if a.last_run else None,
    )
    yield gauge(
        "next_run_timestamp_seconds", "When the next run is due", lambda a: _unix(a.next_run)
    )


def _of_accounts(accounts: Iterable[AccountState]) -> Iterator[Metric]:
    accounts = tuple(accounts)

    def gauge(name: str, text: str, value: Callable[[AccountState], float | None]) -> Metric:
        return _gauge(name, text, ("account",), [((a.name,), value(a)) for a in accounts])

    yield gauge("slots", "Downloads an account may have at a time", lambda a: a.slots)
    yield gauge("slots_in_use", "Downloads an account has now", lambda a: a.in_use)
    yield gauge("account_refused", "Whether an account cannot be used", lambda a: bool(a.refused))
    yield gauge("account_throttled", "Whether the hub slows an account", lambda a: a.throttled)
    yield gauge(
        "account_received_30_days_bytes",
        "Bytes received in the rolling 30 days",
        lambda a: a.received_30_days,
    )
    yield gauge("account_quota_bytes", "Bytes the hub allows in 30 days", lambda a: a.quota)
    yield gauge(
        "account_quota_reached_timestamp_seconds",
        "When today's pace reaches the quota; not there when it does not",
        lambda a: _unix(a.quota_reached),
    )
    yield gauge(
        "account_token_remaining_seconds",
        "Life left in the access token",
        lambda a: a.token_seconds,
    )


def _counted(tally: Tally, state: DaemonState) -> Iterator[Metric]:
    names = [account.name for account in state.accounts]
    received = {**dict.fromkeys(names, 0), **tally.received}
    ways = {(name, way): 0 for name in names for way in ("login", "renewal")}
    yield _counter("received_bytes", "Bytes received", ("account",), _rows(received))
    yield _counter(
        "tokens_obtained",
        "Access tokens by account and way",
        ("account", "way"),
        [(key, count) for key, count in {**ways, **tally.tokens}.items()],
    )
    yield _counter("hub_pauses", "Times a hub made us wait", ("scope",), _rows(tally.hub_pauses))
    archives = [archive.name for archive in state.archives]
    pairs = {
        "retries": ("Attempts that failed and are repeated", "reason", tally.retries),
        "products_failed": ("Products given up for a run", "reason", tally.failures),
        "runs": ("Runs that ended", "outcome", {**_no_runs(archives), **tally.runs}),
    }
    for name, (text, label, counts) in pairs.items():
        yield _counter(name, text, ("archive", label), sorted(counts.items()))
    others = {
        "products_completed": ("Products fetched and verified", "completed"),
        "products_adopted": ("Files that were there and proved to be products", "adopted"),
        "products_quarantined": ("Products delivered wrong twice", "quarantined"),
        "retrievals_requested": ("Offline products asked for", "retrievals"),
        "files_damaged": ("Recorded files found damaged or missing", "damaged"),
        "records_healed": ("Records that were put right", "healed"),
    }
    for name, (text, key) in others.items():
        counted = {**dict.fromkeys(archives, 0), **tally.others[key]}
        yield _counter(name, text, ("archive",), _rows(counted))


def _no_runs(archives: Iterable[str]) -> dict[tuple[str, str], int]:
    """Outcomes that are there from the start, so that the first one is seen as an increase."""
    return {(name, how): 0 for name in archives for how in OUTCOMES}


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"s2fetch_{name}", text, labels=labels)
    _fill(family, rows)
    return family


def _counter(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = CounterMetricFamily(f"s2fetch_{name}", text, labels=labels)
    _fill(family, rows)
    return family


def _fill(family: GaugeMetricFamily | CounterMetricFamily, rows: Rows) -> None:
    """What is not known is left out, as Prometheus would take a NaN for a value."""
    for labels, value in rows:
        if value is not None:
            family.add_metric(labels, float(value))


def _rows(counts: dict[str, int]) -> Rows:
    return [((key,), count) for key, count in sorted(counts.items())]


def _unix(time: str) -> float | None:
    return datetime.fromisoformat(time).timestamp() if time else None


def _age(now: float | None, since: str) -> float:
    began = _unix(since)
    return 0.0 if began is None or now is None else max(0.0, now - began)
