"""Downloads from a hub that misbehaves, from end to end."""

from __future__ import annotations

import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from blake3 import blake3

from s2fetch.archive.part import ROLLBACK_BYTES
from s2fetch.archive.records import State
from s2fetch.clock import SystemClock
from s2fetch.embedded import answers
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import (
    Answer,
    Chunked,
    Cut,
    Effect,
    ExtraBytes,
    Fault,
    FlippedByte,
    Redirect,
    Reset,
    Slow,
    Stall,
    WrongLength,
    WrongRange,
)
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.safe import generate_products
from s2fetch.embedded.state import Ranges
from s2fetch.errors import ExitCode
from s2fetch.events import AttemptFailed, ProductCompleted, ProductFailed, TransferStarted
from s2fetch.product import Proof
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, entry_of, name_of, unlisted

BIG = body_of(2_500_000)
SMALL = body_of(200_000, 1)
LATE_CUT = Cut(1_400_000)
PACE = Slow(20_000_000)
UNHURRIED = 20_000_000
"""Bytes per second that do not pile up in the client's buffers."""
IN_FLIGHT = 1 << 20
"""What may be in the client's buffers all the same, and is lost with the connection."""


async def big_and_small(site_factory: SiteFactory, *faults: Effect, **options: object) -> Site:
    """A site with a product of several blocks, to which the faults happen once, and a small one."""
    site = await site_factory(catalogue_of(BIG, SMALL), **options)
    site.hub.faults.add(*(Fault(effect, product=name_of(0)) for effect in faults))
    return site


def codes(site: Site) -> list[str]:
    return [event.code for event in site.seen(AttemptFailed)]


def offsets(site: Site, number: int = 0) -> list[int]:
    """Where the transfers of a product began."""
    name = name_of(number)
    return [event.offset for event in site.seen(TransferStarted) if event.product.name == name]


@pytest.mark.parametrize("after", [0, 1, 4096, 1_300_000, len(BIG) - 1])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param(Reset, {"connection-lost", "body-cut"}, id="reset"),
        pytest.param(Cut, {"body-cut"}, id="closed"),
    ],
)
async def test_a_body_that_breaks_is_continued(
    site_factory: SiteFactory, kind: type[Reset | Cut], code: set[str], after: int
) -> None:
    """What has arrived is kept, apart from the last bytes before the cut."""
    site = await big_and_small(site_factory, kind(after), Slow(UNHURRIED))
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    site.assert_whole()
    assert set(codes(site)) <= code
    assert len(codes(site)) == 1
    assert offsets(site)[-1] >= after - ROLLBACK_BYTES - IN_FLIGHT
    assert site.leftovers() == []


async def test_a_body_without_a_length_that_ends_early_is_noticed(
    site_factory: SiteFactory,
) -> None:
    """A clean end of a chunked body is compared with the listed length, and continued."""
    site = await big_and_small(site_factory, Cut(2_400_000, chunked=True), Slow(UNHURRIED))
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    assert codes(site) == ["body-cut"]
    assert offsets(site)[1] > 1_000_000
    site.assert_whole()


async def test_a_part_without_a_length_is_compared_with_what_was_announced_before(
    site_factory: SiteFactory,
) -> None:
    """Nothing else can tell that it ended early: no length in the catalogue, no digest, no zip."""
    body = b"\x89HDF\r\n\x1a\n" + BIG
    name = "S5P_OFFL_L2__NO2____20240601T100000_20240601T114000_34000_03_020600_20240603T000000.nc"
    entry = unlisted(0, body, name=name, content_length=0)
    site = await site_factory(FolderCatalogue([(entry, body)]))
    site.hub.faults.add(
        Fault(Cut(2_000_000)),
        Fault(WrongRange(untold=True), skip=1),
        Fault(Cut(100_000, chunked=True), skip=1),
        Fault(Slow(UNHURRIED), times=None),
    )
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["body-cut"] * 2
    assert site.file_of(entry).read_bytes() == body


async def test_a_body_without_a_length_that_is_whole_is_taken(site_factory: SiteFactory) -> None:
    """Content-Length is not required."""
    site = await big_and_small(site_factory, Chunked())
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == []
    site.assert_whole()


async def test_a_body_that_stalls_is_given_up_and_continued(site_factory: SiteFactory) -> None:
    """Less than the minimum rate within the window; the next attempt goes on."""
    site = await big_and_small(site_factory, Stall(2_400_000), Slow(UNHURRIED))
    report = await site.sync(minimum_rate="100 kB/s", minimum_rate_window="300ms")
    assert report.exit_code == ExitCode.OK
    assert "body-stalled" in codes(site)
    assert offsets(site)[-1] > 1_000_000
    site.assert_whole()


async def test_a_slow_body_above_the_minimum_rate_is_left_alone(site_factory: SiteFactory) -> None:
    """It may take many windows."""
    body = body_of(120_000)
    site = await site_factory(catalogue_of(body))
    site.hub.faults.add(Fault(Slow(150_000)))
    report = await site.sync(minimum_rate="1 kB/s", minimum_rate_window="500ms")
    assert report.exit_code == ExitCode.OK
    assert codes(site) == []
    site.assert_whole()


async def test_a_bandwidth_limit_below_the_minimum_rate_is_no_stall(
    site_factory: SiteFactory,
) -> None:
    """The limit is ours: bytes that wait for it, twice as long as the window, are no delay."""
    site = await site_factory(catalogue_of(body_of(250_000)))
    site.clock = SystemClock()
    report = await site.sync(
        bandwidth="200 kB/s", minimum_rate="10 MB/s", minimum_rate_window="500ms"
    )
    assert report.exit_code == ExitCode.OK
    assert codes(site) == []


@pytest.mark.parametrize("count", [1, 100_000, 2_000_000])
async def test_a_body_with_extra_bytes_is_not_taken(site_factory: SiteFactory, count: int) -> None:
    """Too long by any number is wrong, and it is fetched again from zero."""
    site = await big_and_small(site_factory, ExtraBytes(count))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["checksum-mismatch"]
    site.assert_whole()


async def test_a_chunked_body_cannot_fill_the_disk(site_factory: SiteFactory) -> None:
    """Without an announced length more than the listed one is stopped as it arrives."""
    site = await big_and_small(site_factory, Chunked(), ExtraBytes(50_000_000))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["body-too-long"]
    assert site.stats.bytes_served[site.entries[0].id] < 20_000_000
    site.assert_whole()


@pytest.mark.parametrize("at", [0, 100_000, len(BIG) - 1])
async def test_a_flipped_byte_is_noticed_and_fetched_again_from_zero(
    site_factory: SiteFactory, at: int
) -> None:
    """One wrong bit anywhere; the second time it is right."""
    site = await big_and_small(site_factory, FlippedByte(at))
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    assert codes(site) in (["checksum-mismatch"], ["not-a-product"])
    assert offsets(site)[-1] == 0
    site.assert_whole()


async def test_a_byte_flipped_before_a_cut_does_not_survive_the_resume(
    site_factory: SiteFactory,
) -> None:
    """The join is covered by the digest; the third attempt begins at zero."""
    site = await big_and_small(site_factory, FlippedByte(5000), Cut(2_400_000), Slow(UNHURRIED))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["body-cut", "checksum-mismatch"]
    assert [offset > 0 for offset in offsets(site)] == [False, True, False]
    site.assert_whole()


async def test_the_same_wrong_bytes_twice_are_quarantined(site_factory: SiteFactory) -> None:
    """They are kept aside, the others go on, and nothing is under the product's name."""
    site = await site_factory(catalogue_of(BIG, SMALL))
    right, wrong = site.entries
    site.catalogue.relist(wrong.id, md5="0" * 32)
    report = await site.sync()
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 1, 1)
    assert report.failures[0].code == "checksum-wrong-twice"
    assert "--renew" in report.failures[0].next_step
    site.assert_whole([right])
    record = site.record(wrong)
    assert record.state is State.QUARANTINED
    assert record.attempts == 2
    assert (site.root / record.path).read_bytes() == SMALL
    assert record.path.startswith(".s2fetch/quarantine/")
    assert not site.path_of(wrong).exists()
    assert site.stats.bodies[wrong.id] == 2


async def quarantined(site_factory: SiteFactory) -> tuple[Site, Entry]:
    site = await site_factory(catalogue_of(SMALL))
    entry = site.entries[0]
    site.catalogue.relist(entry.id, md5="0" * 32)
    await site.sync()
    assert site.record(entry).state is State.QUARANTINED
    return site, entry


async def test_a_quarantined_product_is_left_alone(site_factory: SiteFactory) -> None:
    """Later runs do not fetch it, and still say that it is missing."""
    site, entry = await quarantined(site_factory)
    bodies = site.stats.bodies[entry.id]
    report = await site.sync()
    assert (report.exit_code, report.failed) == (ExitCode.FAILED, 1)
    assert report.failures[0].code == "quarantined"
    assert site.stats.bodies[entry.id] == bodies


async def test_a_quarantined_product_is_fetched_when_the_catalogue_is_corrected(
    site_factory: SiteFactory,
) -> None:
    """A new checksum is a new chance."""
    site, entry = await quarantined(site_factory)
    site.catalogue.relist(entry.id, md5=entry.md5)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_a_quarantined_product_is_fetched_when_the_user_says_so(
    site_factory: SiteFactory,
) -> None:
    """--renew tries again although the listing is the same."""
    site, entry = await quarantined(site_factory)
    bodies = site.stats.bodies[entry.id]
    report = await site.sync(renew=True)
    assert report.exit_code == ExitCode.FAILED
    assert site.stats.bodies[entry.id] == bodies + 2


@pytest.mark.parametrize(
    "wrong",
    [WrongRange(start_by=-1), WrongRange(start_by=10), WrongRange(total_by=1)],
    ids=["too early", "too late", "another total"],
)
async def test_a_wrong_content_range_is_not_appended(
    site_factory: SiteFactory, wrong: WrongRange
) -> None:
    """The whole product is asked for instead, in the same attempt."""
    site = await big_and_small(site_factory, Cut(2_400_000), Slow(UNHURRIED))
    site.hub.faults.add(Fault(wrong, product=name_of(0), skip=1))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["body-cut"]
    assert offsets(site) == [0, 0]
    site.assert_whole()


@pytest.mark.parametrize(
    ("ranges", "status"), [(Ranges.IGNORE, 416), (Ranges.ERROR, 400), (Ranges.ERROR, 416)]
)
async def test_a_hub_without_ranges_starts_again(
    site_factory: SiteFactory, ranges: Ranges, status: int
) -> None:
    """Ignored ranges answer 200, refused ones an error; both cost no attempt."""
    site = await big_and_small(
        site_factory, Cut(2_400_000), Slow(UNHURRIED), ranges=ranges, range_error_status=status
    )
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["body-cut"]
    assert offsets(site) == [0, 0]
    site.assert_whole()


async def test_a_hub_that_refuses_ranges_is_soon_asked_no_more(site_factory: SiteFactory) -> None:
    """After two refusals in a row only whole products are asked for; one may be on its way."""
    count = 8
    site = await site_factory(
        catalogue_of(*(body_of(1_500_000, seed) for seed in range(count))), ranges=Ranges.ERROR
    )
    for number in range(count):
        site.hub.faults.add(*(Fault(e, product=name_of(number)) for e in (LATE_CUT, PACE)))
    assert (await site.sync(slots=1)).exit_code == ExitCode.OK
    assert codes(site) == ["body-cut"] * count
    assert 2 <= site.stats.statuses["416"] <= 3
    site.assert_whole()


@pytest.mark.parametrize(
    ("validators", "expected"),
    [(True, ["body-cut"]), (False, ["body-cut", "checksum-mismatch"])],
    ids=["with validators", "without"],
)
async def test_a_product_that_changed_after_the_cut_is_never_mixed(
    site_factory: SiteFactory, validators: bool, expected: list[str]
) -> None:
    """By its validator when there is one; else the digest finds the mixture out."""
    site = await big_and_small(site_factory, Cut(2_400_000), Slow(UNHURRIED), validators=validators)
    entry, after = site.entries[0], body_of(len(BIG), 7)
    site.catalogue.relist(entry.id, md5=hashlib.md5(after).hexdigest())
    site.on(AttemptFailed, lambda: site.catalogue.replace_body(entry.id, after))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == expected
    assert site.path_of(entry).read_bytes() == after
    site.assert_whole()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answers.html_page(), id="html"),
        pytest.param(answers.json_error_page(), id="json"),
        pytest.param(Answer(200, "", "application/zip"), id="empty"),
        pytest.param(Answer(200, "Service unavailable", "text/plain"), id="text"),
        pytest.param(
            Answer(200, "<?xml version='1.0'?><Error><Code>x</Code></Error>", "application/xml"),
            id="xml",
        ),
    ],
)
async def test_an_error_page_with_status_200_is_never_stored(
    site_factory: SiteFactory, answer: Answer
) -> None:
    """It is refused before a byte is kept, and the product fetched again."""
    site = await big_and_small(site_factory, answer)
    assert (await site.sync()).exit_code == ExitCode.OK
    assert set(codes(site)) <= {"not-a-product", "body-cut"}
    assert len(codes(site)) == 1
    site.assert_whole()


async def test_an_error_page_that_stays_is_told_with_its_text(site_factory: SiteFactory) -> None:
    """No file is left of it, not even a part file."""
    site = await site_factory(FolderCatalogue([(unlisted(0, SMALL, content_length=0), SMALL)]))
    site.hub.faults.add(Fault(answers.html_page(), times=None))
    report = await site.sync(attempts=3)
    assert report.exit_code == ExitCode.FAILED
    assert "Maintenance" in report.failures[0].error
    assert site.visible() == []
    assert site.leftovers() == []


async def test_403_means_later_and_not_now(site_factory: SiteFactory) -> None:
    """One try; the others go on; the message says what to do."""
    site = await site_factory(catalogue_of(BIG, SMALL))
    site.hub.faults.add(
        Fault(answers.access_forbidden(), product=name_of(0), times=None),
    )
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    assert report.failures[0].code == "access-forbidden"
    assert report.failures[0].next_step == "the next run tries again"
    assert codes(site) == []
    assert site.leftovers() == []
    site.hub.faults.clear()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


@pytest.mark.parametrize("by", [1000, -1000])
async def test_a_lying_content_length_does_not_make_a_wrong_file(
    site_factory: SiteFactory, by: int
) -> None:
    """Too much announced is a body that was cut; too little one that does not match."""
    site = await big_and_small(site_factory, WrongLength(by))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert len(codes(site)) == 1
    site.assert_whole()


async def test_an_absurd_content_length_fails_only_its_product(site_factory: SiteFactory) -> None:
    """An announcement of exabytes neither fills the disk nor ends the run."""
    site = await site_factory(catalogue_of(BIG, SMALL))
    site.hub.faults.add(Fault(WrongLength(10**18), product=name_of(0), times=None))
    report = await site.sync(attempts=2)
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.FAILED, 1, 1)
    assert report.failures[0].code == "body-too-long"
    site.assert_whole([site.entries[1]])


async def test_the_digest_outranks_the_listed_length(site_factory: SiteFactory) -> None:
    """A wrong length in the catalogue does not keep a right product out."""
    site = await site_factory(
        FolderCatalogue([(entry_of(0, BIG, content_length=len(BIG) + 5), BIG)])
    )
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_size_0_and_no_checksum_is_proven_by_the_manifest(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """The product's own digests hold, and the record says that this is the proof."""
    folder = tmp_path / "unlisted"
    generate_products(folder, 1, size=40_000)
    site = await site_factory(folder)
    entry = site.entries[0]
    site.catalogue.relist(entry.id, content_length=0, md5="", blake3="")
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.record(entry).proof is Proof.MANIFEST
    assert site.record(entry).checksum == f"MD5:{entry.md5}"
    assert site.seen(ProductCompleted)[0].proof is Proof.MANIFEST


def zip_of(content: bytes) -> bytes:
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a/file", content)
    return memory.getvalue()


async def test_size_0_and_no_checksum_without_a_manifest_is_proven_by_crcs(
    site_factory: SiteFactory,
) -> None:
    """The weaker proof is recorded as what it is."""
    body = zip_of(b"x" * 3_000_000)
    site = await site_factory(FolderCatalogue([(unlisted(0, body, content_length=0), body)]))
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    assert site.record(site.entries[0]).proof is Proof.ZIP_CRC


async def test_a_damaged_zip_without_a_checksum_is_not_taken(site_factory: SiteFactory) -> None:
    """Its members' CRCs do not hold: fetched again, and in the end failed."""
    body = bytearray(zip_of(b"x" * 100_000))
    body[50_000] ^= 1
    entry = unlisted(0, bytes(body), content_length=0)
    site = await site_factory(FolderCatalogue([(entry, bytes(body))]))
    report = await site.sync(attempts=2)
    assert (report.exit_code, report.failed) == (ExitCode.FAILED, 1)
    assert report.failures[0].code == "not-a-product"
    assert site.visible() == []
    assert site.stats.bodies[entry.id] == 2
    assert site.leftovers() == []


async def test_a_zip_damaged_once_is_fetched_again(site_factory: SiteFactory) -> None:
    """The second time it is whole, and nothing of the first is kept."""
    body = zip_of(b"x" * 1_500_000)
    site = await site_factory(FolderCatalogue([(unlisted(0, body, content_length=0), body)]))
    site.hub.faults.add(Fault(FlippedByte(70_000)))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["not-a-product"]
    assert offsets(site) == [0, 0]
    site.assert_whole()


@pytest.mark.parametrize("by", [-7, 7])
async def test_without_a_checksum_the_listed_length_has_to_be_right(
    site_factory: SiteFactory, by: int
) -> None:
    """It is all the catalogue says, so it is held to it."""
    body = zip_of(b"x" * 5000)
    entry = unlisted(0, body, content_length=len(body) + by)
    site = await site_factory(FolderCatalogue([(entry, body)]))
    report = await site.sync(attempts=2)
    assert report.exit_code == ExitCode.FAILED
    assert site.visible() == []


async def test_only_blake3_is_enough(site_factory: SiteFactory) -> None:
    """Right bytes are taken, wrong ones are not."""
    entries = [
        (entry_of(0, BIG, md5=""), BIG),
        (entry_of(1, SMALL, md5="", blake3=blake3(b"another").hexdigest()), SMALL),
    ]
    site = await site_factory(FolderCatalogue(entries))
    report = await site.sync()
    assert (report.fetched, report.failed) == (1, 1)
    record = site.record(site.entries[0])
    assert record.proof is Proof.BLAKE3
    assert record.checksum == f"BLAKE3:{blake3(BIG).hexdigest()}"


async def test_a_netcdf_product_gets_no_zip_suffix(site_factory: SiteFactory) -> None:
    """The file is called what it is."""
    body = b"\x89HDF\r\n\x1a\n" + bytes(1000)
    name = name_of(0, ".nc")
    site = await site_factory(FolderCatalogue([(entry_of(0, body, name=name), body)]))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert site.visible() == [name]


async def test_the_suffix_is_right_after_a_resume_too(site_factory: SiteFactory) -> None:
    """The answer's first bytes are in the middle of the product then; the file's own count."""
    body = b"\x89HDF\r\n\x1a\n" + body_of(2_000_000)
    name = name_of(0, ".nc")
    site = await site_factory(FolderCatalogue([(entry_of(0, body, name=name), body)]))
    site.hub.faults.add(Fault(Cut(1_500_000)), Fault(Slow(UNHURRIED)))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert offsets_of(site, name)[-1] > 0
    assert site.visible() == [name]


def offsets_of(site: Site, name: str) -> list[int]:
    return [event.offset for event in site.seen(TransferStarted) if event.product.name == name]


async def test_a_product_deleted_after_listing_is_tried_a_little_and_left(
    site_factory: SiteFactory,
) -> None:
    """Good products have answered 404 now and then, so not only once; the next run tries again."""
    site = await site_factory(catalogue_of(BIG, SMALL))
    site.hub.faults.add(Fault(answers.product_not_found(), product=name_of(0), times=None))
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    assert report.failures[0].code == "product-gone"
    assert report.failures[0].next_step == "the next run tries again"
    assert codes(site) == ["product-gone"] * 2
    assert site.record(site.entries[0]).state is State.FAILED
    assert site.record(site.entries[0]).attempts == 3
    site.hub.faults.clear()
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


async def test_an_expired_token_is_renewed_once_for_all_and_costs_no_attempt(
    site_factory: SiteFactory,
) -> None:
    """The server's word counts, not our clock; nobody logs in anew."""
    site = await site_factory(catalogue_of(*(body_of(50_000, n) for n in range(8))))
    site.hub.identity.expire_tokens()
    async with site.client() as client:
        await client.login()
        site.hub.identity.expire_tokens()
        report = await client.sync()
    assert report.exit_code == ExitCode.OK
    assert codes(site) == []
    assert (site.stats.logins, site.stats.refreshes) == (1, 1)
    site.assert_whole()


@pytest.mark.parametrize(("age", "told"), [(301, []), (10, ["hub-answer"])])
async def test_a_hub_that_fails_over_an_old_token_gets_a_new_one(
    site_factory: SiteFactory, age: float, told: list[str]
) -> None:
    """An expired token has been answered by 500; a new one is not to blame for that."""
    site = await site_factory(catalogue_of(SMALL))
    async with site.client() as client:
        await client.login()
        await site.clock.sleep(age)
        site.hub.faults.add(Fault(answers.server_error(500)))
        assert (await client.sync()).exit_code == ExitCode.OK
    assert codes(site) == told
    assert (site.stats.logins, site.stats.refreshes) == (1, int(not told))


async def test_a_token_that_is_never_accepted_ends_in_a_failure(site_factory: SiteFactory) -> None:
    """Attempts are bounded, and so are renewals."""
    site = await site_factory(catalogue_of(SMALL))
    site.hub.faults.add(Fault(answers.token_expired(), times=None))
    report = await site.sync(attempts=3)
    assert (report.exit_code, report.failures[0].code) == (ExitCode.FAILED, "token-refused")
    assert site.stats.refreshes <= 6
    assert site.stats.logins == 1


async def test_an_unexpected_status_is_tried_again(site_factory: SiteFactory) -> None:
    """A 500 or 502 says nothing about the product."""
    site = await big_and_small(site_factory, answers.server_error(500))
    site.hub.faults.add(Fault(answers.server_error(502), product=name_of(1)))
    assert (await site.sync()).exit_code == ExitCode.OK
    assert codes(site) == ["hub-answer"] * 2
    site.assert_whole()


async def test_a_redirect_elsewhere_is_not_followed_and_not_repeated(
    site_factory: SiteFactory,
) -> None:
    """No token gets there; the product is left out of this run."""
    site = await big_and_small(site_factory)
    site.hub.faults.add(
        Fault(Redirect("https://elsewhere.example.org/x"), product=name_of(0), times=None)
    )
    report = await site.sync()
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    assert report.failures[0].code == "redirect"
    assert report.failures[0].next_step == "needs a change by you or the hub first"
    assert "elsewhere.example.org" in report.failures[0].error


async def test_resuming_can_be_switched_off(site_factory: SiteFactory) -> None:
    """With resume = never every attempt begins at zero."""
    site = await big_and_small(site_factory, Cut(2_400_000), Slow(UNHURRIED))
    assert (await site.sync(resume="never")).exit_code == ExitCode.OK
    assert offsets(site) == [0, 0]
    site.assert_whole()


async def test_a_later_run_continues_what_an_earlier_one_gave_up(
    site_factory: SiteFactory,
) -> None:
    """The part file stays when a product fails."""
    site = await big_and_small(site_factory)
    for effect in (Cut(2_400_000), Slow(UNHURRIED)):
        site.hub.faults.add(Fault(effect, product=name_of(0), times=None))
    report = await site.sync(attempts=1)
    assert (report.exit_code, report.fetched) == (ExitCode.FAILED, 1)
    site.hub.faults.clear()
    served = site.stats.bytes_served[site.entries[0].id]
    assert (await site.sync()).exit_code == ExitCode.OK
    again = site.stats.bytes_served[site.entries[0].id] - served
    assert again < len(BIG) - 1_000_000
    site.assert_whole()


async def test_the_number_of_attempts_goes_on_over_runs(site_factory: SiteFactory) -> None:
    """What is told about a failing product counts all attempts since its last success."""
    site = await big_and_small(site_factory)
    site.hub.faults.add(Fault(answers.server_error(500), product=name_of(0), times=None))
    await site.sync(attempts=2)
    await site.sync(attempts=2)
    assert site.record(site.entries[0]).attempts == 4
    assert site.seen(ProductFailed)[0].code == "hub-answer"
