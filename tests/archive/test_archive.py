"""An archive on disk: its lock, its places, and what is moved out of the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from s2fetch.archive import archive as module
from s2fetch.archive.archive import Archive, archive_holder
from s2fetch.archive.layout import Layout
from s2fetch.archive.preallocation import preallocate
from s2fetch.archive.presence import file_state
from s2fetch.archive.records import Record, State
from s2fetch.archive.space import free_bytes
from s2fetch.errors import ArchiveError, ArchiveInUseError, UnsafeNameError
from s2fetch.product import Product
from tests.archive.disks import small_disk

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
NAME = "S2B_MSIL1C_20240601T100559_N0510_R065_T32TQM_20240601T100559.SAFE"
PRODUCT = Product(id="a-product", name=NAME, size=10)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An open, empty archive with folders by year and month."""
    layout = Layout("{year}/{month}/{name}")
    with Archive.opened(tmp_path / "archive", layout, reserve_bytes=0) as archive:
        yield archive


def put(archive: Archive, path: str, content: bytes = b"0123456789") -> Path:
    target = archive.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def complete(path: str, file: Path) -> Record:
    status = file.stat()
    return Record(
        name=NAME,
        state=State.COMPLETE,
        path=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def test_a_second_user_of_an_archive_is_told_who_has_it(tmp_path: Path) -> None:
    """The message names process, machine and time; nothing is changed."""
    holding = (
        "import sys; from pathlib import Path; from s2fetch.archive.archive import Archive;"
        "from s2fetch.archive.layout import Layout\n"
        "with Archive.opened(Path(sys.argv[1]), Layout(), reserve_bytes=0):"
        " print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        opening = Archive.opened(tmp_path, Layout(), reserve_bytes=0)
        with pytest.raises(ArchiveInUseError) as caught:
            opening.__enter__()
        other.stdin.close()
    message = str(caught.value)
    assert f"process {other.pid} on {socket.gethostname()} since 20" in message
    assert "--wait-for-lock" in message
    assert caught.value.exit_code == 6
    with Archive.opened(tmp_path, Layout(), reserve_bytes=0):
        holder = archive_holder(tmp_path)
        assert holder is not None
        assert holder.pid == os.getpid()


def test_a_file_in_the_place_of_the_archive_is_named(tmp_path: Path) -> None:
    """It is left alone, and the error is one of the archive."""
    file = tmp_path / "archive"
    file.write_text("a text")
    with (
        pytest.raises(ArchiveError, match="archive"),
        Archive.opened(file, Layout(), reserve_bytes=0),
    ):
        pass
    assert file.read_text() == "a text"


def test_what_is_moved_aside_is_never_overwritten(archive: Archive) -> None:
    """Files of the same name that are moved in the same second get different names."""
    kept = []
    for content in (b"first", b"second", b"third"):
        put(archive, "2024/06/X.zip", content)
        kept.append(archive.set_aside("2024/06/X.zip", NOW))
    assert [path.read_bytes() for path in kept] == [b"first", b"second", b"third"]
    assert not (archive.root / "2024/06/X.zip").exists()
    assert all(path.parent == archive.root / ".s2fetch" / "replaced" for path in kept)


def test_a_name_of_any_length_can_be_moved_aside(archive: Archive) -> None:
    """The longest name a file system allows is cut to make room for the time."""
    put(archive, "é" * 127)
    aside = archive.set_aside("é" * 127, NOW)
    assert aside.name.endswith(".20240701T120000Z")
    assert aside.read_bytes() == b"0123456789"


def test_a_folder_and_a_dangling_link_are_moved_aside_too(archive: Archive) -> None:
    """Whatever stands in a product's place is kept."""
    put(archive, "X.zip/inside", b"precious")
    (archive.root / "Y.zip").symlink_to("nowhere")
    assert (archive.set_aside("X.zip", NOW) / "inside").read_bytes() == b"precious"
    assert archive.set_aside("Y.zip", NOW).is_symlink()


def test_moving_aside_lasts_through_a_power_cut(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder with the new name is flushed before the old name can be given to another."""
    flushed: list[Path] = []
    monkeypatch.setattr(module, "fsync_folder", flushed.append)
    put(archive, "X.zip")
    aside = archive.set_aside("X.zip", NOW)
    assert aside.parent in flushed
    assert flushed.index(archive.root / ".s2fetch") < flushed.index(aside.parent)


def test_a_new_folder_is_flushed_into_its_parents_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put into it cannot be lost with it; later calls cost nothing."""
    flushed: list[Path] = []
    monkeypatch.setattr(module, "fsync_folder", flushed.append)
    folder = archive.root / "2024" / "06"
    archive.make_folder(folder)
    assert flushed == [archive.root / "2024", archive.root]
    archive.make_folder(folder)
    archive.make_folder(archive.root)
    assert flushed == [archive.root / "2024", archive.root]
    archive.make_durable([folder])
    assert flushed[2:] == [folder]


def test_a_folder_that_could_not_be_flushed_is_tried_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is not remembered as a success."""
    folder = archive.root / "2024" / "06"

    def broken(path: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "fsync_folder", broken)
        with pytest.raises(ArchiveError, match="Input/output error"):
            archive.make_folder(folder)
    flushed: list[Path] = []
    monkeypatch.setattr(module, "fsync_folder", flushed.append)
    archive.make_folder(folder)
    assert archive.root in flushed


def test_copies_under_all_usual_names_are_candidates(archive: Archive) -> None:
    """Also the one a product gets whose name another product has already."""
    stem = NAME.removesuffix(".SAFE")
    marked = archive.shared_path(PRODUCT, ".zip")
    for path in (f"2024/06/{NAME}.zip", f"2024/06/{NAME}", f"2024/06/{stem}.zip", str(marked)):
        put(archive, path)
        assert [file.path for file in archive.candidates(PRODUCT)] == [path]
        (archive.root / path).unlink()
    put(archive, f"{NAME}.zip")
    assert archive.candidates(PRODUCT) == []


def test_products_of_one_name_get_different_places(archive: Archive) -> None:
    """Also when their ids begin alike."""
    ids = ("5e7f0000-0000-4000-8000-000000000001", "5e7f0000-0000-4000-8000-000000000002")
    same = [Product(id=each, name=NAME) for each in ids]
    assert len({archive.shared_path(product, ".zip") for product in same}) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../x.SAFE",
        "/etc/x.SAFE",
        "a\0b.SAFE",
        "x" * 300,
        "CON.SAFE",
        "-rf.SAFE",
        ".hidden.SAFE",
        "..",
        "",
        "a/b.SAFE",
    ],
)
def test_hostile_names_have_no_place(archive: Archive, name: str) -> None:
    """They are refused before any file is touched, and nothing on disk can be theirs."""
    product = Product(id="x", name=name)
    with pytest.raises(UnsafeNameError):
        archive.folder_of(product)
    assert archive.candidates(product) == []


def test_hostile_ids_stay_inside_the_archive(archive: Archive) -> None:
    """An id is no part of any path."""
    product = Product(id="../../../../etc/passwd\0", name=NAME)
    assert str(archive.shared_path(product, ".zip").parent) == "2024/06"
    kept = archive.quarantine(product, lambda target: target.touch())
    assert kept.parent == archive.root / ".s2fetch" / "quarantine"


def test_a_name_that_leaves_no_room_for_a_suffix_is_refused_before_the_transfer(
    tmp_path: Path,
) -> None:
    """Not only at its end, when the file cannot get its name."""
    layout = Layout("{name}_{collection}")
    product = Product(id="x", name="N" * 200, collection="C" * 50)
    with Archive.opened(tmp_path, layout, reserve_bytes=0) as archive:
        layout.path_for(product)
        with pytest.raises(UnsafeNameError):
            archive.folder_of(product)


def test_what_is_known_is_looked_up_for_a_batch(archive: Archive) -> None:
    """Record and file of complete products, candidates of all others."""
    path = f"2024/06/{NAME}.zip"
    file = put(archive, path)
    other = msgspec.structs.replace(PRODUCT, id="other", name="S2B_other.SAFE")
    archive.progress.record(PRODUCT.id, complete(path, file))
    (_, known), (_, nothing) = archive.look_up([PRODUCT, other])
    assert known.record is not None
    assert known.file is not None
    assert known.file.size == 10
    assert nothing.record is None
    assert nothing.file is None
    assert nothing.candidates == ()


def test_only_regular_files_count(archive: Archive) -> None:
    """A folder or a socket of a product's name is no product; a link to a file is one."""
    (archive.root / "folder").mkdir()
    target = put(archive, "target")
    (archive.root / "link").symlink_to(target)
    (archive.root / "dangling").symlink_to("nowhere")
    assert file_state(archive.root, "folder") is None
    assert file_state(archive.root, "dangling") is None
    assert file_state(archive.root, "link") is not None
    assert archive.is_taken(Layout("dangling{name}").path_for(Product(id="", name="x")).parent)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_reserving_space_that_is_not_there_takes_none(tmp_path: Path, kind: str) -> None:
    """No space is told at once, not after hours, and nothing of the disk stays taken."""
    with (
        small_disk(tmp_path / "disk", kind, size_bytes=4 << 20) as disk,
        (disk / "file").open("w+b") as file,
    ):
        file.write(b"kept")
        file.flush()
        before = free_bytes(disk)
        with pytest.raises(OSError, match="No space left"):
            preallocate(file.fileno(), 64 << 20)
        assert free_bytes(disk) >= before - (64 << 10)
        assert os.pread(file.fileno(), 9, 0) == b"kept"


def test_reserving_nothing_does_nothing(tmp_path: Path) -> None:
    """A product without a length has no space reserved."""
    with (tmp_path / "file").open("wb") as file:
        assert preallocate(file.fileno(), 0) is False


def test_where_nothing_can_be_reserved_that_is_no_error() -> None:
    """As on file systems without fallocate(2)."""
    with Path(os.devnull).open("wb") as file:
        assert preallocate(file.fileno(), 1000) is False
