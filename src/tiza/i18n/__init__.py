"""The user's language: every sentence that a person sees comes from es.toml or en.toml by its key."""

import locale
import numbers
import os
import string
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "es")
_chosen: str | None = None
_here: ContextVar[str | None] = ContextVar("language", default=None)


def set_language(language: str | None) -> None:
    """Choose ``"es"`` or ``"en"`` for this process; ``None`` goes back to TIZA_LANG and the locale."""
    global _chosen
    _chosen = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Inside, ``language`` is in force for this thread or task alone: a server answers each in its own."""
    before = _here.set(language)
    try:
        yield
    finally:
        _here.reset(before)


def language() -> str:
    """The language in force: that of ``speaking()``, the one set, else TIZA_LANG, else the locale's, else English."""
    if chosen := _here.get() or _chosen:
        return chosen
    asked = os.environ.get("TIZA_LANG") or next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    if not asked and os.name == "nt":
        asked = locale.getlocale()[0] or ""
    return "es" if asked.lower().startswith(("es", "spanish")) else "en"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every sentence of one language, by key."""
    return tomllib.loads((files(__name__) / f"{language}.toml").read_text(encoding="utf-8"))


class _Localised(string.Formatter):
    """str.format with the language's decimal sign, thousands and per-cent spacing (99.1 %, 99,1 %)."""

    def __init__(self, language: str) -> None:
        self.spanish = language == "es"

    def format_field(self, value: Any, format_spec: str) -> str:
        text = super().format_field(value, format_spec)
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return text
        if self.spanish:
            # Spanish groups from five digits on, by a space that does not break.
            text = text.replace(",", "" if abs(float(value)) < 10_000 else "\u00a0").replace(".", ",")
        return text.replace("%", "\u00a0%")


def t(key: str, /, **fields: Any) -> str:
    """The sentence ``key`` in the user's language, its ``{fields}`` filled in."""
    return _Localised(language()).vformat(catalogue(language())[key], (), fields)


def number(value: float, spec: str = "") -> str:
    """One number as the user's language writes it; ``spec`` as in format(): ``.1%``, ``,``, ``.3f``."""
    return _Localised(language()).format_field(value, spec)
