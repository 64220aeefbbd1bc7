"""The progress file, example by example; see test_progress_machine.py for the properties."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import threading
import tracemalloc
import zlib
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.archive import document as document_module
from s2fetch.archive import lines as lines_module
from s2fetch.archive import progress as progress_module
from s2fetch.archive import recovery
from s2fetch.archive.offsets import Offsets
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Failure, Record, Retrieval, RetrievalState, State, Tally
from s2fetch.errors import ArchiveError, DiskFullError, ProgressFileError
from s2fetch.product import Proof
from tests.drawing import chances

NOON = datetime(2024, 7, 15, 12, 0, 0, tzinfo=UTC)


def record(number: int = 0, state: State = State.COMPLETE, size: int = 10) -> Record:
    name = f"S2B_MSIL2A_20240715T101559_N0510_R065_T32TQM_{number:08d}T131022.SAFE"
    return Record(
        name=name,
        state=state,
        path=f"2024/{name}.zip",
        size=size,
        checksum="MD5:0f343b0931126a20f133d67c2b018a3b",
        listed="MD5:0f343b0931126a20f133d67c2b018a3b",
        proof=Proof.MD5,
        verified="2024-07-15T14:31:45Z",
        source="https://download.example/odata/v1",
        modified="2024-07-15T14:32:06.901733Z",
        mtime_ns=1721053907123456789,
    )


def load(root: Path, *, writable: bool = True) -> ProgressFile:
    return ProgressFile.load(root, writable, archive="alps", now=lambda: NOON)


def filled(root: Path, count: int, *, fold: bool = True) -> ProgressFile:
    progress = load(root)
    progress.record_many((f"id-{number}", record(number)) for number in range(count))
    if fold:
        progress.fold()
    return progress


def folder(root: Path) -> Path:
    return root / ".s2fetch"


def document(root: Path) -> Path:
    return folder(root) / "progress.json"


def journal(root: Path) -> Path:
    return folder(root) / "progress.journal"


def rot(path: Path, content: bytes) -> None:
    """Damage one file without touching another name of the same bytes."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of every read from now on."""
    reads: list[int] = []
    pread = os.pread

    def counted(descriptor: int, count: int, offset: int) -> bytes:
        block = pread(descriptor, count, offset)
        reads.append(len(block))
        return block

    monkeypatch.setattr(os, "pread", counted)
    return reads


def count_checked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lines of documents are looked at one by one, each time from now on."""
    checked: list[int] = []
    check = document_module.Document._check_lines

    def counted(self: document_module.Document, lines: list[bytes]) -> list[str]:
        checked.append(len(lines))
        return check(self, lines)

    monkeypatch.setattr(document_module.Document, "_check_lines", counted)
    return checked


def due(progress: ProgressFile) -> bool:
    return progress.should_fold


def test_a_new_archive_has_a_valid_empty_document_at_once(tmp_path: Path) -> None:
    """There is a valid document at every moment, from the first on."""
    progress = load(tmp_path)
    content = json.loads(document(tmp_path).read_bytes())
    assert content.pop("seal").keys() == {"products", "version", "blake3"}
    assert content == {
        "schema": 1,
        "archive": "alps",
        "generation": 1,
        "folded": "2024-07-15T12:00:00Z",
        "meta": {},
        "products": {},
    }
    assert len(progress) == 0
    assert progress.damage is None


def test_reading_an_archive_without_a_progress_file_creates_nothing(tmp_path: Path) -> None:
    """`status` on an empty folder only looks."""
    progress = load(tmp_path, writable=False)
    assert len(progress) == 0
    assert progress.get("id") is None
    assert progress.damage is None
    assert list(tmp_path.iterdir()) == []


def test_no_folder_for_temporary_files_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a read-only container that has none."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/nowhere"])
    with pytest.raises(FileNotFoundError):
        tempfile.gettempdir()
    with filled(tmp_path, 2, fold=False), load(tmp_path, writable=False) as progress:
        assert dict(progress.items()) == {f"id-{n}": record(n) for n in range(2)}


def test_every_field_survives_journal_and_document(tmp_path: Path) -> None:
    """What is read back equals what was recorded."""
    full = msgspec.structs.replace(
        record(),
        state=State.WAITING,
        attempts=3,
        failure=Failure(code="body-cut", message='half "a" body\n', at="2024-07-15T12:00:00Z"),
        retrieval=Retrieval(
            state=RetrievalState.ACCEPTED,
            since="2024-07-15T12:00:00Z",
            answer="202",
            asked=1,
            checked="2024-07-15T12:10:00Z",
            next="2024-07-15T13:00:00Z",
        ),
    )
    with load(tmp_path) as progress:
        progress.record("id", full)
        assert progress.get("id") == full
    with load(tmp_path) as progress:
        assert progress.get("id") == full
        progress.fold()
        assert progress.get("id") == full
    assert load(tmp_path).get("id") == full
    assert load(tmp_path, writable=False).get("id") == full


def test_the_document_has_one_short_line_per_product(tmp_path: Path) -> None:
    """Readable with line tools and jq; defaults are left out."""
    progress = filled(tmp_path, 3)
    progress.record("w", Record(name="X.SAFE", state=State.WAITING))
    progress.fold()
    lines = document(tmp_path).read_text().splitlines()
    assert len(lines) == 1 + 4 + 1
    assert lines[4] == '"w": {"name":"X.SAFE","state":"waiting"}'
    products = json.loads(document(tmp_path).read_bytes())["products"]
    assert products["id-1"] == json.loads(msgspec.json.encode(record(1)))


def test_identifiers_and_values_may_be_anything(tmp_path: Path) -> None:
    """Quotes, separators and foreign letters in an identifier are no trouble."""
    ids = ['quote"', 'a": {"b', "back\\slash", "", "ü", "new\nline", 'x","record":{']
    progress = load(tmp_path)
    progress.record_many((product_id, record(n)) for n, product_id in enumerate(ids))
    for _ in range(2):
        assert {i: progress.get(i) for i in ids} == {i: record(n) for n, i in enumerate(ids)}
        progress.fold()
        progress = load(tmp_path)
    assert dict(progress.items()).keys() == set(ids)


def test_records_longer_than_a_block_are_read_whole(tmp_path: Path) -> None:
    """A long error message or list does not break a line."""
    long = msgspec.structs.replace(
        record(), failure=Failure(code="x", message="m" * 3_000_000, at="2024-07-15T12:00:00Z")
    )
    progress = filled(tmp_path, 2)
    progress.record("long", long)
    progress.record("after", record(3))
    assert progress.get("long") == long
    progress.fold()
    assert load(tmp_path).get("long") == long
    assert load(tmp_path).get("after") == record(3)


def test_recording_costs_one_flush_and_the_same_bytes_in_any_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 5: ten products or many, recording one completion does the same work."""
    work: list[list[tuple[str, int]]] = []
    real_pwrite, real_fsync, real_pread = os.pwrite, os.fsync, os.pread

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        work[-1].append(("write", len(data)))
        return real_pwrite(descriptor, data, offset)

    def fsync(descriptor: int) -> None:
        work[-1].append(("fsync", 0))
        real_fsync(descriptor)

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        work[-1].append(("read", size))
        return real_pread(descriptor, size, offset)

    for count in (10, 5000):
        progress = filled(tmp_path / str(count), count)
        progress.record("first", record())
        work.append([])
        monkeypatch.setattr(os, "pwrite", pwrite)
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "pread", pread)
        progress.record("second", record())
        monkeypatch.undo()
    assert work[0] == work[1]
    assert [kind for kind, _ in work[0]] == ["write", "fsync"]


def test_many_records_share_one_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch costs one fsync."""
    progress = filled(tmp_path, 1, fold=False)
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    progress.record_many((f"new-{number}", record(number)) for number in range(50))
    progress.record_many([])
    assert len(flushed) == 1
    assert len(progress) == 51


def test_a_record_that_could_not_be_flushed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is passed on, the old record stays, and recording goes on afterwards."""
    progress = filled(tmp_path, 1, fold=False)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(ArchiveError, match="journal"):
        progress.record("id-0", record(99))
    assert dict(load(tmp_path, writable=False).items()) == {"id-0": record(0)}
    with pytest.raises(ArchiveError):
        progress.record("lost", record(98))
    with pytest.raises(ArchiveError):
        progress.set_meta("run", 1)
    monkeypatch.undo()
    assert progress.get("id-0") == record(0)
    assert "lost" not in progress
    assert progress.meta == {}
    progress.record("later", record(1))
    assert dict(load(tmp_path).items()) == {"id-0": record(0), "later": record(1)}


def test_what_could_not_be_taken_back_at_once_does_not_come_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that neither flushes nor cuts leaves whole lines behind; the next record cuts them."""
    progress = filled(tmp_path, 1, fold=False)

    def broken(*_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(os, "fsync", broken)
    monkeypatch.setattr(os, "ftruncate", broken)
    with pytest.raises(ArchiveError):
        progress.record_many((f"lost-{number}", record(number)) for number in range(3))
    monkeypatch.undo()
    progress.record("x", Record(name="X", state=State.FAILED))
    again = load(tmp_path)
    assert again.damage is None
    assert [product_id for product_id, _ in again.items()] == ["id-0", "x"]


def test_the_first_record_of_a_journal_flushes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without a name is not there after a power cut."""
    progress = filled(tmp_path, 1)
    flushed: list[str] = []

    def fsync(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)

    monkeypatch.setattr(os, "fsync", fsync)
    progress.record("first", record())
    progress.record("second", record())
    assert flushed == [journal(tmp_path).name, folder(tmp_path).name, journal(tmp_path).name]


def test_a_full_disk_in_the_middle_of_a_line_leaves_a_sound_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half line is written over by the next one."""
    progress = filled(tmp_path, 1, fold=False)
    real = os.pwrite

    def half(descriptor: int, data: bytes, offset: int) -> int:
        real(descriptor, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(DiskFullError):
        progress.record("half", record(2))
    monkeypatch.undo()
    assert dict(load(tmp_path, writable=False).items()) == {"id-0": record(0)}
    progress.record("x", Record(name="X", state=State.FAILED))
    again = load(tmp_path)
    assert again.damage is None
    assert [product_id for product_id, _ in again.items()] == ["id-0", "x"]


def test_counts_tell_numbers_and_bytes_by_state(tmp_path: Path) -> None:
    """For status: over document and journal, each product once."""
    progress = filled(tmp_path, 4)
    progress.record("id-0", record(0, State.FAILED, size=0))
    progress.record("id-9", record(9, State.WAITING, size=0))
    assert progress.counts() == {
        State.COMPLETE: Tally(3, 30),
        State.FAILED: Tally(1, 0),
        State.WAITING: Tally(1, 0),
        State.QUARANTINED: Tally(0, 0),
        State.WITHDRAWN: Tally(0, 0),
        State.CONSUMED: Tally(0, 0),
    }


def test_paths_follow_every_change(tmp_path: Path) -> None:
    """The lookup by path knows complete products only and stays right after recording."""
    progress = filled(tmp_path, 3)
    progress.record("id-1", record(1, State.FAILED))
    paths = progress.paths()
    assert dict(paths) == {record(0).path: "id-0", record(2).path: "id-2"}
    progress.record("id-1", record(1))
    progress.record("id-0", record(0, State.WITHDRAWN))
    progress.record("id-2", msgspec.structs.replace(record(2), path="elsewhere.zip"))
    assert dict(paths) == {record(1).path: "id-1", "elsewhere.zip": "id-2"}
    progress.fold()
    assert dict(progress.paths()) == dict(paths) == dict(load(tmp_path).paths())


def test_small_values_are_kept_with_the_archive(tmp_path: Path) -> None:
    """The summary of the last run goes through the journal into the document."""
    progress = load(tmp_path)
    progress.set_meta("run", {"found": 3, "at": "2024-07-15T12:00:00Z"})
    progress.set_meta("watermark", "a")
    progress.set_meta("watermark", "b")
    wanted = {"run": {"found": 3, "at": "2024-07-15T12:00:00Z"}, "watermark": "b"}
    assert progress.meta == load(tmp_path).meta == load(tmp_path, writable=False).meta == wanted
    progress.fold()
    assert load(tmp_path).meta == wanted
    assert json.loads(document(tmp_path).read_bytes())["meta"] == wanted


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    """Loading and folding an unchanged archive leaves the files alone."""
    filled(tmp_path, 3).close()
    before = {path: path.stat() for path in folder(tmp_path).iterdir()}
    progress = load(tmp_path)
    progress.fold()
    progress.record_many([])
    progress.close()
    assert {path: path.stat() for path in folder(tmp_path).iterdir()} == before


def test_folding_is_due_when_the_journal_outgrows_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at every record nor never."""
    monkeypatch.setattr(progress_module, "FOLD_LINES", 10)
    progress = filled(tmp_path, 10, fold=False)
    assert not due(progress)
    progress.record("one-more", record())
    assert due(progress)
    assert due(load(tmp_path))
    progress.fold()
    assert not due(progress)
    progress.record_many((f"id-{number}", record(number)) for number in range(100))
    progress.fold()
    progress.record_many((f"id-{number}", record(number)) for number in range(25))
    assert not due(progress)
    progress.record("id-0", record())
    assert due(progress)


def test_folding_keeps_the_previous_generation(tmp_path: Path) -> None:
    """Document and journal as they were before the fold."""
    progress = filled(tmp_path, 2)
    before = document(tmp_path).read_bytes()
    progress.record("id-0", record(5))
    lines = journal(tmp_path).read_bytes()
    progress.fold()
    assert (folder(tmp_path) / "progress.previous.json").read_bytes() == before
    assert (folder(tmp_path) / "progress.previous.journal").read_bytes() == lines
    assert not journal(tmp_path).exists()


def test_the_previous_generation_is_copied_where_links_do_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT and some network shares have no hard links."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(recovery, "_BLOCK_BYTES", 100)
    progress = filled(tmp_path, 2)
    before = document(tmp_path).read_bytes()
    progress.record("id-0", record(5))
    progress.fold()
    assert (folder(tmp_path) / "progress.previous.json").read_bytes() == before


def test_a_full_disk_while_folding_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old document and the journal go on as if nothing had been tried."""
    progress = filled(tmp_path, 2)
    progress.record("new", record(3))
    before = document(tmp_path).read_bytes()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskFullError):
        progress.fold()
    monkeypatch.undo()
    assert document(tmp_path).read_bytes() == before
    progress.record("newer", record(4))
    assert len(load(tmp_path)) == len(progress) == 4


def test_a_folder_that_cannot_be_flushed_after_the_rename_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the new document is in place, recording continues that one and not the old."""
    progress = filled(tmp_path, 2)
    progress.record("new", record(3))

    def broken(_: Path) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr("s2fetch.archive.durable.fsync_folder", broken)
    with pytest.raises(ArchiveError):
        progress.fold()
    monkeypatch.undo()
    progress.record("newer", record(4))
    assert len(load(tmp_path)) == len(progress) == 4
    progress.fold()
    assert len(load(tmp_path)) == 4


def test_a_disk_that_becomes_read_only_while_folding_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what is half done can be removed then; the next run does that."""
    progress = filled(tmp_path, 2)
    progress.record("new", record(3))

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("link", "rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, read_only)
    with pytest.raises(ArchiveError, match="not writable"):
        progress.fold()
    monkeypatch.undo()
    assert len(load(tmp_path)) == 3
    assert list(folder(tmp_path).glob("*.unfinished")) == []


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_whatever_cannot_be_read_on_a_broken_disk_is_an_error_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Each system call that reads fails once, in opening, asking and folding."""
    with filled(tmp_path, 40) as progress:
        progress.record("new", record(3))
        progress.record("id-1", record(4))
    calls = fails_at = 0

    def breaking(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fails_at:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **named)

        monkeypatch.setattr(os, name, call)

    def use() -> None:
        with load(tmp_path) as progress:
            assert progress.get("id-7") is not None
            assert "id-8" in progress
            assert len(progress.get_many(["id-9", "id-10", "new"])) == 3
            assert len(list(progress.items())) == 41
            progress.record("id-1", record(5))
            progress.fold()

    for name in ("stat", "fstat", "pread", "open"):
        breaking(name)
    use()
    told, count = 0, calls
    for number in range(1, count + 1):
        calls, fails_at = 0, number
        try:
            use()
        except ArchiveError:
            told += 1
    assert told > count // 2
    fails_at = 0
    use()


def test_a_torn_last_line_is_no_damage_and_is_written_over(tmp_path: Path) -> None:
    """What a crash cut short was never acknowledged."""
    filled(tmp_path, 2, fold=False)
    whole = journal(tmp_path).read_bytes()
    with journal(tmp_path).open("ab") as file:
        file.write(whole.splitlines()[0][:-7])
    assert len(load(tmp_path, writable=False)) == 2
    progress = load(tmp_path)
    assert progress.damage is None
    progress.record("id-2", Record(name="X", state=State.FAILED))
    assert journal(tmp_path).read_bytes().startswith(whole)
    assert journal(tmp_path).read_bytes().count(b"\n") == 3
    assert journal(tmp_path).read_bytes().endswith(b"\n")
    assert len(load(tmp_path)) == 3


@pytest.mark.parametrize("position", [0, 5, 11, 30, 200])
def test_a_damaged_line_in_the_middle_is_skipped_and_told(tmp_path: Path, position: int) -> None:
    """One flipped byte costs one line; later ones still count."""
    filled(tmp_path, 3, fold=False)
    lines = journal(tmp_path).read_bytes().splitlines(keepends=True)
    flipped = bytearray(lines[1])
    flipped[position] ^= 1
    journal(tmp_path).write_bytes(lines[0] + flipped + lines[2])
    progress = load(tmp_path)
    assert [product_id for product_id, _ in progress.items()] == ["id-0", "id-2"]
    assert progress.damage is not None
    assert "1 damaged lines of the journal" in progress.damage


def test_a_line_with_a_right_sum_and_a_wrong_content_is_skipped(tmp_path: Path) -> None:
    """The types are checked too."""
    rest = b'"generation":1,"id":"x","record":{"name":1}}'
    folder(tmp_path).mkdir()
    line = b'{"crc":"%08x",%b\n' % (zlib.crc32(rest), rest)
    load(tmp_path).close()
    journal(tmp_path).write_bytes(line)
    progress = load(tmp_path)
    assert len(progress) == 0
    assert progress.damage is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 500,
        b"not json",
        b"[]",
        b'{"schema": "one", "products": {}}',
        b'{"schema": 0, "products": {}}',
        b'{"schema": 1, "products": []}',
        b'{"schema": 1}',
    ],
)
def test_a_damaged_document_is_put_aside_and_rebuilt_without_loss(
    tmp_path: Path, content: bytes
) -> None:
    """From the previous generation and the journals, everything is recovered."""
    progress = filled(tmp_path, 3)
    progress.record("id-1", record(8))
    progress.set_meta("run", 1)
    progress.fold()
    progress.record("id-1", record(9))
    progress.record("id-3", record(3))
    progress.record("id-0", record(9))
    wanted = dict(progress.items())
    progress.close()
    rot(document(tmp_path), content)

    reader = load(tmp_path, writable=False)
    assert dict(reader.items()) == wanted
    assert reader.damage is not None
    assert document(tmp_path).read_bytes() == content

    progress = load(tmp_path)
    assert dict(progress.items()) == wanted
    assert progress.meta == {"run": 1}
    assert progress.damage is not None
    assert "progress.damaged-20240715T120000Z.json" in progress.damage
    aside = folder(tmp_path) / "progress.damaged-20240715T120000Z.json"
    assert aside.read_bytes() == content
    assert json.loads(document(tmp_path).read_bytes())["products"].keys() == wanted.keys()
    again = load(tmp_path)
    assert again.damage is None
    assert dict(again.items()) == wanted


def test_a_truncated_document_without_a_previous_one_gives_its_sound_lines(tmp_path: Path) -> None:
    """What can still be read is kept; the rest is rebuilt from disk and catalogue later."""
    progress = filled(tmp_path, 5)
    progress.record("late", record(9))
    progress.close()
    (folder(tmp_path) / "progress.previous.json").unlink()
    (folder(tmp_path) / "progress.previous.journal").unlink()
    lines = document(tmp_path).read_bytes().splitlines(keepends=True)
    rot(document(tmp_path), b"".join(lines[:4])[:-10])
    progress = load(tmp_path)
    assert [product_id for product_id, _ in progress.items()] == ["id-0", "id-1", "late"]
    assert progress.damage is not None
    assert "2 sound lines" in progress.damage


def test_two_damaged_generations_are_both_put_aside(tmp_path: Path) -> None:
    """Nothing that might still be of use is thrown away."""
    filled(tmp_path, 2).close()
    rot(document(tmp_path), b"one")
    rot(folder(tmp_path) / "progress.previous.json", b"two")
    progress = load(tmp_path)
    aside = sorted(folder(tmp_path).glob("progress.damaged-*"))
    assert sorted(path.read_bytes() for path in aside) == [b"one", b"two"]
    assert len(progress) == 2


def test_the_later_journal_counts_when_a_crash_has_left_several_generations_in_it(
    tmp_path: Path,
) -> None:
    """Killed before the journal was put away, and both documents damaged since."""
    progress = filled(tmp_path, 2)
    before = (folder(tmp_path) / "progress.previous.journal").read_bytes()
    progress.record("id-0", record(8))
    folded = journal(tmp_path).read_bytes()
    progress.fold()
    progress.close()
    (folder(tmp_path) / "progress.previous.journal").write_bytes(before)
    journal(tmp_path).write_bytes(folded)
    progress = load(tmp_path)
    progress.record("id-2", record(2))
    wanted = dict(progress.items())
    progress.close()
    rot(document(tmp_path), b"one")
    rot(folder(tmp_path) / "progress.previous.json", b"two")
    assert dict(load(tmp_path).items()) == wanted


def test_damage_after_a_recovery_is_recovered_again(tmp_path: Path) -> None:
    """The recovered document has a sound previous generation of its own, not a second name."""
    progress = filled(tmp_path, 3)
    progress.close()
    for number in range(3):
        with document(tmp_path).open("r+b") as file:
            file.truncate(number)
        progress = load(tmp_path)
        assert progress.damage is not None
        assert len(progress) == 3 + number
        progress.record(f"more-{number}", record(number))
        progress.close()
    assert len(list(folder(tmp_path).glob("progress.damaged-*"))) == 3


@pytest.mark.parametrize("with_previous", [True, False])
def test_a_removed_document_is_told_and_recovered(tmp_path: Path, with_previous: bool) -> None:
    """A file that went missing is not taken for a new archive; its journal alone shows that."""
    if with_previous:
        filled(tmp_path, 3).close()
    else:
        with load(tmp_path) as progress:
            progress.record_many((f"id-{number}", record(number)) for number in range(3))
    document(tmp_path).unlink()
    progress = load(tmp_path)
    assert len(progress) == 3
    assert progress.damage is not None
    assert "is missing" in progress.damage


def test_an_older_document_put_back_by_hand_is_told_and_brought_up_to_date(
    tmp_path: Path,
) -> None:
    """A journal that continues a later document shows that lines lie between."""
    progress = filled(tmp_path, 2)
    old = document(tmp_path).read_bytes()
    progress.record("id-2", record(2))
    progress.fold()
    progress.record("id-3", record(3))
    progress.close()
    rot(document(tmp_path), old)
    assert len(load(tmp_path, writable=False)) == 4
    progress = load(tmp_path)
    assert progress.damage is not None
    assert "older than its journal" in progress.damage
    assert len(progress) == 4
    assert load(tmp_path).damage is None


def test_one_damaged_record_is_dropped_and_the_others_stay(tmp_path: Path) -> None:
    """A wrong value inside a valid document costs that product only."""
    filled(tmp_path, 3).close()
    content = document(tmp_path).read_bytes()
    lines = content.splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"complete"', b'"compleet"')
    rot(document(tmp_path), b"".join(lines))
    progress = load(tmp_path)
    assert progress.damage is not None
    assert "id-1" in progress.damage
    assert progress.get("id-1") is None
    assert "id-1" not in progress
    assert len(progress) == 2
    assert [i for i, _ in progress.items()] == ["id-0", "id-2"]
    assert progress.counts()[State.COMPLETE].count == 2
    progress.record("id-1", record(1))
    progress.fold()
    assert len(progress) == 3
    assert load(tmp_path).damage is None
    assert load(tmp_path).get("id-1") == record(1)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_reformatted_by_hand_is_understood(tmp_path: Path, indent: int | None) -> None:
    """Valid JSON of the right shape is no damage, whatever its line breaks."""
    progress = filled(tmp_path, 3)
    progress.set_meta("run", 1)
    progress.fold()
    progress.close()
    content = json.loads(document(tmp_path).read_bytes())
    rot(document(tmp_path), json.dumps(content, indent=indent).encode())
    assert len(load(tmp_path, writable=False)) == 3
    progress = load(tmp_path)
    assert progress.damage is None
    assert progress.meta == {"run": 1}
    assert progress.get("id-1") == record(1)
    progress.fold()
    assert len(document(tmp_path).read_bytes().splitlines()) == 5
    assert load(tmp_path).get("id-2") == record(2)


def test_a_product_listed_twice_by_hand_counts_once(tmp_path: Path) -> None:
    """As in every JSON reader, the last one wins."""
    filled(tmp_path, 2).close()
    lines = document(tmp_path).read_bytes().splitlines(keepends=True)
    twice = lines[1].replace(b'"size":10', b'"size":11')
    rot(document(tmp_path), b"".join([*lines[:2], twice, *lines[2:]]))
    progress = load(tmp_path)
    assert len(progress) == 2
    assert (progress.get("id-0") or record()).size == 11


def test_a_product_listed_twice_far_apart_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a document is read in blocks."""
    monkeypatch.setattr(lines_module, "BLOCK_BYTES", 1000)
    filled(tmp_path, 40).close()
    lines = document(tmp_path).read_bytes().splitlines(keepends=True)
    again = lines[1].replace(b'"size":10', b'"size":11')
    rot(document(tmp_path), b"".join([*lines[:30], again, *lines[30:]]))
    progress = load(tmp_path)
    assert len(progress) == 40
    assert (progress.get("id-0") or record()).size == 11
    assert progress.get("id-39") == record(39)


@pytest.mark.parametrize("end", [0, 1 << 62], ids=["the usual hash", "hardly any hash"])
def test_many_products_are_looked_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    """Near each other or far apart, recorded since or not, and however alike hashes are."""
    monkeypatch.setattr(document_module, "Offsets", lambda size=0: Offsets(max(size, end)))
    monkeypatch.setattr(lines_module, "BLOCK_BYTES", 2000)
    progress = filled(tmp_path, 60)
    long = msgspec.structs.replace(record(7), checksum="x" * 5000)
    progress.record("id-7", long)
    progress.fold()
    progress.record("id-3", record(3, State.FAILED))
    changed = {"id-3": record(3, State.FAILED), "id-7": long, "id-99": None}
    numbers = [*range(8, 20), 59, 3, 4, 7, 99, 31, 0]
    expected = {f"id-{number}": record(number) for number in numbers} | changed
    for reader in (progress, load(tmp_path, writable=False)):
        found = reader.get_many(list(expected))
        assert {product_id: found.get(product_id) for product_id in expected} == expected
        assert reader.get_many([]) == {}
        assert [reader.get(product_id) for product_id in expected] == list(expected.values())


def test_looking_up_many_leaves_out_what_was_damaged(tmp_path: Path) -> None:
    """One bad record among those asked for costs itself only."""
    filled(tmp_path, 3).close()
    content = document(tmp_path).read_bytes()
    rot(document(tmp_path), content.replace(b'"complete"', b'"compleet"', 1))
    found = load(tmp_path, writable=False).get_many(["id-0", "id-1", "id-2"])
    assert found == {"id-1": record(1), "id-2": record(2)}


@given(chances, st.integers(1, 30), st.integers(0, 10))
@settings(max_examples=60)
def test_the_order_of_asking_does_not_matter(random: Random, batch: int, disorder: int) -> None:
    """In the order of the file, nearly so, or in none: whatever is read ahead is the right one."""
    asked = list(range(-3, 123))
    asked.sort(key=lambda number: number + random.uniform(0, disorder**2))
    with tempfile.TemporaryDirectory() as root, filled(Path(root), 120) as progress:
        for start in range(0, len(asked), batch):
            numbers = asked[start : start + batch]
            there = [number for number in numbers if number in range(120)]
            found = progress.get_many([f"id-{number}" for number in numbers])
            assert found == {f"id-{number}": record(number) for number in there}


@pytest.mark.parametrize("damaged", [False, True])
def test_an_archive_in_the_order_of_its_listing_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """No system call for each record, and hardly a byte twice; new products and gaps between."""
    filled(tmp_path, 2000).close()
    if damaged:
        lines = document(tmp_path).read_bytes().splitlines(keepends=True)
        lines[2] = lines[2].replace(b'"complete"', b'"compleet"')
        rot(document(tmp_path), b"".join(lines))
    progress = load(tmp_path, writable=False)
    reads = count_reads(monkeypatch)
    listed = [f"new-{n}" if n % 10 == 5 else f"id-{n}" for n in range(2000) if n % 17]
    for start in range(0, len(listed), 100):
        asked = listed[start : start + 100]
        there = [i for i in asked if i.startswith("id") and not (damaged and i == "id-1")]
        assert list(progress.get_many(asked)) == there
    assert len(reads) < 3 * len(listed) / 100 + 100 * damaged  # that one batch is read line by line
    # Each record once, and all lines once more to find those of new products among them.
    assert sum(reads) < 2.5 * document(tmp_path).stat().st_size


def test_what_nobody_has_touched_is_not_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening an archive takes a digest of its document; only its records are read, and once."""
    filled(tmp_path, 500).close()
    checked = count_checked(monkeypatch)
    progress = load(tmp_path, writable=False)
    assert len(progress) == 500
    for start in range(0, 500, 50):
        numbers = range(start, start + 50)
        found = progress.get_many([f"id-{number}" for number in numbers])
        assert found == {f"id-{number}": record(number) for number in numbers}
    assert checked == []
    assert "id-3" in progress
    assert progress.get("new") is None
    assert sum(checked) == 500


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"00000001T131022.SAFE", b"00000001T131023.SAFE"),
        (b'"products":3', b'"products":4'),
        (b'"version":"', b'"version":"0.0.0+'),
        (b'"generation":2', b'"generation":3'),
        (b'"blake3":"', b'"blake3":"0'),
    ],
    ids=["a record", "the number", "another version", "the header", "the digest"],
)
def test_a_document_that_was_touched_is_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    """It is no damage: people edit files, and other versions may know other fields."""
    filled(tmp_path, 3).close()
    content = document(tmp_path).read_bytes()
    assert old in content
    rot(document(tmp_path), content.replace(old, new, 1))
    checked = count_checked(monkeypatch)
    progress = load(tmp_path, writable=False)
    assert sum(checked) == 3
    assert progress.damage is None
    assert len(progress) == 3
    assert progress.get("id-2") == record(2)


def test_a_document_that_changes_while_it_is_open_is_an_error_that_is_told(tmp_path: Path) -> None:
    """A failing disk, or a program that writes into the file: nothing is made up of it."""
    filled(tmp_path, 3).close()
    progress = load(tmp_path, writable=False)
    content = document(tmp_path).read_bytes()
    document(tmp_path).write_bytes(content.replace(b"id-1", b"id-0"))
    with pytest.raises(ProgressFileError, match="has changed since it was opened"):
        progress.get("id-2")


def test_a_document_without_a_seal_is_one_all_the_same(tmp_path: Path) -> None:
    """Whoever edits it may take the seal away; the next document has one again."""
    filled(tmp_path, 3).close()
    content = document(tmp_path).read_bytes()
    rot(document(tmp_path), content[: content.rfind(b"\n}")] + b"\n}}\n")
    progress = load(tmp_path)
    assert progress.damage is None
    assert progress.get("id-2") == record(2)
    progress.record("id-3", record(3))
    progress.fold()
    assert json.loads(document(tmp_path).read_bytes())["seal"]["products"] == 4


def test_a_document_is_read_back_line_by_line_before_it_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seal shows that nothing has changed since, and not that it was right."""
    progress = filled(tmp_path, 3)
    monkeypatch.setattr(
        "s2fetch.archive.recovery.product_line", lambda product_id, _: product_id.encode()
    )
    before = document(tmp_path).read_bytes()
    progress.record("id-3", record(3))
    with pytest.raises(document_module.DamagedError):
        progress.fold()
    assert document(tmp_path).read_bytes() == before
    assert load(tmp_path, writable=False).get("id-3") == record(3)


def test_in_no_order_little_is_read_beyond_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading ahead would cost more than it brings."""
    progress = filled(tmp_path, 2000)
    sizes = count_reads(monkeypatch)
    asked = Random(1).sample(range(2000), 400)
    for start in range(0, 400, 20):
        numbers = asked[start : start + 20]
        found = progress.get_many([f"id-{number}" for number in numbers])
        assert found == {f"id-{number}": record(number) for number in numbers}
    assert sum(sizes) <= 400 * 2 * lines_module.LINE_BYTES


def test_a_document_of_a_later_version_is_refused_and_untouched(tmp_path: Path) -> None:
    """Never read wrongly, never overwritten; the message names both versions."""
    filled(tmp_path, 2).close()
    newer = document(tmp_path).read_bytes().replace(b'"schema":1', b'"schema":7')
    for content in (newer, b'{"schema": 7, "entries": []}'):
        rot(document(tmp_path), content)
        with pytest.raises(ProgressFileError, match=r"version 7.*up to 1"):
            load(tmp_path)
        assert document(tmp_path).read_bytes() == content
    assert not list(folder(tmp_path).glob("progress.damaged-*"))


def test_a_stale_journal_brings_nothing_back(tmp_path: Path) -> None:
    """After a crash between the new document and the journal's end, old lines are ignored."""
    progress = filled(tmp_path, 2)
    progress.record("id-0", record(5))
    stale = journal(tmp_path).read_bytes()
    progress.record("id-0", record(6))
    progress.fold()
    journal(tmp_path).write_bytes(stale)
    progress = load(tmp_path)
    assert progress.get("id-0") == record(6)
    progress.record("new", record(7))
    assert dict(load(tmp_path).items()) == {
        "id-0": record(6),
        "id-1": record(1),
        "new": record(7),
    }


def test_leftovers_of_a_crashed_fold_are_removed(tmp_path: Path) -> None:
    """Half documents do not pile up."""
    filled(tmp_path, 1).close()
    leftover = folder(tmp_path) / ".progress.json.123-abc.unfinished"
    leftover.write_bytes(b"half")
    load(tmp_path, writable=False)
    assert leftover.exists()
    load(tmp_path)
    assert not leftover.exists()


def test_a_reader_records_nothing(tmp_path: Path) -> None:
    """Read-only means it."""
    filled(tmp_path, 1).close()
    reader = load(tmp_path, writable=False)
    with pytest.raises(RuntimeError, match="for reading"):
        reader.record("id", record())
    with pytest.raises(RuntimeError, match="for reading"):
        reader.set_meta("run", 1)


def test_reading_works_while_another_writes_and_folds(tmp_path: Path) -> None:
    """Status during a sync sees everything that was acknowledged before it looked."""
    acknowledged = [0]
    done = threading.Event()

    def write() -> None:
        with load(tmp_path) as writer:
            for number in range(400):
                writer.record(f"id-{number}", record(number))
                acknowledged[0] = number + 1
                if number % 3 == 0:
                    writer.fold()
        done.set()

    load(tmp_path).close()
    thread = threading.Thread(target=write)
    thread.start()
    looks = 0
    while not done.is_set():
        known = acknowledged[0]
        with load(tmp_path, writable=False) as reader:
            assert reader.damage is None
            assert known <= len(reader) <= acknowledged[0] + 1
            assert sum(1 for _ in reader.items()) == len(reader)
        looks += 1
    thread.join()
    assert looks > 0
    assert len(load(tmp_path)) == 400


def test_threads_may_read_while_one_records_and_folds(tmp_path: Path) -> None:
    """A fold replaces the files under readers without their noticing."""
    progress = filled(tmp_path, 50)
    done = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not done.is_set():
            for number in range(50):
                found = progress.get(f"id-{number}")
                if found is None or found.name != record(number).name:
                    wrong.append((number, found))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(60):
        progress.record(f"id-{number % 50}", record(number % 50, size=number))
        progress.fold()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_memory_does_not_hold_the_records(tmp_path: Path) -> None:
    """The records stay on the disk; only where each begins is kept."""
    filled(tmp_path, 20_000).close()
    size = document(tmp_path).stat().st_size
    tracemalloc.start()
    progress = load(tmp_path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(progress) == 20_000
    assert kept < size / 10
    assert peak < size


def test_a_damaged_document_is_named_so_by_the_document_itself(tmp_path: Path) -> None:
    """Damage is an error of its own, told from a file that cannot be read."""
    path = tmp_path / "progress.json"
    path.write_bytes(b"{")
    with pytest.raises(document_module.DamagedError):
        document_module.Document.open(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ArchiveError):
        document_module.Document.open(path)
