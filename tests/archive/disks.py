"""Real file systems of a few megabytes, where the tests may mount one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(
    folder: Path, kind: str = "tmpfs", *, size_bytes: int, options: str = ""
) -> Iterator[Path]:
    """A file system of that size, mounted; the test is skipped where that is not allowed.

    Args:
        folder: Where to mount it; must not exist.
        kind: ``tmpfs``, or ``ext4`` in a file beside the folder.
        size_bytes: Its size.
        options: More options of mount(8).
    """
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder.mkdir(parents=True)
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}{options}", "tmpfs"]
    else:
        image = folder.with_suffix(".image")
        with image.open("wb") as file:
            file.truncate(size_bytes)
        maker = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
        if maker is None:
            pytest.skip("there is no mkfs.ext4")
        subprocess.run([maker, "-q", "-m", "0", str(image)], check=True, capture_output=True)
        command = ["mount", "-o", f"loop{options}", str(image)]
    mounted = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mounting is not possible here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
