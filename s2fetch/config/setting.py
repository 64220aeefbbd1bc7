"""What there is to know about one setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from s2fetch.config.parsers import Parser

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Setting(Generic[T_co]):
    """One thing a user can set.

    Attributes:
        name: Key in the file and, after two dashes, the option.
        group: Heading in the help and in the documentation.
        parse: From the raw value to the typed one.
        help: One sentence without its full stop.
        example: As it would be written, without quotes.
        default: As it would be written; empty for none.
        metavar: Placeholder in the help; empty for flags.
        many: May be given several times, or as a list.
        once: The option cannot be given twice; of others the last one counts.
        flag: True or false; given without a value as an option.
        opposite: Name of the option that says false, without dashes; ``no-<name>`` when empty.
        choices: All values, for completion; empty when there are too many or no end of them.
        table: Table of the file it belongs to; empty for the top level.
        variable: Environment variable, or empty.
    """

    name: str
    group: str
    parse: Parser[T_co]
    help: str
    example: str
    default: str = ""
    metavar: str = "TEXT"
    many: bool = False
    once: bool = False
    flag: bool = False
    opposite: str = ""
    choices: tuple[str, ...] = ()
    table: str = ""
    variable: str = ""

    @property
    def option(self) -> str:
        """``--name``."""
        return f"--{self.name}"
