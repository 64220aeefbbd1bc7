"""From file, environment and options to one `Config`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from s2fetch.config import access
from s2fetch.config import settings as s
from s2fetch.config.document import Document, read_document
from s2fetch.config.given import (
    Given,
    Mistakes,
    Rank,
    Values,
    from_environment,
    from_options,
    from_table,
)
from s2fetch.config.hub import read_hub
from s2fetch.config.parsers import Context
from s2fetch.config.query import read_query
from s2fetch.config.selection import EVERYTHING
from s2fetch.config.setting import Setting
from s2fetch.config.values import (
    AccountConfig,
    Config,
    HubKind,
    IncrementConfig,
    RetrievalConfig,
    ScrubConfig,
    ShowingConfig,
    TransferConfig,
)
from s2fetch.errors import ConfigError, UsageError
from s2fetch.timetable import timetable

_FLAT = tuple(setting for setting in s.SETTINGS if not setting.table)
_HUB = tuple(setting for setting in s.SETTINGS if setting.table == "hub")


def load_config(
    path: Path | str | None = None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Config:
    """Put together what the user wants; an option beats the environment, which beats the file.

    Args:
        path: Configuration file, or None for none.
        options: By setting name, without dashes. None and empty lists count as not given.
        environ: Endpoints, ``S2FETCH_USER``, and ``HOME`` for paths that begin with ``~``; the
            process's own when not given.
        now: Aware; what relative times count from; the machine's clock when not given.

    Raises:
        UsageError: Something is wrong; the message names file, line and key, or the option or
            variable. Several mistakes are told at once. The class is `ConfigError` for the file
            and the environment, `QueryError` and `AreaError` for what selects products.
    """
    path = Path(path) if path is not None else None
    options = options or {}
    environ = os.environ if environ is None else environ
    now = now or datetime.now(UTC)
    mistakes = Mistakes()
    document = None if path is None else read_document(path)
    given = from_document(document, mistakes) if document else {}
    given |= from_environment(environ, s.SETTINGS) | from_options(options, s.SETTINGS, mistakes)
    values = Values(given, Context(now=now, folder=None, environ=environ), mistakes)
    config = build_config(values, document, mistakes, path)
    mistakes.check()
    return config


def build_config(
    values: Values, document: Document | None, mistakes: Mistakes, file: Path | None
) -> Config:
    """The configuration that values of the settings make.

    Args:
        values: Of all settings outside ``[[accounts]]``.
        document: Where the accounts are, if anywhere.
        mistakes: Where mistakes go; what is returned is of use only when there are none.
        file: What the configuration calls its file.
    """
    selection = read_query(values)
    hub = read_hub(values)
    if hub.kind is HubKind.DHUS:
        values = values.with_more(_dhus_user(values))
    return Config(
        query=selection.query,
        everything=values.get(EVERYTHING),
        into=values.find(s.INTO),
        layout=values.get(s.LAYOUT),
        reserve_bytes=values.get(s.RESERVE),
        on_full=values.get(s.ON_FULL),
        on_missing=values.get(s.ON_MISSING),
        wait_for_lock_seconds=values.get(s.WAIT_FOR_LOCK),
        hub=hub,
        accounts=_accounts(values, document, mistakes),
        transfer=_transfer(values),
        retrieval=RetrievalConfig(
            offline=values.get(s.OFFLINE),
            wait_offline_seconds=values.get(s.WAIT_OFFLINE),
            poll_interval_seconds=values.get(s.POLL_INTERVAL),
            limit=values.get(s.RETRIEVAL_LIMIT),
        ),
        increment=_increment(values),
        scrub=ScrubConfig(
            budget_bytes=values.get(s.SCRUB_BUDGET),
            period_seconds=values.get(s.SCRUB_PERIOD),
        ),
        showing=_showing(values),
        area_notes=selection.area_notes,
        area_product=selection.area_product,
        moving=selection.moving,
        file=file,
    )


def from_document(document: Document, mistakes: Mistakes) -> dict[str, Given]:
    """The flat keys and those of ``[hub]``; a key in the wrong one of the two is pointed out."""
    flat = {k: v for k, v in document.values.items() if k not in ("hub", "accounts")}
    hub = document.values.get("hub", {})
    if not isinstance(hub, dict):
        mistakes.add(document.place("hub"), ConfigError("it is a table: begin it with [hub]"))
        hub = {}
    for setting in _HUB:
        if setting.name in flat:
            del flat[setting.name]
            error = ConfigError("this key belongs below [hub]")
            mistakes.add(document.place(setting.name), error)
    for setting in _FLAT:
        if setting.name in hub:
            hub = {k: v for k, v in hub.items() if k != setting.name}
            error = ConfigError("this key belongs above the first [table] of the file")
            mistakes.add(document.place("hub", setting.name), error)
    return from_table(document, flat, (), _FLAT, mistakes) | from_table(
        document, hub, ("hub",), _HUB, mistakes
    )


def _dhus_user(values: Values) -> dict[str, Given]:
    """``DHUS_USER`` before ``S2FETCH_USER``, which may be of another kind of hub."""
    given, user = values.given(access.USER), values.context.environ.get("DHUS_USER")
    if not user or (given is not None and given.rank is not Rank.ENVIRONMENT):
        return {}
    return {access.USER.name: Given(user, "DHUS_USER", Rank.ENVIRONMENT)}


def _transfer(values: Values) -> TransferConfig:
    bandwidth, limits = values.find(s.BANDWIDTH), values.find(s.TIMETABLE)
    zone = values.find(s.TIME_ZONE)
    if not limits:
        _useless_without(values, s.TIME_ZONE, s.TIMETABLE)
    return TransferConfig(
        connect_timeout_seconds=values.get(s.CONNECT_TIMEOUT),
        first_byte_timeout_seconds=values.get(s.FIRST_BYTE_TIMEOUT),
        minimum_rate=values.get(s.MINIMUM_RATE),
        minimum_rate_window_seconds=values.get(s.MINIMUM_RATE_WINDOW),
        attempts=values.get(s.ATTEMPTS),
        resume=values.get(s.RESUME),
        bandwidth=bandwidth,
        timetable=timetable(limits, otherwise=bandwidth, zone=zone) if limits else None,
    )


def _increment(values: Values) -> IncrementConfig | None:
    if not values.get(s.INCREMENTAL):
        for setting in (s.OVERLAP, s.RECOUNT):
            _useless_without(values, setting, s.INCREMENTAL)
        return None
    return IncrementConfig(
        overlap_seconds=values.get(s.OVERLAP), recount_seconds=values.get(s.RECOUNT)
    )


def _useless_without(values: Values, setting: Setting[object], other: Setting[object]) -> None:
    """An option without effect is a mistake; in a file it may wait for the other to be set."""
    given = values.given(setting)
    if given is not None and given.rank is Rank.OPTION:
        error = UsageError("it has no effect alone", advice=f"Give --{other.name}, too")
        values.wrong(setting, error)


def _showing(values: Values) -> ShowingConfig:
    showing = ShowingConfig(
        report=values.find(s.REPORT),
        log_format=values.get(s.LOG_FORMAT),
        quiet=values.get(s.QUIET),
        verbose=values.get(s.VERBOSE),
    )
    if showing.quiet and showing.verbose:
        values.wrong(s.QUIET, ValueError("quiet and verbose exclude each other"))
    return showing


def _accounts(
    values: Values, document: Document | None, mistakes: Mistakes
) -> tuple[AccountConfig, ...]:
    """The accounts of the file's tables, or else the one that the flat settings describe."""
    slots, given = values.get(access.SLOTS), values.given(access.SLOTS)
    quota, quota_given = values.find(access.QUOTA), values.given(access.QUOTA)
    tables = document.values.get("accounts") if document else None
    if not document or not tables:
        return (_account(values, None, slots, quota),)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        error = ConfigError("these are tables: begin each with [[accounts]]")
        mistakes.add(document.place("accounts"), error)
        return ()
    accounts = []
    for index, table in enumerate(tables):
        held = from_table(document, table, ("accounts", index), access.ACCOUNT_SETTINGS, mistakes)
        own = Values(held, values.context, mistakes)
        overridden = given is not None and given.rank is Rank.OPTION
        own_slots = slots if overridden or not own.given(access.SLOTS) else own.get(access.SLOTS)
        overridden = quota_given is not None and quota_given.rank is Rank.OPTION
        own_quota = quota if overridden or not own.given(access.QUOTA) else own.find(access.QUOTA)
        accounts.append(_account(own, own.find(access.ACCOUNT_NAME), own_slots, own_quota))
    _check_accounts(accounts, document, mistakes)
    return _chosen(accounts, values)


def _account(
    values: Values, name: str | None, slots: int, quota_bytes: int | None
) -> AccountConfig:
    user = values.find(access.USER)
    return AccountConfig(
        name=name or user or "",
        user=user,
        credentials_file=values.find(access.CREDENTIALS_FILE),
        slots=slots,
        quota_bytes=quota_bytes,
    )


def _check_accounts(accounts: list[AccountConfig], document: Document, mistakes: Mistakes) -> None:
    """Several accounts must be told apart, else all of them would be the same login."""
    for index, account in enumerate(accounts):
        place = document.place("accounts", index)
        if account.user is None and account.credentials_file is None:
            mistakes.add(place, ConfigError("an account needs a user or a credentials-file"))
        elif _called(account) in map(_called, accounts[:index]):
            error = ConfigError(f"there are two accounts called {_called(account)}")
            error.advice = "Give each its own name"
            mistakes.add(place, error)


def _called(account: AccountConfig) -> str:
    """What tells an account of a file from the others."""
    return account.name or str(account.credentials_file)


def _chosen(accounts: list[AccountConfig], values: Values) -> tuple[AccountConfig, ...]:
    """All accounts, or the one that ``--user`` picks."""
    for setting in (access.USER, access.CREDENTIALS_FILE):
        given = values.given(setting)
        if given and given.rank is Rank.FILE:
            error = ConfigError(f"{setting.name} and [[accounts]] exclude each other")
            values.wrong(setting, error)
    given = values.given(access.USER)
    if not given or given.rank is not Rank.OPTION:
        return tuple(accounts)
    picked = tuple(a for a in accounts if given.raw in (a.user, a.name))
    if not picked:
        names = ", ".join(map(_called, accounts))
        values.wrong(access.USER, UsageError(f"{given.raw!r} is none of the accounts {names}"))
    return picked
