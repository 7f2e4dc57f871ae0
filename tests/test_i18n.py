"""tiza.i18n: two catalogues that say the same, the keys that the code uses, numbers as each language has them."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from pydantic_core import PydanticKnownError
from pydantic_core.core_schema import ErrorType

import tiza
from tiza.i18n import LANGUAGES, catalogue, language, number, set_language, t
from tiza.registry import table

SOURCE = Path(tiza.__file__).parent
PAGE = Path(__file__).parents[1] / "page" / "src"


def holes(sentence: str) -> set[str]:
    """The names of the {fields} of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


# --- the two catalogues


def test_both_catalogues_have_the_same_keys_in_the_same_order():
    assert list(catalogue("es")) == list(catalogue("en"))


def test_both_catalogues_have_the_same_fields_in_each_sentence():
    def formatted(sentence: str) -> list[tuple[str, str | None]]:
        return sorted((name, spec) for _, name, spec, _ in string.Formatter().parse(sentence) if name is not None)

    english, spanish = catalogue("en"), catalogue("es")
    assert [key for key in english if key in spanish and formatted(english[key]) != formatted(spanish[key])] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_is_a_text_with_named_fields(code: str):
    for key, sentence in catalogue(code).items():
        assert sentence.strip() == sentence or key in ("wanted.list-or", "train.what"), key
        assert sentence, key
        assert all(name.isidentifier() for name in holes(sentence)), key


def test_no_sentence_was_left_untranslated():
    same = {key for key, sentence in catalogue("en").items() if catalogue("es")[key] == sentence and " " in sentence}
    letters = {key for key in same if re.search(r"[a-z]{4}", re.sub(r"\{[^}]*\}", "", catalogue("en")[key]))}
    assert letters == set()


# --- what the code uses


class Use(NamedTuple):
    """A call in the source that ends in a sentence."""

    place: str
    key: str
    fields: set[str] | None  # None: given as **fields


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


@cache
def constants() -> set[str]:
    """Every string of the source, documentation excepted."""
    found = set()
    for tree in trees().values():
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                found.add(node.value)
    return found


def texts(node: ast.expr) -> Iterator[str]:
    """The strings that an expression can be; the holes of an f-string become \\0."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from texts(one)
            yield from texts(other)
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts)


def calls(*names: str) -> Iterator[tuple[Path, ast.Call]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                if called in names:
                    yield path, node


@cache
def page_keys() -> list[re.Pattern[str]]:
    """The keys that the page's own source names; what it puts in is a hole, and a count has its singular."""
    found = set()
    for path in PAGE.rglob("*.ts*"):
        for named in re.findall(r"""["`]((?:page|status|split|col)\.[^"`]*)""", path.read_text(encoding="utf-8")):
            if not named.endswith("."):  # else it asks what a key begins with
                parts = re.split(r"\$\{.*?(?:\}|$)", named)
                found.add(("[^.]+" if parts[0] == "page." else ".+").join(map(re.escape, parts)) + r"(\.one|\.many)?")
    return [re.compile(pattern) for pattern in sorted(found)]


@cache
def uses() -> list[Use]:
    found = []
    for names, prefix in ((("t",), ""), (("TizaError", "RequestError"), "error."), (("unknown",), "kind.")):
        for path, call in calls(*names):
            fields = {keyword.arg for keyword in call.keywords if keyword.arg}
            given = None if len(fields) < len(call.keywords) else fields
            for text in texts(call.args[0]):
                place = f"{path.relative_to(SOURCE)}:{call.lineno}"
                found.append(Use(place, prefix + text, set() if prefix == "kind." else given))
    return found


def test_the_walk_finds_the_sentences_of_the_source():
    keys = {use.key for use in uses()}
    assert {"error.bad-value", "hint.nearest", "kind.field", "error.run-is-pickle", "kind.\0", "card.what"} <= keys


def test_every_key_that_the_source_names_exists():
    missing = {f"{use.place} {use.key}" for use in uses() if "\0" not in use.key and use.key not in catalogue("en")}
    assert missing == set()


def test_every_key_that_the_source_puts_together_can_exist():
    missing = set()
    for use in uses():
        if "\0" in use.key:
            pattern = re.compile(".+".join(map(re.escape, use.key.split("\0"))))
            if not any(pattern.fullmatch(key) for key in catalogue("en")):
                missing.add(f"{use.place} {use.key}")
    assert missing == set()


def test_every_data_set_has_its_line():
    assert [name for name in table("dataset") if f"data.{name}" not in catalogue("en")] == []


def test_no_key_is_unused():
    whole = constants() | {f"error.{text}" for text in constants()}
    fills = {*constants(), *get_args(ErrorType), *table("dataset")}
    patterns = [use.key for use in uses() if "\0" in use.key]
    patterns += [text for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
                 for text in texts(node) if re.match(r"[a-z]+\.\0", text)]  # fmt: skip

    def used(key: str) -> bool:
        for pattern in patterns:
            match = re.fullmatch("(.+)".join(map(re.escape, pattern.split("\0"))), key)
            if match and all(part in fills for part in match.groups()):
                return True
        return key in whole or any(pattern.fullmatch(key) for pattern in page_keys())

    assert [key for key in catalogue("en") if not used(key)] == []


def test_every_key_that_the_page_names_exists():
    missing = [p.pattern for p in page_keys() if not any(p.fullmatch(key) for key in catalogue("en"))]
    assert missing == []


def test_every_sentence_gets_the_fields_that_it_needs():
    hungry = set()
    for use in uses():
        if use.fields is not None and "\0" not in use.key and use.key in catalogue("en"):
            missing = holes(catalogue("en")[use.key]) - use.fields
            if missing:
                hungry.add(f"{use.place} {use.key}: {', '.join(sorted(missing))}")
    assert hungry == set()


def test_the_wishes_take_their_fields_from_pydantic():
    context = {"gt": 0, "ge": 0, "lt": 0, "le": 0, "expected": "", "class_name": ""}
    context |= {"field_type": "", "max_length": 0, "actual_length": 0}
    ours = {"wanted.or", "wanted.list-or", "wanted.other", "wanted.size"}
    for key, sentence in catalogue("en").items():
        if key.startswith("wanted.") and key not in ours:
            kind = key.removeprefix("wanted.")
            assert kind in get_args(ErrorType)
            assert holes(sentence) <= holes(PydanticKnownError(kind, context).message_template), key  # type: ignore[arg-type]


# --- numbers


@pytest.mark.parametrize(
    ("value", "spec", "english", "spanish"),
    [
        (0.9912, ".2%", "99.12\u00a0%", "99,12\u00a0%"),
        (1, ".1%", "100.0\u00a0%", "100,0\u00a0%"),
        (0.5, "", "0.5", "0,5"),
        (3.14159, ".3f", "3.142", "3,142"),
        (1e-5, "g", "1e-05", "1e-05"),
        (1.5e-7, "g", "1.5e-07", "1,5e-07"),
        (-2.5, ".1f", "-2.5", "-2,5"),
        (7, "", "7", "7"),
        (999, ",", "999", "999"),
        (1234, ",", "1,234", "1234"),
        (9_999, ",", "9,999", "9999"),
        (10_000, ",", "10,000", "10\u00a0000"),
        (1_234_567, ",", "1,234,567", "1\u00a0234\u00a0567"),
        (-60_000, ",", "-60,000", "-60\u00a0000"),
        (1_234_567.25, ",.2f", "1,234,567.25", "1\u00a0234\u00a0567,25"),
        (1_234.5, ",.1f", "1,234.5", "1234,5"),
        (12_345, "", "12345", "12345"),
        (float("nan"), ".2f", "nan", "nan"),
    ],
)
def test_numbers_are_written_as_each_language_does(value: float, spec: str, english: str, spanish: str):
    set_language("en")
    assert number(value, spec) == english
    set_language("es")
    assert number(value, spec) == spanish


def test_numbers_inside_a_sentence_follow_its_language():
    fields = {"name": "7", "n": 55_000, "recall": 0.98765}
    set_language("en")
    assert "98.8\u00a0% of 55,000" in t("card.weakest", **fields)
    set_language("es")
    assert "98,8\u00a0% de 55\u00a0000" in t("card.weakest", **fields)


def test_texts_and_truths_are_left_as_they_are():
    set_language("es")
    sentence = t("error.bad-value", where="plan.lr", value="1.5,2 100%", wanted=True)
    assert sentence == "plan.lr no puede ser «1.5,2 100%»: True"


# --- which language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"TIZA_LANG": "es"}, "es"),
        ({"TIZA_LANG": "ES"}, "es"),
        ({"TIZA_LANG": "es_MX"}, "es"),
        ({"TIZA_LANG": "en"}, "en"),
        ({"TIZA_LANG": "fr"}, "en"),
        ({"LANG": "es_ES.UTF-8"}, "es"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_MESSAGES": "es_AR"}, "es"),
        ({"LC_MESSAGES": "en_US", "LANG": "es_ES"}, "en"),
        ({"LC_ALL": "es_ES", "LC_MESSAGES": "en_US", "LANG": "en_US"}, "es"),
        ({"LC_ALL": "C", "LANG": "es_ES"}, "en"),
        ({"LC_ALL": "", "LANG": "es_ES"}, "es"),
        ({"TIZA_LANG": "en", "LC_ALL": "es_ES"}, "en"),
        ({"TIZA_LANG": "es", "LC_ALL": "en_US"}, "es"),
        ({"TIZA_LANG": "", "LC_ALL": "es_ES"}, "es"),
    ],
)
def test_the_language_is_tiza_lang_else_the_locales(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("TIZA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_a_language_that_was_set_stands_above_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIZA_LANG", "en")
    set_language("es")
    assert language() == "es"
    assert t("split.test") == "prueba"
    set_language(None)
    assert language() == "en"
    assert t("split.test") == "test"


def test_an_error_is_told_in_the_language_of_its_reader():
    from tiza.errors import TizaError

    error = TizaError("one-class", where="mnist", n=12_000)
    english = str(error)
    set_language("es")
    assert english != str(error)
    assert "una sola clase" in str(error)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    "code",
    ["ragged", "cell-missing", "cell-number", "link-out", "no-class", "empty-class", "bomb", "picture-empty",
     "picture-other", "picture-unknown", "picture-too-large", "picture-damaged", "picture-unreadable"],
)  # fmt: skip
def test_what_may_be_skipped_says_behind_a_colon_what_to_do(code: str, language: str):
    """Where it was skipped, the command leaves that part away."""
    assert catalogue(language)[f"error.{code}"].count(": ") == 1
