"""``s2fetch sync`` as a process."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import msgspec
import pytest

from s2fetch.cli import listing
from s2fetch.cli.output import Output
from s2fetch.config import load_config
from s2fetch.embedded.answers import access_forbidden
from s2fetch.embedded.faults import Cut, Fault, Reset, Stall
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.identity import User
from s2fetch.embedded.safe import generate_products
from s2fetch.embedded.synthetic import SyntheticCatalogue
from tests.cli.conftest import Shell, finish, until

JUNE = ("--from", "2024-06-01", "--to", "2024-07-01")


async def test_options_alone_are_enough(shell: Shell, hub: EmbeddedHub) -> None:
    """Everything that matches is on disk; a second run says that nothing had to be done."""
    arguments = ("sync", "--product-type", "S2MSI1C", *JUNE, "--into", "archive", "--no-quiet")
    first = await shell.run(*arguments)
    assert first.code == 0, first.err
    assert len(list((shell.folder / "archive").glob("*.SAFE.zip"))) == 6
    assert first.out.startswith("6 products match: 6 fetched; ")
    bodies = dict(hub.stats.bodies)
    second = await shell.run(*arguments)
    assert second.code == 0
    assert "6 products match: everything was already on disk and verified" in second.out
    assert hub.stats.bodies == bodies


async def test_an_option_overrides_the_file(shell: Shell, hub: EmbeddedHub) -> None:
    """The key of the same name is not used then."""
    (shell.folder / "archive.toml").write_text('into = "here"\nlimit = 4\nquiet = true\n')
    done = await shell.run("sync", "archive.toml", "--limit", "1", "--no-quiet")
    assert done.code == 0, done.err
    assert done.out.startswith("1 product matches: 1 fetched")
    assert len(list((shell.folder / "here").glob("*.zip"))) == 1


async def test_values_may_begin_with_a_minus(shell: Shell, hub: EmbeddedHub) -> None:
    """Boxes west of Greenwich and relative times do."""
    box = await shell.run("sync", "--box", "-10,35,15,60", "--into", "archive", "--dry-run")
    assert box.code == 0, box.err
    assert re.search(r"^Found: +6 products", box.out, re.MULTILINE)
    recent = await shell.run("sync", "--from", "-30d", "--into", "archive", "--dry-run")
    assert recent.code == 0, recent.err
    assert re.search(r"^Found: +0 products", recent.out, re.MULTILINE)


async def test_a_dry_run_tells_everything_and_changes_nothing(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Products, bytes, what is here, free space and the query; no folder, no body, no login."""
    done = await shell.run("sync", "--tile", "32TQM", "--into", "archive", "--dry-run")
    assert done.code == 0, done.err
    (product,) = [line for line in done.out.splitlines() if line.startswith("fetch")]
    assert "_T32TQM_" in product
    for row in ("Query:", "Found:", "Here:", "To fetch:", "Offline:", "Free space:"):
        assert row in done.out
    assert "32TQM" in done.out.split("Query:")[1]
    assert not (shell.folder / "archive").exists()
    assert not hub.stats.bodies
    assert hub.stats.logins == 0


async def test_a_dry_run_shows_also_the_query_that_the_hub_refuses(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """As the message of every refusal promises."""
    done = await shell.run("sync", "--query", "Nam eq 'x'", "--into", "archive", "--dry-run")
    assert done.code == 2
    assert '"sync --dry-run" shows the query sent' in done.err
    assert done.out.startswith("Query:      $filter=(Nam eq 'x') and Collection/Name eq")


async def test_elsewhere_than_on_a_terminal_every_event_is_a_line(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """JSON with the product, the account and the attempt; nothing else on standard error."""
    done = await shell.run("sync", "--into", "archive", "--limit", "2", "--log-format", "json")
    assert done.code == 0
    assert done.out == ""
    assert len(done.logged("run-started")) == 1
    assert [line["attempt"] for line in done.logged("transfer-started")] == [1, 1]
    completed = done.logged("product-completed")
    assert {line["account"] for line in completed} == {hub.users[0].name}
    assert all(line["product"].endswith(".SAFE") for line in completed)
    assert done.log[-1]["event"] == "run-finished"
    assert not done.logged("product-planned")


async def test_verbose_shows_every_step_and_quiet_only_what_is_wrong(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """A run without trouble is silent when quiet."""
    verbose = await shell.run(
        "sync", "--into", "a", "--limit", "1", "--verbose", "--log-format", "json"
    )
    assert len(verbose.logged("product-planned")) == 1
    assert len(verbose.logged("token-obtained")) == 1
    assert not verbose.logged("transfer-progressed")
    quiet = await shell.run("sync", "--into", "b", "--limit", "1", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    both = await shell.run("sync", "--into", "b", "--quiet", "--verbose")
    assert both.code == 2
    assert "exclude each other" in both.err


async def test_no_secret_is_shown_or_written(shell: Shell, products: Path) -> None:
    """Neither password nor token, not even when everything is shown."""
    password = "a-Pa55word-to-look-for"
    user = User(name="me@example.org", password=password)
    async with EmbeddedHub(products, users=(user,)) as hub:
        shell.use(hub)
        fault = Fault(Cut(1000), times=1)
        hub.faults.add(fault)
        done = await shell.run("sync", "--into", "a", "--verbose", "--report", "report.json")
        assert done.code == 0, done.err
        tokens = [token for token in (*hub.identity._access, *hub.identity._sessions) if token]
    assert hub.stats.logins == 1
    written = [
        p.read_bytes() for p in shell.folder.rglob("*.json*") if "hub-products" not in str(p)
    ]
    shown = [done.out.encode(), done.err.encode(), *written]
    assert len(written) >= 2
    for text in shown:
        assert password.encode() not in text
        assert b"eyJ" not in text
        assert not [token for token in tokens if token.encode() in text]


async def test_the_report_has_the_whole_run(shell: Shell, hub: EmbeddedHub) -> None:
    """As JSON, with numbers, failures and outcome."""
    refused = hub.folder.entries[0]
    hub.faults.add(Fault(access_forbidden(), product=refused.id, times=None))
    done = await shell.run("sync", "--into", "archive", "--report", "report.json", "--quiet")
    assert done.code == 7, done.err
    report = msgspec.json.decode((shell.folder / "report.json").read_bytes())
    assert report["exit_code"] == 7
    assert report["outcome"] == "failed"
    assert (report["found"], report["fetched"], report["failed"]) == (6, 5, 1)
    (failure,) = report["failures"]
    assert (failure["id"], failure["name"]) == (refused.id, refused.name)
    assert failure["code"] == "access-forbidden"
    assert failure["error"]
    assert failure["next_step"]


async def test_failures_and_waiting_products_are_listed_in_the_end(
    shell: Shell, tmp_path: Path
) -> None:
    """Each with its reason and what happens next; then one line for all."""
    folder = tmp_path / "mixed"
    entries = generate_products(folder, 4, size=40_000, offline=1)
    fault = Fault(access_forbidden(), product=entries[2].id, times=None)
    async with EmbeddedHub(folder, faults=(fault,)) as hub:
        shell.use(hub)
        done = await shell.run("sync", "--into", "archive", "--log-format", "console")
    assert done.code == 7
    lines = done.out.splitlines()
    failed = lines[lines.index("Failed (1):") + 1]
    assert failed.startswith(f"  {entries[2].name}: ")
    assert "Next: " in failed
    waiting = lines[lines.index("Offline, to be fetched by a later run (1):") + 1]
    assert waiting.startswith(f"  {entries[1].name}: waiting since 20")
    assert lines[-1].startswith("4 products match: 2 fetched, 1 waiting, 1 failed; ")


async def test_what_waits_gives_its_own_exit_code(shell: Shell, tmp_path: Path) -> None:
    """Nothing failed, but not everything is on disk."""
    folder = tmp_path / "mixed"
    generate_products(folder, 3, size=40_000, offline=1)
    async with EmbeddedHub(folder) as hub:
        shell.use(hub)
        done = await shell.run("sync", "--into", "archive", "--quiet")
    assert done.code == 8


async def test_a_dropped_connection_is_a_warning_and_is_resumed(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """The log says which attempt failed and when it is tried again."""
    hub.faults.add(Fault(Reset(20_000), times=1))
    done = await shell.run("sync", "--into", "archive", "--limit", "1", "--log-format", "json")
    assert done.code == 0
    (failed,) = done.logged("attempt-failed")
    assert failed["level"] == "warning"
    assert failed["attempt"] == 1
    assert failed["retry_in"] > 0
    assert [line["attempt"] for line in done.logged("transfer-started")] == [1, 2]


@pytest.mark.parametrize(
    ("command", "where", "why"),
    [
        ("sync", "missing/report.json", "No such file or directory"),
        ("sync", ".", "it is a folder"),
        ("sync", "/proc/report.json", "No such file or directory"),
        ("sync", "file/report.json", "Not a directory"),
        ("sync", "old.json", "it is there already and may not be written"),
        ("sync", f"{'a' * 300}.json", "File name too long"),
        ("verify", ".", "it is a folder"),
        ("scrub", "old.json", "it is there already and may not be written"),
        ("audit", "missing/report.json", "No such file or directory"),
    ],
)
async def test_a_report_that_cannot_be_written_is_told_before_anything_is_done(
    shell: Shell, hub: EmbeddedHub, command: str, where: str, why: str
) -> None:
    """Not hours later. Nobody may create a file in /proc, not even root."""
    (shell.folder / "archive").mkdir()
    (shell.folder / "file").touch()
    (shell.folder / "old.json").write_text('{"exit_code": 0}')
    (shell.folder / "old.json").chmod(0o444)
    done = await shell.run(command, "--into", "archive", "--report", where)
    assert done.code == 2
    assert f"the report cannot be written to {where}: {why}" in done.err
    assert "Warning" not in done.err, "said once"
    assert not list((shell.folder / "archive").iterdir())
    assert not hub.stats.requests


async def test_a_report_may_be_in_the_folder_that_the_first_sync_makes(
    shell: Shell, hub: EmbeddedHub
) -> None:
    arguments = ("sync", "--into", "new/archive", "--limit", "1", "--report")
    for where in ("new/archive/report.json", "new/report.json"):
        assert (await shell.run(*arguments, where)).code == 0
        assert (shell.folder / where).exists()
    done = await shell.run(*arguments, "new/other/report.json")
    assert done.code == 2


async def test_a_report_that_cannot_be_written_any_more_is_only_a_warning(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """The run's outcome stays what it is."""
    (shell.folder / "reports").mkdir()
    hub.faults.add(Fault(Stall(5_000)))
    process = await shell.start("sync", "--into", "archive", "--report", "reports/r.json")
    await until(lambda: hub.stats.all_bytes_served > 0)
    (shell.folder / "reports").rmdir()
    process.send_signal(signal.SIGTERM)
    done = await finish(process)
    assert done.code == 143
    assert "Warning: the report was not written: reports/r.json cannot be used" in done.err


@pytest.mark.parametrize("command", ["sync", "verify", "scrub", "audit"])
async def test_a_report_takes_the_place_of_nothing_but_a_report(
    shell: Shell, hub: EmbeddedHub, command: str
) -> None:
    """``--report archive.toml``, a slip of the hand, must not cost the configuration."""
    file = shell.folder / "archive.toml"
    file.write_text('into = "archive"\nlimit = 1\n')
    await shell.run("sync", "archive.toml")
    for arguments in (("archive.toml", "--report", "archive.toml"), ("--report", "archive.toml")):
        done = await shell.run(command, *arguments)
        assert done.code == 2
        assert file.read_text() == 'into = "archive"\nlimit = 1\n'
    done = await shell.run(command, "archive.toml", "--report", "archive.toml")
    assert "archive.toml is there already and is no report" in done.err
    assert "Warning" not in done.err, "said once"
    (shell.folder / "report.json").touch()
    for _ in range(2):
        done = await shell.run(command, "archive.toml", "--report", "report.json")
        assert done.err.count("report") == 0
        report = msgspec.json.decode((shell.folder / "report.json").read_bytes())
        assert report["exit_code"] == done.code


async def test_a_report_into_a_pipe_leaves_the_pipe(shell: Shell, hub: EmbeddedHub) -> None:
    """As administrator, ``--report /dev/null`` would take the device from the whole machine."""
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    arguments = ("sync", "--into", "archive", "--limit", "1", "--quiet", "--report")
    done = await shell.run(*arguments, "pipe")
    assert "the report was not written" in done.err, "nobody reads it, and nobody waits"
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = await shell.run(*arguments, "pipe")
    assert not done.err
    assert msgspec.json.decode(os.read(reader, 65_536))["exit_code"] == 0
    os.close(reader)
    assert pipe.is_fifo()


async def test_a_report_can_go_to_standard_output(shell: Shell, hub: EmbeddedHub) -> None:
    """To be piped on, or appended to a file: the file stays the one that is open."""
    link = shell.folder / "out"
    link.symlink_to("/proc/self/fd/1")
    arguments = ("sync", "--into", "archive", "--limit", "1", "--quiet", "--report", "out")
    done = await shell.run(*arguments)
    assert msgspec.json.decode(done.out)["already"] == 0
    with (shell.folder / "all.jsonl").open("ab") as file:
        file.write(b"before\n")
        file.flush()
        for _ in range(2):
            done = await shell.run(*arguments, stdout=file.fileno())
            assert done.code == 0
    written = (shell.folder / "all.jsonl").read_text()
    assert written.startswith("before\n")
    assert written.count('"already": 1') == 2
    assert link.is_symlink()


async def test_a_report_is_written_through_a_link(shell: Shell, hub: EmbeddedHub) -> None:
    """Where it leads to, say into the folder of a web server, is where it is read."""
    (shell.folder / "report.json").symlink_to("served.json")
    for fetched in (1, 0):
        arguments = ("--limit", "1", "--report", "report.json")
        await shell.run("sync", "--into", "archive", *arguments)
        assert (shell.folder / "report.json").is_symlink()
        assert (
            msgspec.json.decode((shell.folder / "served.json").read_bytes())["fetched"] == fetched
        )


async def test_a_dry_run_says_that_it_writes_no_report(shell: Shell, hub: EmbeddedHub) -> None:
    """It changes nothing; an option without effect is told."""
    done = await shell.run("sync", "--into", "a", "--dry-run", "--report", "report.json")
    assert "a dry run writes no report" in done.err.lower()
    assert not (shell.folder / "report.json").exists()


async def test_a_query_of_thousands_of_names_does_not_fill_the_screen(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """It goes out in parts, too."""
    names = "\n".join(f"S2A_MSIL1C_20240601T{n:06}_N0510_R065_T32TQM" for n in range(300))
    (shell.folder / "names.txt").write_text(names)
    done = await shell.run("sync", "--names-file", "names.txt", "--into", "a", "--dry-run")
    assert done.code == 7
    (query,) = [line for line in done.out.splitlines() if line.startswith("Query:")]
    assert len(query) < 10_200
    assert query.endswith(" characters, sent in parts)")
    assert done.err.count("not in the catalogue: ") == 300


def test_what_is_said_of_missing_names_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at all names: for each one again, a list of 100,000 took hours."""
    asked: list[object] = []

    def not_listed(config: object) -> str:
        asked.append(config)
        return "not there"

    monkeypatch.setattr(listing, "not_listed", not_listed)
    output = Output()
    warned: list[str] = []
    monkeypatch.setattr(output, "warn", warned.append)
    assert listing.tell_missing(["A", "B", "C"], load_config(environ={}), output) == 7
    assert warned == ["not there: A", "not there: B", "not there: C"]
    assert len(asked) == 1


async def test_renew_fetches_what_is_there(shell: Shell, hub: EmbeddedHub) -> None:
    """Every product once more."""
    await shell.run("sync", "--into", "archive", "--limit", "2")
    again = await shell.run("sync", "--into", "archive", "--limit", "2", "--renew")
    assert again.code == 0
    assert "2 fetched" in again.out
    assert sorted(hub.stats.bodies.values()) == [2, 2]


async def test_a_quiet_run_still_says_which_names_there_are_not(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """A cron job that ends with 7 and without a word helps nobody."""
    done = await shell.run("sync", "--into", "archive", "--name", "NO_SUCH", "--quiet")
    assert done.code == 7
    assert "NO_SUCH" in done.err
    done = await shell.run("sync", "--into", "archive", "--name", "NO_SUCH", "--log-format", "json")
    assert [line["first"] for line in done.logged("names-not-listed")] == [["NO_SUCH"]]


async def test_a_large_collection_as_a_whole_has_to_be_meant(shell: Shell) -> None:
    """Nothing is listed or fetched; any restriction, or saying so, is enough."""
    async with EmbeddedHub(SyntheticCatalogue(10_001)) as hub:
        shell.use(hub)
        for more in ([], ["--dry-run"]):
            done = await shell.run("sync", "--into", "archive", *more)
            assert done.code == 2
            assert "the whole collection SENTINEL-2 has 10,001" in done.err
            assert "--everything" in done.err
        assert hub.stats.requests["search"] == 2, "one to count, each time"
        assert not hub.stats.bodies
        for arguments in (("--limit", "3"), ("--tile", "32TQM")):
            done = await shell.run("sync", "--into", "archive", "--dry-run", *arguments)
            assert done.code == 0, done.err
        done = await shell.run("sync", "--into", "archive", "--dry-run", "--everything", "--quiet")
        assert done.code == 0, done.err
        assert "10,001 products" in done.out
