"""Opening downloads on a hub that speaks the Copernicus Data Space's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from s2fetch.embedded import answers
from s2fetch.embedded.delivery import plain
from s2fetch.embedded.faults import Answer, Cut, Fault, Kind, Redirect, Reset
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.state import OfflineAnswer, Ranges
from s2fetch.errors import (
    BodyCutError,
    ConnectionLostError,
    HubAnswerError,
    HubBusyError,
    HubDownError,
    ProductError,
    ProductGoneError,
    ProductOfflineError,
    RedirectError,
    ResumeError,
    S2FetchError,
    TokenRefusedError,
)
from s2fetch.events import EventBus
from s2fetch.hub.base import Body, RetrievalAnswer, Validator
from s2fetch.hub.body import parse_content_range
from s2fetch.hub.cdse import CdseHub
from s2fetch.product import Product
from s2fetch.query import Query
from tests.clock import FakeClock
from tests.conftest import HubFactory
from tests.hub.conftest import CdseFactory, ClientFactory, Server

ServerFactory = Callable[..., Awaitable[Server]]


class Site:
    """A hub, a client of it, a product and a token."""

    def __init__(self, hub: EmbeddedHub, cdse: CdseHub, product: Product, token: str) -> None:
        self.hub = hub
        self.cdse = cdse
        self.product = product
        self.token = token

    async def get(
        self, offset: int = 0, validator: Validator | None = None, token: str | None = None
    ) -> tuple[Body, bytes]:
        """A download, read to its end."""
        async with self.cdse.open(
            self.product,
            offset=offset,
            validator=validator or Validator(),
            token=self.token if token is None else token,
            account="a",
        ) as body:
            data = b""
            while more := await body.read():
                data += more
            return body, data

    async def ask(self) -> tuple[RetrievalAnswer, str]:
        return await self.cdse.request_retrieval(self.product, token=self.token, account="a")


SiteFactory = Callable[..., Awaitable[Site]]


@pytest.fixture
def site_factory(hub_factory: HubFactory, cdse: CdseFactory) -> SiteFactory:
    """Starts a hub and what is needed to download from it."""

    async def start(*faults: Fault, give_up_after: float = 900.0, **settings: object) -> Site:
        hub = await hub_factory(faults=faults, **settings)
        client = await cdse(hub, give_up_after=give_up_after)
        async with client.search(Query(limit=1)) as products:
            product = await anext(products)
        user = hub.users[0]
        form = {
            "grant_type": "password",
            "client_id": "cdse-public",
            "username": user.name,
            "password": user.password,
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(hub.token_url, data=form) as answer,
        ):
            token = (await answer.json())["access_token"]
        return Site(hub, client, product, token)

    return start


def content(site: Site) -> bytes:
    body = site.hub.catalogue.body(site.product.id)
    assert body is not None
    return body if isinstance(body, bytes) else body.read_bytes()


async def test_a_product_arrives_as_it_is(site_factory: SiteFactory) -> None:
    """Whole, with what the headers say about it."""
    site = await site_factory()
    body, data = await site.get()
    assert data == content(site)
    assert (body.status, body.start, body.total) == (200, 0, site.product.size)
    assert body.content_type == "application/zip"
    assert body.validator.etag
    assert body.validator.last_modified


async def test_a_download_goes_on_at_an_offset(site_factory: SiteFactory) -> None:
    """The answer says where it starts; the version asked for is the one that is sent."""
    site = await site_factory()
    whole, data = await site.get()
    body, rest = await site.get(1000, whole.validator)
    assert (body.status, body.start, body.total) == (206, 1000, len(data))
    assert rest == data[1000:]


async def test_another_version_is_sent_from_its_start(site_factory: SiteFactory) -> None:
    """If-Range: the whole of the new version instead of a part of it (RFC 9110 13.1.5)."""
    site = await site_factory()
    body, data = await site.get(1000, Validator('"other"'))
    assert (body.status, body.start) == (200, 0)
    assert data == content(site)


async def test_a_hub_may_ignore_the_range(site_factory: SiteFactory) -> None:
    """Then everything comes, and says so."""
    site = await site_factory(ranges=Ranges.IGNORE)
    body, data = await site.get(1000)
    assert (body.status, body.start, len(data)) == (200, 0, site.product.size)


@pytest.mark.parametrize("status", [400, 416, 501])
async def test_a_hub_may_refuse_the_range(site_factory: SiteFactory, status: int) -> None:
    """That is an error about continuing, not about the product."""
    site = await site_factory(ranges=Ranges.ERROR, range_error_status=status)
    with pytest.raises(ResumeError):
        await site.get(1000)
    assert (await site.get(0))[0].status == 200


async def test_an_offset_behind_the_end_cannot_be_continued(site_factory: SiteFactory) -> None:
    """416."""
    site = await site_factory()
    with pytest.raises(ResumeError, match="416"):
        await site.get(10**9)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("bytes 0-0/1", (0, 0, 1)),
        ("bytes 1000-1999/2000", (1000, 1999, 2000)),
        (" Bytes 5-9/* ", (5, 9, None)),
        ("bytes 9-5/10", None),
        ("bytes 5-10/10", None),
        ("bytes */10", None),
        ("bytes 5-9", None),
        ("bytes=5-9/10", None),
        ("items 5-9/10", None),
        ("bytes 5-9/-1", None),
        ("bytes \u0665-9/10", None),
        ("bytes 0-" + "9" * 40 + "/*", None),
        ("", None),
    ],
)
def test_a_content_range_is_read_strictly(
    value: str, parsed: tuple[int, int, int | None] | None
) -> None:
    """What contradicts itself is none (RFC 9110 14.4)."""
    if parsed is not None:
        assert parse_content_range(value) == parsed
        return
    with pytest.raises(ValueError, match="Content-Range"):
        parse_content_range(value)


async def opened(
    client_factory: ClientFactory, cdse_clock: FakeClock, server: Server, product_id: str = "1"
) -> tuple[CdseHub, Product]:
    client = await client_factory(server.url)
    url = f"{server.url}/odata/v1"
    hub = CdseHub(client, catalogue_url=url, download_url=url, clock=cdse_clock, events=EventBus())
    return hub, Product(id=product_id, name="S2A.SAFE")


async def read(hub: CdseHub, product: Product, offset: int = 0) -> bytes:
    async with hub.open(
        product, offset=offset, validator=Validator(), token="secret", account="a"
    ) as body:
        return await body.read()


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (206, {"Content-Range": "bytes 9-5/10"}, ResumeError),
        (206, {"Content-Type": "multipart/byteranges"}, ResumeError),
        (206, {}, ResumeError),
        (200, {"Content-Encoding": "gzip"}, HubAnswerError),
        (200, {"Content-Encoding": "br"}, HubAnswerError),
    ],
)
async def test_an_answer_that_cannot_be_placed_is_refused(
    servers: ServerFactory,
    client_factory: ClientFactory,
    clock: FakeClock,
    status: int,
    headers: dict[str, str],
    kind: type[ProductError],
) -> None:
    """Without a sound Content-Range, or encoded in transit, bytes belong nowhere."""
    server = await servers(web.Response(status=status, headers=headers, body=b"12345"))
    hub, product = await opened(client_factory, clock, server)
    with pytest.raises(kind) as raised:
        await read(hub, product, offset=5)
    assert raised.value.product == "S2A.SAFE"


@pytest.mark.parametrize("product_id", ["a/../b", "a'b(c)", "%2e%2e", "é #?&+", "x\r\nHost: y"])
async def test_an_odd_id_stays_one_segment_of_the_path(
    servers: ServerFactory, client_factory: ClientFactory, clock: FakeClock, product_id: str
) -> None:
    """Ids come from the catalogue and must not lead anywhere else."""
    server = await servers(web.Response(body=b"data"))
    hub, product = await opened(client_factory, clock, server, product_id)
    assert await read(hub, product) == b"data"
    (request,) = server.requests
    assert request.raw_path.count("/") == 4
    assert request.url.path == f"/odata/v1/Products({product_id})/$value"
    assert request.headers["Host"] == server.url.removeprefix("http://")


async def test_a_refusal_that_comes_in_pieces_is_read_whole(
    servers: ServerFactory, client_factory: ClientFactory, clock: FakeClock
) -> None:
    """Its code decides what it means, so half of it is not enough."""
    body = answers.wrong_audience().body.encode()

    async def in_pieces(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=401, headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:40])
        await asyncio.sleep(0.05)
        await response.write(body[40:])
        return response

    server = await servers(in_pieces)
    hub, product = await opened(client_factory, clock, server)
    with pytest.raises(ProductError, match="DAT-ZIP-609 Token audience not allowed"):
        await read(hub, product)


# The gate


@pytest.mark.parametrize(
    ("answer", "seconds", "other_waits"),
    [
        (answers.rate_limited("30"), 30, True),
        (answers.rate_limited("30", 503), 30, True),
        (answers.rate_limited(), None, True),
        (answers.firewall(), None, True),
        (answers.too_many_transfers(), None, False),
    ],
)
async def test_a_hub_that_asks_to_wait_closes_the_gate(
    site_factory: SiteFactory,
    clock: FakeClock,
    answer: Answer,
    seconds: float | None,
    other_waits: bool,
) -> None:
    """For everyone when it is the host's wish, for the account when it has too many downloads."""
    site = await site_factory(Fault(answer, on=Kind.BODY))
    with pytest.raises(HubBusyError, match=str(answer.status)) as raised:
        await site.get()
    assert raised.value.retry_after == seconds
    assert raised.value.account_only is not other_waits
    await site.cdse.wait_until_ready("b")
    assert (clock.monotonic() > 0) is other_waits
    await site.cdse.wait_until_ready("a")
    assert clock.monotonic() == seconds if seconds else clock.monotonic() >= 3.75
    assert (await site.get())[0].status == 200
    assert site.cdse.successes == 1


async def test_the_cap_of_an_account_is_told_from_the_load_of_the_host(
    site_factory: SiteFactory,
) -> None:
    """The hub refuses a download too many of one account; another account may go on."""
    site = await site_factory(most_transfers=0)
    with pytest.raises(HubBusyError) as raised:
        await site.get()
    assert raised.value.account_only


async def test_a_hub_that_is_down_costs_no_attempt(
    site_factory: SiteFactory, clock: FakeClock
) -> None:
    """It is busy for everyone until a probe gets through."""
    site = await site_factory()
    await site.hub.go_down()
    for _ in range(3):
        await site.cdse.wait_until_ready("a")
        with pytest.raises(HubBusyError, match="no answer from"):
            await site.get()
    assert clock.monotonic() >= 1 + 2
    await site.hub.come_up()
    await site.cdse.wait_until_ready("a")
    assert (await site.get())[0].status == 200


async def test_a_hub_that_stays_down_is_given_up(site_factory: SiteFactory) -> None:
    """After as long as the user wants to wait."""
    site = await site_factory(give_up_after=100.0)
    await site.hub.go_down()

    async def go_on() -> None:
        while True:
            await site.cdse.wait_until_ready("a")
            with pytest.raises(HubBusyError):
                await site.get()

    with pytest.raises(HubDownError, match="has not answered properly for 1 min 40 s"):
        await go_on()


async def test_a_connection_reset_before_the_answer_is_the_hosts_trouble(
    site_factory: SiteFactory,
) -> None:
    """As when it cannot be reached."""
    site = await site_factory(Fault(Reset(-1), times=2))  # one is repeated by aiohttp
    with pytest.raises(HubBusyError):
        await site.get()


@pytest.mark.parametrize(
    ("effect", "kind"), [(Cut(1000), BodyCutError), (Reset(1000), ConnectionLostError)]
)
async def test_a_body_that_breaks_off_is_the_products_trouble(
    site_factory: SiteFactory, clock: FakeClock, effect: Cut | Reset, kind: type[S2FetchError]
) -> None:
    """The host serves, so nobody else has to wait."""
    site = await site_factory(Fault(effect))
    with pytest.raises((kind, BodyCutError)):
        await site.get()
    await site.cdse.wait_until_ready("a")
    assert clock.monotonic() == 0


@pytest.mark.parametrize(
    ("answer", "kind", "successes"),
    [
        (answers.product_not_found(), ProductGoneError, 1),
        (answers.server_error(500), HubAnswerError, 0),
        (answers.token_expired(), TokenRefusedError, 0),
    ],
)
async def test_only_proper_answers_count_as_success(
    site_factory: SiteFactory, answer: Answer, kind: type[ProductError], successes: int
) -> None:
    """What the hub serves others is how one product's endless waiting is recognised."""
    site = await site_factory(Fault(answer, on=Kind.BODY))
    with pytest.raises(kind):
        await site.get()
    assert site.cdse.successes == successes


async def test_a_redirect_elsewhere_names_the_product(site_factory: SiteFactory) -> None:
    """The message has to say which one is left out."""
    site = await site_factory(Fault(Redirect("https://evil.example/x")))
    with pytest.raises(RedirectError, match=r"evil\.example") as raised:
        await site.get()
    assert raised.value.product == site.product.name


async def test_a_refused_token_is_an_error_of_its_own(site_factory: SiteFactory) -> None:
    """So that it can be renewed, and the product asked for again."""
    site = await site_factory()
    for token in ("", "nonsense"):
        with pytest.raises(TokenRefusedError, match="401 DAT-ZIP-"):
            await site.get(token=token)


@pytest.mark.parametrize(
    ("answer", "kind", "pause"),
    [
        (answers.rate_limited("30"), HubBusyError, 30),
        (answers.too_many_transfers(), HubBusyError, 3.75),
        (answers.token_expired(), TokenRefusedError, 0),
        (answers.server_error(500), HubAnswerError, 0),
    ],
)
async def test_what_a_host_says_that_was_redirected_to_counts_as_the_hubs_word(
    servers: ServerFactory,
    client_factory: ClientFactory,
    clock: FakeClock,
    bus: EventBus,
    answer: Answer,
    kind: type[S2FetchError],
    pause: float,
) -> None:
    """Who asks the first host again is sent to the second again: the pause is before the first."""
    target = await servers(plain(answer))
    server = await servers(web.Response(status=301, headers={"Location": f"{target.url}/value"}))
    client = await client_factory(server.url, target.url)
    hub = CdseHub(
        client, catalogue_url=server.url, download_url=server.url, clock=clock, events=bus
    )
    with pytest.raises(kind):
        await read(hub, Product(id="1", name="S2A.SAFE"))
    await hub.wait_until_ready("a")
    assert clock.monotonic() >= pause
    assert (clock.monotonic() > 0) is (pause > 0)


# Retrieval


@pytest.mark.parametrize(
    ("offline_answer", "expected", "text"),
    [
        (OfflineAnswer.ACCEPTED, RetrievalAnswer.ACCEPTED, "202"),
        (OfflineAnswer.FORBIDDEN, RetrievalAnswer.REFUSED, "403 DAT-ZIP-608 Access forbidden"),
        (OfflineAnswer.NOT_FOUND, RetrievalAnswer.REFUSED, "404 DAT-ZIP-101 Product not found"),
        (OfflineAnswer.ERROR, RetrievalAnswer.LATER, "500"),
        (OfflineAnswer.QUOTA, RetrievalAnswer.QUOTA, "429 Too many requests"),
    ],
)
async def test_answers_to_an_order_are_told_apart(
    site_factory: SiteFactory,
    clock: FakeClock,
    offline_answer: OfflineAnswer,
    expected: RetrievalAnswer,
    text: str,
) -> None:
    """None of them is an error, and none makes the others wait."""
    site = await site_factory(offline_answer=offline_answer)
    site.hub.folder.relist(site.product.id, online=False)
    assert await site.ask() == (expected, text)
    await site.cdse.wait_until_ready("a")
    assert clock.monotonic() == 0


async def test_an_order_for_a_product_that_is_online_starts_no_download(
    site_factory: SiteFactory,
) -> None:
    """One byte is asked for, and whatever comes is cut off."""
    site = await site_factory()
    assert await site.ask() == (RetrievalAnswer.ONLINE, "206")
    assert site.hub.stats.all_bytes_served <= 1
    site = await site_factory(ranges=Ranges.IGNORE, bytes_per_second=1.0)
    assert await site.ask() == (RetrievalAnswer.ONLINE, "200")
    # At this rate the product would take half a day.
    assert site.hub.stats.all_bytes_served < 1000


async def test_a_quota_in_words_is_a_quota(site_factory: SiteFactory) -> None:
    """The older hubs answered 403 with a sentence."""
    text = '{"message": "offline products retrieval quota exceeded (20 fetches max)"}'
    site = await site_factory(Fault(Answer(403, text), on=Kind.BODY))
    assert (await site.ask())[0] is RetrievalAnswer.QUOTA


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answers.rate_limited("20"), HubBusyError),
        (answers.server_error(503), HubBusyError),
        (answers.too_many_transfers(), HubBusyError),
        (answers.firewall(), HubBusyError),
        (answers.token_expired(), TokenRefusedError),
        (answers.download_error(500, 109, "Token is expired"), TokenRefusedError),
    ],
)
async def test_an_order_that_was_not_heard_has_to_be_repeated(
    site_factory: SiteFactory, answer: Answer, kind: type[S2FetchError]
) -> None:
    """The host asks to wait, or wants another token; neither says anything about the product."""
    site = await site_factory(Fault(answer, on=Kind.BODY))
    with pytest.raises(kind):
        await site.ask()
    assert (await site.ask())[0] is RetrievalAnswer.ONLINE


async def test_a_download_of_an_offline_product_says_so(site_factory: SiteFactory) -> None:
    """The catalogue's flag may be late; 202 is the truth."""
    site = await site_factory()
    site.hub.folder.relist(site.product.id, online=False)
    with pytest.raises(ProductOfflineError):
        await site.get()
