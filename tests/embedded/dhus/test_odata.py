"""OData v1: products, properties, attributes, feeds, errors."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Fault, Kind, Listed
from s2fetch.embedded.identity import User
from tests.conftest import DhusFactory
from tests.embedded.dhus.conftest import (
    L1C,
    NO2,
    OLCI,
    ORBIT,
    SLC,
    Guest,
    basic,
    catalogue,
    listed,
    path_of,
)

SPACES = "http://schemas.microsoft.com/ado/2007/08/dataservices"


async def test_a_product_has_the_members_of_the_recordings(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Length as text, dates in milliseconds, real Booleans, a checksum, deferred links."""
    entry = listed(SLC, eviction_date="2020-02-03T00:00:00.000000Z")
    hub = await dhus_factory(catalogue(entry))
    members = await guest.product(hub, entry)
    uri = f"{hub.url}{path_of(entry)}"
    assert members["__metadata"] == {
        "id": uri,
        "uri": uri,
        "type": "DHuS.Product",
        "content_type": "application/octet-stream",
        "media_src": f"{uri}/$value",
        "edit_media": f"{uri}/$value",
    }
    assert members["Id"] == entry.id
    assert members["Name"] == SLC.removesuffix(".SAFE")
    assert members["ContentLength"] == "7"
    assert members["ChildrenNumber"] == "2"
    assert members["Value"] is None
    assert members["IngestionDate"] == "/Date(1578063000380)/"
    assert members["EvictionDate"] == "/Date(1580688000000)/"
    assert (members["Online"], members["OnDemand"]) == (True, False)
    assert members["ContentDate"]["Start"] == "/Date(1578048420520)/"
    assert members["Checksum"] == {
        "__metadata": {"type": "DHuS.Checksum"},
        "Algorithm": "MD5",
        "Value": entry.md5,
    }
    assert "40.0,10.0" in members["ContentGeometry"]
    assert members["Nodes"] == {"__deferred": {"uri": f"{uri}/Nodes"}}


async def test_answers_have_the_headers_of_the_recordings(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Type, version of the data service, no caching."""
    hub = await dhus_factory(catalogue(listed(SLC)))
    reply = await guest.get(hub, f"{path_of(hub.folder.entries[0])}?$format=json")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["DataServiceVersion"] == "2.0"
    assert reply.headers["Pragma"] == "no-cache"
    assert reply.headers["Vary"] == "Accept-Encoding"


async def test_generations_differ_in_members(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Old ones have no Online, no ModificationDate, and write checksums in capitals."""
    entry = listed(SLC)
    found = {}
    for generation in ("old-A", "old-B", "2.x", "3.x"):
        hub = await dhus_factory(catalogue(entry), generation=generation)
        found[generation] = await guest.product(hub, entry)
    for name in ("Online", "OnDemand", "ModificationDate"):
        assert [name in members for members in found.values()] == [False, False, True, True]
    shown = [members["Checksum"]["Value"] for members in found.values()]
    assert shown == [entry.md5.upper()] * 2 + [entry.md5] * 2
    assert ["LocalPath" in members for members in found.values()] == [True, False, False, False]


async def test_settings_and_faults_change_what_a_product_shows(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """No Online, checksums in capitals or none, an Online that lies, a wrong MD5."""
    entry = listed(SLC)
    hub = await dhus_factory(catalogue(entry), has_online=False, upper_case_md5=True)
    members = await guest.product(hub, entry)
    assert ("Online" in members, members["Checksum"]["Value"]) == (False, entry.md5.upper())
    hub = await dhus_factory(catalogue(entry), has_checksums=False)
    members = await guest.product(hub, entry)
    assert members["Checksum"]["Value"] is None
    wrong = {"Algorithm": "MD5", "Value": "0" * 32}
    lies = Listed({"Online": False, "Checksum": wrong, "online": "ignored"})
    hub.faults.add(Fault(lies, times=2))
    members = await guest.product(hub, entry)
    assert (members["Online"], members["Checksum"], "online" in members) == (False, wrong, False)
    assert (await guest.get(hub, f"{path_of(entry)}/Online/$value")).body == b"false"
    assert (await guest.get(hub, f"{path_of(entry)}/Online/$value")).body == b"true"


async def test_single_properties_are_text_or_xml(dhus_factory: DhusFactory, guest: Guest) -> None:
    """With ``$value`` as they are; without, XML that scripts parse, or JSON."""
    entry = listed(SLC)
    hub = await dhus_factory(catalogue(entry))
    for path, text in (
        ("Online/$value", "true"),
        ("Checksum/Value/$value", entry.md5),
        ("Attributes('Filename')/Value/$value", SLC),
        ("Name/$value", SLC.removesuffix(".SAFE")),
        ("ContentDate/Start/$value", "2020-01-03T10:47:00.520"),
        ("Checksum/Value", f'<Value xmlns="{SPACES}">{entry.md5}</Value>'),
    ):
        reply = await guest.get(hub, f"{path_of(entry)}/{path}")
        assert reply.status == 200
        assert reply.body.decode().endswith(text)
        kind = "text/plain" if path.endswith("$value") else "application/xml"
        assert reply.headers["Content-Type"].replace(" ", "").startswith(kind)
        if path.endswith("$value"):
            assert reply.body.decode() == text
    reply = await guest.get(hub, f"{path_of(entry)}/Online?$format=json")
    assert reply.json() == {"d": {"Online": True}}


@pytest.mark.parametrize("name", [SLC, L1C, OLCI, NO2, ORBIT])
async def test_the_file_name_is_an_attribute(
    dhus_factory: DhusFactory, guest: Guest, name: str
) -> None:
    """With its extension, whatever the mission."""
    hub = await dhus_factory(catalogue(listed(name)))
    path = f"{path_of(hub.folder.entries[0])}/Attributes('Filename')/Value/$value"
    assert (await guest.get(hub, path)).body.decode() == name


async def test_attributes_come_with_the_product(dhus_factory: DhusFactory, guest: Guest) -> None:
    """``$expand=Attributes``: English names, texts, percent-encoded addresses."""
    entry = listed(SLC)
    hub = await dhus_factory(catalogue(entry))
    members = await guest.product(hub, entry, "&$expand=Attributes")
    found = {one["Name"]: one for one in members["Attributes"]["results"]}
    orbit = found["Orbit number (start)"]
    uri = f"{hub.url}{path_of(entry)}/Attributes('{quote('Orbit number (start)')}')"
    assert orbit == {
        "__metadata": {"id": uri, "uri": uri, "type": "DHuS.Attribute"},
        "Id": "Orbit number (start)",
        "Name": "Orbit number (start)",
        "ContentType": "text/plain",
        "ContentLength": "5",
        "Value": "30639",
        "Category": "product",
    }
    assert found["Sensing start"]["Value"] == "2020-01-03T10:47:00.520Z"
    assert found["Satellite name"]["Value"] == "Sentinel-1"
    assert (await guest.get(hub, f"{uri}/Value/$value")).body == b"30639"
    assert (await guest.get(hub, f"{uri}?$format=json")).json()["d"] == orbit
    everything = await guest.get(hub, f"{path_of(entry)}/Attributes?$format=json")
    assert everything.json()["d"]["results"] == list(found.values())


@pytest.mark.parametrize(
    ("generation", "status"), [("old-A", 500), ("old-B", 500), ("2.x", 404), ("3.x", 404)]
)
async def test_an_unknown_product_is_an_invalid_key(
    dhus_factory: DhusFactory, guest: Guest, generation: str, status: int
) -> None:
    """In ``cause-message`` always; in JSON, XML or, on old ``$value``, nothing."""
    hub = await dhus_factory(generation=generation)
    key = "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"
    text = f"Invalid key ({key}) to access Products"
    path = f"/odata/v1/Products('{key}')"
    json = await guest.get(hub, f"{path}?$format=json")
    assert json.json() == {"error": {"code": None, "message": {"lang": "en", "value": text}}}
    xml = await guest.get(hub, path)
    assert f'<message xml:lang="en">{text}</message></error>' in xml.body.decode()
    value = await guest.get(hub, f"{path}/$value")
    assert (value.body == b"") is (status == 500)
    for reply in (json, xml, value):
        assert reply.status == status
        assert reply.headers["cause-message"] == f"InvalidKeyException : {text}"
        assert reply.headers["DataServiceVersion"] == "1.0"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Products({id})", 400),
        ("Products('{id}')/Nothing", 404),
        ("Products('{id}')/Checksum/$value", 404),
        ("Products('{id}')/EvictionDate/$value", 404),
        ("Products('{id}')/Attributes('Nothing')/Value/$value", 404),
        ("Products('{id}')/Products('Nothing')/$value", 404),
        ("Nothing", 404),
        ("Products/Nothing", 404),
        ("Products('{id}'", 404),
        ("Products?$filter=Name eq", 400),
        ("Products?$filter=EvictionDate gt datetime'2018-01-01T00:00:00'", 400),
        ("Products?$filter=ContentLength gt 'x'", 400),
        ("Products?$filter=startswith(Name,'S2') x", 400),
        ("Products?$filter=IngestionDate gt datetime'yesterday'", 400),
        ("Products?$orderby=Checksum", 400),
        ("Products?$top=many", 400),
        ("Products?$format=csv", 415),
    ],
)
async def test_what_does_not_exist_is_refused(
    dhus_factory: DhusFactory, guest: Guest, path: str, status: int
) -> None:
    """With a cause, and 500 on old servers."""
    for generation, expected in (("2.x", status), ("old-B", 500)):
        hub = await dhus_factory(catalogue(listed(SLC)), generation=generation)
        entry = hub.folder.entries[0]
        reply = await guest.get(hub, "/odata/v1/" + path.format(id=entry.id))
        assert reply.status == expected
        assert " : " in reply.headers["cause-message"]


async def test_only_reading_is_implemented(dhus_factory: DhusFactory, guest: Guest) -> None:
    """501 for the rest."""
    reply = await guest.send("DELETE", await dhus_factory(), "/odata/v1/Products")
    assert reply.status == 501


def three() -> list[Entry]:
    return [
        listed(SLC, publication_date="2020-01-01T00:00:00.000000Z", content_length=100),
        listed(L1C, publication_date="2020-01-02T00:00:00.000000Z", content_length=200),
        listed(NO2, publication_date="2020-01-03T00:00:00.000000Z", online=False),
    ]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("startswith(Name,'S1A')", [SLC]),
        ("startswith(Name,'S1A') eq true", [SLC]),
        ("endswith(Name,'050000')", [NO2]),
        ("substringof('MSIL1C',Name)", [L1C]),
        ("IngestionDate gt datetime'2020-01-01T12:00:00'", [L1C, NO2]),
        ("IngestionDate ge datetime'2020-01-02T00:00:00.000'", [L1C, NO2]),
        ("IngestionDate lt datetimeoffset'2020-01-01T12:00:00Z'", [SLC]),
        ("year(IngestionDate) eq 2020", None),
        ("Online eq true and ContentLength gt 100L", [L1C]),
        ("Online eq false or Name eq 'x'", [NO2]),
        ("not Online", [NO2]),
        ("not (Online eq true) or startswith(tolower(Name),'s1')", [SLC, NO2]),
        ("ContentDate/Start lt datetime'2021-01-01T00:00:00'", [SLC, L1C, NO2]),
        ("ContentGeometry ne null", [SLC, L1C, NO2]),
    ],
)
async def test_a_feed_is_filtered_in_the_second_version_of_odata(
    dhus_factory: DhusFactory, guest: Guest, condition: str, found: list[str] | None
) -> None:
    """Functions with the old names, typed literals; the count is filtered alike."""
    hub = await dhus_factory(catalogue(*three()))
    reply = await guest.get(hub, f"/odata/v1/Products?$format=json&$filter={quote(condition)}")
    if found is None:
        assert reply.status == 400
        return
    names = [one["Name"] for one in reply.json()["d"]["results"]]
    assert names == [name.rsplit(".", 1)[0] for name in found]
    count = await guest.get(hub, f"/odata/v1/Products/$count?$filter={quote(condition)}")
    assert count.body == str(len(found)).encode()


async def test_a_feed_is_paged_ordered_and_cut_to_members(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """``$top``, ``$skip``, ``$orderby``, ``$inlinecount``, ``$select``; 50 by default."""
    hub = await dhus_factory(catalogue(*three()))
    options = "$orderby=IngestionDate%20desc&$top=1&$skip=1&$inlinecount=allpages&$select=Id,Name"
    page = (await guest.get(hub, f"/odata/v1/Products?$format=json&{options}")).json()["d"]
    assert page["__count"] == "3"
    (row,) = page["results"]
    assert (row["Name"], sorted(row)) == (L1C.removesuffix(".SAFE"), ["Id", "Name", "__metadata"])
    many = [listed(SLC.replace("F5FF", f"{n:04X}")) for n in range(60)]
    hub = await dhus_factory(catalogue(*many))
    page = (await guest.get(hub, "/odata/v1/Products?$format=json")).json()["d"]
    assert (len(page["results"]), "__count" in page) == (50, False)


async def test_deleted_products_have_a_set_of_their_own(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """With when and why; they can be filtered by that."""
    hub = await dhus_factory(catalogue(*three()))
    entry = hub.folder.entries[0]
    hub.folder.delete(entry.id, "Corrupted")
    path = "/odata/v1/DeletedProducts"
    condition = quote("DeletionDate gt datetime'2020-01-01T00:00:00'")
    reply = await guest.get(hub, f"{path}?$format=json&$filter={condition}")
    (row,) = reply.json()["d"]["results"]
    assert (row["Id"], row["DeletionCause"]) == (entry.id, "Corrupted")
    assert (await guest.get(hub, f"{path}/$count")).body == b"1"
    one = await guest.get(hub, f"{path}('{entry.id}')?$format=json")
    assert one.json()["d"] == row
    assert (await guest.get(hub, f"{path}('x')")).status == 404
    assert (await guest.get(hub, path_of(entry))).status == 404


async def test_everything_exists_as_xml_too(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Atom, for those who ask for nothing; JSON also by Accept."""
    from xml.etree import ElementTree as ET

    hub = await dhus_factory(catalogue(*three()))
    entry = hub.folder.entries[0]
    one = ET.fromstring((await guest.get(hub, path_of(entry))).body)
    assert one.findtext(f".//{{{SPACES}}}Id") == entry.id
    every = ET.fromstring((await guest.get(hub, "/odata/v1/Products")).body)
    assert len(every.findall("{http://www.w3.org/2005/Atom}entry")) == 3
    reply = await guest.get(hub, path_of(entry), Accept="application/json")
    assert reply.json()["d"]["Id"] == entry.id
    sets = (await guest.get(hub, "/odata/v1/")).json()["d"]["EntitySets"]
    assert sets == ["Products", "DeletedProducts", "Collections"]


async def test_credentials_are_asked_for_in_the_services_own_realm(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """``OData service``; one without any role is forbidden."""
    users = (User(name="a", password="b"), User(name="c", password="d", incomplete=True))
    hub = await dhus_factory(users=users)
    reply = await guest.get(hub, "/odata/v1/Products", Authorization="")
    realm = 'Basic realm="OData service"'
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, realm)
    for path in ("/odata/v1/Products", "/search?q=*"):
        assert (await guest.get(hub, path, Authorization=basic(users[1]))).status == 403
        assert (await guest.get(hub, path)).status == 200


@pytest.mark.parametrize(
    ("generation", "stub", "status", "version"),
    [
        ("old-B", None, 200, "0.13.4-22"),
        ("2.x", None, 200, "2.4.1"),
        ("3.x", None, 401, ""),
        ("2.x", "missing", 404, ""),
        ("2.x", "locked", 401, ""),
        ("3.x", "open", 200, "3."),
    ],
)
async def test_the_version_is_told_to_some(
    dhus_factory: DhusFactory,
    guest: Guest,
    generation: str,
    stub: str | None,
    status: int,
    version: str,
) -> None:
    """JSON that calls itself HTML; some hubs have no such page, some want credentials."""
    hub = await dhus_factory(generation=generation, stub=stub)
    reply = await guest.get(hub, "/api/stub/version", Authorization="")
    assert reply.status == status
    if status == 200:
        assert reply.headers["Content-Type"].startswith("text/html")
        assert reply.json()["value"].startswith(version)
    if status == 401:
        realm = 'Basic realm="Sentinels Scientific Data Hub Stub"'
        assert reply.headers["WWW-Authenticate"] == realm
        assert (await guest.get(hub, "/api/stub/version")).status == 200


async def test_requests_are_counted_by_what_they_are(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Each kind apart; the counters can be read over HTTP, faults set."""
    hub = await dhus_factory(catalogue(listed(SLC)))
    entry = hub.folder.entries[0]
    for path in ("", "/Online/$value", "/Attributes", "/Nodes"):
        await guest.get(hub, path_of(entry) + path)
    await guest.get(hub, "/odata/v1/Products")
    await guest.get(hub, "/odata/v1/DeletedProducts")
    await guest.search(hub)
    expected = dict.fromkeys(
        ("lookup", "property", "attributes", "nodes", "feed", "deleted", "search"), 1
    )
    assert hub.stats.requests == expected
    assert (await guest.get(hub, hub.stats_url)).json()["requests"] == expected
    fault = [{"effect": {"type": "Answer", "status": 503}, "on": "search"}]
    address = hub.stats_url.replace("stats", "faults")
    assert (await guest.send("POST", hub, address, json=fault)).status == 204
    assert (await guest.search(hub)).status == 503
    assert (await guest.send("POST", hub, address, json=[{}])).status == 422
    assert (await guest.get(hub, "/elsewhere")).status == 404
    assert hub.faults.take(Kind.SEARCH).one(Listed) is None
