"""Fixtures everybody uses: a small folder of products and hubs that serve it."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings

from s2fetch.embedded.dhus.hub import DhusSettings, EmbeddedDhus
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.listing import Catalogue
from s2fetch.embedded.safe import generate_products
from s2fetch.embedded.state import HubSettings
from s2fetch.events import Event, EventBus
from tests.clock import FakeClock

# The commands that tests start are as quick as installed ones, which have their bytecode. Without,
# every worker would also rewrite the assertions of all tests, which takes longer than all imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Who runs the tests may have asked not to be hung up on (nohup); the commands they start have not.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# How fast examples are made depends on what else the machine does, and proves nothing.
# New examples are for people who run the tests: a change is not refused for what was there before.
# Half of the usual number, as everyone who runs the tests tries others.
settings.register_profile(
    "s2fetch",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("s2fetch")


def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: more workers than a small machine has cores, as tests also wait."""
    return max(4, len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 4)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let every worker begin with its part of the long tests, so that none is begun last.

    Those with a browser are for the last of them alone, as starting one takes longer than a test.
    Workers are given equal parts of the list; the order is random otherwise.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    browsing = [item for item in items if "browser_address" in getattr(item, "fixturenames", ())]
    long = [item for item in items if item.get_closest_marker("long") and item not in browsing]
    early = {*long, *browsing}
    short = iter([item for item in items if item not in early])
    heads = [long[worker::workers] for worker in range(workers)]
    heads[-1] += browsing
    left = len(items)
    items.clear()
    for worker, head in enumerate(heads):
        share = left // (workers - worker)  # as xdist deals them
        items += head + list(islice(short, max(0, share - len(head))))
        left -= share
    items += short


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare the garbage collector all that has been collected of tests, which stays to the end."""
    gc.collect()
    gc.freeze()


HubFactory = Callable[..., Awaitable[EmbeddedHub]]
DhusFactory = Callable[..., Awaitable[EmbeddedDhus]]


@pytest.fixture(scope="session")
def made_products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `products` is a copy of; nobody else uses it."""
    folder = tmp_path_factory.mktemp("made") / "products"
    generate_products(folder, 6, size=40_000)
    return folder


@pytest.fixture
def products(made_products: Path, tmp_path: Path) -> Path:
    """A folder of six small Level-1C products of June 2024, all online."""
    folder = tmp_path / "hub-products"
    return shutil.copytree(made_products, folder, copy_function=shutil.copyfile)


@pytest.fixture
async def hub_factory(products: Path) -> AsyncIterator[HubFactory]:
    """Starts hubs: ``await hub_factory(source, faults=…, most_transfers=2, …)``.

    The source is the folder `products` unless one is given. Arguments of `EmbeddedHub` go there,
    all others are members of `HubSettings`.
    """
    own = {"users", "tokens", "faults", "ssl_context", "catalogue_port", "download_port", "clock"}
    async with AsyncExitStack() as stack:

        async def start(source: Path | Catalogue | None = None, **options: Any) -> EmbeddedHub:
            settings = {key: value for key, value in options.items() if key not in own}
            rest = {key: value for key, value in options.items() if key in own}
            hub = EmbeddedHub(source or products, settings=HubSettings(**settings), **rest)
            return await stack.enter_async_context(hub)

        yield start


@pytest.fixture
async def dhus_factory(products: Path) -> AsyncIterator[DhusFactory]:
    """Starts DHuS hubs: ``await dhus_factory(source, faults=…, generation=…, most_flows=4, …)``.

    The source is the folder `products` unless one is given. Arguments of `EmbeddedDhus` go there,
    all others are members of `DhusSettings`.
    """
    own = {"users", "faults", "ssl_context", "port", "clock"}
    async with AsyncExitStack() as stack:

        async def start(source: Path | Catalogue | None = None, **options: Any) -> EmbeddedDhus:
            settings = {key: value for key, value in options.items() if key not in own}
            rest = {key: value for key, value in options.items() if key in own}
            behaviour = msgspec.convert(settings, DhusSettings)
            hub = EmbeddedDhus(source or products, settings=behaviour, **rest)
            return await stack.enter_async_context(hub)

        yield start


@pytest.fixture
def clock() -> FakeClock:
    """Time that passes when somebody sleeps."""
    return FakeClock()


@pytest.fixture
def bus() -> EventBus:
    """Where events go."""
    return EventBus()


@pytest.fixture
def events(bus: EventBus) -> list[Event]:
    """All events so far."""
    heard: list[Event] = []
    bus.subscribe(heard.append)
    return heard
