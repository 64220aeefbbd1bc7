"""Requests made from the description of the API, to a face that has to do what it says."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path

import pytest

needs_schemathesis = pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"
)


async def ask_as_described(url: str, token: str, folder: Path, *, examples: int) -> str:
    """Hundreds of requests, right and wrong, to all but the stream, which never ends.

    Args:
        url: Of the face.
        token: It wants.
        folder: To work in.
        examples: Of each operation.

    Returns:
        What the program said, which found nothing.
    """
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--exclude-path", "/api/v1/events"),
        *("--generation-deterministic", "--max-examples", str(examples), "--continue-on-failure"),
        *("--request-timeout", "20", "--suppress-health-check", "all", "--no-color"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert "No issues found" in said, said
    return said
