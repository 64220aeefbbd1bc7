"""The archives of a daemon's file, each a configuration as ``s2fetch sync`` has it, and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from s2fetch.config import access
from s2fetch.config import settings as s
from s2fetch.config.document import Document, read_document
from s2fetch.config.given import Given, Values, from_environment
from s2fetch.config.load import build_config, from_document
from s2fetch.config.query import AREAS
from s2fetch.config.setting import Setting
from s2fetch.config.values import AccountConfig, Config
from s2fetch.daemon import settings as d
from s2fetch.daemon.config_tables import Path as Place
from s2fetch.daemon.config_tables import Table, Tables
from s2fetch.daemon.schedule import Schedule
from s2fetch.daemon.values import ArchiveEntry, HookConfig
from s2fetch.errors import ConfigError
from s2fetch.sync.withdrawals import WithdrawalSettings

_HUB = tuple(setting for setting in s.SETTINGS if setting.table == "hub")
_KIND_OF_HUB = frozenset({access.KIND.name, access.URL.name})
_OF_ONE_HUB = frozenset(setting.name for setting in _HUB)
"""Settings that mean nothing to another hub, or would have it trusted with a login of the other."""
_AREA = frozenset(setting.name for setting in AREAS)
"""Settings that replace each other: an archive's own one replaces any of the defaults'."""
_NOTHING: Mapping[str, Given] = {}
_LOGIN = frozenset({access.USER.name, access.CREDENTIALS_FILE.name})


class ArchiveReader:
    """Reads the archives.

    Args:
        tables: The daemon's file.
        zone: Name of the time zone of cron expressions.
        options: What overrides every archive's own settings.
    """

    def __init__(self, tables: Tables, zone: str, options: Mapping[str, Given] = _NOTHING) -> None:
        self._tables = tables
        self._zone = zone
        self._options = options
        defaults = tables.given(("defaults",), tables.table(("defaults",)), _SHARED)
        hub = tables.given(("hub",), tables.table(("hub",)), _HUB)
        self._defaults = defaults | hub
        self._surroundings = from_environment(tables.context.environ, s.SETTINGS)

    def read(self) -> tuple[ArchiveEntry, ...]:
        """All of them; of use only when there are no mistakes."""
        entries = tuple(self._tables.entries(_ALL))
        if not entries:
            self._tables.wrong(_ALL, "there is no archive", "Begin each one with [[archives]]")
        read = ((place, self._read(place, table)) for place, table in entries)
        found = [(place, entry) for place, entry in read if entry is not None]
        _check_together(found, self._tables)
        return tuple(entry for _, entry in found)

    def read_one(self, name: str) -> ArchiveEntry | None:
        """The archive of that name, if there is one."""
        for place, table in self._tables.entries(_ALL):
            if table.get(d.ARCHIVE_NAME.name) == name:
                return self._read(place, table)
        return None

    def _read(self, place: Place, table: Table) -> ArchiveEntry | None:
        own = self._tables.given(place, table, (*d.IDENTITY, *_SHARED))
        if d.ARCHIVE_NAME.name not in own:
            self._tables.wrong(place, "an archive needs a name")
        identity = self._tables.values(own)
        name = identity.find(d.ARCHIVE_NAME) or "?"
        values = self._tables.values(self._defaults | own)
        file = identity.find(d.ARCHIVE_FILE)
        config = self._config(place, own, file)
        if config is None:
            return None
        if config.into is None:
            self._tables.wrong(place, "the archive needs a folder", "Set into")
        recount = values.get(d.RECOUNT)
        return ArchiveEntry(
            name=name,
            config=self._with_accounts(config, values),
            schedule=self._schedule(values, name),
            priority=values.get(d.PRIORITY),
            intake=values.get(d.INTAKE),
            recount_seconds=recount or None,
            overlap_seconds=values.get(d.OVERLAP),
            withdrawals=WithdrawalSettings(
                policy=values.get(d.DELETIONS),
                most_products=values.get(d.DELETIONS_MOST),
                most_share=values.get(d.DELETIONS_SHARE),
            ),
            after_run=_hook(values, d.AFTER_RUN),
            after_product=_hook(values, d.AFTER_PRODUCT),
        )

    def _config(self, place: Place, own: Mapping[str, Given], file: Path | None) -> Config | None:
        content = {name: value for name, value in own.items() if name in _CONTENT_NAMES}
        if file is None:
            return self._built(content, self._tables.document, self._tables.document.path)
        for name in content:
            error = f"this key and file exclude each other: write it into {file}"
            self._tables.wrong((*place, name), error)
        try:
            document = read_document(file)
        except ConfigError as error:
            self._tables.wrong((*place, d.ARCHIVE_FILE.name), error)
            return None
        held = from_document(document, self._tables.mistakes)
        has_accounts = "accounts" in document.values or _LOGIN & held.keys()
        return self._built(held, document if has_accounts else self._tables.document, file)

    def _built(self, own: Mapping[str, Given], accounts: Document, file: Path) -> Config:
        replaced: set[str] = set()
        if own.keys() & _AREA:
            replaced |= _AREA
        if own.keys() & _KIND_OF_HUB:
            replaced |= _OF_ONE_HUB
        if accounts is not self._tables.document:
            replaced |= _LOGIN
        defaults = {k: v for k, v in self._defaults.items() if k not in replaced}
        given = defaults | dict(own) | self._surroundings | dict(self._options)
        values = self._tables.values(given)
        return build_config(values, accounts, self._tables.mistakes, file)

    def _with_accounts(self, config: Config, values: Values) -> Config:
        wanted = values.find(d.ACCOUNT_NAMES)
        if wanted is None:
            return config
        known = {account.name: account for account in config.accounts}
        if missing := [name for name in wanted if name not in known]:
            error = f"there is no account called {missing[0]}"
            advice = f"There are {', '.join(known)}" if known else ""
            values.wrong(d.ACCOUNT_NAMES, ConfigError(error, advice=advice))
            return config
        return msgspec.structs.replace(config, accounts=tuple(known[name] for name in wanted))

    def _schedule(self, values: Values, name: str) -> Schedule:
        schedule = msgspec.structs.replace(values.get(d.SCHEDULE), zone=self._zone)
        try:
            return schedule.shifted(name, values.find(d.JITTER))
        except ValueError as error:
            values.wrong(d.JITTER, error)
            return schedule


_ALL: Place = ("archives",)
_SHARED = (*d.KEEPING, *d.CONTENT)
_CONTENT_NAMES = frozenset(setting.name for setting in d.CONTENT)


def _hook(values: Values, setting: Setting[tuple[str, ...]]) -> HookConfig:
    return HookConfig(arguments=values.find(setting) or (), limit_seconds=values.get(d.HOOK_LIMIT))


def _check_together(found: Sequence[tuple[Place, ArchiveEntry]], tables: Tables) -> None:
    """What is right for each archive by itself can be wrong for all of them."""
    names: set[str] = set()
    folders: dict[Path, str] = {}
    accounts: dict[tuple[str, str], tuple[AccountConfig, str]] = {}
    for place, entry in found:
        if entry.name in names:
            tables.wrong((*place, "name"), f"there are two archives called {entry.name}")
        names.add(entry.name)
        if entry.config.into is not None:
            folder = entry.config.into.absolute().resolve()
            if (other := folders.setdefault(folder, entry.name)) != entry.name:
                tables.wrong(place, f"its folder {entry.config.into} is that of {other} too")
        for account in entry.config.accounts:
            hub = entry.config.hub.account_service
            if not account.name:
                continue  # it is looked for by its hub, and there it has a name
            # One person's login on two hubs is told apart when the hubs are known.
            named = account.name, hub if account.name == account.user else ""
            if accounts.setdefault(named, (account, hub)) != (account, hub):
                error = f"its account {account.name} is not the one another archive calls so"
                tables.wrong(place, error, "Give each account its own name")
