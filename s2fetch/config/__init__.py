"""TOML, environment and options into plain values, with the place of every mistake."""

from __future__ import annotations

from s2fetch.config.access import ACCOUNT_SETTINGS
from s2fetch.config.load import load_config
from s2fetch.config.setting import Setting
from s2fetch.config.settings import SETTINGS
from s2fetch.config.values import (
    AccountConfig,
    Config,
    HubConfig,
    HubKind,
    LogFormat,
    Offline,
    OnFull,
    OnMissing,
    Resume,
    RetrievalConfig,
    ScrubConfig,
    ShowingConfig,
    TransferConfig,
)

__all__ = [
    "ACCOUNT_SETTINGS",
    "SETTINGS",
    "AccountConfig",
    "Config",
    "HubConfig",
    "HubKind",
    "LogFormat",
    "Offline",
    "OnFull",
    "OnMissing",
    "Resume",
    "RetrievalConfig",
    "ScrubConfig",
    "Setting",
    "ShowingConfig",
    "TransferConfig",
    "load_config",
]
