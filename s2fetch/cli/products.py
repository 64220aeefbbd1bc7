"""``s2fetch products``: list what can be asked for."""

from __future__ import annotations

import sys

import click

from s2fetch import vocabulary
from s2fetch.cli.options import GroupedCommand
from s2fetch.cli.output import Output
from s2fetch.cli.suggestions import of_words
from s2fetch.errors import ExitCode

EXAMPLES = """\b
Examples:
  s2fetch products
  s2fetch products SENTINEL-5P
  s2fetch products sentinel-1 --json
  s2fetch products | grep -i polarisation

A terminal gets tables. Anything else gets lines with tabs between: the collection, "type" or
"attribute", its name; for types their short forms, for attributes their type, the option that
restricts them and the values they can have.
"""


@click.command(
    cls=GroupedCommand,
    short_help="List collections, product types and attributes.",
    epilog=EXAMPLES,
)
@click.argument(
    "collection",
    required=False,
    metavar="[COLLECTION]",
    shell_complete=of_words(lambda _: vocabulary.COLLECTIONS),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each collection")
@click.pass_obj
def command(output: Output, /, collection: str | None, as_json: bool) -> int:
    """List collections, or the product types and attributes of one.

    Every type can be written in its short forms, as long as they mean only that one. Attributes
    that have no option of their own are restricted with --where. Asks nothing of the network.
    """
    import msgspec

    from s2fetch.cli.products_text import collections_table, described, lines, tables

    chosen = None if collection is None else vocabulary.check_collection(collection)
    names = vocabulary.COLLECTIONS if chosen is None else (chosen,)
    found = [described(name) for name in names]
    if as_json:
        text = "\n".join(msgspec.json.encode(one).decode() for one in found)
    elif sys.stdout is None or not sys.stdout.isatty():
        text = "\n".join(line for one in found for line in lines(one))
    else:
        text = collections_table(found) if chosen is None else tables(found[0])
    output.result(text)
    return ExitCode.OK
