"""Settings as options, in groups, with completion; the table of settings is the only source."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from itertools import groupby

import click

from s2fetch.cli.suggestions import completion_of, of_kind
from s2fetch.config.setting import Setting
from s2fetch.config.settings import SETTINGS
from s2fetch.paths import is_file

OWN_GROUP = "This command"
_NUMBER = re.compile(r"[-+0-9.,]+")


class SettingOption(click.Option):
    """An option that stands for a setting. What it was given is checked by the configuration."""

    def __init__(self, setting: Setting[object]) -> None:
        self.group = setting.group
        switch = setting.option
        if setting.flag:
            switch += f"/--{setting.opposite or f'no-{setting.name}'}"
        name = param_name(setting.name)
        if setting.flag:
            super().__init__([name, switch], default=None, help=_help(setting))
        else:
            super().__init__(
                [name, setting.option],
                metavar=setting.metavar,
                multiple=setting.many or setting.once,
                callback=_only_one if setting.once else None,
                help=_help(setting),
                shell_complete=completion_of(setting),
            )


class GroupedCommand(click.Command):
    """A command whose help lists its options in their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group, the command's own options first."""
        options = (p for p in self.get_params(ctx) if not isinstance(p, click.Argument))
        in_groups = sorted(options, key=lambda p: isinstance(p, SettingOption))
        for group, members in groupby(in_groups, key=lambda p: getattr(p, "group", OWN_GROUP)):
            rows = [row for p in members if (row := p.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows)


def setting_options(
    groups: Container[str] = (), names: Container[str] = ()
) -> list[click.Parameter]:
    """Options for the settings of these groups and of these names, in the table's order."""
    return [SettingOption(s) for s in SETTINGS if s.group in groups or s.name in names]


def every_setting() -> list[click.Parameter]:
    """Options for all settings."""
    return [SettingOption(setting) for setting in SETTINGS]


def archive_argument() -> click.Argument:
    """The configuration file, which may be left out."""
    return click.Argument(
        ["archive"],
        required=False,
        metavar="[ARCHIVE.toml]",
        callback=_no_number,
        shell_complete=of_kind("file"),
    )


def option_values(params: Mapping[str, object]) -> dict[str, object]:
    """What was given, by the names of the settings; None and empty where nothing was."""
    return {
        setting.name: params[param_name(setting.name)]
        for setting in SETTINGS
        if param_name(setting.name) in params
    }


def param_name(setting: str) -> str:
    """A setting's name as click knows it."""
    return setting.replace("-", "_")


def _no_number(ctx: click.Context, _: click.Parameter, given: str | None) -> str | None:
    """Refuse what belongs to an option before it, as in ``--cloud 0 20``."""
    if given is not None and _NUMBER.fullmatch(given) and not is_file(given):
        raise click.UsageError(
            f"{given} is no configuration. Several numbers are one word, as in "
            "--box 11.0,46.0,12.5,47.0 and --cloud 0..20",
            ctx,
        )
    return given


def _only_one(
    ctx: click.Context, option: click.Parameter, given: tuple[object, ...]
) -> object | None:
    """Refuse what would silently drop a restriction, and so fetch too much."""
    if len(given) > 1:
        raise click.BadOptionUsage(
            str(option.name),
            f"{option.opts[0]} was given {len(given)} times, and only one could count",
            ctx,
        )
    return given[0] if given else None


def _help(setting: Setting[object]) -> str:
    text = setting.help
    if setting.choices and len(setting.choices) < 5:
        text += f": {', '.join(str(choice) for choice in setting.choices)}"
    notes = []
    if setting.many:
        notes.append("repeatable")
    if setting.variable:
        notes.append(f"env {setting.variable}")
    if setting.default and not setting.flag:
        notes.append(f"default {setting.default}")
    return f"{text} [{'; '.join(notes)}]" if notes else text
