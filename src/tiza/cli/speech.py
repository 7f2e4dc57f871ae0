"""typer in the user's language: its help, its panels, and its errors, which are told by their type."""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from tiza.errors import RequestError, TizaError, unknown
from tiza.i18n import t


class _Speaks:
    def get_usage(self, ctx: Any) -> str:
        usage = super().get_usage(ctx)  # type: ignore[misc]
        for english, key in (("Usage:", "usage"), ("[OPTIONS]", "options-meta"), ("COMMAND [ARGS]", "command-meta")):
            usage = usage.replace(english, t(f"help.{key}"), 1)
        return usage

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.help = t("help.help")
        return option


class Command(_Speaks, TyperCommand):
    """A command; an argument too many is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's."""
        ctx.allow_extra_args = True
        if extra := super().parse_args(ctx, args):
            raise RequestError("extra-argument", where=extra[0], arguments=" ".join(extra), command=ctx.command_path)
        return extra


class Group(_Speaks, TyperGroup):
    """A group of commands; for an unknown one it suggests the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer's."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise unknown("command", args[0], self.list_commands(ctx), where=ctx.command_path)
        return super().resolve_command(ctx, args)


class Interrupted(TizaError):
    """Ctrl-C."""

    exit_code = 130


def translate_panels() -> None:
    """The titles of typer's help, in the language chosen."""
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = t("help.arguments")
    rich_utils.OPTIONS_PANEL_TITLE = t("help.options")
    rich_utils.COMMANDS_PANEL_TITLE = t("help.commands")
    rich_utils.DEFAULT_STRING = t("help.default")
    rich_utils.REQUIRED_LONG_STRING = t("help.required")


def told(error: Exception) -> TizaError:
    """Any failure as one of ours: typer's by type, a full memory or disk by name, the rest as a fault of tiza."""
    from typer._click import exceptions as click

    match error:
        case TizaError():
            return error
        case click.NoSuchOption():
            known = [name for p in (error.ctx.command.params if error.ctx else []) for name in p.opts]
            return unknown("option", error.option_name, [*known, "--lang", "--debug", "--help"])
        case click.MissingParameter():
            name = (getattr(error.param, "metavar", None) or error.param.name or "?") if error.param else "?"
            if error.param and error.param.opts[0].startswith("-"):
                name = error.param.opts[0]
            return RequestError("missing-argument", where=name, name=name, command=_path(error))
        case click.BadOptionUsage():
            return RequestError("option-usage", where=error.option_name, name=error.option_name)
        case click.BadParameter():
            name = error.param.opts[0] if error.param else "?"
            return RequestError("bad-argument", where=name, name=name, command=_path(error))
        case click.UsageError():
            return RequestError("usage", where=_path(error), command=_path(error))
        case MemoryError():
            return TizaError("memory")
        case OSError():
            from tiza.storage import cannot_write

            return cannot_write(Path(error.filename or "–"), error)
        case _:
            return TizaError("internal", where=type(error).__name__, type=type(error).__name__, reason=str(error))


def _path(error: Any) -> str:
    return error.ctx.command_path if error.ctx else "tiza"
