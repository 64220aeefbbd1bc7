"""A TOML file with the line of every key (TOML 1.0)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from s2fetch.errors import ConfigError

KeyPath = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|.",
    re.DOTALL,
)
_POSITION = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


class Document(msgspec.Struct, frozen=True):
    """What a file holds.

    Attributes:
        path: As the user gave it.
        values: The parsed TOML.
        lines: Line of every key, by its path; entries of arrays of tables have their index.
    """

    path: Path
    values: Mapping[str, object]
    lines: Mapping[KeyPath, int]

    def place(self, *key: str | int) -> str:
        """``archive.toml, line 12, hub.token-url`` for messages."""
        known = next((key[:n] for n in range(len(key), 0, -1) if key[:n] in self.lines), None)
        name = ""
        for part in key:
            name += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
        line = f", line {self.lines[known]}" if known else ""
        return f"{self.path}{line}, {name.removeprefix('.')}"


def read_document(path: Path) -> Document:
    """Read a configuration file.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8 or not TOML; says where.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return Document(path, tomllib.loads(content), key_lines(content))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        what = f"{path}, line {line}: the file is not UTF-8 text"
        raise ConfigError(what, advice="Save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        what = f"{path}, {_where(str(error), content)}"
        raise ConfigError(what, advice='A line reads: key = "value"') from error
    except (ValueError, RecursionError) as error:  # a number of 5000 digits, 1000 brackets
        raise ConfigError(f"{path} holds what no configuration does: {error}") from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{path} is a folder and no configuration",
            advice=f"If it is an archive, give it as --into {path}",
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error


def key_lines(content: str) -> dict[KeyPath, int]:
    """The line of every key of a valid TOML document, except those inside inline tables."""
    lines: dict[KeyPath, int] = {}
    entries: dict[KeyPath, int] = {}
    table: KeyPath = ()
    line = 1
    for statement in _statements(content):
        if header := _HEADER.match(statement):
            table = _resolve(_split(header[2]), entries, new=header[1] == "[[")
            lines.setdefault(table, line)
        elif key := _KEY.match(statement):
            path = table
            for part in _split(key[1]):
                path = (*path, part)
                lines.setdefault(path, line)
        line += statement.count("\n")
    return lines


def _statements(content: str) -> Iterator[str]:
    """The document cut at the newlines that end a statement."""
    start = depth = 0
    for token in _TOKEN.finditer(content):
        if token[0] == "\n" and depth == 0:
            yield content[start : token.end()]
            start = token.end()
        else:
            depth += (token[0] in "[{") - (token[0] in "]}")
    yield content[start:]


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))


def _resolve(names: tuple[str, ...], entries: dict[KeyPath, int], *, new: bool) -> KeyPath:
    """The path of a header, with the index of the current entry of arrays of tables."""
    path: KeyPath = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in entries:
            path = (*path, entries[path])
    path = (*path, names[-1])
    if new:
        entries[path] = entries.get(path, -1) + 1
    return (*path, entries[path]) if path in entries else path


def _where(message: str, content: str) -> str:
    """Line, column and key of a syntax error; never the value, which may be a secret."""
    match = _POSITION.fullmatch(message)
    if match is None:
        return message
    lines = content.split("\n")
    line = int(match[2]) if match[2] else len(lines)
    column = match[3] or str(len(lines[-1]) + 1)
    key = _KEY.match(lines[line - 1]) if line <= len(lines) else None
    near = f", {key[1]}" if key else ""
    return f"line {line}, column {column}{near}: {match[1]}"
