"""The tables of a daemon's file as values, and a list of what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from s2fetch.config.document import Document
from s2fetch.config.given import Given, Mistakes, Values, from_table
from s2fetch.config.parsers import Context
from s2fetch.config.setting import Setting
from s2fetch.errors import ConfigError, UsageError

Path = tuple[str | int, ...]
Table = Mapping[str, Any]


class Tables:
    """Reads tables; every mistake is noted with its line, and reading goes on.

    Attributes:
        document: The file.
        context: What the meaning of values depends on.
        mistakes: What is wrong so far.
    """

    def __init__(self, document: Document, context: Context) -> None:
        self.document = document
        self.context = context
        self.mistakes = Mistakes()

    def wrong(self, path: Path, what: str | UsageError, advice: str = "") -> None:
        """Note what is wrong at a key."""
        error = ConfigError(what, advice=advice) if isinstance(what, str) else what
        self.mistakes.add(self.document.place(*path), error)

    def given(
        self,
        path: Path,
        table: Table,
        settings: Sequence[Setting[Any]],
        others: Collection[str] = (),
    ) -> dict[str, Given]:
        """What a table holds of these settings; ``others`` are keys that are read elsewhere."""
        return from_table(self.document, table, path, settings, self.mistakes, others)

    def values(self, given: Mapping[str, Given]) -> Values:
        """Values that are parsed when they are asked for."""
        return Values(given, self.context, self.mistakes)

    def section(
        self, name: str, settings: Sequence[Setting[Any]], others: Collection[str] = ()
    ) -> Values:
        """The values of a table of the top level, which may be missing."""
        return self.values(self.given((name,), self.table((name,)), settings, others))

    def table(self, path: Path) -> Table:
        """A table; an empty one when it is missing or none."""
        found = self._at(path)
        if isinstance(found, dict):
            return found
        if found is not None:
            self.wrong(path, f"it is a table: begin it with [{_dotted(path)}]")
        return {}

    def entries(self, path: Path) -> Iterator[tuple[Path, Table]]:
        """The tables of an array of tables, each with its path."""
        found = self._at(path)
        if found is None:
            return
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            self.wrong(path, f"these are tables: begin each with [[{_dotted(path)}]]")
            return
        for index, entry in enumerate(found):
            yield (*path, index), entry

    def _at(self, path: Path) -> object:
        found: object = self.document.values
        for part in path:
            found = found.get(str(part)) if isinstance(found, dict) else None
        return found


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
