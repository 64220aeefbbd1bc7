"""From a daemon's file to one `DaemonConfig`, with the line of every mistake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from s2fetch.config import settings as s
from s2fetch.config.document import read_document
from s2fetch.config.parsers import Context
from s2fetch.config.values import ShowingConfig
from s2fetch.daemon import settings as d
from s2fetch.daemon.config_archives import ArchiveReader
from s2fetch.daemon.config_faces import read_alerts, read_bandwidth, read_http
from s2fetch.daemon.config_tables import Tables
from s2fetch.daemon.values import DaemonConfig

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
    environ = os.environ if environ is None else environ
    document = read_document(Path(path))
    tables = Tables(document, Context(now=now or datetime.now(UTC), folder=None, environ=environ))
    top = tables.values(tables.given((), document.values, d.TOP, TABLES))
    zone = top.get(d.TIME_ZONE)
    found = DaemonConfig(
        file=document.path,
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
