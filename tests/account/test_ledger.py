"""The ledger of received bytes: across processes, across crashes, never twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from s2fetch.account import ledger as module
from s2fetch.account.ledger import FOLD_BYTES, MOST_HOURS, Ledger, ledger_folder
from s2fetch.errors import ArchiveError
from s2fetch.lockfile import FileLock


def test_what_was_never_written_is_nothing(ledger: Ledger) -> None:
    """There need not even be a folder."""
    assert ledger.read() == {}


def test_a_ledger_that_cannot_be_read_is_not_taken_for_an_empty_one(ledger: Ledger) -> None:
    """Else a quota would not be kept, and nobody would know."""
    ledger.path.mkdir(parents=True)
    with pytest.raises(ArchiveError, match=r"received\.log"):
        ledger.read()


def test_a_new_ledger_survives_a_power_cut(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is flushed as well as its lines, once."""
    flushed: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    ledger.append(10, 5)
    ledger.append(10, 5)
    assert flushed == [str(path) for path in (ledger.path.parent, ledger.path, ledger.path)]


def test_bytes_add_up_by_the_hour(ledger: Ledger) -> None:
    """Whoever appended them."""
    ledger.append(10, 5)
    Ledger(ledger.path.parent).append(10, 7)
    ledger.append(11, 1)
    assert ledger.read() == {10: 12, 11: 1}


def test_the_same_user_has_one_ledger_however_the_login_is_written(tmp_path: Path) -> None:
    """And the user's name is not part of a path."""
    first = ledger_folder(tmp_path, "https://id.example", "Me@Example.org")
    assert first == ledger_folder(tmp_path, "https://id.example", "me@example.org")
    assert first != ledger_folder(tmp_path, "https://id.example", "you@example.org")
    assert "example" not in str(first.relative_to(tmp_path)).lower()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cut=st.integers(0, 200), garbage=st.binary(max_size=20))
@example(cut=200, garbage=b"00000000")
def test_a_line_that_a_crash_cut_short_costs_itself_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bytes
) -> None:
    """Not the ones before it, and not the one after it."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    for _ in range(4):
        ledger.append(10, 100)
    content = ledger.path.read_bytes()
    kept = content[: min(cut, len(content))]
    ledger.path.write_bytes(kept + garbage)
    ledger.append(11, 1)
    found = ledger.read()
    assert found[11] == 1
    line = len(content) // 4
    whole = len(kept) // line
    assert found.get(10, 0) in {100 * whole, 100 * (whole + (len(kept) % line == line - 1))}


def test_a_large_file_is_summed_up_and_stays_small(ledger: Ledger, tmp_path: Path) -> None:
    """The sums are the same, and the oldest hours are dropped after two months."""
    lines = b"".join(module._line(hour, 3) for hour in range(5000))
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(lines)
    assert len(lines) > FOLD_BYTES
    ledger.append(4999, 4)
    found = ledger.read()
    assert len(found) == MOST_HOURS
    assert found[4999] == 7
    assert found[4998] == 3
    assert ledger.path.stat().st_size < FOLD_BYTES


def test_summing_up_that_fails_neither_loses_nor_repeats(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is in the file already; it is summed up another time."""
    monkeypatch.setattr(module, "FOLD_BYTES", 0)
    with monkeypatch.context() as patch:
        patch.setattr(
            module, "replace_atomically", lambda *_: (_ for _ in ()).throw(ArchiveError("full"))
        )
        ledger.append(10, 5)
    assert ledger.read() == {10: 5}
    ledger.append(10, 1)
    assert ledger.read() == {10: 6}
    assert ledger.path.read_bytes().count(b"\n") == 1


def test_a_disk_that_is_full_leaves_the_file_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is tried again later does not count twice."""
    ledger.append(10, 5)
    before = ledger.path.read_bytes()

    def half(descriptor: int, data: bytes, position: int) -> None:
        os.pwrite(descriptor, data[:3], position)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_all", half)
        with pytest.raises(ArchiveError, match="space"):
            ledger.append(10, 7)
    assert ledger.path.read_bytes() == before


def test_a_process_that_keeps_the_ledger_to_itself_is_not_waited_for_for_ever(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was stopped while it held the lock must not stop all others."""
    ledger.append(10, 5)
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    lock = FileLock.try_acquire(ledger.path.with_name("received.lock"))
    assert lock is not None
    with lock, pytest.raises(ArchiveError, match="another process"):
        ledger.append(10, 7)


APPENDER = """
import sys
from pathlib import Path
from s2fetch.account import ledger as module
module.FOLD_BYTES = 200
ledger = module.Ledger(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    ledger.append(10, 1)
    print(flush=True)
"""


def appender(folder: Path, times: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(folder), str(times)], stdout=subprocess.PIPE
    )


def test_processes_that_append_at_the_same_time_lose_nothing(ledger: Ledger) -> None:
    """While each of them sums the file up again and again."""
    processes = [appender(ledger.path.parent, 100) for _ in range(3)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert ledger.read() == {10: 300}


@pytest.mark.parametrize("said", [1, 7, 23, 48])
def test_a_killed_process_loses_no_line_it_had_been_promised(ledger: Ledger, said: int) -> None:
    """At most the one it was writing counts without its having been told."""
    process = appender(ledger.path.parent, 10_000)
    assert process.stdout is not None
    for _ in range(said):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    promised = said + process.stdout.read().count(b"\n")
    process.wait()
    process.stdout.close()
    assert ledger.read()[10] in (promised, promised + 1)
    ledger.append(10, 0)
    assert ledger.read()[10] in (promised, promised + 1)


@pytest.mark.parametrize("step", ["write_beside", "publish"])
def test_a_process_killed_while_it_sums_up_loses_nothing(ledger: Ledger, step: str) -> None:
    """Neither before the new file is in place nor after it; nothing is left lying about."""
    script = f"""
import os, signal, sys
from pathlib import Path
from s2fetch.account import ledger as module
from s2fetch.archive import durable
whole = durable.{step}
def killed(*arguments):
    if sys.argv[2] == "after":
        whole(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
durable.{step} = killed
module.FOLD_BYTES = 0
module.Ledger(Path(sys.argv[1])).append(10, 7)
"""
    for number, moment in enumerate(("before", "after"), 1):
        done = subprocess.run([sys.executable, "-c", script, str(ledger.path.parent), moment])
        assert done.returncode == -signal.SIGKILL
        assert ledger.read() == {10: 7 * number}
    module_limit, module.FOLD_BYTES = module.FOLD_BYTES, 0
    try:
        ledger.append(10, 1)
    finally:
        module.FOLD_BYTES = module_limit
    assert ledger.read() == {10: 15}
    assert sorted(path.name for path in ledger.path.parent.iterdir()) == [
        "received.lock",
        "received.log",
    ]
