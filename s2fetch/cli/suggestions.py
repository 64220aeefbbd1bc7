"""What a shell completes after an option: choices, files, and words of the chosen collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from s2fetch import vocabulary
from s2fetch.config.setting import Setting
from s2fetch.errors import QueryError
from s2fetch.naming import STREAMS
from s2fetch.query import VersionPolicy

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_FILE_KINDS = {"FILE": "file", "FOLDER": "dir"}


def completion_of(setting: Setting[object]) -> Completion | None:
    """What completes the values of a setting, if anything."""
    if setting.choices:
        return of_words(lambda _: map(str, setting.choices))
    if setting.name in _OF_COLLECTION:
        return of_words(_OF_COLLECTION[setting.name])
    if setting.name in vocabulary.RESTRICTIONS:
        return of_words(lambda collection: vocabulary.values_of(collection, setting.name))
    kind = _FILE_KINDS.get(setting.metavar)
    return of_kind(kind) if kind else None


def of_words(words: Callable[[str], Iterable[str]]) -> Completion:
    """Completes words that depend on the collection, in any case."""

    def complete(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        found = words(_collection(ctx))
        return [CompletionItem(word) for word in found if word.lower().startswith(begun.lower())]

    return complete


def of_kind(kind: str) -> Completion:
    """Leaves it to the shell to complete the names of files or folders."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        return [CompletionItem(begun, type=kind)]

    return complete


def _collection(ctx: click.Context) -> str:
    """The collection chosen so far on the command line; the default one otherwise."""
    given = ctx.params.get("collection")
    try:
        return vocabulary.check_collection(str(given)) if given else "SENTINEL-2"
    except QueryError:
        return ""


def _product_types(collection: str) -> Iterable[str]:
    groups = vocabulary.GROUPS.get(collection, {})
    return (*groups, *vocabulary.PRODUCT_TYPES.get(collection, ()))


def _versions(collection: str) -> Iterable[str]:
    policies = (policy for policy in VersionPolicy if policy is not VersionPolicy.PREFERENCE)
    return (*policies, *STREAMS.get(collection, ()))


_OF_COLLECTION: dict[str, Callable[[str], Iterable[str]]] = {
    "product-type": _product_types,
    "versions": _versions,
    "where": vocabulary.attributes_of,
}
