"""What goes wrong is told in sentences, with its own exit code and never with a traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from s2fetch.cli.main import run
from s2fetch.embedded.hub import EmbeddedHub
from tests.cli.conftest import Done, Shell, finish
from tests.cli.terminal import Terminal


def explained(done: Done, code: int, *parts: str) -> None:
    """The command failed with this code and a message that has these parts."""
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert "Error: " in done.err
    for part in parts:
        assert part in done.err


async def test_an_unknown_option_is_a_usage_error(shell: Shell) -> None:
    """Click finds it, and what was meant."""
    done = await shell.run("sync", "--claud", "20")
    explained(done, 2, "--claud", "--cloud")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("snyc",), "No such command 'snyc'. Did you mean sync?"),
        (("STATUS", "archive.toml"), "Did you mean status"),
        (("archive.toml",), "Did you mean s2fetch sync archive.toml?"),
        (("fetch",), "Known are sync, search, "),
        (("--into", "a", "sync"), "'--into' before a command. Its options come after it"),
        (("--verson",), "'--version'"),
    ],
)
async def test_an_unknown_command_is_a_usage_error(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    """With what was meant."""
    explained(await shell.run(*arguments), 2, said)


@pytest.mark.parametrize("option", ["--box 11.0 46.0 12.5 47.0", "--cloud 0 20", "--cloud 0 .. 20"])
async def test_numbers_with_blanks_between_them_are_told_to_be_one_word(
    shell: Shell, option: str
) -> None:
    """The second one had been the configuration, and "not found"."""
    explained(await shell.run("search", *option.split()), 2, "Several numbers are one word")


async def test_a_mistake_in_the_file_names_line_and_key(shell: Shell) -> None:
    """So that it can be found."""
    (shell.folder / "archive.toml").write_text('into = "a"\n\nproduct-type = ["S2MSI1X"]\n')
    done = await shell.run("sync", "archive.toml")
    explained(done, 2, "archive.toml, line 3, product-type", "S2MSI1C")


async def test_a_missing_file_is_named(shell: Shell) -> None:
    """The configuration's own name."""
    explained(await shell.run("sync", "nowhere.toml"), 2, "nowhere.toml")


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync", "nowhere\udce9.toml"),
        ("sync", "--into", "folder\udce9"),
        ("verify", "--into", "folder\udce9"),
        ("status", "--into", "folder\udce9", "--json"),
        ("search", "--tile", "32TQ\udce9"),
    ],
)
async def test_names_that_are_no_text_are_a_mistake(
    shell: Shell, hub: EmbeddedHub, arguments: tuple[str, ...]
) -> None:
    """As from disks written in Latin-1; in every form in which a mistake is told."""
    for more in ((), ("--log-format", "json")):
        if more and arguments[0] == "status":
            continue  # it has no log
        done = await shell.run(*arguments, *more)
        assert done.code == 2
        assert "\\udce9" in done.err
        assert not done.out
    assert not list(shell.folder.glob("s2fetch-defect-*"))
    if arguments[0] == "sync":
        await shell.run(*arguments, "--report", "report.json")
        report = msgspec.json.decode((shell.folder / "report.json").read_bytes())
        assert "\\udce9" in report["error"]


async def test_inside_a_folder_that_is_no_text_all_works(shell: Shell, hub: EmbeddedHub) -> None:
    """The way around."""
    inside = shell.folder / "folder\udce9"
    inside.mkdir()
    for arguments in (("sync", "--limit", "1"), ("verify",), ("status", "--json")):
        done = await shell.run(*arguments, "--into", "archive", cwd=inside)
        assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("variable", "value", "coloured"),
    [("TERM", "xterm-256color", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False)],
)
async def test_the_log_has_colours_only_where_they_are_wanted(
    shell: Shell, hub: EmbeddedHub, variable: str, value: str, coloured: bool
) -> None:
    """A terminal that knows none shows them as rubbish."""
    shell.environment[variable] = value
    terminal = Terminal()
    process = await terminal.start(shell, "sync", "--into", "a", "--limit", "1", "--verbose")
    assert await terminal.end(process) == 0
    assert "run-finished" in terminal.shown
    assert ("\x1b[" in terminal.shown) is coloured


async def test_the_folder_has_to_be_given(shell: Shell, hub: EmbeddedHub) -> None:
    """There is no default that could fill a home folder."""
    explained(await shell.run("sync", "--limit", "1"), 2, "--into")


async def test_missing_credentials_are_explained(shell: Shell, hub: EmbeddedHub) -> None:
    """Where they may be."""
    del shell.environment["S2FETCH_USER"], shell.environment["S2FETCH_PASSWORD"]
    done = await shell.run("sync", "--into", "archive", "--limit", "1")
    explained(done, 3, "S2FETCH_PASSWORD")


async def test_a_wrong_password_ends_the_run_and_the_report_says_so(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """The message says what to do; the password is not in it."""
    shell.environment["S2FETCH_PASSWORD"] = "not-this-one"
    done = await shell.run("sync", "--into", "archive", "--limit", "1", "--report", "r.json")
    explained(done, 3, "password")
    assert "not-this-one" not in done.err + done.out
    report = msgspec.json.decode((shell.folder / "r.json").read_bytes())
    assert (report["exit_code"], report["outcome"]) == (3, "account")
    assert "password" in report["error"]


async def test_a_hub_that_is_down_has_its_own_exit_code(shell: Shell, hub: EmbeddedHub) -> None:
    """After the time the user wants to wait."""
    await hub.go_down()
    done = await shell.run("sync", "--into", "archive", "--give-up-after", "0s")
    explained(done, 4)
    done = await shell.run("search", "--give-up-after", "0s")
    explained(done, 4)


async def test_a_folder_that_cannot_be_used_has_its_own_exit_code(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """A file is in the way; the report is written nevertheless."""
    (shell.folder / "file").touch()
    done = await shell.run("sync", "--into", "file/archive", "--report", "r.json")
    explained(done, 5, "file")
    assert msgspec.json.decode((shell.folder / "r.json").read_bytes())["exit_code"] == 5


async def test_a_home_that_cannot_be_written_says_how_to_do_without(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Users of services have such ones; /proc takes no folder, not even from root."""
    del shell.environment["S2FETCH_STATE_DIR"]
    shell.environment |= {"HOME": "/proc/nowhere", "XDG_STATE_HOME": ""}
    done = await shell.run("sync", "--into", "archive", "--limit", "1")
    explained(done, 5, "/proc/nowhere/", "set S2FETCH_STATE_DIR to another folder")


async def test_errors_are_json_when_the_log_is(shell: Shell, hub: EmbeddedHub) -> None:
    """Every line of standard error can be parsed."""
    (shell.folder / "file").touch()
    done = await shell.run("sync", "--into", "file/archive", "--log-format", "json")
    (failed,) = done.logged("command-failed")
    assert (failed["level"], failed["exit_code"]) == ("error", 5)
    wrong = await shell.run("sync", "--limit", "none", "--log-format", "json")
    assert wrong.code == 2
    assert "--limit" in wrong.logged("command-failed")[0]["error"]


async def test_a_log_that_nobody_reads_does_not_end_a_run(shell: Shell, hub: EmbeddedHub) -> None:
    """Both pipes are closed after the first line; everything is fetched all the same."""
    process = await shell.start("sync", "--into", "archive", "--verbose")
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stderr.readline()
    for pipe in (process.stdout, process.stderr):
        pipe._transport.close()  # type: ignore[attr-defined]
    await process.wait()
    assert process.returncode == 0
    assert len(list((shell.folder / "archive").glob("*.zip"))) == 6


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_standard_files_may_be_closed(shell: Shell, hub: EmbeddedHub, closed: str) -> None:
    """As some supervisors do; no file of the archive takes their place."""
    script = f"exec $S2FETCH sync --into archive --limit 2 {closed}"
    done = await finish(await shell.start_script(script))
    assert done.code == 0, done.err
    assert len(list((shell.folder / "archive").glob("*.zip"))) == 2


async def test_a_full_standard_output_is_an_error(shell: Shell, hub: EmbeddedHub) -> None:
    """A listing that is cut short must not look complete."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = await finish(await shell.start_script("exec $S2FETCH search > /dev/full"))
    explained(done, 5, "standard output")


@pytest.mark.parametrize("arguments", [["--version"], ["sync", "--help"]])
def test_a_full_standard_output_is_an_error_of_the_help_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Click prints that, and not a command."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    descriptor = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(sys, "stdout", os.fdopen(descriptor, "w", closefd=False))
    assert run(arguments) == 5
    assert "standard output cannot be written" in capsys.readouterr().err
    os.close(descriptor)


def test_a_defect_is_told_in_short_and_its_traceback_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 1, where to report it, and a file to attach."""
    monkeypatch.setattr("s2fetch.cli.sync.run", _defective)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(["sync", "--into", str(tmp_path / "a"), "--report", str(tmp_path / "r.json")]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "has a defect (ZeroDivisionError)" in shown
    (kept,) = tmp_path.glob("s2fetch-defect-*.txt")
    assert str(kept) in shown
    assert kept.stat().st_mode & 0o077 == 0
    assert "ZeroDivisionError: of ours" in kept.read_text()
    assert msgspec.json.decode((tmp_path / "r.json").read_bytes())["outcome"] == "bug"


def test_a_defect_shows_its_traceback_when_verbose(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """At once, for those who look for it."""
    monkeypatch.setattr("s2fetch.cli.sync.run", _defective)
    assert run(["sync", "--into", str(tmp_path / "a"), "--verbose"]) == 1
    assert "ZeroDivisionError: of ours" in capsys.readouterr().err


def _defective(*_: object) -> object:
    raise ZeroDivisionError("of ours")


TOO_LONG = "a" * 300
"""No file system has such a name: looking for it fails, as it does where one may not look."""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("sync", TOO_LONG), 2),
        (("sync", f"{TOO_LONG}:alps"), 2),
        (("search", "--from", TOO_LONG), 2),
        (("search", "--area-file", TOO_LONG), 2),
        (("search", "--area-product", TOO_LONG), 2),
        (("search", "--names-file", TOO_LONG), 2),
        (("status", "--into", TOO_LONG), 5),
        (("verify", "--into", TOO_LONG), 5),
        (("verify", "--into", "nowhere", "--report", TOO_LONG), 2),
        (("hub", TOO_LONG), 2),
        (("hub", ".", "--port", "65536"), 2),
        (("hub", ".", "--download-port", "-1"), 2),
    ],
    ids=lambda value: " ".join(value[:-1]) if isinstance(value, tuple) else str(value),
)
async def test_what_the_system_refuses_outright_is_a_mistake_and_no_defect(
    shell: Shell, hub: EmbeddedHub, command: tuple[str, ...], code: int
) -> None:
    """A name that is too long, or elsewhere a folder that only others may enter; a port."""
    explained(await shell.run(*command), code)
