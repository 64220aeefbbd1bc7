"""``s2fetch status`` and ``s2fetch verify`` as processes."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import msgspec

from s2fetch.account.ledger import Ledger, ledger_folder
from s2fetch.account.pacing import hour_of
from s2fetch.embedded.answers import access_forbidden
from s2fetch.embedded.faults import Fault
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.state import HubSettings
from tests.cli.conftest import Shell, finish, until


async def test_the_state_of_an_archive_is_told(shell: Shell, hub: EmbeddedHub) -> None:
    """Complete, failed and why, the last run; also as JSON."""
    refused = hub.folder.entries[0]
    hub.faults.add(Fault(access_forbidden(), product=refused.id, times=None))
    assert (await shell.run("sync", "--into", "archive", "--quiet")).code == 7
    done = await shell.run("status", "--into", "archive")
    assert done.code == 0, done.err
    sums, _, _ = done.out.partition("\n\n")
    rows = dict(line.split(":", 1) for line in sums.splitlines())
    assert rows["In use by"].strip() == "nobody"
    assert rows["Complete"].strip().startswith("5 products, ")
    assert rows["Failed"].strip() == "1"
    assert "failed. 6 products match: 5 fetched, 1 failed" in rows["Last run"]
    assert f"  {refused.name}: " in done.out

    as_json = await shell.run("status", "--into", "archive", "--json")
    status = msgspec.json.decode(as_json.out)
    assert (status["complete"], status["failed_count"], status["holder"]) == (5, 1, None)
    assert status["failed"][0]["id"] == refused.id
    assert status["last_run"]["fetched"] == 5


async def test_status_works_while_a_sync_is_running(shell: Shell, hub: EmbeddedHub) -> None:
    """It says who works on the archive, and a second sync ends with that message."""
    hub.settings = HubSettings(bytes_per_second=5_000)
    process = await shell.start("sync", "--into", "archive")
    await until(lambda: hub.stats.all_bytes_served > 0)
    status = await shell.run("status", "--into", "archive")
    assert status.code == 0
    assert f"In use by:   process {process.pid} on " in status.out
    second = await shell.run("sync", "--into", "archive")
    assert second.code == 6
    assert f"process {process.pid} on " in second.err
    process.send_signal(signal.SIGTERM)
    assert (await finish(process)).code == 143


async def test_status_says_when_the_monthly_volume_is_reached(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """From what all processes of the machine received, at the pace of the last day."""
    folder = ledger_folder(shell.folder / "state", hub.token_url, hub.users[0].name)
    Ledger(folder).append(hour_of(datetime.now(UTC)), 4_000_000_000)
    (shell.folder / "archive.toml").write_text('into = "archive"\nquota = "40 GB"\n')
    done = await shell.run("status", "archive.toml")
    assert done.code == 0, done.err
    assert "Received:    4.00 GB of 40.0 GB in 30 days by demo@example.org; at today" in done.out
    assert "'s pace all of it on " in done.out
    as_json = msgspec.json.decode((await shell.run("status", "archive.toml", "--json")).out)
    (account,) = as_json["accounts"]
    assert (account["received"], account["per_day"], account["quota"]) == (4e9, 4e9, 40e9)
    left = datetime.fromisoformat(account["reached"]) - datetime.now(UTC)
    assert timedelta(days=8) < left < timedelta(days=10)


async def test_status_needs_no_account(shell: Shell) -> None:
    """Nothing is said about accounts whose credentials are not there."""
    (shell.folder / "archive").mkdir()
    done = await shell.run("status", "--into", "archive")
    assert done.code == 0, done.err
    assert "Received" not in done.out


async def test_status_reads_the_folder_from_a_file(shell: Shell, hub: EmbeddedHub) -> None:
    """An archive that was never synchronised is empty."""
    (shell.folder / "archive.toml").write_text('into = "archive"\n')
    done = await shell.run("status", "archive.toml")
    assert done.code == 0
    assert "Last run:    never" in done.out


async def test_an_intact_archive_verifies(shell: Shell, hub: EmbeddedHub) -> None:
    """Every file is hashed again."""
    await shell.run("sync", "--into", "archive", "--quiet")
    done = await shell.run("verify", "--into", "archive")
    assert done.code == 0
    assert "6 files checked, 6 intact" in done.out


async def test_damaged_files_are_named_and_fetched_again(shell: Shell, hub: EmbeddedHub) -> None:
    """A changed byte, a shorter file and a missing one; the next sync puts them right."""
    await shell.run("sync", "--into", "archive", "--quiet")
    changed, shorter, missing, *_ = sorted((shell.folder / "archive").glob("*.zip"))
    content = bytearray(changed.read_bytes())
    content[1000] ^= 0xFF
    changed.write_bytes(content)
    shorter.write_bytes(shorter.read_bytes()[:-1])
    missing.unlink()

    done = await shell.run("verify", "--into", "archive", "--report", "v.json")
    assert done.code == 9
    for path in (changed, shorter, missing):
        assert f"Damaged: {path.name}: " in done.out
        assert "file-damaged" in done.err
    assert "6 files checked, 3 intact, 3 damaged or missing" in done.out
    report = msgspec.json.decode((shell.folder / "v.json").read_bytes())
    assert report["exit_code"] == 9
    assert {file["path"] for file in report["damaged"]} == {
        path.name for path in (changed, shorter, missing)
    }

    again = await shell.run("sync", "--into", "archive")
    assert again.code == 0
    assert "3 already on disk, 3 fetched" in again.out
    assert (await shell.run("verify", "--into", "archive", "--quiet")).code == 0


async def test_a_verification_that_cannot_be_done_says_so_in_the_report(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """With the error and its exit code."""
    (shell.folder / "file").touch()
    done = await shell.run("verify", "--into", "file/archive", "--report", "v.json")
    assert done.code == 5
    report = msgspec.json.decode((shell.folder / "v.json").read_bytes())
    assert (report["exit_code"], report["outcome"]) == (5, "archive")
    assert "file" in report["error"]


async def test_scrubbing_names_damage_and_keeps_to_its_budget(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """With a period so short that every proof is old by now."""
    await shell.run("sync", "--into", "archive", "--quiet")
    options = ("--into", "archive", "--scrub-period", "1ms", "--scrub-budget", "10 GB")
    done = await shell.run("scrub", *options)
    assert done.code == 0, done.err
    assert "6 files checked, 6 intact" in done.out
    damaged = min((shell.folder / "archive").glob("*.zip"))
    damaged.unlink()
    done = await shell.run("scrub", *options, "--report", "scrub.json")
    assert done.code == 9
    assert f"Damaged: {damaged.name}: missing." in done.out
    report = msgspec.json.decode((shell.folder / "scrub.json").read_bytes())
    assert (report["checked"], report["intact"], report["exit_code"]) == (6, 5, 9)
    assert (await shell.run("sync", "--into", "archive")).code == 0
