"""The history of products: bounded, readable after any crash, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2fetch.archive import history as module
from s2fetch.archive.history import Moment, append_history, read_history
from s2fetch.errors import ArchiveError


def moment(number: int, product: str = "a") -> Moment:
    return Moment(at=f"2024-07-01T00:00:{number:02}Z", event="e", text=str(number), id=product)


def texts(root: Path, product: str = "a", name: str = "", most: int = 100) -> list[str]:
    return [found.text for found in read_history(root, product, name, most=most)]


def test_there_need_not_be_a_history(tmp_path: Path) -> None:
    """Then nothing is known."""
    assert texts(tmp_path / "nowhere") == []


def test_moments_come_back_in_order_and_by_product(tmp_path: Path) -> None:
    """The last ones, when there are many."""
    append_history(tmp_path, [moment(1), moment(2, "b"), moment(3)])
    append_history(tmp_path, [moment(4)])
    assert texts(tmp_path) == ["1", "3", "4"]
    assert texts(tmp_path, "b") == ["2"]
    assert texts(tmp_path, most=2) == ["3", "4"]


def test_a_product_is_found_by_name_where_its_identifier_is_not_known(tmp_path: Path) -> None:
    """And one that only mentions it is not taken for it."""
    append_history(tmp_path, [Moment(at="", event="e", text="a X.SAFE b", name="X.SAFE")])
    append_history(tmp_path, [Moment(at="", event="e", text='"a" and X.SAFE', id="c")])
    assert texts(tmp_path, "a", "X.SAFE") == ["a X.SAFE b"]


def test_it_never_grows_beyond_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest is always there."""
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    for number in range(200):
        append_history(tmp_path, [moment(number)])
    folder = tmp_path / ".s2fetch"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2200
    found = texts(tmp_path)
    assert found == [str(number) for number in range(200 - len(found), 200)]
    assert len(found) > 10


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path, cut: int) -> None:
    """The next one is on a line of its own."""
    append_history(tmp_path, [moment(1), moment(2)])
    path = tmp_path / ".s2fetch" / "history.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    append_history(tmp_path, [moment(3)])
    assert texts(tmp_path) == (["1", "2", "3"] if cut == 1 else ["1", "3"])


def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    """For those who ask; a run goes on without it."""
    (tmp_path / ".s2fetch").write_text("in the way")
    with pytest.raises(ArchiveError, match=r"history\.jsonl"):
        append_history(tmp_path, [moment(1)])
