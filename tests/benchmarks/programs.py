"""The programs that are compared: s2fetch as a whole process, ``curl`` and ``md5sum``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from s2fetch.sync.report import Report
from tests.benchmarks.figures import IncompleteError
from tests.benchmarks.hub_process import HubProcess
from tests.benchmarks.measured import Usage, run
from tests.benchmarks.products import TYPE

S2FETCH = (sys.executable, "-m", "s2fetch")


class Synced(msgspec.Struct, frozen=True):
    """One ``s2fetch sync``: what the process took, and what it says itself."""

    usage: Usage
    report: Report


def sync_command(archive: Path, report: Path) -> list[str | Path]:
    """The command line that brings an archive up to date with the hub of the environment."""
    options: list[str | Path] = ["--product-type", TYPE, "--into", archive, "--report", report]
    return [*S2FETCH, "sync", "--log-format", "json", "--quiet", *options]


def sync(hub: HubProcess, archive: Path, work: Path, expected: int, **variables: str) -> Synced:
    """Run ``s2fetch sync`` and check what it reports.

    Args:
        hub: Where products come from.
        archive: Where they go.
        work: A folder for report, log and state.
        expected: How many products must be there in the end.
        variables: More of the environment, instead of the hub's.

    Raises:
        IncompleteError: It did not do all that.
    """
    report_file = work / "report.json"
    report_file.unlink(missing_ok=True)
    environment = hub.environment(work) | variables
    usage = run(sync_command(archive, report_file), work / "sync.log", environment)
    report = msgspec.json.decode(report_file.read_bytes(), type=Report)
    if report.already + report.fetched != expected or report.exit_code:
        raise IncompleteError(f"s2fetch reports {report} instead of {expected} products")
    return Synced(usage, report)


def curl(hub: HubProcess, files: Mapping[Path, str], work: Path, parallel: int) -> Usage:
    """Download with one ``curl`` process, which uses its connections again.

    Args:
        hub: Where from; also for its token and certificate.
        files: Path of each file and the id of its product.
        work: A folder for log and configuration.
        parallel: Transfers at a time.

    Raises:
        IncompleteError: There is no curl, or it fails.
    """
    lines = [f'header = "Authorization: Bearer {hub.token()}"', "fail", "silent", "show-error"]
    if hub.authority is not None:
        lines.append(f'cacert = "{hub.authority.root}"')
    if parallel > 1:
        lines += ["parallel", f"parallel-max = {parallel}"]
    for path, product_id in files.items():
        lines += [f'url = "{hub.body_url(product_id)}"', f'output = "{path}"']
    config = work / "curl.conf"
    config.write_text("\n".join(lines) + "\n")
    return run([_found("curl"), "--disable", "--globoff", "-K", config], work / "curl.log")


def md5sum(digests: Mapping[Path, str], work: Path) -> Usage:
    """Check files with one ``md5sum`` process.

    Args:
        digests: Path of each file and its MD5.
        work: A folder for log and list.

    Raises:
        IncompleteError: There is no md5sum, or a file is wrong.
    """
    listed = work / "md5sums"
    listed.write_text("".join(f"{digest}  {path}\n" for path, digest in digests.items()))
    return run([_found("md5sum"), "--check", "--quiet", listed], work / "md5sum.log")


def together(usages: Sequence[Usage]) -> Usage:
    """What several programs took one after another."""
    return Usage(
        sum(usage.seconds for usage in usages),
        sum(usage.cpu_seconds for usage in usages),
        max(usage.peak_bytes for usage in usages),
    )


def empty(folder: Path) -> None:
    """Make a folder, or make it anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise IncompleteError(f"{program} is not installed, so there is nothing to compare with")
    return path
