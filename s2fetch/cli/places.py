"""Files that a command is to write: that it can is seen before anything else is done."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from s2fetch.errors import ArchiveError, UsageError
from s2fetch.paths import is_folder, is_there

_ANY_WRITES = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def check_place(path: Path, what: str, begins: re.Pattern[bytes], made: Path | None = None) -> None:
    """See that a file can be written, and takes the place of nothing but an older one of its kind.

    What is written for its readers as it comes, such as a pipe, takes the place of nothing.

    Args:
        path: Where to.
        what: Its kind, for the message: ``report``.
        begins: How every file of the kind begins; an empty one may become one.
        made: A folder that the command makes before it writes the file.

    Raises:
        UsageError: There is another file of this name, or none can be written.
    """
    from s2fetch.archive.durable import write_beside
    from s2fetch.sync.save import replaces_file

    if is_folder(path):
        raise _unwritable(path, what, "it is a folder")
    if replaces_file(path):
        _check_older(path, what, begins)
        if not (os.access(path, os.W_OK) and path.stat().st_mode & _ANY_WRITES):
            raise _unwritable(path, what, "it is there already and may not be written")
    elif is_there(path):
        return
    target = Path(os.path.realpath(path))
    if made is not None and not target.parent.exists():
        made = Path(os.path.realpath(made))
        if target.parent in (made, *made.parents):
            return
    try:
        write_beside(target, ()).unlink()
    except ArchiveError as error:
        reason = error.__cause__
        raise _unwritable(path, what, getattr(reason, "strerror", None) or error.what) from None


def check_replaced(path: Path, what: str, begins: re.Pattern[bytes]) -> None:
    """See that a file takes the place of nothing but an older one of its kind.

    Raises:
        UsageError: There is another file of this name.
    """
    from s2fetch.sync.save import replaces_file

    if replaces_file(path):
        _check_older(path, what, begins)


def _check_older(path: Path, what: str, begins: re.Pattern[bytes]) -> None:
    try:
        with path.open("rb") as file:
            found = file.read(100)
    except OSError as error:
        raise _unwritable(path, what, error.strerror) from None
    if found and not begins.match(found):
        raise UsageError(
            f"{path} is there already and is no {what}",
            did="It was left as it is",
            advice=f"Give the {what} another name, or remove that file",
        )


def _unwritable(path: Path, what: str, reason: str | None) -> UsageError:
    return UsageError(
        f"the {what} cannot be written to {path}: {reason}",
        advice="Name a file in a folder that is there and may be written to",
    )
