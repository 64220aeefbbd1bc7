"""The unit and the container recipe in the repository, as the tools that read them see them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CONFIG = Path(__file__).parents[2] / "config"
UNIT = (CONFIG / "s2fetch.service").read_text(encoding="utf-8")
RECIPE = (CONFIG / "Containerfile").read_text(encoding="utf-8")
MOST_EXPOSURE = 15
"""In tenths, as ``--threshold=`` has it: systemd calls everything below 20 good."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def settings(name: str) -> list[str]:
    """The values of a setting of the unit."""
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


@needs_systemd
def test_the_unit_is_valid(tmp_path: Path) -> None:
    """Nothing is unknown, misplaced or contradictory; the program itself is not installed here."""
    unit = tmp_path / "s2fetch.service"
    unit.write_text(UNIT.replace("/opt/s2fetch/bin/s2fetch", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_the_unit_has_hardly_any_rights() -> None:
    """By systemd's own count; the network is what remains."""
    done = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=yes", "--no-pager"),
            *(f"--threshold={MOST_EXPOSURE}", str(CONFIG / "s2fetch.service")),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-200:]


def test_the_unit_can_write_to_one_folder_besides_its_state() -> None:
    assert settings("ReadWritePaths") == ["/srv/s2fetch"]
    assert settings("ProtectSystem") == ["strict"]
    assert settings("NoNewPrivileges") == ["yes"]
    assert settings("ProcSubset") == [], "process metrics and the boot id are outside"
    assert settings("Environment") == ["S2FETCH_STATE_DIR=/var/lib/s2fetch"]


def test_the_unit_tells_of_itself_and_gives_time_to_stop() -> None:
    assert settings("Type") == ["notify"]
    assert settings("WatchdogSec") == ["10min"]
    assert settings("TimeoutStopSec") == ["90s"]
    assert settings("Restart") == ["on-failure"]
    assert settings("ExecReload")[0].endswith("ctl reload --socket /run/s2fetch/control.sock")
    assert settings("RuntimeDirectory") == ["s2fetch"]


def test_the_container_is_not_root_and_writes_only_to_volumes() -> None:
    """The last stage's user is a number, so that a runtime can check it."""
    last = RECIPE.rsplit("\nFROM ", 1)[1]
    users = re.findall(r"^USER (.*)$", last, re.MULTILINE)
    assert users == ["10001:10001"]
    assert last.index("USER 10001") < last.index("ENTRYPOINT")
    assert "HEALTHCHECK" in last
    assert 'VOLUME ["/archives", "/state"]' in last
    assert "--read-only" in RECIPE
    assert "build --format=docker" in RECIPE, "other images lose the health check"
    assert "--stop-timeout=90" in RECIPE, "as much as systemd grants"
