"""The page's files: read once from the package, served by exact name and nothing else."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_INDEX = "index.html"


class Page:
    """The dashboard's files in memory. Reads files when it is made.

    A request's path is only ever a key: it never gets near a file system.
    """

    def __init__(self) -> None:
        self._files = {entry.name: _File(entry) for entry in _entries()}

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the files are served."""
        return ("/", *(f"/page/{name}" for name in sorted(self._files) if name != _INDEX))

    async def serve(self, request: web.Request) -> web.Response:
        """One file, or 304 when the browser has it."""
        file = self._files[request.path.rpartition("/")[2] or _INDEX]
        headers = {"Cache-Control": "no-cache", "ETag": f'"{file.tag}"'}
        if any(tag.value in (file.tag, "*") for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.content, headers={**headers, "Content-Type": file.type})


class _File:
    def __init__(self, entry: Traversable) -> None:
        self.content = entry.read_bytes()
        self.tag = sha256(self.content).hexdigest()[:16]
        self.type = _TYPES["." + entry.name.rpartition(".")[2]]


def _entries() -> list[Traversable]:
    folder = files("s2fetch.daemon.http").joinpath("page")
    return [entry for entry in folder.iterdir() if "." + entry.name.rpartition(".")[2] in _TYPES]
