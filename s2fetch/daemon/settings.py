"""Every setting of a daemon's file that a single archive's file does not have, described once.

What an archive's file can hold, ``[[archives]]`` and ``[defaults]`` can hold too.
"""

from __future__ import annotations

from s2fetch.config import parsers as p
from s2fetch.config import selection
from s2fetch.config import settings as s
from s2fetch.config.parsers import choice, many, whole
from s2fetch.config.setting import Setting
from s2fetch.daemon import parsers
from s2fetch.daemon.alerts import Rule
from s2fetch.daemon.turns import LEAST_PRIORITY, MOST_PRIORITY
from s2fetch.daemon.values import Intake
from s2fetch.sync.withdrawals import WithdrawnPolicy

# --- the whole daemon -----------------------------------------------------------------------------

TIME_ZONE = Setting(
    name="time-zone",
    group="Daemon",
    parse=parsers.zone,
    help="Time zone of cron expressions and of the times below [bandwidth]",
    default="UTC",
    example="Europe/Rome",
    metavar="ZONE",
)

# --- an archive -----------------------------------------------------------------------------------

ARCHIVE_NAME = Setting(
    name="name",
    group="Archives",
    parse=parsers.name,
    help="What commands, alerts and the dashboard call the archive",
    example="dolomites",
    table="archives",
)
ARCHIVE_FILE = Setting(
    name="file",
    group="Archives",
    parse=p.path,
    help="File with the archive's settings, as s2fetch sync takes it, instead of having them here",
    example="dolomites.toml",
    table="archives",
    metavar="FILE",
)
ACCOUNT_NAMES = Setting(
    name="accounts",
    group="Archives",
    parse=many(p.text),
    help="Names of the accounts the archive uses; all when left out",
    example="institute",
    table="archives",
    many=True,
)
SCHEDULE = Setting(
    name="schedule",
    group="Archives",
    parse=parsers.schedule,
    help="When runs are due: an interval, or a cron expression of five fields",
    default="6h",
    example="30 4 * * *",
    table="archives",
    metavar="WHEN",
)
JITTER = Setting(
    name="jitter",
    group="Archives",
    parse=p.duration,
    help="Longest delay of the archive's own, which keeps runs off the full hour; 15 min, or a "
    "quarter of a short interval, when left out",
    example="30 min",
    table="archives",
    metavar="DURATION",
)
PRIORITY = Setting(
    name="priority",
    group="Archives",
    parse=whole(LEAST_PRIORITY, MOST_PRIORITY, example=5),
    help="Share of the accounts' turns, 0 to 9: an archive of priority 4 gets five turns for each "
    "one of priority 0",
    default="0",
    example="5",
    table="archives",
    metavar="N",
)
INTAKE = Setting(
    name="intake",
    group="Archives",
    parse=choice(Intake),
    help="How the archive learns of new products",
    default="catalogue",
    example="subscription",
    table="archives",
    metavar="HOW",
    choices=tuple(Intake),
)
RECOUNT = Setting(
    name="recount",
    group="Archives",
    parse=parsers.period,
    help="How often the whole catalogue is compared with the archive, or never",
    default="30d",
    example="7d",
    table="archives",
    metavar="DURATION",
)
OVERLAP = Setting(
    name="overlap",
    group="Archives",
    parse=parsers.overlap,
    help="How far a run looks back behind what is settled, because products arrive late",
    default="2d",
    example="7d",
    table="archives",
    metavar="DURATION",
)
DELETIONS = Setting(
    name="deletions",
    group="Archives",
    parse=choice(WithdrawnPolicy),
    help="What happens to products that the hub withdrew: they are marked, and moved to trash",
    default="keep",
    example="trash",
    table="archives",
    metavar="WHAT",
    choices=tuple(WithdrawnPolicy),
)
DELETIONS_MOST = Setting(
    name="deletions-most",
    group="Archives",
    parse=whole(0, example=100),
    help="Withdrawn products that may be moved in 24 hours; more are only reported",
    default="100",
    example="20",
    table="archives",
    metavar="N",
)
DELETIONS_SHARE = Setting(
    name="deletions-share",
    group="Archives",
    parse=parsers.share,
    help="Share of the archive that may be moved in 24 hours; more is only reported",
    default="1%",
    example="5%",
    table="archives",
    metavar="PERCENT",
)
AFTER_RUN = Setting(
    name="after-run",
    group="Archives",
    parse=parsers.command,
    help="Command that is run after every run, with a JSON object on its standard input",
    example="/usr/local/bin/after-run",
    table="archives",
    metavar="COMMAND",
    many=True,
)
AFTER_PRODUCT = Setting(
    name="after-product",
    group="Archives",
    parse=parsers.command,
    help="Command that is run after every product that has arrived and is verified, one at a time",
    example="/usr/local/bin/after-product",
    table="archives",
    metavar="COMMAND",
    many=True,
)
HOOK_LIMIT = Setting(
    name="hook-limit",
    group="Archives",
    parse=p.positive_duration,
    help="How long such a command may take",
    default="10 min",
    example="1h",
    table="archives",
    metavar="DURATION",
)

# --- faces ----------------------------------------------------------------------------------------

HTTP_ENABLED = Setting(
    name="enabled",
    group="HTTP",
    parse=p.flag,
    help="Whether there is an HTTP face: health, metrics, API and dashboard",
    default="true",
    example="false",
    table="http",
    metavar="",
    flag=True,
)
HTTP_HOST = Setting(
    name="host",
    group="HTTP",
    parse=parsers.address,
    help="Address to listen at; any but loopback needs a token or client-ca",
    default="127.0.0.1",
    example="0.0.0.0",  # noqa: S104 - an example in the documentation
    table="http",
    metavar="ADDRESS",
)
HTTP_PORT = Setting(
    name="port",
    group="HTTP",
    parse=whole(0, 65535, example=8642),
    help="Port to listen at",
    default="8642",
    example="8642",
    table="http",
    metavar="N",
)
HTTP_TOKEN_FILE = Setting(
    name="token-file",
    group="HTTP",
    parse=p.path,
    help="File with the token that everything that changes state needs; mode 0600",
    example="http-token",
    table="http",
    metavar="FILE",
)
HTTP_READ_TOKEN_FILE = Setting(
    name="read-token-file",
    group="HTTP",
    parse=p.path,
    help="File with another token, that sees everything and changes nothing; mode 0600",
    example="http-read-token",
    table="http",
    metavar="FILE",
)
HTTP_CERTIFICATE = Setting(
    name="certificate",
    group="HTTP",
    parse=p.path,
    help="PEM file with the server's certificate chain: serve HTTPS",
    example="/etc/s2fetch/server.pem",
    table="http",
    metavar="FILE",
)
HTTP_KEY = Setting(
    name="key",
    group="HTTP",
    parse=p.path,
    help="PEM file with its private key; mode 0600",
    example="/etc/s2fetch/server-key.pem",
    table="http",
    metavar="FILE",
)
HTTP_CLIENT_CA = Setting(
    name="client-ca",
    group="HTTP",
    parse=p.path,
    help="PEM file with the authorities whose client certificates are let in",
    example="/etc/s2fetch/clients.pem",
    table="http",
    metavar="FILE",
)
HTTP_NAMES = Setting(
    name="names",
    group="HTTP",
    parse=many(parsers.host_name),
    help="Names under which it is reached, besides those of loopback",
    example="s2.example.org",
    table="http",
    metavar="HOST",
    many=True,
)
SOCKET = Setting(
    name="socket",
    group="Control",
    parse=parsers.socket,
    help="Control socket; s2fetch/control.sock below XDG_RUNTIME_DIR or /run when left out",
    example="/run/s2fetch/control.sock",
    table="control",
    metavar="FILE",
)

# --- alerts ---------------------------------------------------------------------------------------

RULES = Setting(
    name="rules",
    group="Alerts",
    parse=many(choice(Rule)),
    help="What to tell of",
    default=", ".join(Rule),
    example="run-failed, disk-floor",
    table="alerts",
    metavar="RULE",
    many=True,
    choices=tuple(Rule),
)
NOTHING_NEW = Setting(
    name="nothing-new",
    group="Alerts",
    parse=p.positive_duration,
    help="How long an archive may go without a new product; no alert when left out",
    example="48h",
    table="alerts",
    metavar="DURATION",
)
ALERT_INTERVAL = Setting(
    name="interval",
    group="Alerts",
    parse=p.duration,
    help="What comes and goes is told again after this time at the earliest",
    default="1h",
    example="30 min",
    table="alerts",
    metavar="DURATION",
)
COMMAND = Setting(
    name="command",
    group="Alerts",
    parse=parsers.command,
    help="Command that gets each alert as JSON on its standard input",
    example="/usr/local/bin/tell",
    table="alerts.commands",
    metavar="COMMAND",
    many=True,
)
COMMAND_LIMIT = Setting(
    name="limit",
    group="Alerts",
    parse=p.positive_duration,
    help="How long it may take",
    default="1 min",
    example="10s",
    table="alerts.commands",
    metavar="DURATION",
)
WEBHOOK_URL = Setting(
    name="url",
    group="Alerts",
    parse=parsers.webhook,
    help="URL that each alert is posted to as JSON",
    example="https://alerts.example.org/s2fetch",
    table="alerts.webhooks",
    metavar="URL",
)
WEBHOOK_SECRET = Setting(
    name="secret-file",
    group="Alerts",
    parse=p.path,
    help="File with the secret that deliveries are signed with; mode 0600",
    example="webhook-secret",
    table="alerts.webhooks",
    metavar="FILE",
)
WEBHOOK_ATTEMPTS = Setting(
    name="attempts",
    group="Alerts",
    parse=whole(1, 20, example=8),
    help="How often a delivery is tried",
    default="8",
    example="3",
    table="alerts.webhooks",
    metavar="N",
)

SHOWN = (s.LOG_FORMAT, s.QUIET, s.VERBOSE)
"""Settings of an archive's file that in a daemon's are its own."""
TOP = (TIME_ZONE, *SHOWN)
IDENTITY = (ARCHIVE_NAME, ARCHIVE_FILE)
"""What only an archive itself can have, and not ``[defaults]``."""
KEEPING = (
    *(ACCOUNT_NAMES, SCHEDULE, JITTER, PRIORITY, INTAKE, RECOUNT, OVERLAP),
    *(DELETIONS, DELETIONS_MOST, DELETIONS_SHARE, AFTER_RUN, AFTER_PRODUCT, HOOK_LIMIT),
)
"""How an archive is kept current."""
_OWN = frozenset(x.name for x in (*TOP, *KEEPING, s.INCREMENTAL, s.TIMETABLE, selection.NAME))
CONTENT = tuple(x for x in s.SETTINGS if not x.table and x.name not in _OWN)
"""What an archive holds and how it is fetched: what its own file can have."""
HTTP = (
    *(HTTP_ENABLED, HTTP_HOST, HTTP_PORT, HTTP_TOKEN_FILE, HTTP_READ_TOKEN_FILE),
    *(HTTP_CERTIFICATE, HTTP_KEY, HTTP_CLIENT_CA, HTTP_NAMES),
)
CONTROL = (SOCKET,)
ALERTS = (RULES, NOTHING_NEW, ALERT_INTERVAL)
ALERT_COMMANDS = (COMMAND, COMMAND_LIMIT)
ALERT_WEBHOOKS = (WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_ATTEMPTS)
DAEMON_SETTINGS: tuple[Setting[object], ...] = (
    *(TIME_ZONE, *IDENTITY, *KEEPING),
    *(*HTTP, *CONTROL, *ALERTS, *ALERT_COMMANDS, *ALERT_WEBHOOKS),
)
"""All of them, for the documentation."""
