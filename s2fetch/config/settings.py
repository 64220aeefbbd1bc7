"""Every setting, described once: for the file, the options, the environment and the documentation.

The name is the key in the file and, with two dashes, the option. `SETTINGS` is what a command can
be given.
"""

from __future__ import annotations

from s2fetch.config import parsers
from s2fetch.config.access import ACCOUNT, HUB
from s2fetch.config.parsers import choice, whole
from s2fetch.config.selection import SELECTION
from s2fetch.config.setting import Setting
from s2fetch.config.values import LogFormat, Offline, OnFull, OnMissing, Resume

# --- archive --------------------------------------------------------------------------------------

INTO = Setting(
    name="into",
    group="Archive",
    parse=parsers.path,
    help="Folder of the archive; in a file, relative to the folder that holds the file",
    example="archive",
    metavar="FOLDER",
)
LAYOUT = Setting(
    name="layout",
    group="Archive",
    parse=parsers.layout,
    help="Template of the paths inside the archive",
    default="{name}",
    example="{collection}/{year}/{month}/{name}",
    metavar="TEMPLATE",
)
INCREMENTAL = Setting(
    name="incremental",
    group="Archive",
    parse=parsers.flag,
    help="Ask only for what was published or changed since the last run, and for what is unsettled",
    default="false",
    example="true",
    metavar="",
    flag=True,
)
OVERLAP = Setting(
    name="overlap",
    group="Archive",
    parse=parsers.duration,
    help="How far back of the last run an incremental one looks: entries and checksums come late",
    default="24h",
    example="3d",
    metavar="DURATION",
)
RECOUNT = Setting(
    name="recount",
    group="Archive",
    parse=parsers.positive_duration,
    help="How often an incremental archive is compared with the whole listing all the same",
    default="7d",
    example="30d",
    metavar="DURATION",
)
RESERVE = Setting(
    name="reserve",
    group="Archive",
    parse=parsers.size,
    help="Free space that downloads leave on the disk",
    default="1 GB",
    example="50 GB",
    metavar="SIZE",
)
ON_FULL = Setting(
    name="on-full",
    group="Archive",
    parse=choice(OnFull),
    help="What a run does when the disk is down to the reserve",
    default="stop",
    example="wait",
    metavar="WHAT",
    choices=tuple(OnFull),
)
ON_MISSING = Setting(
    name="on-missing",
    group="Archive",
    parse=choice(OnMissing),
    help="What to do about products that were here and verified, and whose files are gone",
    default="fetch",
    example="leave",
    metavar="WHAT",
    choices=tuple(OnMissing),
)
SCRUB_BUDGET = Setting(
    name="scrub-budget",
    group="Archive",
    parse=parsers.volume,
    help="Bytes a day that are hashed again by s2fetch scrub",
    default="100 GB",
    example="500 GB",
    metavar="SIZE",
)
SCRUB_PERIOD = Setting(
    name="scrub-period",
    group="Archive",
    parse=parsers.positive_duration,
    help="How old the proof of a file may become; scrubbing begins at half of it",
    default="90d",
    example="180d",
    metavar="DURATION",
)
WAIT_FOR_LOCK = Setting(
    name="wait-for-lock",
    group="Archive",
    parse=parsers.duration,
    help="How long to wait while another process works on the archive",
    default="0s",
    example="10 min",
    metavar="DURATION",
)

# --- transfer -------------------------------------------------------------------------------------

CONNECT_TIMEOUT = Setting(
    name="connect-timeout",
    group="Transfer",
    parse=parsers.positive_duration,
    help="Longest wait for a connection",
    default="30s",
    example="10s",
    metavar="DURATION",
)
FIRST_BYTE_TIMEOUT = Setting(
    name="first-byte-timeout",
    group="Transfer",
    parse=parsers.positive_duration,
    help="Longest wait for an answer to begin",
    default="120s",
    example="5 min",
    metavar="DURATION",
)
MINIMUM_RATE = Setting(
    name="minimum-rate",
    group="Transfer",
    parse=parsers.rate,
    help="A download slower than this over the window has stalled and is begun anew",
    default="10 kB/s",
    example="50 kB/s",
    metavar="RATE",
)
MINIMUM_RATE_WINDOW = Setting(
    name="minimum-rate-window",
    group="Transfer",
    parse=parsers.positive_duration,
    help="The window over which the minimum rate is measured",
    default="60s",
    example="2 min",
    metavar="DURATION",
)
ATTEMPTS = Setting(
    name="attempts",
    group="Transfer",
    parse=whole(1, example=8),
    help="Attempts for each product in one run; being told to wait costs none",
    default="8",
    example="3",
    metavar="N",
)
RESUME = Setting(
    name="resume",
    group="Transfer",
    parse=choice(Resume),
    help="Continue part files where that is provably safe, or never",
    default="auto",
    example="never",
    metavar="WHEN",
    choices=tuple(Resume),
)
BANDWIDTH = Setting(
    name="bandwidth",
    group="Transfer",
    parse=parsers.bandwidth,
    help="Most bytes per second of all downloads together",
    example="20 MB/s",
    metavar="RATE",
)
TIMETABLE = Setting(
    name="timetable",
    group="Transfer",
    parse=parsers.limits,
    help="Bandwidth at times of the week instead of bandwidth, each SPAN = RATE or unlimited",
    example="mon-fri 08:00-18:00 = 5 MB/s",
    metavar="LIMIT",
    many=True,
)
TIME_ZONE = Setting(
    name="time-zone",
    group="Transfer",
    parse=parsers.zone,
    help="Whose wall clock the timetable means; the machine's own when left out",
    example="Europe/Rome",
    metavar="ZONE",
)

# --- retrieval ------------------------------------------------------------------------------------

OFFLINE = Setting(
    name="offline",
    group="Offline products",
    parse=choice(Offline),
    help="Ask the hub for offline products, only wait for them, or skip them",
    default="request",
    example="wait",
    metavar="WHAT",
    choices=tuple(Offline),
)
WAIT_OFFLINE = Setting(
    name="wait-offline",
    group="Offline products",
    parse=parsers.duration,
    help="How long a run stays to wait for offline products after everything else is done",
    default="0s",
    example="2h",
    metavar="DURATION",
)
POLL_INTERVAL = Setting(
    name="poll-interval",
    group="Offline products",
    parse=parsers.positive_duration,
    help="How often to ask whether offline products are online",
    default="60s",
    example="5 min",
    metavar="DURATION",
)
RETRIEVAL_LIMIT = Setting(
    name="retrieval-limit",
    group="Offline products",
    parse=whole(1, example=20),
    help="Most retrievals under way at a time",
    default="20",
    example="5",
    metavar="N",
)

# --- showing --------------------------------------------------------------------------------------

REPORT = Setting(
    name="report",
    group="Output",
    parse=parsers.path,
    help="Write a summary of the run to this file, as JSON",
    example="report.json",
    metavar="FILE",
)
LOG_FORMAT = Setting(
    name="log-format",
    group="Output",
    parse=choice(LogFormat),
    help="A live view on a terminal and lines elsewhere (auto), readable lines, or JSON lines",
    default="auto",
    example="json",
    metavar="FORMAT",
    choices=tuple(LogFormat),
)
QUIET = Setting(
    name="quiet",
    group="Output",
    parse=parsers.flag,
    help="Show only warnings and errors",
    default="false",
    example="true",
    metavar="",
    flag=True,
)
VERBOSE = Setting(
    name="verbose",
    group="Output",
    parse=parsers.flag,
    help="Show every step",
    default="false",
    example="true",
    metavar="",
    flag=True,
)

SETTINGS: tuple[Setting[object], ...] = (
    *SELECTION,
    *(INTO, LAYOUT, INCREMENTAL, OVERLAP, RECOUNT),
    *(RESERVE, ON_FULL, ON_MISSING, SCRUB_BUDGET, SCRUB_PERIOD, WAIT_FOR_LOCK),
    *ACCOUNT,
    *(CONNECT_TIMEOUT, FIRST_BYTE_TIMEOUT, MINIMUM_RATE, MINIMUM_RATE_WINDOW),
    *(ATTEMPTS, RESUME, BANDWIDTH, TIMETABLE, TIME_ZONE),
    *(OFFLINE, WAIT_OFFLINE, POLL_INTERVAL, RETRIEVAL_LIMIT),
    *HUB,
    *(REPORT, LOG_FORMAT, QUIET, VERBOSE),
)
"""Everything a configuration file can hold outside ``[[accounts]]``."""
