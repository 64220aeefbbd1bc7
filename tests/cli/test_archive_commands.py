"""``s2fetch status`` and ``s2fetch verify`` as processes."""

from __future__ import annotations

import csv
import signal
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from s2fetch.account.ledger import Ledger, ledger_folder
from s2fetch.account.pacing import hour_of
from s2fetch.embedded.answers import access_forbidden
from s2fetch.embedded.faults import Answer, Fault, Kind
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


async def test_status_tells_what_the_account_has_received(shell: Shell, hub: EmbeddedHub) -> None:
    """And when that reaches the quota; without credentials, the rest is told."""
    await shell.run("sync", "--into", "archive", "--quiet")
    done = await shell.run("status", "--into", "archive", "--json")
    (usage,) = msgspec.json.decode(done.out)["accounts"]
    assert usage["received"] == usage["per_day"] == hub.stats.all_bytes_served
    assert (usage["quota"], usage["reached"]) == (None, "")
    (shell.folder / "archive.toml").write_text('into = "archive"\nquota = "1 MB"\n')
    done = await shell.run("status", "archive.toml")
    assert "in 30 days of 1.00 MB, reached " in done.out
    del shell.environment["S2FETCH_USER"]
    done = await shell.run("status", "archive.toml")
    assert done.code == 0
    assert "Received" not in done.out


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
    assert "Received:    demo@example.org: 4.00 GB in 30 days of 40.0 GB, reached " in done.out
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
    shell.fresh = True
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


@pytest.mark.parametrize("command", ["verify", "scrub", "audit"])
async def test_what_cannot_be_done_says_so_in_the_report(
    shell: Shell, hub: EmbeddedHub, command: str
) -> None:
    """With the error and its exit code; an older report would be taken for this run's."""
    for name in ("lock", "progress.json"):
        (shell.folder / "archive" / ".s2fetch" / name).mkdir(parents=True)
    done = await shell.run(command, "--into", "archive", "--report", "v.json")
    assert done.code == 5, done.err
    report = msgspec.json.decode((shell.folder / "v.json").read_bytes())
    assert (report["exit_code"], report["outcome"]) == (5, "archive")
    assert "file" in report["error"]


async def test_scrubbing_names_damage_and_keeps_to_its_budget(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """With a period so short that every proof is old by now."""
    await shell.run("sync", "--into", "archive", "--quiet")
    options = ("--into", "archive", "--scrub-period", "1ms", "--scrub-budget", "10 GB")
    shell.fresh = True
    done = await shell.run("scrub", *options)
    shell.fresh = False
    assert done.code == 0, done.err
    assert "6 files checked, 6 intact" in done.out
    status = await shell.run("status", "--into", "archive")
    assert "of the bytes have a young proof" in status.out
    damaged = min((shell.folder / "archive").glob("*.zip"))
    damaged.unlink()
    done = await shell.run("scrub", *options, "--report", "scrub.json")
    assert done.code == 9
    assert f"Damaged: {damaged.name}: missing." in done.out
    report = msgspec.json.decode((shell.folder / "scrub.json").read_bytes())
    assert (report["checked"], report["intact"], report["exit_code"]) == (6, 5, 9)
    assert (await shell.run("sync", "--into", "archive")).code == 0


async def test_one_product_is_explained(shell: Shell, hub: EmbeddedHub) -> None:
    """In words, in JSON, and without the network; nobody's product is an error."""
    refused, fetched = hub.folder.entries[:2]
    hub.faults.add(Fault(access_forbidden(), product=refused.id, times=None))
    await shell.run("sync", "--into", "archive", "--quiet")
    shell.fresh = True
    done = await shell.run("explain", fetched.name, "--into", "archive")
    shell.fresh = False
    assert done.code == 0, done.err
    assert f"Identifier:  {fetched.id}" in done.out
    assert "Next: nothing: it is on disk and verified." in done.out
    assert "product-completed: " in done.out

    done = await shell.run("explain", refused.id, "--into", "archive", "--tile", "01CDE", "--json")
    told = msgspec.json.decode(done.out)
    assert (told["matches"], told["record"]["state"]) == (False, "failed")
    (check,) = told["conditions"]
    tile = check.pop("actual")
    assert check == {"condition": "tile", "wanted": "01CDE", "holds": False}
    done = await shell.run("explain", refused.id, "--into", "archive", "--tile", "01CDE")
    assert f"  FAILS  tile: 01CDE (the product: {tile})\n" in done.out
    assert f"_T{tile}_" in refused.name

    done = await shell.run("explain", refused.name, "--into", "archive", "--local")
    assert "Next: depends on the catalogue, which was not asked." in done.out
    done = await shell.run("explain", "nobody", "--into", "archive")
    assert (done.code, done.out) == (2, "")
    assert "neither archive nor catalogue know a product 'nobody'" in done.err


async def test_an_audit_is_a_table_json_or_csv(shell: Shell, hub: EmbeddedHub) -> None:
    """All with the same numbers; only a complete archive gives exit code 0."""
    await shell.run("sync", "--into", "archive", "--quiet")
    done = await shell.run("audit", "--into", "archive")
    assert done.code == 0, done.err
    assert "Complete:     6 products" in done.out
    assert done.out.endswith("The archive is complete.\n")

    missing = min((shell.folder / "archive").glob("*.zip"))
    missing.unlink()
    done = await shell.run("audit", "--into", "archive")
    assert done.code == 7
    assert f"  {missing.stem}: file-missing: {missing.name} is missing.\n" in done.out
    assert done.out.endswith("The archive is not complete.\n")

    as_json = await shell.run("audit", "--into", "archive", "--json", "--report", "audit.json")
    report = msgspec.json.decode(as_json.out)
    assert (as_json.code, report["listed"], report["complete"]) == (7, 6, 5)
    assert report["reasons"]["file-missing"] == 1
    assert msgspec.json.decode((shell.folder / "audit.json").read_bytes())["complete"] == 5

    as_csv = await shell.run("audit", "--into", "archive", "--csv")
    rows = list(csv.DictReader(as_csv.out.splitlines()))
    (gap,) = (row for row in rows if row["row"] == "gap")
    assert (gap["name"], gap["reason"]) == (missing.stem, "file-missing")
    for kind in ("day", "tile", "all"):
        listed = [row for row in rows if row["row"] == kind]
        assert sum(int(row["listed"]) for row in listed) == 6
        assert sum(int(row["complete"]) for row in listed) == 5


async def test_the_rows_of_an_audit_come_as_they_are_found(shell: Shell, hub: EmbeddedHub) -> None:
    """A reader that has had enough is no failure."""
    await shell.run("sync", "--into", "archive", "--limit", "1")
    done = await shell.run_script("$S2FETCH audit --into archive --csv | head -n 2")
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("row,day,tile,id,name,reason")


@pytest.mark.parametrize("command", ["verify", "scrub", "audit", "explain x --local"])
async def test_looking_after_what_is_no_archive_is_a_mistake(
    shell: Shell, hub: EmbeddedHub, command: str
) -> None:
    """A folder that is misspelt in a cron job must not be "intact"; nothing is made."""
    (shell.folder / "some").mkdir()
    for folder in ("nowhere", "some"):
        done = await shell.run(*command.split(), "--into", folder)
        assert done.code == 2
        assert f"there is no archive in {folder}" in done.err
    assert not (shell.folder / "nowhere").exists()
    assert not list((shell.folder / "some").iterdir())
    assert not hub.stats.requests


async def test_what_may_be_asked_before_the_first_sync_says_that_there_is_no_archive_yet(
    shell: Shell, hub: EmbeddedHub
) -> None:
    done = await shell.run("status", "--into", "nowhere")
    assert done.out.startswith("Archive:     nowhere (there is no archive in it")
    name = hub.folder.entries[0].name
    done = await shell.run("explain", name, "--into", "nowhere")
    assert done.code == 0
    assert "Archive:     nowhere (there is no archive in it" in done.out
    assert not msgspec.json.decode(
        (await shell.run("explain", name, "--into", "nowhere", "--json")).out
    )["exists"]
    done = await shell.run("explain", "unheard-of", "--into", "nowhere")
    assert done.code == 2
    assert "does not know a product 'unheard-of', and there is no archive in nowhere" in done.err
    (shell.folder / "file").touch()
    for command in ("status", "explain x"):
        done = await shell.run(*command.split(), "--into", "file")
        assert done.code == 5
        assert "a file stands where a folder should be" in done.err
    assert not (shell.folder / "nowhere").exists()


@pytest.mark.parametrize(
    "command", [("status",), ("status", "--json"), ("sync", "--dry-run"), ("search",), ("audit",)]
)
async def test_a_full_disk_behind_standard_output_is_no_defect(
    shell: Shell, hub: EmbeddedHub, command: tuple[str, ...]
) -> None:
    """It is told like every other full disk."""
    into = () if command == ("search",) else ("--into", "archive")
    await shell.run("sync", "--into", "archive", "--limit", "1")
    script = f"$S2FETCH {' '.join((*command, *into))} > /dev/full"
    done = await shell.run_script(script)
    assert done.code == 5, done.err
    assert "standard output cannot be written (No space left on device)" in done.err


async def test_an_archive_of_a_daemons_file_is_looked_after_like_any_other(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Without the daemon, or beside it."""
    file = shell.folder / "daemon.toml"
    file.write_text('[[archives]]\nname = "alps"\ninto = "alps"\n', encoding="utf-8")
    entry = hub.folder.entries[0]
    done = await shell.run("explain", entry.name, "daemon.toml:alps")
    assert "Next: the next sync fetches it: new. The daemon looks at it again " in done.out
    assert (await shell.run("sync", "daemon.toml:alps")).code == 0
    for command in ("status", "audit", "scrub", "verify"):
        done = await shell.run(command, "daemon.toml")
        assert (done.code, done.err) == (0, ""), command
    assert str(len(hub.folder.entries)) in (await shell.run("status", "daemon.toml")).out
    with file.open("a", encoding="utf-8") as added:
        added.write('[[archives]]\nname = "coast"\ninto = "coast"\n')
    done = await shell.run("audit", "daemon.toml")
    assert done.code == 2
    assert "Write daemon.toml:alps or daemon.toml:coast" in done.err
    done = await shell.run("audit", "daemon.toml:coast")
    assert done.code == 2
    assert "there is no archive in" in done.err


async def test_an_explanation_says_how_often_a_product_was_asked_for(
    shell: Shell, hub: EmbeddedHub
) -> None:
    entry = hub.folder.entries[0]
    hub.folder.relist(entry.id, online=False)
    hub.faults.add(Fault(Answer(202), on=Kind.BODY, times=None))
    assert (await shell.run("sync", "--into", "archive", "--name", entry.name)).code == 8
    done = await shell.run("explain", entry.name, "--into", "archive")
    assert "asked for once, answer: 202" in done.out
