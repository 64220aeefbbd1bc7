"""Runs that are cancelled: everything can be resumed, nothing is left running or locked."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import anyio
import pytest

from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.proof import check_digest, prove_unlisted
from s2fetch.embedded.faults import Fault, FlippedByte, Stall
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import ExitCode
from s2fetch.events import RunFinished, TransferStarted
from s2fetch.product import Checksum, Product, Proof
from s2fetch.transfer.write_behind import BLOCK_BYTES
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, off_loop, unlisted
from tests.transfer.test_faults import zip_of

SIZE = 3_000_000


def last_run(site: Site) -> object:
    def read() -> object:
        with ProgressFile.load(site.root, False) as progress:
            return progress.meta["last_run"]

    return off_loop(read)


async def cancelled_after(site: Site, served: int) -> None:
    """Cancel a run when the hub has sent so many bytes."""
    run = asyncio.create_task(site.sync())
    with anyio.fail_after(20):
        while site.stats.all_bytes_served < served:
            await asyncio.sleep(0.002)
        run.cancel()
        await asyncio.wait([run])
    assert run.cancelled(), run


def own_tasks() -> list[str]:
    """Tasks of the engine; those of the hub do not count. anyio names its tasks by function."""
    codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()]
    names = [code.co_filename.replace("/", ".") for code in codes if code is not None]
    names += [f".{task.get_name()}" for task in asyncio.all_tasks()]
    return [name for name in names if ".s2fetch." in name and ".embedded." not in name]


async def test_a_cancelled_run_is_continued_where_it_was(site_factory: SiteFactory) -> None:
    """Bytes that were written are not fetched again."""
    bodies = [body_of(2 * SIZE, number) for number in range(2)]
    site = await site_factory(catalogue_of(*bodies))
    site.hub.faults.add(Fault(Stall(SIZE), times=2))

    def are_written() -> bool:
        """Whether all is on disk that is written while what follows has not come."""
        begun = {path.read_bytes()[:BLOCK_BYTES] for path in site.root.rglob("*.part")}
        return begun == {body[:BLOCK_BYTES] for body in bodies}

    run = asyncio.create_task(site.sync(minimum_rate_window="1h"))
    with anyio.fail_after(60):
        while not off_loop(are_written):
            await asyncio.sleep(0.005)
        run.cancel()
        await asyncio.wait([run])
    assert run.cancelled()
    assert site.visible() == []
    parts = [name for name in site.leftovers() if name.endswith(".part")]
    sidecars = [name for name in site.leftovers() if name.endswith(".json")]
    assert len(parts) == len(sidecars) == 2
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert [event.offset > 500_000 for event in site.seen(TransferStarted)] == [
        *(False, False),
        *(True, True),
    ]
    assert site.leftovers() == []


async def test_a_run_cancelled_while_it_opens_the_archive_gives_it_back(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that reads the progress file holds the lock, whoever waits for it or not."""
    site = await site_factory()
    load, reading, go_on = ProgressFile.load, threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> ProgressFile:
        reading.set()
        go_on.wait(60)
        return load(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ProgressFile, "load", slow)
        run = asyncio.create_task(site.sync())
        while not reading.is_set():
            await asyncio.sleep(0.005)
        run.cancel()
        done, _ = await asyncio.wait([run], timeout=0.05)
        go_on.set()
        assert not done, "nobody waits for the thread"
        await asyncio.wait([run])
    assert run.cancelled()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_cancelled_run_says_so(site_factory: SiteFactory) -> None:
    """Neither the event nor the archive's own summary calls it a success."""
    site = await site_factory(catalogue_of(body_of(SIZE)), bytes_per_second=10_000_000.0)
    await cancelled_after(site, 100_000)
    assert [event.exit_code for event in site.seen(RunFinished)] == [ExitCode.INTERRUPTED]
    summary = last_run(site)
    assert isinstance(summary, dict)
    assert summary["outcome"] == "interrupted"


async def test_a_cancelled_run_leaves_no_task_thread_or_lock(site_factory: SiteFactory) -> None:
    """The same process can run again at once."""
    site = await site_factory(
        catalogue_of(*(body_of(SIZE, n) for n in range(4))), bytes_per_second=10_000_000.0
    )
    await cancelled_after(site, 1_000_000)
    assert own_tasks() == []
    assert not [t for t in threading.enumerate() if t.name.startswith("s2fetch")]
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_run_cancelled_while_a_body_stalls_ends_at_once(site_factory: SiteFactory) -> None:
    """No limit of time is waited for."""
    site = await site_factory(catalogue_of(body_of(SIZE)))
    site.hub.faults.add(Fault(Stall(1_500_000), times=1))
    run = asyncio.create_task(site.sync(minimum_rate_window="1h"))
    with anyio.fail_after(60):
        while site.stats.all_bytes_served < 1_500_000:
            await asyncio.sleep(0.005)
        run.cancel()
        await asyncio.wait([run])
    assert run.cancelled()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_run_cancelled_while_contents_are_checked_can_be_repeated(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part file that has arrived whole, but is not proven, is neither lost nor locked."""
    body = zip_of(b"x" * SIZE)
    site = await site_factory(FolderCatalogue([(unlisted(0, body, content_length=0), body)]))
    checking = threading.Event()

    def slow(path: object, product: object, *, computed: object, tick: object) -> None:
        checking.set()
        while True:
            tick(1)  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr("s2fetch.sync.workers.prove_unlisted", slow)
        run = asyncio.create_task(site.sync())
        assert await asyncio.to_thread(checking.wait, 10)
        run.cancel()
        await asyncio.wait([run], timeout=10)
    assert run.cancelled()
    assert site.visible() == []
    served = site.stats.all_bytes_served
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.stats.all_bytes_served - served < 200_000


async def test_a_wrong_byte_that_shows_while_a_run_is_cancelled_is_no_defect(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found in a thread, when the workers that would fetch the product again are gone."""
    site = await site_factory(catalogue_of(body_of(20_000)))
    site.hub.faults.add(Fault(FlippedByte(at=10_000)))
    checking, gone = threading.Event(), threading.Event()

    def slow(checksum: Checksum, product: Product) -> Proof:
        checking.set()
        assert gone.wait(10)
        return check_digest(checksum, product)

    with monkeypatch.context() as patch:
        patch.setattr("s2fetch.sync.commit.check_digest", slow)
        run = asyncio.create_task(site.sync())
        assert await asyncio.to_thread(checking.wait, 10)
        assert any("Workers" in name for name in own_tasks())
        run.cancel()
        while any("Workers" in name for name in own_tasks()):
            await asyncio.sleep(0)
        await anyio.wait_all_tasks_blocked()
        gone.set()
        await asyncio.wait([run], timeout=10)
    assert run.cancelled(), run
    assert [event.exit_code for event in site.seen(RunFinished)] == [ExitCode.INTERRUPTED]
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.leftovers() == []


async def test_a_slot_is_free_while_contents_are_checked(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one slot, the next product is fetched while the first is looked at."""
    bodies = [zip_of(bytes([n]) * 5000) for n in range(3)]
    site = await site_factory(
        FolderCatalogue(
            (unlisted(n, body, content_length=0), body) for n, body in enumerate(bodies)
        )
    )
    others = threading.Event()

    def patient(*given: object, **more: object) -> object:
        assert others.wait(10)
        return prove_unlisted(*given, **more)  # type: ignore[arg-type]

    def count() -> None:
        if len(site.seen(TransferStarted)) == 3:
            others.set()

    monkeypatch.setattr("s2fetch.sync.workers.prove_unlisted", patient)
    site.on(TransferStarted, count)
    report = await site.sync(slots=1)
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 3)
    site.assert_whole()


async def test_runs_cancelled_at_any_moment_come_to_a_good_end(site_factory: SiteFactory) -> None:
    """Planning, logging in, transferring, committing: wherever it happens."""
    choice = random.Random(8)
    site = await site_factory(
        catalogue_of(*(body_of(choice.randrange(1000, 2_500_000), n) for n in range(8))),
        bytes_per_second=30_000_000.0,
    )
    for _ in range(15):
        run = asyncio.create_task(site.sync())
        await asyncio.sleep(choice.uniform(0, 0.15))
        run.cancel()
        await asyncio.wait([run], timeout=10)
        assert run.done()
        if not run.cancelled():
            assert run.result().exit_code == ExitCode.OK
            break
        for path in site.visible():
            assert any(path == site.path_of(entry).name for entry in site.entries)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.leftovers() == []


async def test_a_defect_is_not_hidden(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error nobody expected ends the run as itself, and the summary says that it is a bug."""
    site = await site_factory()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("s2fetch.transfer.download.position_of", lambda **_: broken())
    with pytest.raises(ZeroDivisionError):
        await site.sync()
    assert [event.exit_code for event in site.seen(RunFinished)] == [ExitCode.BUG]
