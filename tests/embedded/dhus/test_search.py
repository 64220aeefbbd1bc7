"""The search over HTTP: parameters, limits, order, errors by generation."""

from __future__ import annotations

import pytest

from s2fetch.embedded.dhus.refusals import cpu_quota, maintenance
from s2fetch.embedded.faults import BrokenJson, Fault, Kind, Listed, MissingRows
from s2fetch.embedded.identity import User
from tests.conftest import DhusFactory
from tests.embedded.conftest import MovableClock
from tests.embedded.dhus.conftest import (
    GRD,
    L1C,
    L2A,
    NO2,
    OLCI,
    SLC,
    Guest,
    basic,
    catalogue,
    listed,
)

OLD = ("old-A", "old-B")
NEW = ("2.x", "3.x")


async def test_a_search_finds_by_every_kind_of_condition(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Field names in any case, a token, a pattern, a range, a place."""
    hub = await dhus_factory(catalogue(*map(listed, (SLC, GRD, L1C, L2A, OLCI, NO2))))
    q = (
        "PlatformName:Sentinel-1 AND polarisationMode:vh filename:S1A_* "
        "beginPosition:[2020-01-01T00:00:00.000Z TO 2020-02-01T00:00:00.000Z] "
        'AND footprint:"Intersects(POLYGON((11 41,12 41,12 42,11 41)))"'
    )
    assert await guest.titles(hub, q) == [SLC.removesuffix(".SAFE")]


async def test_the_address_may_end_in_a_slash(dhus_factory: DhusFactory, guest: Guest) -> None:
    """``/search/`` is the same."""
    hub = await dhus_factory()
    reply = await guest.get(hub, "/search/?q=*&rows=0&format=json")
    assert reply.json()["feed"]["opensearch:totalResults"] == "6"


@pytest.mark.parametrize(("path", "url"), [("", ""), ("/apihub", "/apihub"), ("/a/b/", "/a/b")])
async def test_the_hub_lives_under_any_path(
    dhus_factory: DhusFactory, guest: Guest, path: str, url: str
) -> None:
    """Also under none; links follow."""
    hub = await dhus_factory(base_path=path)
    assert hub.url.endswith(f":{hub.url.rsplit(':', 1)[1].split('/')[0]}{url}")
    entry = (await guest.feed(hub, rows="1"))["entry"]
    assert entry["link"][0]["href"] == f"{hub.url}/odata/v1/Products('{entry['id']}')/$value"
    assert (await guest.get(hub, entry["link"][0]["href"])).status == 200


async def test_a_search_without_a_query_is_refused(dhus_factory: DhusFactory, guest: Guest) -> None:
    """400 without ``q``."""
    hub = await dhus_factory()
    assert (await guest.get(hub, "/search?rows=1&format=json")).status == 400


@pytest.mark.parametrize("generation", [*OLD, *NEW])
async def test_too_many_rows_are_refused(
    dhus_factory: DhusFactory, guest: Guest, generation: str
) -> None:
    """The limit is 100; 0 rows count."""
    hub = await dhus_factory(generation=generation)
    reply = await guest.search(hub, rows="101")
    text = "Parameter `rows` exceeds the maximum value (100) in search request"
    assert (reply.status, text in reply.body.decode()) == (400, True)
    feed = await guest.feed(hub, rows="0")
    assert (feed["opensearch:totalResults"], "entry" in feed) == ("6", False)
    assert len(await guest.titles(hub, rows="100")) == 6


async def test_numbers_that_are_none_are_ignored(dhus_factory: DhusFactory, guest: Guest) -> None:
    """10 rows from 0 on."""
    hub = await dhus_factory()
    feed = await guest.feed(hub, rows="many", start="x")
    assert (feed["opensearch:itemsPerPage"], feed["opensearch:startIndex"]) == ("10", "0")


async def test_negative_numbers_are_solrs_error(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Solr refuses them, with status 200 on the outside."""
    hub = await dhus_factory()
    feed = await guest.feed(hub, start="-1")
    assert feed["error"]["message"] == "'start' parameter cannot be negative"


async def test_the_newest_come_first_unless_another_order_is_asked_for(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """``ingestiondate desc``; ``orderby`` takes several fields, in any case."""
    hub = await dhus_factory(
        catalogue(
            listed(SLC, publication_date="2020-01-01T00:00:00.000000Z"),
            listed(L1C, publication_date="2020-01-03T00:00:00.000000Z"),
            listed(GRD, publication_date="2020-01-02T00:00:00.000000Z"),
        )
    )
    slc, l1c, grd = (name.removesuffix(".SAFE") for name in (SLC, L1C, GRD))
    assert await guest.titles(hub) == [l1c, grd, slc]
    assert await guest.titles(hub, orderby="IngestionDate asc") == [slc, grd, l1c]
    assert await guest.titles(hub, orderby="platformname desc, filename asc") == [l1c, slc, grd]
    assert await guest.titles(hub, orderby="slicenumber asc, filename desc") == [grd, slc, l1c]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("nothing desc", "sort param field can't be found: nothing"),
        ("filename", "Can't determine a Sort Order"),
        ("footprint asc", "Sorting not supported on SpatialField"),
    ],
)
async def test_an_order_by_what_has_none_is_refused(
    dhus_factory: DhusFactory, guest: Guest, order: str, message: str
) -> None:
    """Unknown fields, missing directions, shapes."""
    hub = await dhus_factory()
    assert message in (await guest.feed(hub, orderby=order))["error"]["message"]


async def test_ties_may_come_in_another_order_each_time(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Only if the hub is told so; a unique last key helps."""
    entries = [listed(SLC.replace("F5FF", f"{n:04X}")) for n in range(30)]
    hub = await dhus_factory(catalogue(*entries), unstable_ties=True)
    first, second = [await guest.titles(hub, rows="30") for _ in range(2)]
    assert (first != second, sorted(first)) == (True, sorted(second))
    unique = "ingestiondate asc, uuid asc"
    pages = [await guest.titles(hub, rows="30", orderby=unique) for _ in range(2)]
    assert pages[0] == pages[1]


async def test_a_page_follows_the_catalogue(dhus_factory: DhusFactory, guest: Guest) -> None:
    """What is added, changed or deleted between two pages shows at once."""
    hub = await dhus_factory(catalogue(listed(SLC)))
    assert len(await guest.titles(hub)) == 1
    entry = hub.folder.entries[0]
    hub.folder.add(listed(L1C), b"")
    assert len(await guest.titles(hub)) == 2
    hub.folder.relist(entry.id, sensing_start="2001-01-01T00:00:00.000000Z")
    assert len(await guest.titles(hub, "beginposition:[* TO 2002-01-01T00:00:00Z]")) == 1
    hub.folder.delete(entry.id)
    assert await guest.titles(hub) == [L1C.removesuffix(".SAFE")]


async def test_now_is_the_hubs_own(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """A query about the last days changes its meaning with time."""
    entry = listed(SLC, publication_date="2024-06-30T13:00:00.000000Z")
    hub = await dhus_factory(catalogue(entry), clock=clock)
    q = "ingestiondate:[NOW-1DAY TO NOW]"
    assert len(await guest.titles(hub, q)) == 1
    clock.move(3601)
    assert len(await guest.titles(hub, q)) == 0


async def test_only_old_servers_take_the_query_in_a_body(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """POST with ``q`` in a form and the rest in the URL."""
    for generation, status in (("old-A", 200), ("old-B", 200), ("2.x", 405), ("3.x", 405)):
        hub = await dhus_factory(generation=generation)
        data = {"q": "platformname:Sentinel-2"}
        reply = await guest.send("POST", hub, "/search?rows=2&format=json", data=data)
        assert reply.status == status
        if status == 200:
            assert len(reply.json()["feed"]["entry"]) == 2


@pytest.mark.parametrize("generation", NEW)
async def test_current_servers_report_a_refused_query_with_status_200(
    dhus_factory: DhusFactory, guest: Guest, generation: str
) -> None:
    """``feed.error``, in both forms; nothing else is in the feed."""
    hub = await dhus_factory(generation=generation)
    reply = await guest.search(hub, "xxx:1")
    feed = reply.json()["feed"]
    assert reply.headers["Content-Type"] == "application/json"
    assert feed.pop("error") == {"code": "400", "message": "undefined field xxx"}
    assert sorted(feed) == ["xmlns", "xmlns:opensearch"]
    text = (await guest.get(hub, "/search?q=xxx:1")).body.decode()
    assert "<error>\n<code>400</code>\n<message>undefined field xxx</message>\n</error>" in text


async def test_servers_of_2017_answer_a_refused_query_with_a_feed_without_total(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """The total is null, not "0"."""
    feed = await guest.feed(await dhus_factory(generation="old-B"), "xxx:1")
    assert feed["opensearch:totalResults"] is None
    assert feed["subtitle"].startswith("Displaying  results. ")
    last = [link["href"] for link in feed["link"] if link["rel"] == "last"]
    assert "start=NaN" in last[0]
    assert "entry" not in feed
    assert "error" not in feed


async def test_older_servers_fail_on_a_refused_query(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """500 with a page of Tomcat and the inner address in ``cause-message``."""
    reply = await guest.search(await dhus_factory(generation="old-A"), "xxx:1")
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (500, "text/html")
    assert reply.headers["cause-message"].startswith(
        "IOException : Server returned HTTP response code: 400 for URL: http://localhost:30333"
    )


async def test_a_query_may_be_so_long_and_no_longer(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """3898 characters once encoded, ``~`` counting for three; beyond, Solr's 413 inside a 500."""
    hub = await dhus_factory()
    just = "filename:" + "~" * 3  # the colon and each tilde take three characters
    room = 3898 - (8 + 3 + 9)
    assert (await guest.search(hub, f'"{"a" * (3898 - 6)}"')).status == 200
    assert (await guest.search(hub, just + "a" * room)).status == 200
    reply = await guest.search(hub, just + "a" * (room + 1))
    assert reply.status == 500
    cause = reply.headers["cause-message"]
    assert cause.startswith("RemoteSolrException : Error from server at http://")
    assert cause.endswith("non ok status: 413, message:Request Entity Too Large")


async def test_an_address_may_be_too_long_as_well(dhus_factory: DhusFactory, guest: Guest) -> None:
    """414 before anything is read."""
    hub = await dhus_factory(most_url_characters=500)
    assert (await guest.search(hub, "a" * 500)).status == 414


async def test_large_pages_are_metered(
    dhus_factory: DhusFactory, guest: Guest, clock: MovableClock
) -> None:
    """Pages of 100 and more count per hour, smaller ones never; the header has no blank."""
    hub = await dhus_factory(metered_searches=2, clock=clock)
    for _ in range(2):
        assert (await guest.search(hub, rows="0100")).status == 200
        assert (await guest.search(hub, rows="99")).status == 200
    reply = await guest.search(hub, rows="100")
    assert reply.status == 429
    assert reply.headers["cause-message"] == (
        "ProcessingQuotaException: Maximum number of request exceeded (2max calls in a period of"
        " 60mn) - please wait and retry."
    )
    assert (await guest.get(hub, "/odata/v1/Products?$top=100")).status == 429
    assert (await guest.search(hub, rows="99")).status == 200
    clock.move(3600)
    assert (await guest.search(hub, rows="100")).status == 200
    assert hub.stats.metered == {hub.users[0].name: 3}


@pytest.mark.parametrize("generation", OLD)
async def test_old_servers_meter_nothing(
    dhus_factory: DhusFactory, guest: Guest, generation: str
) -> None:
    """The processing quota came later."""
    hub = await dhus_factory(generation=generation, metered_searches=0)
    assert (await guest.search(hub, rows="100")).status == 200


async def test_a_known_place_is_looked_for_on_the_map(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """A bare word becomes an area; words of other queries do not."""
    hub = await dhus_factory(
        catalogue(listed(SLC)), places={"rome": "POLYGON((11 41,12 41,12 42,11 41))"}
    )
    assert len(await guest.titles(hub, "Rome")) == 1
    assert len(await guest.titles(hub, "Paris")) == 0
    assert len(await guest.titles(hub, "Rome AND Rome")) == 0


async def test_a_maintenance_page_is_html_with_any_status(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """200 or 502."""
    faults = [Fault(maintenance(status), on=Kind.SEARCH) for status in (200,)]
    hub = await dhus_factory(faults=[*faults, Fault(maintenance(502), on=Kind.SEARCH, skip=1)])
    replies = [await guest.search(hub) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 502, 200]
    kinds = [reply.headers["Content-Type"].split(";")[0] for reply in replies]
    assert kinds == ["text/html", "text/html", "application/json"]
    assert b"back soon" in replies[0].body


async def test_faults_change_pages(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Missing rows, broken JSON, other members, a quota."""
    hub = await dhus_factory(
        faults=[
            Fault(MissingRows(2), on=Kind.SEARCH),
            Fault(BrokenJson(30), on=Kind.SEARCH, skip=1),
            Fault(cpu_quota(), on=Kind.SEARCH, skip=2),
        ]
    )
    assert len(await guest.titles(hub)) == 4
    assert len((await guest.search(hub)).body) == 30
    reply = await guest.search(hub)
    assert (reply.status, "CPU usage quota exceeded" in reply.headers["cause-message"]) == (
        429,
        True,
    )
    entry = hub.folder.entries[0]
    changes = {"format": "", "orbitnumber": None, "collection": ["a", "b"], "Online": False}
    hub.faults.add(Fault(Listed(changes), product=entry.id, times=None))
    shown = (await guest.feed(hub, f"uuid:{entry.id}"))["entry"]
    assert {"name": "format"} in shown["str"]
    assert shown["arr"] == {"name": "collection", "str": ["a", "b"]}
    assert shown["int"] == {"name": "relativeorbitnumber", "content": "65"}


async def test_credentials_are_those_of_basic_authentication(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Anything else is 401 with the search's realm; counted."""
    hub = await dhus_factory()
    wrong = basic(User(name=hub.users[0].name, password="nonsense"))
    for header in ("", "Bearer x", "Basic", "Basic ?", wrong):
        reply = await guest.get(hub, "/search?q=*", Authorization=header)
        assert reply.status == 401
        realm = 'Basic realm="Sentinels Scientific Data Hub Search"'
        assert reply.headers["WWW-Authenticate"] == realm
        assert "HTTP Status 401 \N{EN DASH} Unauthorized" in reply.body.decode()
        assert reply.headers["Cache-Control"].startswith("no-cache, no-store")
    assert hub.stats.refused_logins == 5
    assert (await guest.get(hub, "/search?q=*")).status == 200
