"""What a daemon's file says about its faces: HTTP, control socket, alerts; and the bandwidth."""

from __future__ import annotations

import re

from s2fetch.account.secret import read_secret
from s2fetch.config import parsers
from s2fetch.config.setting import Setting
from s2fetch.daemon import settings as d
from s2fetch.daemon.alerts import AlertRules
from s2fetch.daemon.config_tables import Path as Place
from s2fetch.daemon.config_tables import Table, Tables
from s2fetch.daemon.http.settings import mistakes
from s2fetch.daemon.values import (
    AlertsConfig,
    BandwidthConfig,
    HookConfig,
    HttpConfig,
    WebhookConfig,
)
from s2fetch.errors import UsageError
from s2fetch.timetable import timetable

OTHERWISE = "otherwise"
"""The key below ``[bandwidth]`` for all times that no other key names."""
UNLIMITED = "unlimited"
_DAYS = r"[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*"
_HOURS = r"[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}"
_SPAN = re.compile(rf"{_DAYS}|{_HOURS}|{_DAYS} {_HOURS}")


def read_http(tables: Tables) -> HttpConfig:
    """``[http]``; nothing but loopback without a token or client certificates."""
    values = tables.section("http", d.HTTP)
    http = HttpConfig(
        enabled=values.get(d.HTTP_ENABLED),
        host=values.get(d.HTTP_HOST),
        port=values.get(d.HTTP_PORT),
        token_file=values.find(d.HTTP_TOKEN_FILE),
        read_token_file=values.find(d.HTTP_READ_TOKEN_FILE),
        certificate=values.find(d.HTTP_CERTIFICATE),
        key=values.find(d.HTTP_KEY),
        client_ca=values.find(d.HTTP_CLIENT_CA),
        names=values.find(d.HTTP_NAMES) or (),
    )
    for key, error in mistakes(http):
        values.wrong(next(setting for setting in d.HTTP if setting.name == key), error)
    return http


def read_alerts(tables: Tables) -> AlertsConfig:
    """``[alerts]`` with its commands and webhooks."""
    values = tables.section("alerts", d.ALERTS, ("commands", "webhooks"))
    return AlertsConfig(
        rules=AlertRules(
            rules=values.get(d.RULES),
            nothing_new_seconds=values.find(d.NOTHING_NEW),
            interval_seconds=values.get(d.ALERT_INTERVAL),
        ),
        commands=tuple(
            _command(tables, place, table)
            for place, table in tables.entries(("alerts", "commands"))
        ),
        webhooks=tuple(
            _webhook(tables, place, table)
            for place, table in tables.entries(("alerts", "webhooks"))
        ),
    )


def read_bandwidth(tables: Tables) -> BandwidthConfig:
    """``[bandwidth]``: times of the week and their rates."""
    spans: dict[str, float | None] = {}
    for key, raw in tables.table(("bandwidth",)).items():
        span = " ".join(key.lower().split())
        if span != OTHERWISE and not _SPAN.fullmatch(span):
            error = f"{key!r} is no time of the week"
            wanted = "Write for example 08:00-18:00, mon-fri 08:00-18:00, sat,sun or otherwise"
            tables.wrong(("bandwidth", key), error, wanted)
            continue
        try:
            spans[span] = _rate(raw, tables)
        except ValueError as error_:
            tables.mistakes.add(tables.document.place("bandwidth", key), error_)
    otherwise = spans.pop(OTHERWISE, None)
    try:
        timetable(dict(spans))
    except ValueError as error_:
        tables.mistakes.add(tables.document.place("bandwidth"), error_)
    return BandwidthConfig(spans=tuple(spans.items()), otherwise=otherwise)


def _rate(raw: object, tables: Tables) -> float | None:
    if isinstance(raw, str) and raw.strip().lower() == UNLIMITED:
        return None
    try:
        return parsers.bandwidth(raw, tables.context)
    except ValueError as error:
        raise ValueError(f"{error}, or unlimited") from None


def _command(tables: Tables, place: Place, table: Table) -> HookConfig:
    values = tables.values(tables.given(place, table, d.ALERT_COMMANDS))
    _require(tables, place, table, d.COMMAND)
    return HookConfig(
        arguments=values.find(d.COMMAND) or (), limit_seconds=values.get(d.COMMAND_LIMIT)
    )


def _webhook(tables: Tables, place: Place, table: Table) -> WebhookConfig:
    values = tables.values(tables.given(place, table, d.ALERT_WEBHOOKS))
    _require(tables, place, table, d.WEBHOOK_URL)
    secret = values.find(d.WEBHOOK_SECRET)
    if secret is not None:
        try:
            read_secret(secret, tables.context.environ)
        except UsageError as error:
            values.wrong(d.WEBHOOK_SECRET, error)
    return WebhookConfig(
        url=values.find(d.WEBHOOK_URL) or "",
        secret_file=secret,
        attempts=values.get(d.WEBHOOK_ATTEMPTS),
    )


def _require(tables: Tables, place: Place, table: Table, setting: Setting[object]) -> None:
    if setting.name not in table:
        tables.wrong(place, f"the key {setting.name} is missing")
