"""What a daemon knows of an archive from the time before it was started.

Nearly all of it is in the archive's own progress file: the report of the last run, the watermark,
and under a key of the daemon's what only the daemon has seen. That there is an archive in a folder
at all is remembered in the state folder, because a volume that is not mounted cannot tell.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from s2fetch.archive.archive import OWN_FOLDER, Archive
from s2fetch.archive.durable import replace_atomically, translating
from s2fetch.archive.progress import ProgressFile
from s2fetch.config.values import Config
from s2fetch.daemon.state import RunState
from s2fetch.errors import ArchiveError
from s2fetch.sync.increment import WATERMARK, Watermark, read_watermark
from s2fetch.sync.report import Report

KEPT = "daemon"
"""Key of the progress file."""
KNOWN_FOLDER = "archives"
"""Of the state folder."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon has seen, see `state.ArchiveState` for what it means."""

    last_success: str = ""
    last_arrival: str = ""
    newest: str = ""
    lag_seconds: float | None = None


class Recalled(msgspec.Struct, frozen=True):
    """What is known of an archive.

    Attributes:
        begun: When the last run began that settled the present selection, or None.
        last_run: The last run that ended, or None.
        kept: What the daemon has seen.
    """

    begun: datetime | None = None
    last_run: RunState | None = None
    kept: Kept = Kept()


def keep(archive: Archive, kept: Kept) -> None:
    """Write down what was seen. Blocking.

    Raises:
        ArchiveError: If it cannot be written.
    """
    archive.progress.set_meta(KEPT, msgspec.to_builtins(kept))


def recall(root: Path, config: Config) -> Recalled:
    """What is known of the archive at a folder; there need not be one. Blocking.

    Raises:
        ArchiveError: If it cannot be read.
    """
    with ProgressFile.load(root, False) as progress:
        meta = progress.meta
    return Recalled(_begun(meta, config), _last_run(meta.get("last_run")), _kept(meta.get(KEPT)))


def settled_at(watermark: object) -> str:
    """Up to when a watermark, as it is in the progress file, says that changes are settled."""
    try:
        return msgspec.convert(watermark, Watermark).settled
    except msgspec.ValidationError:
        return ""


def run_state(report: Report, started: str, seconds: float) -> RunState:
    """A run that is over, from its report."""
    return RunState(
        started=started,
        seconds=seconds,
        outcome=report.outcome,
        found=report.found,
        fetched=report.fetched,
        waiting=report.waiting,
        failed=report.failed,
        received=report.received,
        error=report.error,
    )


def moment(text: str) -> datetime | None:
    """A time that was written down, or None when it says none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None


def know(state_folder: Path, root: Path) -> None:
    """Remember that there is an archive in a folder. Blocking.

    Raises:
        ArchiveError: If it cannot be written.
    """
    path = _known_path(state_folder, root)
    with translating(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            replace_atomically(path, [str(root.absolute()).encode() + b"\n"])


def check_there(state_folder: Path, root: Path) -> None:
    """See whether an archive that was in a folder is there still. Blocking.

    Without this, a volume that is not mounted would look like an empty archive, and all of it would
    be fetched again to the disk below.

    Raises:
        ArchiveError: If it is gone.
    """
    with translating(root):
        gone = not (root / OWN_FOLDER).is_dir() and _known_path(state_folder, root).exists()
    if gone:
        raise ArchiveError(
            f"the archive that was in {root} is not there any more",
            did="Nothing was fetched, because its volume may not be mounted",
            advice=f"Mount it; to begin anew on purpose, make the folder {root / OWN_FOLDER}",
        )


def _known_path(state_folder: Path, root: Path) -> Path:
    digest = hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:16]
    return state_folder / KNOWN_FOLDER / digest


def _begun(meta: dict[str, object], config: Config) -> datetime | None:
    """When the schedule was last followed, as far as it is known without asking the hub."""
    if config.area_product is not None:
        # The whole selection is known only when its area has been looked up.
        return moment(settled_at(meta.get(WATERMARK)))
    mark = read_watermark(meta, config.query)
    return moment(mark.settled) if mark is not None else None


def _last_run(found: object) -> RunState | None:
    try:
        report = msgspec.convert(found, Report)
    except msgspec.ValidationError:
        return None
    return run_state(report, report.started, report.seconds) if moment(report.started) else None


def _kept(found: object) -> Kept:
    try:
        return msgspec.convert(found, Kept)
    except msgspec.ValidationError:
        return Kept()
