"""The one table of settings agrees with itself, with the examples and with what is loaded."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s2fetch.config import ACCOUNT_SETTINGS, SETTINGS, Setting, load_config
from s2fetch.config.parsers import Context

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONTEXT = Context(now=NOW, folder=None, environ={"HOME": "/home/me"})
EXAMPLES = Path(__file__).parents[2] / "config"
ARCHIVES = sorted(set(EXAMPLES.glob("*.toml")) - {EXAMPLES / "daemon.toml"})
EVERY = (*SETTINGS, *ACCOUNT_SETTINGS)


@pytest.mark.parametrize("setting", EVERY, ids=lambda s: f"{s.table}.{s.name}")
def test_every_setting_parses_its_own_example_and_default(setting: Setting[object]) -> None:
    """What help and documentation show can be pasted."""
    assert setting.parse(setting.example, CONTEXT) is not None
    if setting.default:
        assert setting.parse(setting.default, CONTEXT) is not None


@pytest.mark.parametrize("setting", EVERY, ids=lambda s: f"{s.table}.{s.name}")
def test_every_setting_is_described_in_one_sentence(setting: Setting[object]) -> None:
    """The help adds the full stop, the default and the choices itself."""
    assert re.fullmatch(r"[A-Z].+[^.]", setting.help)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", setting.name)
    assert setting.flag == (not setting.metavar)


@pytest.mark.parametrize("setting", EVERY, ids=lambda s: f"{s.table}.{s.name}")
def test_no_setting_accepts_what_it_cannot_mean(setting: Setting[object]) -> None:
    """Every parser refuses a TOML table with a sentence and never with a traceback."""
    with pytest.raises(ValueError, match="is n"):
        setting.parse({"a": 1}, CONTEXT)


def test_names_are_unique() -> None:
    """Options and keys share them."""
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda p: p.name)
def test_every_example_can_be_loaded(path: Path) -> None:
    """As it is in the repository."""
    config = load_config(path, {}, {"HOME": "/home/me"}, NOW)
    assert config.into is not None
    assert config.file == path


def test_the_demo_writes_beside_the_configuration_folder() -> None:
    """`make demo` and its documentation rely on it."""
    config = load_config(EXAMPLES / "demo.toml", {}, {}, NOW)
    assert config.into is not None
    assert config.into.resolve() == EXAMPLES.parent / "demo-archive"
    assert config.retrieval.wait_offline_seconds == 60
    assert config.retrieval.poll_interval_seconds == 1


def uncommented() -> str:
    """The example with everything that is commented out switched on."""
    text = (EXAMPLES / "archive.toml").read_text(encoding="utf-8")
    return re.sub(r"(?m)^# (?=[a-z-]+ = |\[)", "", text)


def test_the_example_shows_every_setting_with_its_default() -> None:
    """The example is the reference people keep beside their editor."""
    document = tomllib.loads(uncommented())
    shown = {**document, **document["hub"]}
    assert set(shown) - {"hub", "accounts"} == {setting.name for setting in SETTINGS}
    accounts = document["accounts"]
    assert set().union(*accounts) == {setting.name for setting in ACCOUNT_SETTINGS}
    live = tomllib.loads((EXAMPLES / "archive.toml").read_text(encoding="utf-8"))
    for setting in SETTINGS:
        if setting.default and setting.name not in live:
            expected = setting.parse(setting.default, CONTEXT)
            assert setting.parse(shown[setting.name], CONTEXT) == expected, setting.name


def test_what_the_example_comments_out_is_valid_too(tmp_path: Path) -> None:
    """Key by key: together some of them exclude each other."""
    document = tomllib.loads(uncommented())
    for setting in SETTINGS:
        raw = document["hub"] if setting.table else document
        assert setting.parse(raw[setting.name], CONTEXT) is not None


def test_importing_the_configuration_is_cheap() -> None:
    """The command line needs the table for --help, and none of the heavy libraries."""
    heavy = ("shapely", "numpy", "aiohttp", "anyio", "structlog", "rich", "keyring")
    program = f"import sys, s2fetch.config; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
