"""The benchmarks work; what they measure is not looked at here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks.figures import Figure, IncompleteError, compared, table
from tests.benchmarks.measured import run
from tests.benchmarks.scale import Scale

NEEDS = {"cpu": ("curl", "md5sum"), "small": ("curl", "md5sum")}


@pytest.mark.long
@pytest.mark.parametrize("name", list(command.BENCHMARKS))
def test_each_benchmark_does_its_work_at_a_miniature_scale(name: str, tmp_path: Path) -> None:
    """Every figure has a positive or zero ratio, and at least one has a target."""
    missing = [program for program in NEEDS.get(name, ()) if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    figures = command.BENCHMARKS[name](Scale.TINY, tmp_path)
    assert all(figure.ratio >= 0 for figure in figures)
    assert any(figure.target for figure in figures)


def test_a_missed_target_fails_only_a_strict_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 0 without --strict and 2 with it; the JSON file has the number."""
    monkeypatch.setitem(command.BENCHMARKS, "slots", lambda *_: [_figure(0.9, least=0.95)])
    report = tmp_path / "report.json"
    assert command.main(["slots", "--json", str(report)]) == 0
    assert command.main(["slots", "--strict"]) == 2
    assert "MISSED" in capsys.readouterr().out
    assert json.loads(report.read_bytes())[0]["figures"][0]["ratio"] == 0.9


def test_a_benchmark_that_does_not_do_its_work_fails_every_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, with the reason."""

    def fail(*_: object) -> list[Figure]:
        raise IncompleteError("nothing was fetched")

    monkeypatch.setitem(command.BENCHMARKS, "slots", fail)
    assert command.main(["slots"]) == 1
    assert "nothing was fetched" in capsys.readouterr().err


def test_what_was_measured_is_shown_whatever_stops_the_next_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A defect, or somebody who has waited long enough."""

    def stop(*_: object) -> list[Figure]:
        raise KeyboardInterrupt

    monkeypatch.setitem(command.BENCHMARKS, "slots", lambda *_: [_figure(0.96, least=0.95)])
    monkeypatch.setitem(command.BENCHMARKS, "small", stop)
    with pytest.raises(KeyboardInterrupt):
        command.main(["slots", "small"])
    assert "0.960" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ratio", "most", "least", "missed"),
    [
        (1.5, 1.5, None, False),
        (1.51, 1.5, None, True),
        (0.95, None, 0.95, False),
        (0.94, None, 0.95, True),
        (99.0, None, None, False),
    ],
)
def test_a_target_is_missed_only_beyond_its_bound(
    ratio: float, most: float | None, least: float | None, missed: bool
) -> None:
    """The bound itself is within; without a bound nothing is missed."""
    assert _figure(ratio, most=most, least=least).missed is missed


def test_pairs_are_compared_turn_by_turn() -> None:
    """One turn that a noisy machine has spoiled for both sides does not move the ratio."""
    figure = compared("seconds", [1.0, 30.0, 1.1], [2.0, 60.0, 2.0], "s", most=1.5)
    assert figure.ratio == 0.5
    assert figure.ours == "1.1 s"
    assert "0.500..0.550" in table([("one", figure)])


def test_a_program_that_fails_is_not_measured(tmp_path: Path) -> None:
    """The error has its exit status and what it said."""
    with pytest.raises(IncompleteError, match=r"(?s)ended with 3.*alas"):
        run(["sh", "-c", "echo alas; exit 3"], tmp_path / "log")


def test_what_a_program_used_is_its_own(tmp_path: Path) -> None:
    """CPU seconds come from the child that is waited for, within its running time."""
    usage = run(["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"], tmp_path / "log")
    assert 0 < usage.cpu_seconds <= usage.seconds * 2
    assert usage.peak_bytes > 0


def _figure(ratio: float, *, most: float | None = None, least: float | None = None) -> Figure:
    return Figure(what="a", ours="1 s", baseline="1 s", ratio=ratio, most=most, least=least)
