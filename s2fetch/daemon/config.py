"""From a daemon's file to one `DaemonConfig`, with the line of every mistake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from s2fetch.config import settings as s
from s2fetch.config.document import read_document
from s2fetch.config.given import from_options
from s2fetch.config.parsers import Context
from s2fetch.config.values import ShowingConfig, TransferConfig
from s2fetch.daemon import settings as d
from s2fetch.daemon.config_archives import ArchiveReader
from s2fetch.daemon.config_faces import read_alerts, read_bandwidth, read_http
from s2fetch.daemon.config_tables import Tables
from s2fetch.daemon.schedule import load_zone
from s2fetch.daemon.values import ArchiveEntry, DaemonConfig
from s2fetch.errors import ConfigError, UsageError
from s2fetch.timetable import timetable

TABLES = ("archives", "defaults", "accounts", "hub", "http", "control", "alerts", "bandwidth")


def load_daemon_config(
    path: Path | str, environ: Mapping[str, str] | None = None, now: datetime | None = None
) -> DaemonConfig:
    """Read what a daemon is to do.

    Args:
        path: Its file.
        environ: As for `config.load_config`; the process's own when not given.
        now: Aware; what relative times count from; the machine's clock when not given.

    Raises:
        UsageError: Something is wrong; the message names file, line and key of every mistake, those
            in the files of the archives included. The class is as for `config.load_config`.
    """
    tables = _tables(path, environ, now)
    if _is_of_one_archive(tables):
        raise ConfigError(
            f"{path} is the file of one archive, and not of a daemon",
            advice="Write a daemon's file that names it: [[archives]] with a name and a file",
        )
    top = tables.values(tables.given((), tables.document.values, d.TOP, TABLES))
    zone = top.get(d.TIME_ZONE)
    found = DaemonConfig(
        file=tables.document.path,
        time_zone=zone,
        archives=ArchiveReader(tables, zone).read(),
        http=read_http(tables),
        control_socket=tables.section("control", d.CONTROL).find(d.SOCKET),
        alerts=read_alerts(tables),
        bandwidth=read_bandwidth(tables),
        showing=ShowingConfig(
            report=None,
            log_format=top.get(s.LOG_FORMAT),
            quiet=top.get(s.QUIET),
            verbose=top.get(s.VERBOSE),
        ),
    )
    tables.mistakes.check()
    return found


def _is_of_one_archive(tables: Tables) -> bool:
    """Whether it has keys of ``s2fetch sync`` where a daemon's file has its archives."""
    own = {*TABLES, *(setting.name for setting in d.TOP)}
    found = tables.document.values.keys()
    return "archives" not in found and bool(found & {x.name for x in s.SETTINGS} - own)


def is_daemon_file(path: Path | str) -> bool:
    """Whether a file holds a daemon's configuration, and not that of one archive.

    Raises:
        ConfigError: It cannot be read.
    """
    return "archives" in read_document(Path(path)).values


def load_daemon_archive(
    path: Path | str,
    name: str = "",
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> ArchiveEntry:
    """Read one archive of a daemon's file, for whoever works on it besides the daemon.

    Args:
        path: The daemon's file, all of which has to be right.
        name: Of the archive; may be empty where there is one only.
        options: As for `config.load_config`; they override what the file says.
        environ: As for that.
        now: As for that.

    Raises:
        UsageError: Something is wrong, as for `load_daemon_config`; or there is no such archive.
    """
    daemon = load_daemon_config(path, environ, now)
    names = [archive.name for archive in daemon.archives]
    if name not in names and (name or len(names) > 1):
        which = " or ".join(f"{path}:{known}" for known in names)
        what = f"{path} has no archive {name!r}" if name else f"{path} has several archives"
        raise UsageError(what, advice=f"Write {which}")
    tables = _tables(path, environ, now)
    given = from_options(options or {}, s.SETTINGS, tables.mistakes)
    entry = ArchiveReader(tables, daemon.time_zone, given).read_one(name or names[0])
    tables.mistakes.check()
    assert entry is not None  # noqa: S101 - it was there a moment ago
    config = entry.config
    if not given.keys() & {s.BANDWIDTH.name, s.TIMETABLE.name}:
        config = msgspec.structs.replace(config, transfer=_limited(config.transfer, daemon))
    return msgspec.structs.replace(entry, config=config)


def _limited(transfer: TransferConfig, daemon: DaemonConfig) -> TransferConfig:
    """With the limit on all archives together, which holds for one that is alone, too."""
    limits = daemon.bandwidth
    if not limits.spans and limits.otherwise is None:
        return transfer
    zone = load_zone(daemon.time_zone)
    return msgspec.structs.replace(
        transfer,
        bandwidth=limits.otherwise,
        timetable=timetable(dict(limits.spans), otherwise=limits.otherwise, zone=zone)
        if limits.spans
        else None,
    )


def _tables(path: Path | str, environ: Mapping[str, str] | None, now: datetime | None) -> Tables:
    environ = os.environ if environ is None else environ
    context = Context(now=now or datetime.now(UTC), folder=None, environ=environ)
    return Tables(read_document(Path(path)), context)
