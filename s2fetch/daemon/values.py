"""The plain, frozen values a daemon's configuration becomes. Times in seconds, sizes in bytes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from s2fetch.config.values import Config, ShowingConfig
from s2fetch.daemon.alerts import AlertRules
from s2fetch.daemon.schedule import Schedule
from s2fetch.sync.withdrawals import WithdrawalSettings


class Intake(StrEnum):
    """How an archive learns of new products: by asking the catalogue, or by a subscription."""

    CATALOGUE = "catalogue"
    SUBSCRIPTION = "subscription"


class HookConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A command with its arguments, and how long it may take; no arguments for no hook."""

    arguments: tuple[str, ...] = ()
    limit_seconds: float


class ArchiveEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One archive of the daemon.

    Attributes:
        name: Unique.
        config: Everything a run needs; its ``into`` is set.
        schedule: When its runs are due, its own delay included.
        priority: 0 to 9; greater goes first.
        intake: How it learns of new products.
        recount_seconds: How often everything is counted again; None for never.
        overlap_seconds: How far an incremental run looks back behind its watermark.
        withdrawals: What becomes of products the hub takes away.
        after_run: The hook of a run that is over.
        after_product: The hook of a product that has arrived.
    """

    name: str
    config: Config
    schedule: Schedule
    priority: int
    intake: Intake
    recount_seconds: float | None
    overlap_seconds: float
    withdrawals: WithdrawalSettings
    after_run: HookConfig
    after_product: HookConfig


class HttpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where the HTTP face listens and whom it answers.

    Attributes:
        enabled: Whether there is one.
        host: Address to bind.
        port: Port; 0 for any.
        token_file: File with the bearer token, or None.
        read_token_file: File with one that changes nothing, or None.
        certificate: PEM file of the certificate chain, or None for HTTP.
        key: PEM file of its private key.
        client_ca: PEM file with the authorities of client certificates, or None.
        names: Names it is reached by, besides those of loopback.
    """

    enabled: bool
    host: str
    port: int
    token_file: Path | None
    read_token_file: Path | None
    certificate: Path | None
    key: Path | None
    client_ca: Path | None
    names: tuple[str, ...]


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A URL that gets alerts. It may hold a secret itself, and is not shown."""

    url: str
    secret_file: Path | None
    attempts: int

    def __repr__(self) -> str:
        return f"<WebhookConfig of {urlsplit(self.url).hostname}>"


class AlertsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts there are and who gets them."""

    rules: AlertRules
    commands: tuple[HookConfig, ...] = ()
    webhooks: tuple[WebhookConfig, ...] = ()


class BandwidthConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The limit on all archives together; rates in bytes per second, None for no limit.

    Attributes:
        spans: Times of the week as they were written, each with its rate.
        otherwise: What holds at all other times.
    """

    spans: tuple[tuple[str, float | None], ...] = ()
    otherwise: float | None = None


class DaemonConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a daemon needs to know.

    Attributes:
        file: Where it was read from.
        time_zone: Of cron expressions and of the bandwidth's times; see `schedule.load_zone`.
        archives: At least one, in the order of the file.
        http: The HTTP face.
        control_socket: Path of the control socket; None for the usual one.
        alerts: Alerts.
        bandwidth: Of all archives together.
        showing: The log.
    """

    file: Path
    time_zone: str
    archives: tuple[ArchiveEntry, ...]
    http: HttpConfig
    control_socket: Path | None
    alerts: AlertsConfig
    bandwidth: BandwidthConfig
    showing: ShowingConfig
