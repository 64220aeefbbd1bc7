"""A daemon's file becomes one value, and every mistake has its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s2fetch.config.parsers import Context
from s2fetch.config.setting import Setting
from s2fetch.config.values import LogFormat
from s2fetch.daemon import settings as d
from s2fetch.daemon.alerts import Rule
from s2fetch.daemon.config import TABLES, load_daemon_archive, load_daemon_config
from s2fetch.daemon.values import DaemonConfig, Intake
from s2fetch.errors import AreaError, ConfigError, QueryError, UsageError
from s2fetch.sync.withdrawals import WithdrawnPolicy

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONTEXT = Context(now=NOW, folder=None, environ={"HOME": "/home/me"})
EXAMPLE = Path(__file__).parents[2] / "config" / "daemon.toml"
ONE = '[[archives]]\nname = "alps"\ninto = "alps"\n'


class Loader:
    """Writes files and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "daemon.toml"

    def __call__(self, content: str, environ: Mapping[str, str] | None = None) -> DaemonConfig:
        self.path.write_text(content, encoding="utf-8")
        return load_daemon_config(self.path, environ or {"HOME": "/home/me"}, NOW)

    def refused(self, content: str, *told: str) -> UsageError:
        """The mistakes in a file, which say all of this."""
        with pytest.raises(UsageError) as caught:
            self(content)
        for words in told:
            assert words in str(caught.value)
        return caught.value

    def write(self, name: str, content: str, mode: int = 0o600) -> None:
        """A file beside the daemon's."""
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def test_an_archive_needs_a_name_and_a_folder_and_nothing_else(
    load: Loader, tmp_path: Path
) -> None:
    """The rest is what the documentation says."""
    config = load(ONE)
    (archive,) = config.archives
    assert (archive.name, archive.config.into) == ("alps", tmp_path / "alps")
    assert archive.schedule.every_seconds == 6 * 3600
    assert 0 < archive.schedule.shift_seconds <= 900
    assert (archive.priority, archive.intake) == (0, Intake.CATALOGUE)
    assert archive.recount_seconds == 30 * 86400
    assert archive.overlap_seconds == 2 * 86400
    assert archive.withdrawals.policy is WithdrawnPolicy.KEEP
    assert (archive.withdrawals.most_products, archive.withdrawals.most_share) == (100, 0.01)
    assert archive.after_run.arguments == ()
    assert [account.slots for account in archive.config.accounts] == [2]
    assert (config.http.enabled, config.http.host, config.http.port) == (True, "127.0.0.1", 8642)
    assert config.control_socket is None
    assert config.alerts.rules.rules == tuple(Rule)
    assert config.alerts.rules.nothing_new_seconds is None
    assert config.bandwidth.spans == ()
    assert config.bandwidth.otherwise is None
    assert (config.time_zone, config.showing.log_format) == ("UTC", LogFormat.AUTO)


@pytest.mark.parametrize(
    ("host", "bound"),
    [("::ffff:127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("LocalHost", "localhost")],
)
def test_an_address_to_listen_at_can_be_bound(load: Loader, host: str, bound: str) -> None:
    """An address of IPv4 that is written as one of IPv6 is one of IPv4."""
    assert load(ONE + f'[http]\nhost = "{host}"\n').http.host == bound


def test_everything_can_be_said(load: Loader, tmp_path: Path) -> None:
    """Values arrive typed, in seconds, bytes and shares."""
    load.write("hook-secret", "0123456789abcdef")
    config = load(
        """
        time-zone = "Europe/Rome"
        log-format = "json"
        verbose = true

        [[archives]]
        name = "alps"
        into = "/data/alps"
        tile = "32TQM"
        schedule = "30 4 * * *"
        jitter = 0
        priority = 7
        intake = "subscription"
        recount = "never"
        overlap = "7d"
        deletions = "trash"
        deletions-most = 5
        deletions-share = "2.5%"
        after-run = ["/usr/local/bin/tell", "--short"]
        after-product = ["/usr/local/bin/ingest"]
        hook-limit = "1 min"
        accounts = ["second"]

        [[accounts]]
        name = "first"
        user = "a@example.org"

        [[accounts]]
        name = "second"
        user = "b@example.org"
        slots = 4

        [bandwidth]
        "mon-fri 08:00-18:00" = "5 MB/s"
        "sat,sun" = "unlimited"
        otherwise = "20 MB/s"

        [http]
        host = "0.0.0.0"
        port = 443
        token-file = "token"
        read-token-file = "read-token"
        certificate = "/etc/c.pem"
        key = "~/k.pem"
        names = ["S2.example.org"]

        [control]
        socket = "run/c.sock"

        [alerts]
        rules = ["disk-floor", "nothing-new"]
        nothing-new = "48h"
        interval = "10 min"

        [[alerts.commands]]
        command = ["tell"]

        [[alerts.webhooks]]
        url = "https://hooks.example.org/T0/B1?key=x#part"
        secret-file = "hook-secret"
        attempts = 3
        """
    )
    (archive,) = config.archives
    assert archive.config.query.tiles == ("32TQM",)
    assert archive.schedule.zone == "Europe/Rome"
    assert archive.schedule.next_after(NOW) == datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
    assert archive.priority == 7
    assert archive.intake is Intake.SUBSCRIPTION
    assert archive.recount_seconds is None
    assert archive.overlap_seconds == 7 * 86400
    assert archive.withdrawals.policy is WithdrawnPolicy.TRASH
    assert (archive.withdrawals.most_products, archive.withdrawals.most_share) == (5, 0.025)
    assert archive.after_run.arguments == ("/usr/local/bin/tell", "--short")
    assert archive.after_run.limit_seconds == 60
    assert archive.after_product.arguments == ("/usr/local/bin/ingest",)
    assert archive.after_product.limit_seconds == 60
    assert [(a.name, a.slots) for a in archive.config.accounts] == [("second", 4)]
    assert config.bandwidth.spans == (("mon-fri 08:00-18:00", 5e6), ("sat,sun", None))
    assert config.bandwidth.otherwise == 20e6
    assert (config.http.host, config.http.port) == ("0.0.0.0", 443)
    assert config.http.token_file == tmp_path / "token"
    assert config.http.read_token_file == tmp_path / "read-token"
    assert (config.http.certificate, config.http.key) == (
        Path("/etc/c.pem"),
        Path("/home/me/k.pem"),
    )
    assert config.http.names == ("s2.example.org",)
    assert config.control_socket == tmp_path / "run" / "c.sock"
    assert config.alerts.rules.rules == (Rule.DISK_FLOOR, Rule.NOTHING_NEW)
    assert config.alerts.rules.nothing_new_seconds == 48 * 3600
    assert config.alerts.rules.interval_seconds == 600
    (command,) = config.alerts.commands
    assert (command.arguments, command.limit_seconds) == (("tell",), 60)
    (webhook,) = config.alerts.webhooks
    assert webhook.url == "https://hooks.example.org/T0/B1?key=x"
    assert (webhook.secret_file, webhook.attempts) == (tmp_path / "hook-secret", 3)
    assert config.showing.log_format is LogFormat.JSON
    assert config.showing.verbose


def test_defaults_hold_for_all_archives_that_say_nothing_else(load: Loader) -> None:
    """An archive's own area replaces one of another kind."""
    one, other = load(
        """
        [defaults]
        reserve = "5 GB"
        priority = 3
        box = "11,46,12,47"

        [[archives]]
        name = "one"
        into = "one"

        [[archives]]
        name = "other"
        into = "other"
        priority = 1
        reserve = "1 GB"
        wkt = "POLYGON((1 1,2 1,2 2,1 1))"
        """
    ).archives
    assert (one.priority, one.config.reserve_bytes) == (3, 5 * 10**9)
    assert (other.priority, other.config.reserve_bytes) == (1, 10**9)
    assert one.config.query.area == "POLYGON((11 46,12 46,12 47,11 47,11 46))"
    assert other.config.query.area != one.config.query.area


def test_an_archive_of_another_kind_of_hub_has_nothing_of_the_daemon_s_hub(
    load: Loader,
) -> None:
    """No address of it, and no trust in its hosts, which are sent what logs an account in."""
    load.write("a.toml", 'into = "a"\n[hub]\nkind = "dhus"\nurl = "https://dhus.example.org/d"\n')
    load.write("b.toml", 'into = "b"\n[hub]\nkind = "cdse"\n')
    archives = (
        '[[archives]]\nname = "a"\nfile = "a.toml"\n[[archives]]\nname = "b"\nfile = "b.toml"\n'
    )
    mirror = (
        'catalogue-url = "https://c.example.org/odata/v1"\nclient-id = "institute"\n'
        'trusted-hosts = ["more.example.org"]\n'
    )
    dhus = 'kind = "dhus"\nurl = "https://other.example.org"\n'
    one, _ = load(f"{archives}[hub]\n{mirror}").archives
    assert one.config.hub.trusted_hosts == ("dhus.example.org",)
    assert one.config.hub.client_id == ""
    one, other = load(f"{archives}[hub]\n{dhus}").archives
    assert one.config.hub.url == "https://dhus.example.org/d"
    assert other.config.hub.catalogue_url.startswith("https://catalogue.dataspace")


def test_an_archives_own_file_is_read_as_sync_reads_it(load: Loader, tmp_path: Path) -> None:
    """Its paths start from its own folder; what it does not say comes from the daemon's file."""
    (tmp_path / "more").mkdir()
    load.write(
        "more/alps.toml",
        'into = "data"\ntile = "32TQM"\n[hub]\ncatalogue-url = "https://c.example.org/odata/v1"\n',
    )
    (archive,) = load(
        """
        [defaults]
        reserve = "5 GB"

        [[archives]]
        name = "alps"
        file = "more/alps.toml"
        schedule = "12h"

        [[accounts]]
        name = "institute"
        user = "me"

        [hub]
        catalogue-url = "https://other.example.org/odata/v1"
        client-id = "institute"
        """
    ).archives
    assert archive.config.into == tmp_path / "more" / "data"
    assert archive.config.file == tmp_path / "more" / "alps.toml"
    assert archive.config.query.tiles == ("32TQM",)
    assert archive.config.reserve_bytes == 5 * 10**9
    assert archive.config.hub.catalogue_url == "https://c.example.org/odata/v1"
    assert archive.config.hub.client_id == "institute"
    assert [account.name for account in archive.config.accounts] == ["institute"]
    assert archive.schedule.every_seconds == 12 * 3600


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('user = "own"\n', ["own"]),
        ('[[accounts]]\nname = "own"\nuser = "x"\n', ["own"]),
    ],
)
def test_an_archives_own_accounts_replace_the_shared_ones(
    load: Loader, content: str, names: list[str]
) -> None:
    load.write("alps.toml", f'into = "data"\n{content}')
    (archive,) = load(
        '[defaults]\ncredentials-file = "c.toml"\n[[archives]]\nname = "alps"\nfile = "alps.toml"\n'
    ).archives
    assert [account.name for account in archive.config.accounts] == names
    assert archive.config.accounts[0].credentials_file is None


def test_the_environment_counts_for_every_archive(load: Loader) -> None:
    """As it does for sync: endpoints and the user."""
    environ = {
        "S2FETCH_USER": "me",
        "S2FETCH_CATALOGUE_URL": "http://127.0.0.1:1/odata/v1",
    }
    (archive,) = load(ONE, environ).archives
    assert archive.config.accounts[0].user == "me"
    assert archive.config.hub.catalogue_url == "http://127.0.0.1:1/odata/v1"


def test_all_mistakes_are_told_at_once_each_with_its_line(load: Loader) -> None:
    """Those of the archives' own files too, and each of them once."""
    load.write("other.toml", 'into = "other"\ncloud = "200"\n')
    error = load.refused(
        'time-zone = "Europe/Atlantis"\n'  # 1
        "[defaults]\n"  # 2
        'reserve = "a lot"\n'  # 3
        "[[archives]]\n"  # 4
        'name = "alps"\n'  # 5
        'into = "alps"\n'  # 6
        'schedule = "soon"\n'  # 7
        "prioritty = 3\n"  # 8
        "[[archives]]\n"  # 9
        'name = "other"\n'  # 10
        'file = "other.toml"\n'  # 11
        "[alerts]\n"  # 12
        'rules = ["disk-flor"]\n'  # 13
        "[[alerts.webhooks]]\n"  # 14
        'url = "http://hooks.example.org/secret"\n'  # 15
    )
    told = str(error)
    for words in (
        "daemon.toml, line 1, time-zone: 'Europe/Atlantis' is no time zone",
        "daemon.toml, line 3, defaults.reserve: 'a lot' is not a size",
        "daemon.toml, line 7, archives[1].schedule: 'soon' is not a schedule",
        "daemon.toml, line 8, archives[1].prioritty: there is no key of this name. Did you mean",
        "other.toml, line 2, cloud: '200' is not between 0 and 100 percent",
        "daemon.toml, line 13, alerts.rules: 'disk-flor' is not one of run-failed",
        "daemon.toml, line 15, alerts.webhooks[1].url: this URL is not encrypted",
    ):
        assert told.count(words) == 1, f"{words}\nnot once in\n{told}"
    assert told.startswith("7 mistakes:")
    assert isinstance(error, ConfigError)
    assert "secret" not in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "archives: there is no archive. Begin each one with [[archives]]"),
        ('into = "alps"\ntile = ["32TQM"]\n', "is the file of one archive, and not of a daemon."),
        ('archives = "alps"', "line 1, archives: these are tables: begin each with [[archives]]"),
        ("[archives]\n", "these are tables: begin each with [[archives]]"),
        ("[[archive]]\nname = 'a'\n" + ONE, "archive: there is no key of this name. Did you mean"),
        ("http = 1\n" + ONE, "line 1, http: it is a table: begin it with [http]"),
        ("[[archives]]\ninto = 'x'\n", "line 1, archives[1]: an archive needs a name"),
        ("[[archives]]\nname = 'x'\n", "line 1, archives[1]: the archive needs a folder. Set into"),
        ("[[archives]]\nname = '../x'\ninto = 'x'\n", "is not a name for an archive"),
        (ONE + ONE, "line 5, archives[2].name: there are two archives called alps"),
        (ONE + ONE.replace('name = "alps"', 'name = "b"'), "is that of alps too"),
        (
            ONE + ONE.replace('name = "alps"\ninto = "alps"', 'name = "b"\ninto = "x/../alps"'),
            "is that of alps too",
        ),
        (ONE + 'accounts = ["me"]\n', "archives[1].accounts: there is no account called me"),
        (ONE + "priority = 10\n", "write a whole number from 0 to 9"),
        (ONE + 'schedule = "1h"\njitter = "2h"\n', "line 5, archives[1].jitter: a jitter of"),
        (ONE + 'schedule = "0 0 31 2 *"\n', "archives[1].schedule: '0 0 31 2 *' never comes"),
        (ONE + 'overlap = "5 min"\n', "archives[1].overlap: '5 min' is not enough"),
        (ONE + 'deletions-share = "200%"\n', "'200%' is not a share: write percent"),
        (ONE + 'after-run = "rm -rf /"\n', "'rm -rf /' is not a command: write a list"),
        (ONE + "after-run = []\n", "[] is not a command"),
        (ONE + 'after-run = ["bin/x"]\n', "'bin/x' is not an absolute path"),
        (ONE + "verbose = true\n", "archives[1].verbose: there is no key of this name"),
        (ONE + 'file = "x.toml"\n', "line 3, archives[1].into: this key and file exclude each"),
        ("[[archives]]\nname='x'\nfile='no.toml'\n", "archives[1].file: cannot read the config"),
        (ONE + '[http]\nhost = "0.0.0.0"\n', "line 5, http.host: 0.0.0.0 can be reached from"),
        (ONE + f"[control]\nsocket = '/{'x' * 107}'\n", "line 5, control.socket: /xxx"),
        (ONE + '[http]\nhost = "example.org"\n', "is not an address to listen at"),
        (ONE + '[http]\ncertificate = "c"\n', "line 5, http.certificate: certificate and key"),
        (ONE + '[http]\nclient-ca = "c"\n', "http.client-ca: client certificates need a"),
        (ONE + '[bandwidth]\n"8-18" = "5 MB/s"\n', "line 5, bandwidth.8-18: '8-18' is no time of"),
        (ONE + '[bandwidth]\notherwise = "0"\n', "lets nothing through: write for example 20 MB"),
        (ONE + "[[alerts.commands]]\n", "line 4, alerts.commands[1]: the key command is missing"),
        (ONE + "[[alerts.webhooks]]\n", "line 4, alerts.webhooks[1]: the key url is missing"),
        (
            ONE + '[[alerts.webhooks]]\nurl = "https://me:pw@example.org/"\n',
            "must not hold a user or a password",
        ),
        (
            ONE + '[[alerts.webhooks]]\nurl = "https://x.org/"\nsecret-file = "no"\n',
            "line 6, alerts.webhooks[1].secret-file: the secret in",
        ),
        (ONE + "[control]\nsocket = 1\n", "line 5, control.socket: 1 is not a path"),
        ("name = [", "line 1"),
    ],
)
def test_a_mistake_has_its_place_and_says_what_is_wanted(
    load: Loader, content: str, told: str
) -> None:
    load.refused(content, told)


def test_a_file_that_is_not_there_is_one_mistake_and_not_two(load: Loader) -> None:
    """What it would have said is not missed as well."""
    error = load.refused('[[archives]]\nname = "x"\nfile = "no.toml"\n', "cannot read")
    assert "folder" not in str(error)


def test_a_secret_that_others_can_read_is_a_mistake_of_the_file(load: Loader) -> None:
    """So that a reload refuses it before an alert is lost."""
    load.write("secret", "0123456789abcdef", mode=0o644)
    webhook = '[[alerts.webhooks]]\nurl = "https://x.org/"\nsecret-file = "secret"\n'
    load.refused(ONE + webhook, "line 6, alerts.webhooks[1].secret-file", "chmod 600")


def test_one_login_may_be_that_of_two_hubs(load: Loader) -> None:
    """Of whom everybody knows one address, from the environment or from a file."""
    dhus = 'into = "two"\n[hub]\nkind = "dhus"\nurl = "https://dhus.example.org"\n'
    load.write("two.toml", dhus)
    load.write("three.toml", 'user = "me"\n' + dhus.replace("two", "three"))
    archives = (
        '[[archives]]\nname = "one"\ninto = "one"\n[[archives]]\nname = "two"\nfile = "FILE"\n'
    )
    unnamed = load(archives.replace("FILE", "two.toml"))
    assert [len(archive.config.accounts) for archive in unnamed.archives] == [1, 1]
    login = '[defaults]\nuser = "me"\n' + archives.replace("FILE", "three.toml")
    assert {archive.config.accounts[0].name for archive in load(login).archives} == {"me"}


def test_two_archives_cannot_mean_two_accounts_by_one_name(load: Loader) -> None:
    """Commands, alerts and the dashboard know an account by its name."""
    load.write("one.toml", 'into = "one"\n[[accounts]]\nname = "me"\nuser = "a"\n')
    load.write("two.toml", 'into = "two"\n[[accounts]]\nname = "me"\nuser = "b"\n')
    load.refused(
        '[[archives]]\nname = "one"\nfile = "one.toml"\n'
        '[[archives]]\nname = "two"\nfile = "two.toml"\n',
        "line 4, archives[2]: its account me is not the one another archive calls so",
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ONE + 'product-type = ["S2MSI1D"]\n', QueryError),
        (ONE + 'box = "1,2,3"\n', AreaError),
        (ONE + "limit = 0\n", ConfigError),
    ],
)
def test_a_mistake_in_the_selection_keeps_its_kind(
    load: Loader, content: str, kind: type[UsageError]
) -> None:
    assert type(load.refused(content, "archives[1].")) is kind


# --- the table of settings and the example --------------------------------------------------------


def name_of(setting: Setting[object]) -> str:
    return f"{setting.table}.{setting.name}"


@pytest.mark.parametrize("setting", d.DAEMON_SETTINGS, ids=name_of)
def test_every_setting_is_described_and_parses_its_default(setting: Setting[object]) -> None:
    assert re.fullmatch(r"[A-Z].+[^.]", setting.help)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", setting.name)
    assert setting.flag == (not setting.metavar)
    example = [setting.example] if setting.metavar == "COMMAND" else setting.example
    assert setting.parse(example, CONTEXT) is not None
    if setting.default:
        assert setting.parse(setting.default, CONTEXT) is not None


@pytest.mark.parametrize("setting", d.DAEMON_SETTINGS, ids=name_of)
def test_no_setting_accepts_what_it_cannot_mean(setting: Setting[object]) -> None:
    """A TOML table is refused with a sentence and never with a traceback."""
    with pytest.raises(ValueError, match="is n"):
        setting.parse({"a": 1}, CONTEXT)


def uncommented() -> str:
    """The example with everything that is commented out switched on."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.sub(r'(?m)^# (?=[a-z-]+ = |"[^"]+" = |\[)', "", text)


def test_the_example_can_be_loaded() -> None:
    config = load_daemon_config(EXAMPLE, {"HOME": "/home/me"}, NOW)
    assert [archive.name for archive in config.archives] == ["dolomites", "alps"]
    assert config.file == EXAMPLE


def test_the_example_shows_every_setting_with_its_default() -> None:
    """It is the reference people keep beside their editor."""
    document = tomllib.loads(uncommented())
    assert set(document) - set(TABLES) == {setting.name for setting in d.TOP}
    live = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    archive: dict[str, object] = {}
    for shown in document["archives"]:
        archive |= {name: value for name, value in shown.items() if name not in archive}
    alerts = document["alerts"]
    tables = {
        "": document,
        "archives": archive,
        "http": document["http"],
        "control": document["control"],
        "alerts": alerts,
        "alerts.commands": alerts["commands"][0],
        "alerts.webhooks": alerts["webhooks"][0],
    }
    chosen = live["archives"][0].keys() | live["archives"][1].keys() | live["alerts"].keys()
    for setting in d.DAEMON_SETTINGS:
        raw = tables[setting.table][setting.name]
        parsed = setting.parse(raw, CONTEXT)
        if setting.default and setting.name not in chosen:
            assert parsed == setting.parse(setting.default, CONTEXT), setting.name
    known = {setting.name for setting in d.DAEMON_SETTINGS}
    assert alerts.keys() - known == {"commands", "webhooks"}
    assert document["http"].keys() <= known


def test_one_archive_is_what_the_daemon_has_it_for(load: Loader) -> None:
    """With the limit on all of them, and with options on top."""
    two = ONE + 'tile = ["32TQM"]\n' + ONE.replace("alps", "coast")
    content = two + '[defaults]\nreserve = "5 GB"\n[bandwidth]\notherwise = "20 MB/s"\n'
    kept = load(content + '"sat" = "1 MB/s"\n').archives[0]
    environ = {"HOME": "/home/me"}
    found = load_daemon_archive(load.path, "alps", {}, environ, NOW)
    assert found.schedule == kept.schedule
    assert (found.config.query, found.config.into) == (kept.config.query, kept.config.into)
    assert found.config.reserve_bytes == 5_000_000_000
    assert found.config.transfer.bandwidth == 20e6
    assert found.config.transfer.timetable is not None
    options = {"tile": ["32TQN"], "bandwidth": "1 MB/s", "into": "elsewhere"}
    found = load_daemon_archive(load.path, "alps", options, environ, NOW)
    assert found.config.query.tiles == ("32TQN",)
    assert found.config.into == Path("elsewhere")
    assert (found.config.transfer.bandwidth, found.config.transfer.timetable) == (1e6, None)


def test_an_archive_has_to_be_named_where_there_are_several(load: Loader) -> None:
    load(ONE)
    assert load_daemon_archive(load.path, environ={}).name == "alps"
    load(ONE + ONE.replace("alps", "coast"))
    for name, told in (("", "has several archives"), ("elps", "has no archive 'elps'")):
        with pytest.raises(UsageError, match=told) as refused:
            load_daemon_archive(load.path, name, environ={})
        assert f"{load.path}:alps or {load.path}:coast" in refused.value.advice
