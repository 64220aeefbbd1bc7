"""A listing on standard output, and what it came to in words."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from s2fetch.cli.output import Output, unwritable
from s2fetch.cli.text import counted
from s2fetch.errors import ExitCode
from s2fetch.units import format_size

if TYPE_CHECKING:
    from s2fetch.client import Client
    from s2fetch.config.values import Config
    from s2fetch.export import Exported

Write = Callable[[str], object]


async def list_products(client: Client, form: str, fields: Sequence[str]) -> Exported:
    """Print everything that matches to standard output, as it arrives.

    Args:
        client: Whose configuration says what is looked for.
        form: ``table``, or one of `export.FORMS`.
        fields: Names of the columns; empty for the form's own.

    Raises:
        UsageError: If there is no such field.
        QueryError: If nothing can match.
        HubError: If the catalogue cannot be read; what was printed is incomplete then.
        ArchiveError: If standard output cannot be written.
        BrokenPipeError: If nobody reads it any more.
    """
    with _writing() as write:
        if form != "table":
            return await client.export(form, write, fields=fields)
        from s2fetch.cli.table import table_form

        width = shutil.get_terminal_size().columns
        collection = client.config.query.collection
        return await client.export(table_form(client.hub.url_of, fields, width, collection), write)


def totals(exported: Exported) -> list[str]:
    """What a listing came to, a sentence each: number and size, then about versions."""
    unknown = f", {exported.unknown_sizes:,} of unknown size" if exported.unknown_sizes else ""
    found = f"{counted(exported.count, 'product')}, {format_size(exported.size_bytes)}{unknown}"
    return [found, *about_versions(exported.superseded, exported.other_versions)]


def about_versions(superseded: int, other_versions: int) -> list[str]:
    """What was left out for better versions, or that there are several versions."""
    said = []
    if superseded:
        are, them = ("is", "it") if superseded == 1 else ("are", "them")
        said.append(
            f"{counted(superseded, 'product')} besides {are} superseded by better versions: "
            f"--versions all takes {them} too"
        )
    if other_versions:
        are, them = ("is another version", "one of the two")
        if other_versions > 1:
            are, them = "are other versions", "them"
        said.append(
            f"{other_versions:,} of these {are} of the same acquisition: "
            f"--versions newest leaves {them} out"
        )
    return said


def about_nothing(config: Config, found: int) -> list[str]:
    """What to say when nothing was found of a text that may have been about other products."""
    query = config.query
    if found or not (query.hub_query and query.collection):
        return []
    return [f"Asked of {query.collection} only, as --query names no other: see --collection"]


def not_listed(config: Config) -> str:
    """What is to be said of a name that was asked for and that the hub did not list."""
    if config.query.only_named and config.area_product is None:
        return "not in the catalogue"
    return "not in the catalogue, or left out by the other options"


def tell_missing(names: Sequence[str], config: Config, output: Output) -> ExitCode:
    """Warn of every name that the hub did not list; returns the exit code."""
    if not names:
        return ExitCode.OK
    told = not_listed(config)  # once: it looks at all names that were given
    for name in names:
        output.warn(f"{told}: {name}")
    return ExitCode.FAILED


@contextmanager
def _writing() -> Iterator[Write]:
    """Standard output, with its errors explained."""
    stream = sys.stdout or io.StringIO()

    def write(text: str) -> None:
        try:
            stream.write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(error) from error

    yield write
    try:
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error
