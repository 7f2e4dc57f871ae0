"""The command: parse, call one public function, print."""

import io
import json
import os
import sys
import warnings
from typing import Any

import typer
from typer._click.exceptions import NoArgsIsHelpError
from typer.main import get_command

from tiza.cli.app import commands
from tiza.cli.speech import Interrupted, told
from tiza.errors import TizaError, unknown
from tiza.i18n import LANGUAGES, set_language


def main(argv: list[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json, debug = "--json" in arguments, "--debug" in arguments
    for output in (sys.stdout, sys.stderr):  # a terminal without “→” gets “?”, not a failure
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="replace")
    try:
        arguments = _global_options(arguments)
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            # Not the app's own main: it turns Ctrl-C and a reader that went away into exit codes of its own.
            with get_command(commands()).make_context("tiza", arguments) as context:
                context.command.invoke(context)
        sys.stdout.flush()
        raise SystemExit(0)
    except typer.Exit as done:
        raise SystemExit(done.exit_code) from None
    except NoArgsIsHelpError:  # the help was printed
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _fail(Interrupted("interrupted"), as_json)
        raise SystemExit(Interrupted.exit_code) from None
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except Exception as error:
        if debug:
            raise
        ours = told(error)
        _fail(ours, as_json)
        raise SystemExit(ours.exit_code) from None


def _global_options(arguments: list[str]) -> list[str]:
    """Take --lang and --debug out, wherever they stand: the language is known before any help text is made."""
    rest: list[str] = []
    language = os.environ.get("TIZA_LANG")
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang" or word.startswith("--lang="):
            language = word.partition("=")[2] if "=" in word else next(words, "")
        elif word != "--debug":
            rest.append(word)
    if language:
        if language not in LANGUAGES:
            raise unknown("language", language, LANGUAGES, where="--lang / TIZA_LANG")
        set_language(language)
    return rest


def _fail(error: TizaError, as_json: bool) -> None:
    sys.stdout.flush()
    if as_json:
        plain = error.to_dict()
        print(json.dumps({"error": plain}, ensure_ascii=False))
    else:
        print(f"tiza: {error}", file=sys.stderr)


def _warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    if category.__module__.startswith("tiza."):  # other libraries' warnings are for developers
        print(f"tiza: {message}", file=sys.stderr)
