"""What the user gave, where, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from s2fetch.config.document import Document
from s2fetch.config.parsers import Context
from s2fetch.config.setting import Setting
from s2fetch.errors import ConfigError, UsageError
from s2fetch.vocabulary import nearest

T = TypeVar("T")

_ADVICE = {
    "password": "Passwords do not belong here: see credentials-file, or set S2FETCH_PASSWORD",
    "totp-secret": "Secrets do not belong here: see credentials-file, or set S2FETCH_TOTP_SECRET",
}


class Rank(IntEnum):
    """Where a value comes from; a higher one overrides a lower one."""

    FILE = 1
    ENVIRONMENT = 2
    OPTION = 3


class Given(msgspec.Struct, frozen=True):
    """One raw value.

    Attributes:
        raw: As the file, the environment or the option holds it.
        place: What messages call it: ``archive.toml, line 3, cloud`` or ``--cloud``.
        rank: Where it comes from.
        folder: What relative paths in it start from; None leaves them.
    """

    raw: object
    place: str
    rank: Rank
    folder: Path | None = None


class Mistakes:
    """Collects everything that is wrong, to tell it at once."""

    def __init__(self) -> None:
        self._errors: list[UsageError] = []

    def add(self, place: str, error: ValueError | UsageError, rank: Rank = Rank.FILE) -> None:
        """Note what is wrong at a place, once. Query and area errors keep their class."""
        kind = UsageError if rank is Rank.OPTION else ConfigError
        if isinstance(error, UsageError):
            kind = kind if type(error) is UsageError else type(error)
            found = kind(f"{place}: {error.what}", did=error.did, advice=error.advice)
        else:
            found = kind(f"{place}: {error}")
        if str(found) not in map(str, self._errors):
            self._errors.append(found)

    def check(self) -> None:
        """Raise what was noted, if anything.

        Raises:
            UsageError: One mistake as itself, several as a list.
        """
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            every = "\n".join(f"  {error}" for error in self._errors)
            in_file = any(isinstance(error, ConfigError) for error in self._errors)
            kind = ConfigError if in_file else UsageError
            raise kind(f"{len(self._errors)} mistakes:\n{every}")


class Values:
    """The values of one table, parsed when they are asked for.

    Args:
        given: Raw values by the name of their setting.
        context: What their meaning depends on; the folder is replaced by each value's own.
        mistakes: Where mistakes go; a wrong value counts as not given, so that checking goes on.
    """

    def __init__(self, given: Mapping[str, Given], context: Context, mistakes: Mistakes) -> None:
        self._given = given
        self.context = context
        self._mistakes = mistakes

    def with_more(self, given: Mapping[str, Given]) -> Values:
        """The same with some values instead of, or in addition to, what was given."""
        return Values({**self._given, **given}, self.context, self._mistakes)

    def given(self, setting: Setting[object]) -> Given | None:
        """What the user gave, unparsed."""
        return self._given.get(setting.name)

    def find(self, setting: Setting[T]) -> T | None:
        """The user's value, or else the default, or else None."""
        given = self.given(setting)
        if given is not None:
            context = msgspec.structs.replace(self.context, folder=given.folder)
            try:
                return setting.parse(given.raw, context)
            except (ValueError, UsageError) as error:
                self._mistakes.add(given.place, error, given.rank)
        return setting.parse(setting.default, self.context) if setting.default else None

    def get(self, setting: Setting[T]) -> T:
        """The user's value or the default, for settings that have one."""
        value = self.find(setting)
        assert value is not None, f"{setting.name} has no default"  # noqa: S101  # a fixed table
        return value

    def wrong(self, setting: Setting[object], error: ValueError | UsageError) -> None:
        """Note that the value, right by itself, is wrong together with others."""
        given = self.given(setting)
        place, rank = (given.place, given.rank) if given else (setting.name, Rank.FILE)
        self._mistakes.add(place, error, rank)


def from_options(
    options: Mapping[str, object], settings: Iterable[Setting[object]], mistakes: Mistakes
) -> dict[str, Given]:
    """What was given as options; None and empty lists are options that were not given."""
    known = [setting.name for setting in settings]
    given = {}
    for name, raw in options.items():
        if name not in known:
            mistakes.add(f"--{name}", _unknown("option", name, known), Rank.OPTION)
        elif raw is not None and raw != () and raw != []:
            given[name] = Given(raw, f"--{name}", Rank.OPTION)
    return given


def from_environment(
    environ: Mapping[str, str], settings: Iterable[Setting[object]]
) -> dict[str, Given]:
    """What was given as environment variables; empty ones are not set."""
    return {
        setting.name: Given(environ[setting.variable], setting.variable, Rank.ENVIRONMENT)
        for setting in settings
        if setting.variable and environ.get(setting.variable)
    }


def from_table(
    document: Document,
    table: Mapping[str, object],
    path: Sequence[str | int],
    settings: Iterable[Setting[object]],
    mistakes: Mistakes,
    others: Collection[str] = (),
) -> dict[str, Given]:
    """What one table of a file holds, with unknown keys noted as mistakes.

    The keys that are read elsewhere, ``others``, are neither.
    """
    known = {setting.name: setting for setting in settings}
    given = {}
    for key, raw in table.items():
        place = document.place(*path, key)
        if key in known:
            given[key] = Given(raw, place, Rank.FILE, document.path.parent)
        elif key not in others:
            mistakes.add(place, _unknown("key", key, (*known, *others)))
    return given


def _unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    alike = nearest(name, known)
    advice = f"Did you mean {' or '.join(alike)}?" if alike else "See the list of settings"
    kind = ConfigError if what == "key" else UsageError
    return kind(f"there is no {what} of this name", advice=_ADVICE.get(name, advice))
