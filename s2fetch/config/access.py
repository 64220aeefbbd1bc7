"""The settings of account and hub: as whom a run asks, and whom."""

from __future__ import annotations

from s2fetch.config import parsers
from s2fetch.config.parsers import choice, many, whole
from s2fetch.config.setting import Setting
from s2fetch.config.values import HubKind

CDSE_CATALOGUE = "https://catalogue.dataspace.copernicus.eu/odata/v1"
CDSE_DOWNLOAD = "https://download.dataspace.copernicus.eu/odata/v1"
CDSE_TOKEN = (
    "https://identity.dataspace.copernicus.eu/auth/realms/CDSE"  # noqa: S105  # an address
    "/protocol/openid-connect/token"
)
CDSE_ALIAS = "zipper.dataspace.copernicus.eu"

# --- account --------------------------------------------------------------------------------------

USER = Setting(
    name="user",
    group="Account",
    parse=parsers.text,
    help="Login; passwords come from a credentials file, the environment, ~/.netrc or the keyring",
    example="me@example.org",
    metavar="USER",
    variable="S2FETCH_USER",
)
CREDENTIALS_FILE = Setting(
    name="credentials-file",
    group="Account",
    parse=parsers.path,
    help="TOML file with user, password and totp-secret that only its owner can read",
    example="~/.config/s2fetch/credentials.toml",
    metavar="FILE",
)
SLOTS = Setting(
    name="slots",
    group="Account",
    parse=whole(1, 20, example=2),
    help="Concurrent downloads of the account, 1 to 20, over all processes of this machine",
    default="2",
    example="4",
    metavar="N",
)
QUOTA = Setting(
    name="quota",
    group="Account",
    parse=parsers.volume,
    help="Most bytes the account receives in 30 days: a tenth may come at once, the rest evenly",
    example="12 TB",
    metavar="SIZE",
)

ACCOUNT_NAME = Setting(
    name="name",
    group="Account",
    parse=parsers.text,
    help="What messages call the account; the user when left out",
    example="institute",
    table="accounts",
)

# --- hub ------------------------------------------------------------------------------------------

GIVE_UP_AFTER = Setting(
    name="give-up-after",
    group="Hub",
    parse=parsers.duration,
    help="How long the hub may stay unreachable before the run ends",
    default="15 min",
    example="6h",
    metavar="DURATION",
)
KIND = Setting(
    name="kind",
    group="Hub",
    parse=choice(HubKind),
    help="Protocol of the hub: the Copernicus Data Space's, or the Data Hub Software's",
    default="cdse",
    example="dhus",
    table="hub",
    choices=tuple(HubKind),
)
URL = Setting(
    name="url",
    group="Hub",
    parse=parsers.url,
    help="Root of a hub of the kind dhus; user and password may be in DHUS_USER and DHUS_PASSWORD",
    example="https://hub.example.org/dhus",
    table="hub",
    metavar="URL",
    variable="DHUS_URL",
)
CATALOGUE_URL = Setting(
    name="catalogue-url",
    group="Hub",
    parse=parsers.url,
    help="OData service of the catalogue",
    default=CDSE_CATALOGUE,
    example=CDSE_CATALOGUE,
    table="hub",
    metavar="URL",
    variable="S2FETCH_CATALOGUE_URL",
)
DOWNLOAD_URL = Setting(
    name="download-url",
    group="Hub",
    parse=parsers.url,
    help="OData service of the downloads",
    default=CDSE_DOWNLOAD,
    example=CDSE_DOWNLOAD,
    table="hub",
    metavar="URL",
    variable="S2FETCH_DOWNLOAD_URL",
)
TOKEN_URL = Setting(
    name="token-url",
    group="Hub",
    parse=parsers.url,
    help="OpenID Connect token endpoint",
    default=CDSE_TOKEN,
    example=CDSE_TOKEN,
    table="hub",
    metavar="URL",
    variable="S2FETCH_TOKEN_URL",
)
TRUSTED_HOSTS = Setting(
    name="trusted-hosts",
    group="Hub",
    parse=many(parsers.host),
    help="More hosts that downloads may be redirected to; they are sent what logs the account in",
    example=CDSE_ALIAS,
    table="hub",
    metavar="HOST",
    many=True,
)
CLIENT_ID = Setting(
    name="client-id",
    group="Hub",
    parse=parsers.text,
    help="OpenID Connect client",
    default="cdse-public",
    example="cdse-public",
    table="hub",
)

ACCOUNT: tuple[Setting[object], ...] = (USER, CREDENTIALS_FILE, SLOTS, QUOTA)
"""What tells of the one account that there usually is."""

ACCOUNT_SETTINGS: tuple[Setting[object], ...] = (ACCOUNT_NAME, *ACCOUNT)
"""The keys of each ``[[accounts]]`` table."""

HUB: tuple[Setting[object], ...] = (
    *(GIVE_UP_AFTER, KIND, URL, CATALOGUE_URL, DOWNLOAD_URL, TOKEN_URL, TRUSTED_HOSTS, CLIENT_ID),
)
"""What tells of the hub."""
