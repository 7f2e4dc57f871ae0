"""Arguments and options that several commands share."""

from typing import Any

import typer

from tiza.cli.speech import Group
from tiza.i18n import t


def group(help: str) -> typer.Typer:
    """A group of commands with its own help."""
    return typer.Typer(
        cls=Group, help=help, add_completion=False, no_args_is_help=True, rich_markup_mode="rich",
        pretty_exceptions_enable=False, context_settings={"help_option_names": ["--help", "-h"]},
    )  # fmt: skip


def json_option() -> Any:
    """``--json``."""
    return typer.Option("--json", help=t("opt.json"))


def run_argument() -> Any:
    """A run, by name or folder."""
    return typer.Argument(metavar=t("meta.run"), help=t("arg.run"), show_default=False)


def sample_argument() -> Any:
    """A sample of a run's data, by its number, or a picture file."""
    return typer.Argument(metavar=t("meta.sample"), help=t("arg.sample"), show_default=False)


def exported_argument() -> Any:
    """A run, or what was exported of one."""
    return typer.Argument(metavar=t("meta.run"), help=t("arg.exported"), show_default=False)


def target_argument() -> Any:
    """A run or a recipe."""
    return typer.Argument(metavar=t("meta.target"), help=t("arg.target"), show_default=False)


def data_argument() -> Any:
    """A data source."""
    return typer.Argument(metavar=t("meta.data"), help=t("arg.data"), show_default=False)


def save_option(what: str) -> Any:
    """``--save FOLDER``; ``what`` is the key of its help."""
    return typer.Option("--save", metavar=t("meta.folder"), help=t(what), show_default=False)


def recipe_option() -> Any:
    """``--recipe``."""
    return typer.Option(metavar=t("meta.recipe"), help=t("opt.recipe"), show_default=False)


def layer_option() -> Any:
    """``--layer NAME``."""
    return typer.Option(metavar=t("meta.name"), help=t("opt.layer"), show_default=False)


def own_option() -> Any:
    """``--model FILE.py:NAME``, the user's own."""
    return typer.Option("--model", metavar=t("meta.own"), help=t("opt.own"), show_default=False)


def model_option() -> Any:
    """``--model NAME``."""
    return typer.Option(metavar=t("meta.name"), help=t("opt.model"), show_default=False)
