"""What is at a path, by functions that never raise.

Those of pathlib raise where one may not look, and for paths that no file can have; here that counts
as nothing.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_there(path: Path | str) -> bool:
    """Whether anything can be seen there; a link to nowhere is nothing."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path | str) -> bool:
    """Whether a regular file can be seen there, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path | str) -> bool:
    """Whether a folder can be seen there, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112
