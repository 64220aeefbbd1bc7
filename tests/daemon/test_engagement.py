"""Whether a new configuration makes a run another one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from s2fetch.config.values import Config
from s2fetch.daemon.config import load_daemon_config
from s2fetch.daemon.engagement import would_differ

FILE = """
verbose = false
[[archives]]
name = "alps"
into = "alps"
from = "-30d"
box = "11.0,46.0,12.5,47.0"
reserve = "1 GB"
schedule = "1h"
"""


def config(folder: Path, day: int, *changes: tuple[str, str]) -> Config:
    """The configuration of the archive, read on that day."""
    text = FILE
    for before, now in changes:
        assert before in text
        text = text.replace(before, now)
    file = folder / "daemon.toml"
    file.write_text(text)
    return load_daemon_config(file, {}, datetime(2026, 11, day, tzinfo=UTC)).archives[0].config


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (('schedule = "1h"', 'schedule = "2h"'), False),
        (("verbose = false", "verbose = true"), False),
        (('reserve = "1 GB"', 'reserve = "2 GB"'), True),
        (("12.5,47.0", "12.5,48.0"), True),
        (('from = "-30d"', 'from = "-31d"'), True),
        (('from = "-30d"', "from = 2026-10-02"), True),
    ],
)
def test_only_what_a_run_goes_by_makes_it_another_one(
    tmp_path: Path, change: tuple[str, str], differs: bool
) -> None:
    assert would_differ(config(tmp_path, 1), config(tmp_path, 1, change)) is differs


def test_a_time_that_moves_with_the_clock_is_the_same_on_another_day(tmp_path: Path) -> None:
    assert not would_differ(config(tmp_path, 1), config(tmp_path, 2))
