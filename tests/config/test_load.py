"""File, environment and options become one value, and every mistake has its place."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from s2fetch.config import Config, LogFormat, Offline, Resume, load_config
from s2fetch.errors import AreaError, ConfigError, QueryError, UsageError
from s2fetch.query import Order, VersionPolicy

NOW = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)


class Loader:
    """Writes a file and loads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "archive.toml"

    def __call__(
        self,
        content: str | None = None,
        options: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        if content is not None:
            self.path.write_text(content, encoding="utf-8")
        path = None if content is None else self.path
        return load_config(path, options or {}, environ or {}, NOW)


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def test_nothing_given_is_the_real_service_with_two_slots(load: Loader) -> None:
    """The defaults are those of the documentation."""
    config = load()
    assert config.query.collection == "SENTINEL-2"
    assert config.hub.catalogue_url == "https://catalogue.dataspace.copernicus.eu/odata/v1"
    assert config.hub.token_url.endswith("/realms/CDSE/protocol/openid-connect/token")
    assert config.hub.client_id == "cdse-public"
    assert config.hub.give_up_after_seconds == 900
    assert [account.slots for account in config.accounts] == [2]
    assert (config.into, config.layout, config.reserve_bytes) == (None, "{name}", 10**9)
    assert config.transfer.minimum_rate == 10_000
    assert (config.transfer.resume, config.transfer.bandwidth) == (Resume.AUTO, None)
    assert (config.retrieval.offline, config.retrieval.poll_interval_seconds) == (
        Offline.REQUEST,
        60,
    )
    assert (config.showing.log_format, config.showing.report) == (LogFormat.AUTO, None)


def test_a_file_sets_everything_in_the_options_names(load: Loader, tmp_path: Path) -> None:
    """Values arrive typed, in seconds and bytes, and spelled as the catalogue does."""
    config = load(
        """
        collection = "sentinel-2"
        product-type = ["S2MSI1C", "s2msi2a"]
        from = 2024-06-01
        to = "2024-07-01T12:00+02:00"
        box = [11, 46, 12.5, 47]
        cloud = "5..20.5"
        relative-orbit = [22, 65]
        orbit-direction = "descending"
        tile = "T32TQM, 32TPM"
        platform = ["S2A", "B"]
        baseline = ["N0510"]
        limit = 7
        order-by = "eviction"
        newest-first = true
        into = "data"
        reserve = "5 GiB"
        bandwidth = "20 MB/s"
        offline = "wait"
        wait-offline = "2h"
        log-format = "json"
        """
    )
    query = config.query
    assert query.product_types == ("S2MSI1C", "S2MSI2A")
    assert query.sensing_from == datetime(2024, 6, 1, tzinfo=UTC)
    assert query.sensing_to == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert query.area == "POLYGON((11 46,12.5 46,12.5 47,11 47,11 46))"
    assert query.cloud == (5.0, 20.5)
    assert query.relative_orbits == (22, 65)
    assert query.orbit_direction == "DESCENDING"
    assert query.tiles == ("32TQM", "32TPM")
    assert query.platforms == ("A", "B")
    assert query.baselines == ("05.10",)
    assert (query.limit, query.order, query.newest_first) == (7, Order.EVICTION, True)
    assert config.into == tmp_path / "data"
    assert config.reserve_bytes == 5 * 2**30
    assert config.transfer.bandwidth == 20e6
    assert config.retrieval.offline is Offline.WAIT
    assert config.retrieval.wait_offline_seconds == 7200
    assert config.showing.log_format is LogFormat.JSON


def test_an_option_beats_the_environment_which_beats_the_file(load: Loader) -> None:
    """Each of the three alone, then all together."""
    content = 'user = "file"\nlimit = 1\n'
    assert load(content).accounts[0].user == "file"
    environ = {"S2FETCH_USER": "environment"}
    assert load(content, environ=environ).accounts[0].user == "environment"
    config = load(content, {"user": "option", "limit": "3"}, environ)
    assert (config.accounts[0].user, config.query.limit) == ("option", 3)


def test_options_that_were_not_given_do_not_override(load: Loader) -> None:
    """None and empty lists are what a command line parser hands over for them."""
    file = 'tile = "32TQM"\nquiet = true\nname = "A.SAFE"\ncloud = 20\n'
    given: dict[str, object] = {"tile": (), "name": [], "quiet": None, "limit": None, "cloud": 0}
    config = load(file, given, {"S2FETCH_USER": ""})
    assert config.query.tiles == ("32TQM",)
    assert config.query.names == ("A.SAFE",)
    assert list(config.query.cloud or ()) == [0, 0], "nought is a value"
    assert config.accounts[0].user is None
    assert config.showing.quiet


@pytest.mark.parametrize(
    ("given", "cloud"),
    [("20", (0, 20)), ("20..20%", (20, 20)), ("5 .. 20", (5, 20)), (100, (0, 100))],
)
def test_one_cloud_cover_is_the_most_there_may_be(
    load: Loader, given: object, cloud: tuple[float, float]
) -> None:
    """Two are the least and the most."""
    assert load(options={"cloud": given}).query.cloud == cloud


def test_an_option_replaces_a_list_and_does_not_add_to_it(load: Loader) -> None:
    """Otherwise nothing in a file could be taken away for one run."""
    assert load('tile = "32TQM"\n', {"tile": ("32TPM",)}).query.tiles == ("32TPM",)


def test_an_area_given_as_an_option_replaces_one_of_another_kind(load: Loader) -> None:
    """A box on the command line with a GeoJSON file in the configuration is no contradiction."""
    config = load('area-file = "missing.geojson"\n', {"box": "11,46,12,47"})
    assert config.query.area == "POLYGON((11 46,12 46,12 47,11 47,11 46))"


def test_paths_in_a_file_start_from_its_folder_and_options_from_where_one_is(
    load: Loader, tmp_path: Path
) -> None:
    """A configuration works from anywhere; what one types means what the shell means."""
    content = 'into = "data"\nreport = "/var/report.json"\ncredentials-file = "~/c.toml"\n'
    config = load(content, environ={"HOME": "/home/me"})
    assert config.into == tmp_path / "data"
    assert config.showing.report == Path("/var/report.json")
    assert config.accounts[0].credentials_file == Path("/home/me/c.toml")
    assert load(content, {"into": "here"}, {"HOME": "/"}).into == Path("here")


def test_an_archive_has_a_path_in_utf_8(load: Loader) -> None:
    """Its own files name it, and so do reports, which are JSON."""
    with pytest.raises(UsageError, match=r"--into: 'B\\udcfcro' is not UTF-8"):
        load(options={"into": os.fsdecode(b"B\xfcro")})


def test_relative_times_count_from_now(load: Loader) -> None:
    """An archive that moves on needs no date in its file."""
    query = load('from = "-7d"\nto = "today"\n').query
    assert query.sensing_from == datetime(2026, 2, 22, 15, 30, tzinfo=UTC)
    assert query.sensing_to == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_period_of_publication_is_of_its_own(load: Loader) -> None:
    """It restricts beside that of sensing, and is checked as that is."""
    query = load('published-from = "-24h"\npublished-to = "now"\nto = 2020-01-01\n').query
    assert query.published_from == NOW - timedelta(hours=24)
    assert query.published_to == NOW
    assert query.sensing_to == datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(QueryError) as caught:
        load("published-from = 2024-06-02\n", {"published-to": "2024-06-01"})
    assert str(caught.value) == (
        "--published-to: published-to (2024-06-01T00:00:00Z) must be later than "
        "published-from (2024-06-02T00:00:00Z)"
    )


def test_notes_about_the_area_are_handed_on(load: Loader) -> None:
    """The user hears that the box was split."""
    config = load(options={"box": "170,-10,-170,10"})
    assert config.query.area is not None
    assert config.query.area.startswith("MULTIPOLYGON")
    assert "antimeridian" in config.area_notes[0]


def test_a_geojson_file_is_found_beside_the_configuration(load: Loader, tmp_path: Path) -> None:
    """As all paths of the file."""
    point = {"type": "Point", "coordinates": [11, 46]}
    (tmp_path / "area.geojson").write_text(json.dumps(point), encoding="utf-8")
    assert load('area-file = "area.geojson"\n').query.area == "POINT(11 46)"


def test_names_come_from_the_list_and_from_the_file(load: Loader, tmp_path: Path) -> None:
    """Comments and blank lines of the file are skipped, repetitions dropped."""
    (tmp_path / "names.txt").write_text("# mine\n\nB.SAFE\nA.SAFE\n", encoding="utf-8")
    config = load('names-file = "names.txt"\nname = ["A.SAFE"]\n')
    assert config.query.names == ("A.SAFE", "B.SAFE")
    assert load('names-file = "names.txt"\n', {"name": ("C.SAFE",)}).query.names == ("C.SAFE",)


S1 = "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E"
S2 = "S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212"


@pytest.mark.parametrize(
    ("options", "collection"),
    [
        ({"name": [S1]}, "SENTINEL-1"),
        ({"name": [S1, S2]}, ""),
        ({"name": ["LC08_L1TP"]}, ""),
        ({"id": ["5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"]}, ""),
        ({"name": [S1], "id": ["5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"]}, ""),
        ({"name": [S1], "collection": "SENTINEL-2"}, "SENTINEL-2"),
        ({}, "SENTINEL-2"),
    ],
)
def test_names_tell_the_collection_unless_it_is_given(
    load: Loader, options: dict[str, object], collection: str
) -> None:
    """Names of several are of any, and nobody has to write it down."""
    assert load("", options).query.collection == collection


def test_from_is_a_time_or_a_list(load: Loader, tmp_path: Path) -> None:
    """A list where it is no time and names a file; the list replaces the file's own names."""
    path = tmp_path / "found.txt"
    path.write_text(f"{S1}\n{S2}\n", encoding="utf-8")
    query = load('name = ["A.SAFE"]\nfrom = 2024-06-01\n', {"from": str(path)}).query
    assert query.names == (f"{S1}.SAFE", f"{S2}.SAFE")
    assert query.sensing_from is None
    query = load("", {"from": "-30d", "from-list": str(path)}).query
    assert query.names == (f"{S1}.SAFE", f"{S2}.SAFE")
    assert query.sensing_from is not None
    with pytest.raises(UsageError, match=r"is not a time: .*; nor is there a file of this name"):
        load("", {"from": str(tmp_path / "nowhere.txt")})


def test_a_list_is_found_beside_the_configuration(load: Loader, tmp_path: Path) -> None:
    """As all paths of the file."""
    (tmp_path / "found.csv").write_text(f"id,name\n1,{S2}\n", encoding="utf-8")
    assert load('from-list = "found.csv"\n').query.names == (f"{S2}.SAFE",)
    assert load('from = "found.csv"\n').query.names == (f"{S2}.SAFE",)


def test_standard_input_is_read_once(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two settings cannot both have it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{S2}\n".encode())))
    with pytest.raises(UsageError, match="can only be read once, and names-file reads it too"):
        load("", {"names-file": "-", "from": "-"})


@pytest.mark.parametrize(
    ("given", "policy", "streams"),
    [
        ("all", VersionPolicy.ALL, ()),
        ("Newest", VersionPolicy.NEWEST, ()),
        ("RPRO,offl, NRTI", VersionPolicy.PREFERENCE, ("RPRO", "OFFL", "NRTI")),
        (["PAL_", "OFFL"], VersionPolicy.PREFERENCE, ("PAL", "OFFL")),
        ("05.10,N0500", VersionPolicy.PREFERENCE, ("N0510", "N0500")),
    ],
)
def test_versions_are_a_policy_or_streams_in_order(
    load: Loader, given: object, policy: VersionPolicy, streams: tuple[str, ...]
) -> None:
    """In any case; baselines are the streams of Sentinel-2."""
    query = load("", {"versions": given}).query
    assert (query.versions, query.streams) == (policy, streams)


@pytest.mark.parametrize(
    ("given", "said"),
    [("RPR0", "known are all, newest, NR"), ("newest,OFFL", "newest stands alone")],
)
def test_a_stream_that_does_not_exist_is_refused(load: Loader, given: str, said: str) -> None:
    """It would otherwise never be preferred, silently."""
    with pytest.raises(UsageError, match=said):
        load("", {"versions": given})


def test_a_file_of_names_without_names_is_refused(load: Loader, tmp_path: Path) -> None:
    """It would otherwise select everything there is."""
    (tmp_path / "names.txt").write_text("# none yet\n", encoding="utf-8")
    with pytest.raises(QueryError, match=r"names\.txt holds no names"):
        load('names-file = "names.txt"\n')


def test_a_wrong_name_in_a_file_of_names_has_its_line(load: Loader, tmp_path: Path) -> None:
    """Files of names are long."""
    (tmp_path / "names.txt").write_text("A.SAFE\n../B\n", encoding="utf-8")
    with pytest.raises(QueryError, match=r"names\.txt, line 2: '\.\./B' is not"):
        load('names-file = "names.txt"\n')


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('cloud = "0..120"', "line 2, cloud: '0..120' is not between 0 and 100"),
        ('cloud = "30..20"', "line 2, cloud: '30..20' is the wrong way round"),
        ("cloud = true", "line 2, cloud: true is not a cloud cover"),
        ("limit = 0", "line 2, limit: 0 is out of bounds"),
        ("limit = 2.5", "line 2, limit: 2.5 is not a whole number from 1 up, for example 100"),
        ("limit = true", "line 2, limit: true is not a whole number"),
        ("slots = 21", "line 2, slots: 21 is out of bounds: write a whole number from 1 to 20"),
        ('newest-first = "maybe"', "line 2, newest-first: 'maybe' is neither true nor false"),
        ('order-by = "size"', "line 2, order-by: 'size' is not one of sensing, publication"),
        ("into = 5", "line 2, into: 5 is not a path"),
        ('reserve = "lots"', "line 2, reserve: 'lots' is not a size"),
        ('poll-interval = "0s"', "line 2, poll-interval: '0s' is no time at all"),
        ('bandwidth = "0"', "line 2, bandwidth: '0' is not even 1 kB/s and lets nothing through"),
        ("bandwidth = 20", "line 2, bandwidth: 20 is not even 1 kB/s and lets nothing through"),
        ("reserve = 20", "line 2, reserve: 20 is not even 1 kB: write for example 100 GB"),
        ('quota = "12"', "line 2, quota: '12' is not even 1 kB: write for example 100 GB"),
        ('layout = "{nme}"', "line 2, layout: "),
        ("baseline = [5.10]", "line 2, baseline: 5.1 is not text: write it in quotes"),
        ('from = "June"', "line 2, from: 'June' is not a time"),
        ("from = 10:00:00", "line 2, from: 10:00:00 has no day"),
        ("from = 0001-01-01T00:00:00+14:00", "line 2, from: 0001-01-01T00:00:00+14:00 is out of"),
        ("to = 9999-12-31T23:59:59-14:00", "line 2, to: 9999-12-31T23:59:59-14:00 is out of"),
        ("into = 2024-06-01", "line 2, into: 2024-06-01 is not a path"),
        ('tile = ""', "line 2, tile: it is empty"),
        ("hub = 3", "line 2, hub: it is a table"),
        ("accounts = 3", "line 2, accounts: these are tables"),
        ('product_type = "x"', "line 2, product_type: there is no key of this name. Did you mean"),
        ('catalogue-url = "https://a"', "line 2, catalogue-url: this key belongs below [hub]"),
        ("[hub]\nlimit = 3", "line 3, hub.limit: this key belongs above the first [table]"),
        ('[hub]\nkind = "ftp"', "line 3, hub.kind: 'ftp' is not one of cdse, dhus"),
        ('[hub]\ntrusted-hosts = ["a/b"]', "line 3, hub.trusted-hosts: 'a/b' is not a host"),
    ],
)
def test_a_mistake_in_a_file_names_file_line_and_key(load: Loader, line: str, said: str) -> None:
    """The class tells that it was the file."""
    with pytest.raises(ConfigError) as caught:
        load(f"# a comment\n{line}\n")
    assert str(caught.value).startswith(f"{load.path}, {said}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('product-type = ["S2MSI1D"]', "line 1, product-type: 'S2MSI1D' is not a product type"),
        ('collection = "SENTINEL-22"', "line 1, collection: 'SENTINEL-22' is not a collection"),
        ("relative-orbit = 144", "line 1, relative-orbit: 144 is not a relative orbit"),
        ('tile = "32TQ"', "line 1, tile: '32TQ' is not an MGRS tile"),
    ],
)
def test_what_no_catalogue_knows_is_a_query_error_with_its_place(
    load: Loader, line: str, said: str
) -> None:
    """Wrong words for the catalogue are told apart from a wrong file."""
    with pytest.raises(QueryError) as caught:
        load(f"{line}\n")
    assert str(caught.value).startswith(f"{load.path}, {said}")


def test_mistakes_in_options_and_in_the_environment_name_these(load: Loader) -> None:
    """Nobody should look for them in a file."""
    with pytest.raises(UsageError, match=r"^--cloud: '200' is not between") as caught:
        load(options={"cloud": "200"})
    assert not isinstance(caught.value, ConfigError)
    with pytest.raises(ConfigError, match=r"^S2FETCH_TOKEN_URL: 'x' is not a URL"):
        load(environ={"S2FETCH_TOKEN_URL": "x"})
    with pytest.raises(UsageError, match=r"^--limt: .* Did you mean limit"):
        load(options={"limt": 5})


def test_a_wrong_area_is_an_area_error_with_its_place(load: Loader) -> None:
    """The reason comes from the area itself."""
    with pytest.raises(AreaError, match=r"^--wkt: the area crosses itself at 0\.5"):
        load(options={"wkt": "POLYGON((0 0,1 1,1 0,0 1,0 0))"})


def test_two_areas_at_once_are_refused_with_both_places(load: Loader) -> None:
    """Which one was meant cannot be known."""
    with pytest.raises(UsageError, match=r"one area of interest, not --box and --wkt"):
        load(options={"box": "1,2,3,4", "wkt": "POINT(1 2)"})


@pytest.mark.parametrize("to", ["2024-06-01", "2024-05-01"])
def test_an_end_that_is_not_after_the_start_names_both_keys(load: Loader, to: str) -> None:
    """Also when one comes from the file and the other from the command line."""
    with pytest.raises(QueryError) as caught:
        load("from = 2024-06-01\n", {"to": to})
    said = str(caught.value)
    assert said == f"--to: to ({to}T00:00:00Z) must be later than from (2024-06-01T00:00:00Z)"


def test_all_mistakes_are_told_at_once(load: Loader) -> None:
    """One run is enough to correct a file."""
    with pytest.raises(ConfigError) as caught:
        load('limit = 0\ncloudy = 3\ntile = ["32TQ", "99TQM"]\n', {"slots": "many"})
    said = str(caught.value)
    assert said.startswith("5 mistakes:\n")
    for part in ("line 1, limit", "line 2, cloudy", "'32TQ'", "'99TQM'", "--slots: 'many'"):
        assert part in said


@pytest.mark.parametrize("name", ["password", "totp-secret"])
def test_a_secret_in_the_configuration_is_refused_and_not_repeated(load: Loader, name: str) -> None:
    """Configurations are shared; the message says where secrets go."""
    with pytest.raises(ConfigError, match="credentials-file") as caught:
        load(f'{name} = "hunter2"\n')
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ('into = "a"\ncloud = "0..20\nlimit = 3\n', "line 2, column 15, cloud: "),
        ("into = a\n", "line 1, column 8, into: "),
        ("limit = 1\nlimit = 2\n", "line 2, column 10, limit: "),
        ("[hub\n", "line 1, column 5: "),
        ('x = """', "line 1, column 8, x: "),
    ],
)
def test_malformed_toml_names_line_column_and_key(load: Loader, content: str, where: str) -> None:
    """The parser's own words follow."""
    with pytest.raises(ConfigError) as caught:
        load(content)
    assert str(caught.value).startswith(f"{load.path}, {where}")


def test_a_key_that_is_there_twice_is_no_matter_of_quotes(load: Loader) -> None:
    """The parser's "cannot overwrite" says little to who wrote the file."""
    with pytest.raises(ConfigError, match="The key is there twice"):
        load("limit = 1\nlimit = 2\n")


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000])
def test_what_the_parser_cannot_take_is_a_mistake_of_the_file(load: Loader, value: str) -> None:
    """It is not the parser's own error that tells so."""
    with pytest.raises(ConfigError, match="too long, or is nested too deeply"):
        load(f"limit = {value}\n")


@pytest.mark.parametrize(
    ("option", "other"), [("overlap", "incremental"), ("recount", "incremental")]
)
def test_an_option_without_effect_is_a_mistake(load: Loader, option: str, other: str) -> None:
    """Who gives it expects something; in a file it may stay while the other one is off."""
    with pytest.raises(UsageError, match=f"--{option}: it has no effect alone. Give --{other}"):
        load(options={option: "2d"})
    assert load(f'{option} = "2d"\n', options={other: False}).increment is None
    assert load(options={option: "2d", other: True}).increment is not None


def test_a_time_zone_without_a_timetable_is_a_mistake(load: Loader) -> None:
    """It is not that of the times of the selection, which are in UTC."""
    with pytest.raises(UsageError, match=r"^--time-zone: it has no effect alone. Give --timetable"):
        load(options={"time-zone": "Europe/Rome"})


def test_a_file_that_is_not_text_names_the_line(load: Loader) -> None:
    """TOML is UTF-8."""
    load.path.write_bytes(b'into = "a"\nuser = "\xff"\n')
    with pytest.raises(ConfigError, match=r"line 2: the file is not UTF-8"):
        load_config(load.path, {}, {}, NOW)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the system's own reason."""
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load_config(tmp_path / "none.toml", {}, {}, NOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/odata",
        "http://127.0.0.1.example.org/",
        "https://me:secret@example.org/",
        "https://me@example.org/",
        "ftp://example.org/",
        "https://example.org/?token=1",
        "https://",
        "https://example.org:port/",
        "https://[::1/",
    ],
)
def test_endpoints_that_could_leak_a_password_are_refused(load: Loader, url: str) -> None:
    """Only TLS, nothing secret inside, and a secret is not repeated."""
    with pytest.raises(ConfigError, match=r"hub\.download-url") as caught:
        load(f'[hub]\ndownload-url = "{url}"\n')
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_loopback_endpoints_may_do_without_tls(load: Loader, host: str) -> None:
    """For a hub on the same machine; the trailing slash goes."""
    hub = load(environ={"S2FETCH_DOWNLOAD_URL": f"http://{host}:8080/odata/v1/"}).hub
    assert hub.download_url == f"http://{host}:8080/odata/v1"
    assert hub.trusts(f"http://{host}:8080/else")
    assert not hub.trusts(f"http://{host}:8081/else")


def test_a_token_goes_to_the_configured_hosts_over_tls_and_nowhere_else(load: Loader) -> None:
    """What a redirect names is untrusted."""
    hub = load('[hub]\ntrusted-hosts = ["mirror.example.org", "other.example.org:8443"]\n').hub
    for url in (
        "https://download.dataspace.copernicus.eu/x",
        "https://DOWNLOAD.dataspace.copernicus.eu:443/x",
        "https://zipper.dataspace.copernicus.eu/x",
        "https://mirror.example.org/x",
        "https://other.example.org:8443/x",
    ):
        assert hub.trusts(url), url
    for url in (
        "http://download.dataspace.copernicus.eu/x",
        "https://download.dataspace.copernicus.eu:8443/x",
        "https://download.dataspace.copernicus.eu.example.org/x",
        "https://download.dataspace.copernicus.eu@example.org/x",
        "https://me@mirror.example.org/x",
        "https://other.example.org/x",
        "https://[broken/x",
        "/relative",
    ):
        assert not hub.trusts(url), url


def test_the_services_own_alias_is_not_trusted_with_another_hubs_token(load: Loader) -> None:
    """It belongs to the default download host."""
    hub = load(environ={"S2FETCH_DOWNLOAD_URL": "https://hub.example.org/odata/v1"}).hub
    assert not hub.trusts("https://zipper.dataspace.copernicus.eu/x")


ACCOUNTS = """
slots = 3
[[accounts]]
name = "institute"
user = "i@example.org"
slots = 4
[[accounts]]
user = "me@example.org"
credentials-file = "me.toml"
"""


def test_several_accounts_have_their_own_slots(load: Loader, tmp_path: Path) -> None:
    """Those without take the common number; the user is the name when there is none."""
    accounts = load(ACCOUNTS).accounts
    assert [(a.name, a.user, a.slots) for a in accounts] == [
        ("institute", "i@example.org", 4),
        ("me@example.org", "me@example.org", 3),
    ]
    assert accounts[1].credentials_file == tmp_path / "me.toml"
    assert [a.slots for a in load(ACCOUNTS, {"slots": "1"}).accounts] == [1, 1]


@pytest.mark.parametrize("user", ["institute", "i@example.org"])
def test_the_user_option_picks_one_of_several_accounts(load: Loader, user: str) -> None:
    """By its name or its user; another one is a mistake."""
    assert [a.name for a in load(ACCOUNTS, {"user": user}).accounts] == ["institute"]
    assert len(load(ACCOUNTS, environ={"S2FETCH_USER": "another"}).accounts) == 2
    with pytest.raises(UsageError, match=r"^--user: 'x' is none of the accounts institute, me@"):
        load(ACCOUNTS, {"user": "x"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[[accounts]]\nuser = "a"\n[[accounts]]\nslots = 3\n', r"line 3, accounts\[2\]: an acc"),
        ('[[accounts]]\nuser = "a"\n[[accounts]]\nuser = "a"\n', r"line 3, accounts\[2\]: there"),
        ('[[accounts]]\nuser = "a"\nslot = 3\n', r"line 3, accounts\[1\]\.slot: .* slots"),
        (
            '[[accounts]]\ncredentials-file = "a"\n[[accounts]]\ncredentials-file = "a"\n',
            r"line 3, accounts\[2\]: there are two accounts called .*a\.",
        ),
        ('accounts = [{user = "a"}, "b"]\n', r"line 1, accounts: .* begin each with"),
        ('user = "b"\n[[accounts]]\nuser = "a"\n', r"line 1, user: user and \[\[accounts\]\]"),
    ],
)
def test_accounts_that_cannot_be_told_apart_are_refused(
    load: Loader, content: str, said: str
) -> None:
    """Each needs a user or a file of its own."""
    with pytest.raises(ConfigError, match=said):
        load(content)


def test_accounts_may_be_told_apart_by_their_files(load: Loader) -> None:
    """Their users are in them; so are their names."""
    files = '[[accounts]]\ncredentials-file = "a"\n[[accounts]]\ncredentials-file = "b"\n'
    assert [account.name for account in load(files).accounts] == ["", ""]
    with pytest.raises(UsageError, match=r"'x' is none of the accounts .*/a, .*/b"):
        load(files, {"user": "x"})


def test_quiet_and_verbose_exclude_each_other(load: Loader) -> None:
    """Whichever of them comes from where."""
    with pytest.raises(UsageError, match=r"quiet and verbose exclude each other"):
        load("verbose = true\n", {"quiet": True})


def test_a_configuration_never_shows_more_than_it_was_given(load: Loader) -> None:
    """Passwords in the environment do not end up in the value."""
    config = load(environ={"S2FETCH_USER": "me", "S2FETCH_PASSWORD": "hunter2"})
    assert not re.search("hunter2", repr(config))


def test_a_timetable_is_a_table_or_a_repeated_option(tmp_path: Path) -> None:
    """Both say the same; what holds outside the spans is the bandwidth."""
    path = tmp_path / "archive.toml"
    path.write_text(
        'bandwidth = "20 MB/s"\ntime-zone = "UTC"\n'
        '[timetable]\n"08:00-18:00" = "5 MB/s"\n"18:00-06:00" = "unlimited"\n'
    )
    from_file = load_config(path, {}, {}, NOW).transfer.timetable
    options: dict[str, object] = {"timetable": ("08:00-18:00 = 5 MB/s", "18:00-06:00=unlimited")}
    options |= {"bandwidth": "20 MB/s", "time-zone": "UTC"}
    assert from_file == load_config(None, options, {}, NOW).transfer.timetable
    assert from_file is not None
    assert from_file.limit_at(NOW.replace(hour=12)) == 5_000_000
    assert from_file.limit_at(NOW.replace(hour=20)) is None
    assert from_file.limit_at(NOW.replace(hour=7)) == 20_000_000


def test_an_overlap_in_the_timetable_is_told_with_its_line(tmp_path: Path) -> None:
    """File, line and both spans."""
    path = tmp_path / "archive.toml"
    path.write_text('\n[timetable]\n"08:00-18:00" = 1000\n"mon 09:00-10:00" = 2000\n')
    with pytest.raises(ConfigError, match=r"line 2, timetable: '08:00-18:00' and 'mon 09"):
        load_config(path, {}, {}, NOW)
    twice = {"timetable": ("08:00-18:00 = 5 MB/s", "08:00-18:00 = 9 MB/s")}
    with pytest.raises(UsageError, match="'08:00-18:00' is not to be given twice"):
        load_config(None, twice, {}, NOW)


def test_the_greatest_number_is_taken_and_nothing_is_no_quota(load: Loader) -> None:
    """A quota of nothing would wait for ever."""
    assert load(options={"slots": "20"}).accounts[0].slots == 20
    with pytest.raises(UsageError, match="--slots: 21 is out of bounds"):
        load(options={"slots": "21"})
    with pytest.raises(UsageError, match=r"--quota: .* is not even 1 kB"):
        load(options={"quota": "0 GB"})


def test_every_account_may_have_a_quota_of_its_own(tmp_path: Path) -> None:
    """The one above the tables is for those that name none; the option beats both."""
    path = tmp_path / "archive.toml"
    path.write_text(
        'quota = "12 TB"\n[[accounts]]\nuser = "a"\n[[accounts]]\nuser = "b"\nquota = "1 TB"\n'
    )
    assert [a.quota_bytes for a in load_config(path, {}, {}, NOW).accounts] == [12e12, 1e12]
    both = load_config(path, {"quota": "2 TB"}, {}, NOW).accounts
    assert [account.quota_bytes for account in both] == [2e12, 2e12]


def test_times_that_move_with_the_clock_are_kept_as_they_were_written(tmp_path: Path) -> None:
    """Whoever lives longer than a run counts them anew."""
    file = tmp_path / "archive.toml"
    file.write_text('from = "-90d"\nto = "NOW/DAY"\npublished-to = 2024-06-01\n')
    config = load_config(file, {"published-from": "20200101"}, {})
    assert config.moving == {"sensing_from": "-90d", "sensing_to": "NOW/DAY"}
