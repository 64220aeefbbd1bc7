"""An archive that does not agree with its records, or has files nobody recorded."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from s2fetch.archive.archive import Archive
from s2fetch.archive.layout import Layout
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import State
from s2fetch.embedded import answers
from s2fetch.embedded.faults import Cut, Fault, FlippedByte, Kind, Listed
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.safe import generate_products
from s2fetch.errors import ExitCode, ProgressFileError
from s2fetch.events import Healed, ProductAdopted, ProductPlanned, ProductsPresent
from s2fetch.product import Product, Proof
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, entry_of, name_of, off_loop

BODY = body_of(50_000)


async def synced(site_factory: SiteFactory, count: int = 2) -> Site:
    """A complete archive."""
    site = await site_factory(catalogue_of(*(body_of(50_000, n) for n in range(count))))
    assert (await site.sync()).exit_code == ExitCode.OK
    return site


def fetched(site: Site, before: dict[str, int]) -> int:
    """How many bodies were asked for since."""
    return sum(site.stats.bodies.values()) - sum(before.values())


@pytest.mark.parametrize(
    "name", ["{name}.zip", "{name}", "{stem}.zip"], ids=["usual", "bare", "without SAFE"]
)
async def test_a_copy_that_is_there_already_is_adopted(
    site_factory: SiteFactory, name: str
) -> None:
    """Under any of the usual names, after hashing it; nothing is downloaded."""
    site = await site_factory(catalogue_of(BODY))
    entry = site.entries[0]
    site.root.mkdir()
    path = site.root / name.format(name=entry.name, stem=entry.name.removesuffix(".SAFE"))
    path.write_bytes(BODY)
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 0)
    assert site.stats.bodies == {}
    assert site.record(entry).path == path.name
    assert site.record(entry).proof is Proof.MD5
    assert (await site.sync()).already == 1


@pytest.mark.parametrize("killed", [False, True], ids=["a partial download", "its sidecar alone"])
async def test_what_was_downloaded_of_a_product_that_is_adopted_is_removed(
    site_factory: SiteFactory, killed: bool
) -> None:
    """Nobody would ever go on with it; a run that is killed in a commit leaves the sidecar."""
    site = await site_factory(catalogue_of(body_of(2_000_000)))
    site.hub.faults.add(Fault(Cut(1_500_000)))
    assert (await site.sync(attempts=1)).exit_code == ExitCode.FAILED
    part, sidecar = sorted(site.root.glob(".s2fetch-*"), reverse=True)
    assert (part.suffix, sidecar.suffix) == (".part", ".json")
    if killed:
        part.unlink()
    site.path_of(site.entries[0]).write_bytes(body_of(2_000_000))
    report = await site.sync()
    assert (report.exit_code, report.adopted) == (ExitCode.OK, 1)
    assert site.leftovers() == []


async def test_a_copy_in_a_folder_of_the_layout_is_adopted(site_factory: SiteFactory) -> None:
    """The layout says where to look, and where to put the others."""
    site = await site_factory(catalogue_of(BODY, body_of(60_000, 1)))
    folder = site.root / "2024" / "06" / "32TQM"
    folder.mkdir(parents=True)
    (folder / f"{name_of(0)}.zip").write_bytes(BODY)
    report = await site.sync(layout="{year}/{month}/{tile}/{name}")
    assert (report.adopted, report.fetched) == (1, 1)
    assert site.visible() == [f"2024/06/32TQM/{name_of(n)}.zip" for n in range(2)]
    site.assert_whole()


async def test_a_copy_with_the_name_of_the_layout_is_adopted(site_factory: SiteFactory) -> None:
    """A lost progress file must not mean that everything is fetched again."""
    layout = "{year}/{tile}-{name}"
    site = await site_factory(catalogue_of(BODY))
    assert (await site.sync(layout=layout)).fetched == 1
    shutil.rmtree(site.root / ".s2fetch")
    report = await site.sync(layout=layout)
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 0)


@pytest.mark.parametrize("content", [b"", b"something else", body_of(50_000, 9)])
async def test_a_file_that_is_not_the_product_is_moved_aside_and_kept(
    site_factory: SiteFactory, content: bytes
) -> None:
    """Whatever it is, it is somebody's; the user is told where it is now."""
    site = await site_factory(catalogue_of(BODY))
    entry = site.entries[0]
    site.root.mkdir()
    site.path_of(entry).write_bytes(content)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    kept = list((site.root / ".s2fetch" / "replaced").iterdir())
    assert [path.read_bytes() for path in kept] == [content]
    assert str(kept[0]) in site.seen(Healed)[0].what


async def test_a_folder_in_the_place_of_a_product_is_moved_aside(site_factory: SiteFactory) -> None:
    """An unpacked copy under the file's name does not end the run."""
    site = await site_factory(catalogue_of(BODY))
    entry = site.entries[0]
    site.path_of(entry).mkdir(parents=True)
    (site.path_of(entry) / "manifest.safe").write_text("mine")
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    kept = list((site.root / ".s2fetch" / "replaced").rglob("manifest.safe"))
    assert [path.read_text() for path in kept] == ["mine"]


async def test_a_missing_file_is_fetched_again(site_factory: SiteFactory) -> None:
    """A record is no proof that a file is there."""
    site = await synced(site_factory)
    site.file_of(site.entries[0]).unlink()
    before = dict(site.stats.bodies)
    report = await site.sync()
    assert (report.exit_code, report.fetched, report.already) == (ExitCode.OK, 1, 1)
    assert fetched(site, before) == 1
    assert "missing" in site.seen(Healed)[0].what
    site.assert_whole()


async def test_a_file_of_another_size_is_fetched_again(site_factory: SiteFactory) -> None:
    """It was ours, so it is replaced and not kept."""
    site = await synced(site_factory)
    os.truncate(site.file_of(site.entries[0]), 100)
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    assert "100 bytes instead of 50000" in site.seen(Healed)[0].what
    site.assert_whole()


async def test_a_file_that_was_moved_to_another_usual_name_is_found(
    site_factory: SiteFactory,
) -> None:
    """Missing under its recorded name, but there: adopted, not fetched."""
    site = await synced(site_factory, 1)
    entry = site.entries[0]
    site.path_of(entry).rename(site.root / entry.name)
    before = dict(site.stats.bodies)
    report = await site.sync()
    assert (report.adopted, report.fetched, fetched(site, before)) == (1, 0, 0)
    assert site.record(entry).path == entry.name


async def test_a_touched_file_is_hashed_and_kept(site_factory: SiteFactory) -> None:
    """A new modification time costs a hash and no download; once."""
    site = await synced(site_factory)
    os.utime(site.file_of(site.entries[0]), (1, 1))
    before = dict(site.stats.bodies)
    report = await site.sync()
    assert (report.exit_code, report.adopted, fetched(site, before)) == (ExitCode.OK, 1, 0)
    report = await site.sync()
    assert (report.already, report.adopted) == (2, 0)


async def test_a_changed_file_of_the_same_size_is_fetched_again(site_factory: SiteFactory) -> None:
    """Touched, hashed, and found to be something else."""
    site = await synced(site_factory)
    path = site.file_of(site.entries[0])
    path.write_bytes(bytes(50_000))
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    site.assert_whole()


async def test_a_late_checksum_that_matches_is_recorded(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Nothing is fetched or hashed: the digest was computed when the product came."""
    folder = tmp_path / "unlisted"
    generate_products(folder, 1, size=40_000)
    site = await site_factory(folder)
    entry = site.entries[0]
    site.catalogue.relist(entry.id, md5="", blake3="")
    await site.sync()
    assert site.record(entry).proof is Proof.MANIFEST
    site.catalogue.relist(entry.id, md5=entry.md5)
    before = dict(site.stats.bodies)
    report = await site.sync()
    assert (report.exit_code, report.already, fetched(site, before)) == (ExitCode.OK, 1, 0)
    assert site.record(entry).proof is Proof.MD5
    assert site.record(entry).listed == f"MD5:{entry.md5}"


async def test_a_late_checksum_that_differs_means_fetching(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """What was taken on weaker proof was not the product."""
    folder = tmp_path / "unlisted"
    generate_products(folder, 2, size=40_000)
    site = await site_factory(folder)
    entry, other = site.entries
    right = site.bytes_of(entry)
    site.catalogue.relist(entry.id, md5="", blake3="", content_length=0)
    site.catalogue.replace_body(entry.id, site.bytes_of(other))
    await site.sync()
    assert site.file_of(entry).read_bytes() != right
    site.catalogue.replace_body(entry.id, right)
    site.catalogue.relist(entry.id, md5=entry.md5)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_new_version_upstream_replaces_the_old_one(site_factory: SiteFactory) -> None:
    """Only when it is whole: until then the old one stays, and is known to be ours."""
    site = await synced(site_factory, 1)
    entry = site.entries[0]
    new = body_of(70_000, 5)
    site.catalogue.replace_body(entry.id, new)
    md5 = hashlib.md5(new).hexdigest()
    site.catalogue.relist(entry.id, md5=md5, content_length=len(new))
    site.hub.faults.add(Fault(Cut(30_000), times=None))
    for _ in range(2):
        assert (await site.sync(attempts=2)).exit_code == ExitCode.FAILED
        assert site.path_of(entry).read_bytes() == body_of(50_000, 0)
        assert site.record(entry).path == site.path_of(entry).name
        assert site.record(entry).state is State.FAILED
    site.hub.faults.clear()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert not (site.root / ".s2fetch" / "replaced").exists()


async def test_a_new_version_that_is_offline_first_replaces_the_old_one(
    site_factory: SiteFactory,
) -> None:
    """What it gives way to is still known to be ours, and not moved aside as somebody's."""
    site = await synced(site_factory, 1)
    entry = site.entries[0]
    new = body_of(70_000, 5)
    site.catalogue.replace_body(entry.id, new)
    md5 = hashlib.md5(new).hexdigest()
    site.catalogue.relist(entry.id, md5=md5, content_length=len(new), online=False)
    assert (await site.sync()).exit_code == ExitCode.WAITING
    site.catalogue.relist(entry.id, online=True)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert not (site.root / ".s2fetch" / "replaced").exists()


async def test_renewing_fetches_everything_again(site_factory: SiteFactory) -> None:
    """Without harm to what is there should it fail."""
    site = await synced(site_factory)
    before = dict(site.stats.bodies)
    report = await site.sync(renew=True)
    assert (report.exit_code, report.fetched, fetched(site, before)) == (ExitCode.OK, 2, 2)
    site.assert_whole()
    site.hub.faults.add(Fault(answers.access_forbidden(), on=Kind.BODY, times=None))
    assert (await site.sync(renew=True)).exit_code == ExitCode.FAILED
    site.assert_whole()
    site.hub.faults.clear()
    before = dict(site.stats.bodies)
    report = await site.sync()
    assert (report.exit_code, report.already, fetched(site, before)) == (ExitCode.OK, 2, 0)


def twins(first: bytes, second: bytes) -> FolderCatalogue:
    """Two products of one name."""
    return FolderCatalogue(
        [(entry_of(0, first), first), (entry_of(1, second, name=name_of(0)), second)]
    )


async def test_two_products_of_one_name_are_both_kept(site_factory: SiteFactory) -> None:
    """Also when they arrive in the same moment; later runs know which is which."""
    site = await site_factory(twins(BODY, body_of(60_000, 1)))
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert len(site.visible()) == 2
    assert not (site.root / ".s2fetch" / "replaced").exists()
    before = dict(site.stats.bodies)
    report = await site.sync()
    assert (report.already, fetched(site, before)) == (2, 0)


async def test_a_product_whose_name_is_taken_gets_another_in_a_later_run(
    site_factory: SiteFactory,
) -> None:
    """The first keeps its name and its file."""
    site = await site_factory(catalogue_of(BODY))
    await site.sync()
    second = body_of(60_000, 1)
    site.catalogue.add(entry_of(1, second, name=name_of(0)), second)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.record(site.entries[0]).path == f"{name_of(0)}.zip"
    site.file_of(site.entries[1]).unlink()
    assert (await site.sync()).fetched == 1
    site.assert_whole()


async def test_two_unlisted_products_of_one_name_do_not_adopt_each_others_file(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Without a digest a sound zip of that name proves nothing when it is another product's."""
    folder = tmp_path / "unlisted"
    generate_products(folder, 2, size=40_000)
    site = await site_factory(folder)
    for entry in site.entries:
        site.catalogue.relist(
            entry.id, md5="", blake3="", content_length=0, name=site.entries[0].name
        )
    body = site.bytes_of(site.entries[1])
    hidden = site.entries[1]
    site.catalogue.delete(hidden.id)
    await site.sync()
    site.catalogue.add(hidden, body)
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    site.assert_whole()


def damage_document(site: Site) -> None:
    (site.root / ".s2fetch" / "progress.json").write_bytes(b'{"schema": 1, "products": {"')


def damage_everything(site: Site) -> None:
    for path in (site.root / ".s2fetch").glob("progress*"):
        path.write_bytes(b"\0garbage\n")


def remove_everything(site: Site) -> None:
    shutil.rmtree(site.root / ".s2fetch")


@pytest.mark.parametrize("harm", [damage_document, damage_everything, remove_everything])
async def test_a_damaged_progress_file_is_rebuilt_without_downloading(
    site_factory: SiteFactory, harm: Callable[[Site], None]
) -> None:
    """From what is sound of it, and from the files: they are hashed and adopted."""
    site = await site_factory(twins(BODY, body_of(60_000, 1)))
    await site.sync()
    before = dict(site.stats.bodies)
    harm(site)
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    assert fetched(site, before) == 0
    site.assert_whole()
    if harm is not remove_everything:
        assert any(event.subject == "progress file" for event in site.seen(Healed))
        assert list((site.root / ".s2fetch").glob("progress.damaged-*"))


async def test_a_progress_file_of_a_later_version_is_left_alone(site_factory: SiteFactory) -> None:
    """Exit code 5; nothing is changed."""
    site = await synced(site_factory)
    path = site.root / ".s2fetch" / "progress.json"
    newer = (
        path.read_bytes()
        .replace(b'"schema": 1', b'"schema": 99')
        .replace(b'"schema":1', b'"schema":99')
    )
    path.write_bytes(newer)
    with pytest.raises(ProgressFileError) as caught:
        await site.sync()
    assert caught.value.exit_code == ExitCode.ARCHIVE
    assert path.read_bytes() == newer


HOSTILE = [
    "../escaped.SAFE",
    "/tmp/absolute.SAFE",
    "nul\0byte.SAFE",
    "N" * 300 + ".SAFE",
    "CON.SAFE",
    "-rf.SAFE",
    "a/../../b.SAFE",
    ".s2fetch",
    "..",
]


@pytest.mark.parametrize("layout", ["{name}", "{collection}/{tile}/{name}"])
async def test_hostile_names_fail_only_their_products(
    site_factory: SiteFactory, tmp_path: Path, layout: str
) -> None:
    """Nothing is written outside the archive, and all other products are fetched."""
    entries = [(entry_of(n, BODY, name=name), BODY) for n, name in enumerate(HOSTILE)]
    good = body_of(50_000, 77)
    site = await site_factory(FolderCatalogue([*entries, (entry_of(99, good), good)]))
    before = sorted(path for path in tmp_path.rglob("*") if site.root not in path.parents)
    report = await site.sync(layout=layout)
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    assert {failure.code for failure in report.failures} == {"unsafe-name"}
    assert report.failed == len(HOSTILE)
    after = sorted(path for path in tmp_path.rglob("*") if site.root not in path.parents)
    added = {path for path in after if path not in before}
    assert {path for path in added if site.state not in (path, *path.parents)} == {site.root}
    assert len(site.visible()) == 1
    assert not Path("/tmp/absolute.SAFE").exists()


async def test_hostile_ids_and_headers_lead_nowhere(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Only the listed name counts, and only inside the archive."""
    site = await site_factory(catalogue_of(BODY, body_of(50_000, 1)))
    hostile = "../../../../escaped"
    site.hub.faults.add(Fault(Listed({"Id": hostile}), product=name_of(0), times=None))
    report = await site.sync(attempts=1)
    assert report.fetched == 1
    assert report.failed == 1
    assert not list(tmp_path.rglob("*escaped*"))


async def test_names_that_were_asked_for_and_do_not_exist_are_listed(
    site_factory: SiteFactory,
) -> None:
    """Exit code 7: not everything that was wanted is there."""
    site = await site_factory(catalogue_of(BODY))
    report = await site.sync(name=[name_of(0), name_of(55)])
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    assert report.missing_names == [name_of(55)]


async def test_what_is_not_complete_is_planned_with_a_reason(site_factory: SiteFactory) -> None:
    """Listeners see what is decided about each, and why; what is complete is only counted."""
    site = await synced(site_factory)
    site.events.clear()
    os.utime(site.file_of(site.entries[1]), (1, 1))
    await site.sync()
    assert [event.count for event in site.seen(ProductsPresent)] == [1]
    assert [event.verdict for event in site.seen(ProductPlanned)] == ["verify"]
    assert "touched" in site.seen(ProductPlanned)[0].reason
    assert len(site.seen(ProductAdopted)) == 1


async def test_adopting_skips_files_that_cannot_be_read(site_factory: SiteFactory) -> None:
    """A candidate that is no file one can read is not the product; it is fetched beside."""
    site = await site_factory(catalogue_of(BODY))
    entry = site.entries[0]
    site.root.mkdir()
    (site.root / entry.name).mkdir()
    (site.root / f"{entry.name}.tar").symlink_to("/nowhere/at/all")
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_quarantined_product_keeps_its_older_good_file(site_factory: SiteFactory) -> None:
    """What was verified once is not thrown away for wrong bytes."""
    site = await synced(site_factory, 1)
    entry = site.entries[0]
    site.catalogue.relist(entry.id, md5="0" * 32)
    assert (await site.sync()).exit_code == ExitCode.FAILED
    assert site.record(entry).state is State.QUARANTINED
    assert site.path_of(entry).read_bytes() == body_of(50_000, 0)


async def test_the_mark_of_a_shared_name_depends_on_the_product_only(
    site_factory: SiteFactory,
) -> None:
    """So that a rebuilt archive finds the file again."""
    site = await site_factory(twins(BODY, body_of(60_000, 1)))
    await site.sync()
    paths = {site.record(entry).path for entry in site.entries}

    def marked() -> set[str]:
        with Archive.opened(site.root, Layout(), reserve_bytes=0) as archive:
            products = [Product(id=entry.id, name=entry.name) for entry in site.entries]
            return {str(archive.shared_path(product, ".zip")) for product in products}

    assert len(paths & off_loop(marked)) == 1


async def test_an_unlisted_copy_that_is_damaged_is_not_adopted(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Its members' CRCs are looked at like those of a download."""
    folder = tmp_path / "unlisted"
    generate_products(folder, 1, size=40_000)
    site = await site_factory(folder)
    entry = site.entries[0]
    site.catalogue.relist(entry.id, md5="", blake3="")
    damaged = bytearray(site.bytes_of(entry))
    damaged[20_000] ^= 1
    site.root.mkdir()
    site.path_of(entry).write_bytes(damaged)
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 0, 1)
    site.assert_whole()


async def test_faults_in_the_middle_of_small_products_leave_nothing(
    site_factory: SiteFactory,
) -> None:
    """A product too small to be worth resuming leaves no part file when it fails for good."""
    site = await site_factory(catalogue_of(BODY))
    site.hub.faults.add(Fault(FlippedByte(10), times=1), Fault(Cut(30_000), times=None, skip=1))
    report = await site.sync(attempts=3)
    assert report.exit_code == ExitCode.FAILED
    assert site.leftovers() == []


async def test_part_files_that_nobody_goes_on_with_are_removed(site_factory: SiteFactory) -> None:
    """After a month; what is younger or being written stays. They are looked for once a day."""
    site = await site_factory(catalogue_of(BODY, body_of(60_000, 1)))
    folder = site.root / "2023"
    folder.mkdir(parents=True)
    now = site.clock.now().timestamp()
    old, young, busy, bare, odd, torn = (folder / f".s2fetch-{n}.part" for n in "abcdef")
    days_old = ((old, 31), (young, 29), (busy, 31), (bare, 31), (odd, 31), (torn, 31))
    for path, days in days_old:
        path.write_bytes(bytes(1000))
        path.with_suffix(".json").write_text('{"id":"x","name":"S2A_GONE.SAFE"}')
        os.utime(path, (now - days * 86_400,) * 2)
    old.with_suffix(".unfinished").touch()
    for path in (bare, odd):
        path.with_suffix(".json").unlink()
    odd.with_suffix(".json").mkdir()
    torn.with_suffix(".json").write_text("{")
    (folder / ".s2fetch-link.part").symlink_to(young)
    mine = site.root / "mine.part"
    mine.touch()
    os.utime(mine, (0, 0))
    with busy.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        await site.sync(limit=1)
    odd.with_suffix(".json").rmdir()
    (folder / ".s2fetch-link.part").unlink()
    with young.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    left = sorted(path.name for path in folder.iterdir())
    assert left == [".s2fetch-b.json", ".s2fetch-b.part", ".s2fetch-c.json", ".s2fetch-c.part"]
    told = {(event.subject, event.what) for event in site.seen(Healed)}
    what = "a partial download of 1.00 kB, 30 days old, is removed"
    assert told == {("S2A_GONE.SAFE", what), ("archive", what)}
    assert mine.exists()
    await site.sync()
    assert busy.exists()


async def test_what_somebody_wrote_into_a_record_is_damage_and_is_mended(
    site_factory: SiteFactory,
) -> None:
    """A progress file can be edited, also so that nothing can be made of it."""
    site = await synced(site_factory, 2)
    first, second = site.entries

    def edit() -> None:
        replace = msgspec.structs.replace
        with ProgressFile.load(site.root, True) as progress:
            progress.record(first.id, replace(site.record(first), checksum="x"))
            progress.record(second.id, replace(site.record(second), path="\0"))

    off_loop(edit)
    async with site.client() as client:
        verified = await client.verify()
    assert {each.name: each.reason for each in verified.damaged} == {
        first.name: "its record has no checksum that can be computed ('x')",
        second.name: "missing",
    }
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 2, 0)
    site.assert_whole()


async def test_a_stranger_at_the_new_place_of_what_is_fetched_anew_is_kept(
    site_factory: SiteFactory,
) -> None:
    """The product is ours and recorded elsewhere; what lies where the layout puts it now is not."""
    site = await synced(site_factory, 1)
    name = site.entries[0].name
    place = site.root / "2024" / f"{name}.zip"
    place.parent.mkdir()
    place.write_bytes(b"somebody's own")
    report = await site.sync(renew=True, layout="{year}/{name}")
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 1)
    assert place.read_bytes() == body_of(50_000, 0)
    (aside,) = off_loop(lambda: list((site.root / ".s2fetch" / "replaced").iterdir()))
    assert aside.read_bytes() == b"somebody's own"
