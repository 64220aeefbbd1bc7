"""The hub: its protocol decides which of the addresses are wanted."""

from __future__ import annotations

from s2fetch.config import access
from s2fetch.config.given import Rank, Values
from s2fetch.config.setting import Setting
from s2fetch.config.values import HubConfig, HubKind, authority
from s2fetch.errors import UsageError

_ONLY_CDSE: tuple[Setting[str], ...] = (
    *(access.CATALOGUE_URL, access.DOWNLOAD_URL, access.TOKEN_URL, access.CLIENT_ID),
)


def read_hub(values: Values) -> HubConfig:
    """Where the hub is. Mistakes go to the values' own list.

    Addresses of the other kind are mistakes in a file and as options; in the environment, where
    they may be meant for another program or another archive, they are left alone.
    """
    kind = values.get(access.KIND)
    if kind is HubKind.DHUS:
        return _dhus(values)
    if _is_meant(values, access.URL):
        values.wrong(
            access.URL,
            UsageError(
                "this is the address of a hub of the kind dhus", advice="Give --kind dhus too"
            ),
        )
    catalogue, download = values.get(access.CATALOGUE_URL), values.get(access.DOWNLOAD_URL)
    token = values.get(access.TOKEN_URL)
    hosts = [authority(url) for url in (catalogue, download, token)]
    if download == access.CDSE_DOWNLOAD:
        hosts.append(access.CDSE_ALIAS)
    return HubConfig(
        kind=kind,
        catalogue_url=catalogue,
        download_url=download,
        token_url=token,
        trusted_hosts=_trusted(values, hosts),
        client_id=values.get(access.CLIENT_ID),
        give_up_after_seconds=values.get(access.GIVE_UP_AFTER),
    )


def _dhus(values: Values) -> HubConfig:
    for setting in _ONLY_CDSE:
        if _is_meant(values, setting):
            advice = "Leave it out: a hub of the kind dhus has one address, its url"
            values.wrong(setting, UsageError("hubs of the kind dhus have none", advice=advice))
    url = values.find(access.URL)
    if url is None and values.given(access.URL) is None:
        values.wrong(
            access.KIND,
            UsageError(
                "a hub of the kind dhus needs its address, for which there is no default",
                advice="Give --url, the key url below [hub], or DHUS_URL",
            ),
        )
    return HubConfig(
        kind=HubKind.DHUS,
        url=url or "",
        catalogue_url="",
        download_url="",
        token_url="",
        trusted_hosts=_trusted(values, [authority(url)] if url else []),
        client_id="",
        give_up_after_seconds=values.get(access.GIVE_UP_AFTER),
    )


def _is_meant(values: Values, setting: Setting[str]) -> bool:
    """Whether it was given for this run: the environment may be set up for something else."""
    given = values.given(setting)
    return given is not None and given.rank is not Rank.ENVIRONMENT


def _trusted(values: Values, hosts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*hosts, *(values.find(access.TRUSTED_HOSTS) or ()))))
