"""The files inside a product: the Nodes interface of the download host.

Source: Copernicus Data Space documentation, OData (listing product nodes).
"""

from __future__ import annotations

import asyncio
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from s2fetch.embedded.content import BytesContent, Content, FileContent
from s2fetch.embedded.listing import Body

_LOCAL_HEADER_SIZE = 30
_LOCAL_NAME_AND_EXTRA = struct.Struct("<26xHH")


class Node(msgspec.Struct, frozen=True):
    """A file or folder of a product.

    Attributes:
        name: Its own name.
        size: Bytes; 0 for folders.
        children: How many files and folders are directly in it.
    """

    name: str
    size: int
    children: int


async def children(body: Body, name: str, steps: Sequence[str]) -> list[Node] | None:
    """What lies below a path; a file has nothing below it. None if there is no such path.

    Args:
        body: The product.
        name: Its name.
        steps: Names from the top; empty for the top itself.
    """
    return _below(await asyncio.to_thread(_tree, body, name), "/".join(steps))


async def node_content(body: Body, steps: Sequence[str]) -> Content | None:
    """The bytes of one file of a product; None if there is no such file."""
    path = "/".join(steps)
    if isinstance(body, bytes):
        return BytesContent(body)
    if body.suffix != ".zip":
        return await FileContent.open(body)
    return await asyncio.to_thread(_member, body, path)


def _tree(body: Body, name: str) -> dict[str, int | None]:
    """Sizes by path; None for folders, whether the zip lists them or not."""
    if isinstance(body, bytes):
        return {name: len(body)}
    if body.suffix != ".zip":
        return {name: body.stat().st_size}
    tree: dict[str, int | None] = {}
    with zipfile.ZipFile(body) as archive:
        for member in archive.infolist():
            path = member.filename.rstrip("/")
            tree[path] = None if member.is_dir() else member.file_size
            for end, character in enumerate(path):
                if character == "/":
                    tree.setdefault(path[:end], None)
    return tree


def _below(tree: dict[str, int | None], path: str) -> list[Node] | None:
    if path and path not in tree:
        return None
    found: list[Node] = []
    for one, size in tree.items():
        parent, _, name = one.rpartition("/")
        if parent == path:
            inside = sum(other.rpartition("/")[0] == one for other in tree)
            found.append(Node(name, size or 0, inside))
    return found


def _member(body: Path, path: str) -> Content | None:
    with zipfile.ZipFile(body) as archive:
        try:
            member = archive.getinfo(path)
        except KeyError:
            return None
        if member.is_dir():
            return None
        if member.compress_type != zipfile.ZIP_STORED:
            return BytesContent(archive.read(member))
    with body.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER_SIZE)
    name, extra = _LOCAL_NAME_AND_EXTRA.unpack(header)
    start = member.header_offset + _LOCAL_HEADER_SIZE + name + extra
    return FileContent.of(body, start, member.file_size)
