"""The progress file under any order of recording, folding and crashing."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from s2fetch.archive.journal import Entry, encode_line
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.errors import ArchiveError

NOW = datetime(2024, 7, 15, 12, 0, 0, tzinfo=UTC)
IDS = st.sampled_from(["a", "b", "c", 'quo"te', "ü"])
RECORDS = st.builds(
    Record,
    name=st.text(max_size=5),
    state=st.sampled_from(State),
    path=st.sampled_from(["", "one.zip", "two.zip"]),
    size=st.integers(0, 2**40),
)
PAIRS = st.lists(st.tuples(IDS, RECORDS), max_size=4)


@contextmanager
def flush_fails() -> Iterator[None]:
    with mock.patch("os.fsync", side_effect=OSError(errno.EIO, "I/O error")):
        yield


class ProgressMachine(RuleBasedStateMachine):
    """Compares the progress file with a dictionary, through every crash that can be thought of.

    ``unsure`` holds what was written but never acknowledged: after a crash it may be there or not.
    """

    @initialize()
    def start(self) -> None:
        self.folders = [Path(tempfile.mkdtemp())]
        self.known: dict[str, Record] = {}
        self.meta: dict[str, object] = {}
        self.unsure: list[tuple[str, Record]] = []
        self.progress = self.load()

    @property
    def root(self) -> Path:
        return self.folders[-1]

    @property
    def document(self) -> Path:
        return self.root / ".s2fetch" / "progress.json"

    @property
    def journal(self) -> Path:
        return self.root / ".s2fetch" / "progress.journal"

    def load(self, *, writable: bool = True) -> ProgressFile:
        return ProgressFile.load(self.root, writable, now=lambda: NOW)

    def reload(self) -> None:
        """What a new process finds must be what was acknowledged, plus perhaps what was not."""
        self.progress = self.load()
        for product_id, record in self.unsure:
            if self.progress.get(product_id) == record:
                self.known[product_id] = record
        self.unsure.clear()

    @rule(product_id=IDS, record=RECORDS)
    def record(self, product_id: str, record: Record) -> None:
        self.progress.record(product_id, record)
        self.known[product_id] = record
        self.unsure.clear()

    @rule(pairs=PAIRS)
    def record_many(self, pairs: list[tuple[str, Record]]) -> None:
        self.progress.record_many(pairs)
        self.known.update(pairs)
        if pairs:
            self.unsure.clear()

    @rule(key=st.sampled_from(["run", "mark"]), value=st.none() | st.integers() | st.text())
    def set_meta(self, key: str, value: object) -> None:
        self.progress.set_meta(key, value)
        self.meta[key] = value
        self.unsure.clear()

    @rule(product_id=IDS, record=RECORDS)
    def record_without_flush(self, product_id: str, record: Record) -> None:
        with flush_fails(), pytest.raises(ArchiveError):
            self.progress.record(product_id, record)
        self.unsure[:] = [(product_id, record)]

    @rule()
    def fold(self) -> None:
        self.progress.fold()

    @rule()
    def fold_without_flush(self) -> None:
        with flush_fails():
            try:
                self.progress.fold()
            except ArchiveError:
                return

    @rule()
    def ask_for_paths(self) -> None:
        self.progress.paths()

    @rule()
    def kill(self) -> None:
        self.reload()

    @rule(product_id=IDS, record=RECORDS)
    def kill_between_write_and_flush(self, product_id: str, record: Record) -> None:
        """The whole line is there, but nobody was told so."""
        entry = Entry(generation=self.progress._current.number, id=product_id, record=record)
        with self.journal.open("ab") as file:
            file.truncate(self.progress._current.journal._end)
            file.write(encode_line(entry))
        self.unsure[:] = [(product_id, record)]
        self.reload()
        assert self.known.get(product_id) == record

    @rule(product_id=IDS, record=RECORDS, share=st.floats(0, 0.999))
    def power_cut_in_mid_line(self, product_id: str, record: Record, share: float) -> None:
        """Any part of a line that was not acknowledged may have reached the disk."""
        line = encode_line(Entry(generation=10**6, id=product_id, record=record))
        with self.journal.open("ab") as file:
            file.write(line[: int(share * len(line))])
        self.reload()

    @rule(steps=st.integers(1, 4))
    def crash_in_mid_fold(self, steps: int) -> None:
        """A copy taken after a step is what a process killed there leaves behind."""
        fold = self.progress._fold_steps()
        for _ in range(steps):
            if next(fold, None) is None:
                break
        copy = Path(tempfile.mkdtemp())
        shutil.copytree(self.root, copy, dirs_exist_ok=True)
        fold.close()
        self.folders.append(copy)
        self.reload()

    @precondition(lambda self: not self.unsure)
    @rule(share=st.floats(0, 0.999), write_over=st.booleans())
    def damage_the_document(self, share: float, write_over: bool) -> None:
        """Cut or overwritten, the document is recovered without loss."""
        content = self.document.read_bytes()
        self.document.unlink()
        cut = content[: int(share * (len(content) - 2))]
        self.document.write_bytes(cut + b"\xff" * 20 * write_over)
        self.reload()
        assert self.progress.damage is not None

    @invariant()
    def what_is_known_is_there_and_nothing_else(self) -> None:
        assert dict(self.progress.items()) == self.known
        assert len(self.progress) == len(self.known)
        assert self.progress.meta == self.meta
        for product_id in ("a", "b", "missing"):
            assert self.progress.get(product_id) == self.known.get(product_id)
            assert (product_id in self.progress) == (product_id in self.known)
        asked = ["ü", "missing", "a", 'quo"te', "b"]
        found = self.progress.get_many(asked)
        assert {i: found.get(i) for i in asked} == {i: self.known.get(i) for i in asked}
        counted = {s: (t.count, t.size_bytes) for s, t in self.progress.counts().items()}
        for state in State:
            sizes = [record.size for record in self.known.values() if record.state is state]
            assert counted[state] == (len(sizes), sum(sizes))

    @invariant()
    def the_document_is_valid_json(self) -> None:
        content = json.loads(self.document.read_bytes())
        assert content["schema"] == 1
        for product_id in content["products"].keys() & self.known.keys():
            assert content["products"][product_id]["state"] in list(State)

    @invariant()
    def a_reader_sees_the_same(self) -> None:
        if not self.unsure:
            assert dict(self.load(writable=False).items()) == self.known

    @invariant()
    def paths_are_those_of_complete_products(self) -> None:
        for path, product_id in self.progress.paths().items():
            assert self.known[product_id].path == path
            assert self.known[product_id].state is State.COMPLETE

    def teardown(self) -> None:
        for folder in getattr(self, "folders", []):
            shutil.rmtree(folder)


TestProgressMachine = ProgressMachine.TestCase
TestProgressMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
