"""The Python API around a sync: verify, preview, status, login, and the public names."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import s2fetch
from s2fetch.account.slots import slot_path
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.safe import generate_products
from s2fetch.errors import ArchiveError, ExitCode, UsageError, WrongPasswordError
from s2fetch.events import Event, EventBus, FileDamaged, ProductPlanned
from s2fetch.lockfile import FileLock
from tests.clock import FakeClock
from tests.conftest import HubFactory
from tests.sync.site import flip_a_byte

ClientFactory = Callable[..., AbstractAsyncContextManager[s2fetch.Client]]


@pytest.fixture
async def hub(hub_factory: HubFactory) -> EmbeddedHub:
    """A hub with six products."""
    return await hub_factory()


@pytest.fixture
def client_of(tmp_path: Path) -> ClientFactory:
    """Makes clients of a hub with an archive and a state folder of their own."""

    @asynccontextmanager
    async def make(
        hub: EmbeddedHub, *, events: EventBus | None = None, **options: object
    ) -> AsyncIterator[s2fetch.Client]:
        environment: Mapping[str, str] = hub.environment()
        given = {"into": str(tmp_path / "archive"), **options}
        config = s2fetch.load_config(None, given, environment)
        async with s2fetch.Client(
            config, events=events, environ=environment, state_folder=tmp_path / "state"
        ) as client:
            yield client

    return make


async def test_verify_finds_an_untouched_archive_intact(
    hub: EmbeddedHub, client_of: ClientFactory
) -> None:
    """All files are read, all are intact, and the exit code says so."""
    async with client_of(hub) as client:
        synced = await client.sync()
        report = await client.verify()
    assert (report.checked, report.intact, report.damaged) == (6, 6, [])
    assert report.size_bytes == synced.stored
    assert report.exit_code == ExitCode.OK


async def test_verify_names_every_damaged_file_and_the_next_sync_repairs_only_those(
    hub: EmbeddedHub, client_of: ClientFactory, tmp_path: Path
) -> None:
    """A flipped byte, a cut file and a missing one are named, then fetched again."""
    events: list[Event] = []
    bus = EventBus()
    bus.subscribe(events.append)
    async with client_of(hub, events=bus) as client:
        await client.sync()
        flipped, cut, missing, *whole = sorted((tmp_path / "archive").glob("*.zip"))
        before = {path: path.stat().st_ino for path in whole}
        flip_a_byte(flipped)
        cut.write_bytes(cut.read_bytes()[:-1])
        missing.unlink()
        report = await client.verify()
        assert report.exit_code == ExitCode.DAMAGED
        assert {file.path for file in report.damaged} == {flipped.name, cut.name, missing.name}
        assert sum(isinstance(event, FileDamaged) for event in events) == 3
        assert (await client.status()).failed_count == 3
        repaired = await client.sync()
        assert (repaired.fetched, repaired.already) == (3, 3)
        assert (await client.verify()).exit_code == ExitCode.OK
    assert {path: path.stat().st_ino for path in whole} == before


async def test_verify_repairs_the_record_of_a_touched_file(
    hub: EmbeddedHub, client_of: ClientFactory, tmp_path: Path
) -> None:
    """A new modification time alone is healed, so that the next sync does not hash it again."""
    async with client_of(hub) as client:
        await client.sync()
        next((tmp_path / "archive").glob("*.zip")).touch()
        report = await client.verify()
        assert (report.intact, report.healed) == (6, 1)
        assert (await client.sync()).already == 6


async def test_preview_counts_what_a_sync_would_do_and_does_none_of_it(
    client_of: ClientFactory, hub_factory: HubFactory, tmp_path: Path
) -> None:
    """Products, bytes, offline ones and the query are told; nothing is written, nobody logs in."""
    folder = tmp_path / "offline-products"
    generate_products(folder, 4, size=40_000, offline=1)
    hub = await hub_factory(folder)
    planned: list[str] = []
    bus = EventBus()
    bus.subscribe(
        lambda event: planned.append(event.verdict) if isinstance(event, ProductPlanned) else None
    )
    async with client_of(hub, events=bus, tile=["32TQM"]) as client:
        narrow = await client.preview()
        assert "tileId" in narrow.query
    async with client_of(hub, events=bus) as client:
        preview = await client.preview()
    assert (preview.found, preview.to_fetch, preview.offline) == (4, 3, 1)
    assert 0 < preview.to_fetch_bytes < preview.found_bytes
    assert preview.fits
    assert sorted(planned[narrow.found :]) == ["fetch", "fetch", "fetch", "offline"]
    assert not (tmp_path / "archive").exists()
    assert hub.stats.logins == 0


async def test_preview_tells_of_copies_in_other_folders_before_there_is_an_archive(
    hub: EmbeddedHub, client_of: ClientFactory, tmp_path: Path
) -> None:
    """Somebody may bring along what another tool has fetched."""
    async with client_of(hub, into=str(tmp_path / "other")) as client:
        await client.sync()
    (tmp_path / "archive" / "2024").mkdir(parents=True)
    for path in sorted((tmp_path / "other").glob("*.zip"))[:2]:
        path.rename(tmp_path / "archive" / "2024" / path.name)
    async with client_of(hub) as client:
        preview = await client.preview()
        assert (preview.to_fetch, preview.elsewhere) == (6, 2)
        preview = await client.preview(everywhere=True)
        assert (preview.to_fetch, preview.to_verify, preview.elsewhere) == (4, 2, 0)
        await client.sync(everywhere=True)
        assert (await client.preview()).elsewhere == 0


async def test_preview_after_a_sync_has_nothing_to_fetch(
    hub: EmbeddedHub, client_of: ClientFactory
) -> None:
    """What is on disk and verified counts as already there."""
    async with client_of(hub) as client:
        await client.sync()
        preview = await client.preview()
    assert (preview.already, preview.to_fetch, preview.to_fetch_bytes) == (6, 0, 0)


async def test_status_tells_what_is_there_what_waits_and_how_the_last_run_ended(
    hub_factory: HubFactory, client_of: ClientFactory, tmp_path: Path
) -> None:
    """Complete and waiting products are counted and listed, with since when they wait."""
    folder = tmp_path / "offline-products"
    generate_products(folder, 4, size=40_000, offline=1)
    hub = await hub_factory(folder, retrieval_seconds=3600)
    async with client_of(hub) as client:
        report = await client.sync()
        status = await client.status()
    assert report.exit_code == ExitCode.WAITING
    assert (status.complete, status.waiting_count, status.holder) == (3, 1, None)
    assert status.complete_bytes == report.stored
    (waiting,) = status.waiting
    assert waiting.since.endswith("Z")
    assert "accepted" in waiting.reason
    assert msgspec.convert(status.last_run, dict[str, object])["outcome"] == "waiting"


async def test_status_of_a_folder_that_is_no_archive_yet_is_empty(
    hub: EmbeddedHub, client_of: ClientFactory
) -> None:
    """Asking is not an error, and creates nothing."""
    async with client_of(hub) as client:
        status = await client.status()
        assert (status.complete, status.last_run) == (0, None)
        assert not client.into.exists()


async def test_login_says_who_uses_the_slots(hub: EmbeddedHub, client_of: ClientFactory) -> None:
    """A slot that another holder has is told with that holder's note."""
    async with client_of(hub) as client:
        (account,) = await client.accounts()
        lock = FileLock.try_acquire(slot_path(account.slots.folder, 2), {"archive": "elsewhere"})
        assert lock is not None
        with lock:
            (login,) = await client.login()
        assert set(login.holders) == {2}
        assert login.holders[2].note["archive"] == "elsewhere"
        (free,) = await client.login()
        assert free.holders == {}
    assert hub.stats.logins == 1


async def test_login_with_a_wrong_password_is_refused_once(
    hub: EmbeddedHub, tmp_path: Path
) -> None:
    """The service is asked once, and the error is the account's."""
    environment = {**hub.environment(), "S2FETCH_PASSWORD": "wrong"}
    config = s2fetch.load_config(None, {"into": str(tmp_path)}, environment)
    async with s2fetch.Client(
        config, environ=environment, state_folder=tmp_path / "state"
    ) as client:
        with pytest.raises(WrongPasswordError) as caught:
            await client.login()
    assert caught.value.exit_code == ExitCode.ACCOUNT
    assert "wrong" not in str(caught.value).replace("was refused", "")


async def test_a_sync_without_a_folder_is_a_usage_error(hub: EmbeddedHub) -> None:
    """The message names the option."""
    environment = hub.environment()
    config = s2fetch.load_config(None, {}, environment)
    async with s2fetch.Client(config, environ=environment) as client:
        with pytest.raises(UsageError, match="--into"):
            await client.sync()


async def test_a_client_can_be_entered_again_but_not_twice_at_a_time(
    hub: EmbeddedHub, client_of: ClientFactory
) -> None:
    """As in a notebook, whose cells are run again: with a new connection and a new login."""
    async with client_of(hub, limit=1) as client:
        assert (await client.sync()).fetched == 1
        with pytest.raises(RuntimeError, match="entered already"):
            await client.__aenter__()
    with pytest.raises(RuntimeError, match="outside its context"):
        await client.sync()
    async with client:
        assert (await client.sync(renew=True)).fetched == 1


def test_every_public_name_exists_and_is_what_the_types_say() -> None:
    """The lazily loaded names agree with those the type checker sees."""
    source = ast.parse(Path(s2fetch.__file__).read_text())
    typed = {
        alias.asname
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert typed | {"__version__"} == set(s2fetch.__all__)
    for name in s2fetch.__all__:
        assert getattr(s2fetch, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        s2fetch.nothing  # noqa: B018 - the access is the test


@pytest.mark.parametrize("form", ["csv", "geoparquet"])
async def test_a_listing_is_exported_to_a_file_and_taken_as_a_selection(
    hub: EmbeddedHub, client_of: ClientFactory, tmp_path: Path, form: str
) -> None:
    """Nothing the command can do is out of reach."""
    path = tmp_path / "found.any"
    async with client_of(hub, limit=4) as client:
        exported = await client.export(form, str(path))
        assert (exported.count, exported.missing_names) == (4, [])
        with pytest.raises(UsageError, match="to a file"):
            await client.export("geoparquet", print)
    async with client_of(hub, **{"from-list": str(path)}) as client:
        assert (await client.count()).count == 4
        async with client.search() as products:
            assert len([product async for product in products]) == 4
            assert products.missing == []


async def test_a_summary_is_saved_whole_or_not_at_all(
    hub: EmbeddedHub, client_of: ClientFactory, tmp_path: Path
) -> None:
    """The report is JSON in its place; one that cannot be written leaves nothing behind."""
    async with client_of(hub) as client:
        report = await client.sync()
        await client.save(report, str(tmp_path / "report.json"))
        saved = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=s2fetch.Report)
        assert (saved.fetched, saved.outcome) == (6, "ok")
        (tmp_path / "folder").mkdir()
        with pytest.raises(ArchiveError):
            await client.save(report, tmp_path / "folder")
    assert not list(tmp_path.glob(".*"))


async def test_a_period_up_to_now_moves_with_the_clock(hub: EmbeddedHub, tmp_path: Path) -> None:
    """A client that lives for a year does not stay in the day it was made."""
    config = s2fetch.load_config(None, {"from": "-2d", "to": "2030-01-01"}, hub.environment())
    clock = FakeClock()
    async with s2fetch.Client(config, clock=clock, environ={}, state_folder=tmp_path) as client:
        before = await client.query()
        clock.advance(86_400)
        after = await client.query()
    assert before.sensing_from == clock.now() - timedelta(days=3)
    assert after.sensing_from == clock.now() - timedelta(days=2)
    assert before.sensing_to == after.sensing_to == config.query.sensing_to
