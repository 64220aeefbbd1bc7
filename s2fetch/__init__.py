"""s2fetch keeps an archive of Copernicus Sentinel products complete, verified and current.

The public names load the engine when they are first used, so that importing s2fetch is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s2fetch.client import Client as Client
    from s2fetch.config import Config as Config
    from s2fetch.config import load_config as load_config
    from s2fetch.errors import ExitCode as ExitCode
    from s2fetch.errors import S2FetchError as S2FetchError
    from s2fetch.events import EventBus as EventBus
    from s2fetch.product import Checksum as Checksum
    from s2fetch.product import Product as Product
    from s2fetch.product import Proof as Proof
    from s2fetch.query import Order as Order
    from s2fetch.query import Query as Query
    from s2fetch.sync.report import Report as Report

__version__ = "0.1.0"

_HOMES = {
    "Checksum": "product",
    "Client": "client",
    "Config": "config",
    "EventBus": "events",
    "ExitCode": "errors",
    "Order": "query",
    "Product": "product",
    "Proof": "product",
    "Query": "query",
    "Report": "sync.report",
    "S2FetchError": "errors",
    "load_config": "config",
}

__all__ = [  # noqa: PLE0604 - the keys are strings
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 's2fetch' has no attribute {name!r}")
    return getattr(import_module(f"s2fetch.{home}"), name)
