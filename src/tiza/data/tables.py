"""A table with named columns → numbers that a model takes: what is a number, what a category, what is missing."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tiza.errors import Note, RequestError, TizaError, note, unknown
from tiza.i18n import t
from tiza.storage import TizaWarning

if TYPE_CHECKING:
    from tiza.data.dataset import Raw

MISSING = ("", "?", "na", "n/a", "nan", "null", "none", "<na>", "#n/a")  # as spreadsheets and archives write it
COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")  # a number with a decimal comma
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # or a decimal comma: nobody can tell
CATEGORIES = 100  # more different texts in a column are no category
LOST = 1000  # a number that lost its decimal point is at least this, and this many times the next smaller one
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": np.greater_equal, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal, ">": np.greater, "<": np.less,
    "=": np.equal,
}  # fmt: skip


class Place:
    """Names the cell at fault: by the line of the file where there is one, else by the row."""

    def __init__(self, where: str, lines: Sequence[int] | None = None) -> None:
        self.where, self.lines = where, lines

    def __call__(self, row: int, column: object) -> str:
        """The place, in the user's language."""
        if self.lines is None:
            return t("where.row", where=self.where, row=row, column=column)
        return t("where.line", where=self.where, line=self.lines[row], column=column)


def from_table(
    frame: Any,
    place: Place,
    *,
    target: str | None,
    binarise: str | None = None,
    features: Sequence[str] | None = None,
    skip_bad: bool = False,
) -> "Raw":
    """The arrays of a table whose cells are texts or numbers.

    A column of numbers is one feature (a decimal comma is read), a column of texts one feature per category.
    ``binarise`` (``"quality>=6"``) names the target and makes two classes of it. Raises :class:`TizaError` for the
    first cell that can't be used, with its place; with ``skip_bad`` those rows are left out and listed.
    """
    from tiza.data.dataset import Raw, Target  # and torch with it, which rows to be answered need not

    frame = _by_name(frame, place)
    names = list(frame.columns)
    rule = _rule(binarise, target, place.where) if binarise is not None else None
    if rule is None and target is None:
        raise RequestError("target-missing", where=f"{place.where}: target", columns=", ".join(names))
    target = rule[0] if rule else str(target)  # a DataFrame may call its columns by numbers
    if target not in names:
        raise unknown("column", target, names, where=f"{place.where}: target")
    wanted = [str(name) for name in features] if features is not None else [n for n in names if n != target]
    if strange := next((name for name in wanted if name not in names), None):
        raise unknown("column", strange, [n for n in names if n != target], where=f"{place.where}: features")
    if target in wanted:
        raise RequestError("target-feature", where=f"{place.where}: features", column=target)
    if len(frame) == 0:
        raise TizaError("empty-table", where=place.where)
    notes: list[Note] = []
    read = {name: numbers(frame[name]) for name in (*wanted, target)}
    if features is None and wanted and _is_row_number(wanted[0], read[wanted[0]].values):
        notes.append(note("row-number", where=place.where))
        del read[wanted.pop(0)]
    if not wanted:
        raise TizaError("no-features", where=place.where, target=target)
    if empty := next((name for name in wanted if read[name].missing.all()), None):
        raise TizaError("empty-column", where=f"{place.where}: {empty}", column=empty)

    faults = _faults(frame, read, place, free=None if rule else target)
    kept = np.array([row for row in range(len(frame)) if row not in faults], np.int64)
    categories = {
        name: _categories(frame[name].iloc[kept if skip_bad else np.flatnonzero(~read[name].missing)], place)
        for name in wanted
        if not read[name].most
    }
    if faults and not (skip_bad and len(kept)):
        raise faults[min(faults)]

    answers = read[target].values[kept] + 0.0  # −0 is 0
    if not np.isfinite(answers).all():
        answers = _texts(frame[target].iloc[kept])
    y, classes = _binary(answers, rule, place.where) if rule else _named(answers, target, place, kept)
    form = {"form": "table", "columns": [{"name": name, "categories": categories.get(name)} for name in wanted]}
    for name in wanted:
        if read[name].comma:
            notes.append(note("decimal-comma", column=name))
            if value := _thousands(frame[name]):
                warnings.warn(t("warning.thousands", column=name, value=value), TizaWarning, stacklevel=2)
        if name in categories:
            notes.append(note("one-hot", column=name, categories=", ".join(categories[name])))
        elif lost := _lost_point(read[name].values[kept]):
            row, typical = int(kept[lost[0]]), lost[1]
            text = t("warning.lost-point", where=place(row, name), value=frame[name].iloc[row], typical=typical)
            warnings.warn(text, TizaWarning, stacklevel=2)
    return Raw(
        encode(frame.iloc[kept], form, place), y, classes, features=expanded(form), form=form, notes=tuple(notes),
        skipped=tuple(faults[row] for row in sorted(faults)),
        columns=tuple(_described(name, read[name], kept, categories.get(name)) for name in wanted),
        target=Target(target, answers),
    )  # fmt: skip


def encode(frame: Any, form: Mapping[str, Any], place: Place) -> np.ndarray:
    """float32 N×F of a table's rows by a model's ``form``: numbers as they are, one column per category.

    Raises :class:`TizaError` for a missing column, a cell that is no number, a category that was not there in training.
    """
    frame = _by_name(frame, place)
    parts: list[np.ndarray] = []
    for column in form["columns"]:
        name, categories = column["name"], column["categories"]
        if name not in frame.columns:
            raise TizaError("column-missing", where=place.where, column=name)
        read = numbers(frame[name])
        if (rows := np.flatnonzero(~read.usable if categories is None else read.missing)).size:
            row = int(rows[0])
            raise _bad_cell(frame[name], row, place, t("hint.drop-row"), missing=read.missing[row])
        if categories is None:
            parts.append(read.values[:, None])
        else:
            texts = _texts(frame[name])
            hot = texts[:, None] == np.array(categories, object)
            if (rows := np.flatnonzero(~hot.any(1))).size:
                where, value = place(int(rows[0]), name), texts[rows[0]]
                raise TizaError("category-unseen", where=where, value=value, known=", ".join(categories))
            parts.append(hot)
    return np.concatenate([part.astype(np.float32) for part in parts], 1)


def expanded(form: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the features that :func:`encode` gives: ``alcohol``, ``colour=red``."""
    return tuple(
        feature
        for column in form["columns"]
        for feature in ([f"{column['name']}={c}" for c in column["categories"]] if column["categories"] is not None
                        else [column["name"]])
    )  # fmt: skip


def numbers_first(form: Mapping[str, Any]) -> list[int]:
    """The places of the features of :func:`expanded`, those that are numbers before those made of categories."""
    hot = [column["categories"] is not None for column in form.get("columns", ()) for _ in column["categories"] or [0]]
    return sorted(range(len(hot)), key=hot.__getitem__)


class Numbers(NamedTuple):
    """A column read as numbers: float64 (NaN: no number), which are missing, whether a decimal comma was read."""

    values: np.ndarray
    missing: np.ndarray
    comma: bool

    @property
    def most(self) -> bool:
        """Whether half of the cells that are there are numbers, or more."""
        return bool(2 * np.count_nonzero(~np.isnan(self.values)) >= np.count_nonzero(~self.missing))

    @property
    def usable(self) -> np.ndarray:
        """Which are numbers that a model can take."""
        return np.abs(self.values) <= np.finfo(np.float32).max


def numbers(cells: Any) -> Numbers:
    """The cells of a column as numbers, as far as they are. Raises :class:`TizaError` for complex ones."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    if is_complex_dtype(cells):
        raise TizaError("complex-column", where=str(cells.name), column=cells.name)
    if is_numeric_dtype(cells) and not is_bool_dtype(cells):
        values = cells.to_numpy(np.float64, na_value=np.nan)
        return Numbers(values, np.isnan(values), comma=False)
    texts = _texts(cells)
    missing = np.array([text.lower() in MISSING for text in texts], bool)
    pointed = [text.replace(",", ".") if "," in text and COMMA.fullmatch(text) else text for text in texts]
    values = np.asarray(pd.to_numeric(np.array(pointed, object), errors="coerce"), np.float64)
    return Numbers(values, missing, comma=pointed != texts.tolist())


def _texts(cells: Any) -> np.ndarray:
    texts = cells.array.astype("string").to_numpy(object, na_value="")
    return np.array([text.strip() for text in texts], object)


def _by_name(frame: Any, place: Place) -> Any:
    """The table, its columns called by texts that differ; the user's own stays as it is."""
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TizaError("duplicate-column", where=place.where, column=twice)
    return frame


def _faults(frame: Any, read: Mapping[str, Numbers], place: Place, free: str | None) -> dict[int, TizaError]:
    """The first fault of each row that can't be used; texts among the numbers of the column ``free`` are none."""
    faults: dict[int, TizaError] = {}
    hint = t("hint.drop-row" if place.lines is None else "hint.skip-row")
    for name, column in read.items():
        wrong = ~column.usable if column.most and name != free else column.missing
        for row in map(int, np.flatnonzero(wrong)):
            faults.setdefault(row, _bad_cell(frame[name], row, place, hint, missing=column.missing[row]))
    return faults


def _categories(cells: Any, place: Place) -> list[str]:
    texts = _texts(cells)
    categories = sorted(set(texts.tolist()))
    if len(categories) > min(CATEGORIES, max(len(texts) // 2, 10)):
        where = f"{place.where}: {cells.name}"
        raise TizaError("text-column", where=where, column=cells.name, n=len(categories), rows=len(texts))
    return categories


def _described(name: str, read: Numbers, kept: np.ndarray, categories: list[str] | None) -> dict[str, Any]:
    """What a feature column holds in the rows that were kept, and how many cells it lacks in all."""
    about = {"name": name, "missing": int(read.missing.sum()), "categories": categories}
    if categories is not None:
        return about | {"kind": "category", "low": None, "high": None, "mean": None}
    used = read.values[kept]
    return about | {"kind": "number", "low": float(used.min()), "high": float(used.max()), "mean": float(used.mean())}


def _bad_cell(cells: Any, row: int, place: Place, hint: str, *, missing: bool) -> TizaError:
    where = place(row, cells.name)
    if missing:
        return TizaError("cell-missing", where=where, hint=hint)
    value = str(cells.iloc[row]).strip()
    return TizaError("cell-number", where=where, value=value if len(value) <= 40 else value[:39] + "…", hint=hint)


def _is_row_number(name: str, values: np.ndarray) -> bool:
    """Whether this is the nameless index that pandas writes, whatever rows it left: it can give the classes away."""
    if name.strip() and not name.startswith("Unnamed:"):
        return False
    whole = np.isfinite(values) & (values == np.floor(values))
    return bool(whole.all() and len(np.unique(values)) == len(values))


def _rule(binarise: str, target: str | None, where: str) -> tuple[str, str, str]:
    """Column, comparison and value of ``quality>=6``."""
    found = re.fullmatch(r"\s*([^\s<>=!].*?)\s*(>=|<=|==|!=|>|<|=)\s*(.+?)\s*", binarise)
    if not found:
        raise RequestError("binarise", where=f"{where}: binarise", text=binarise)
    column, sign, value = found.groups()
    if target is not None and str(target) != column:
        raise RequestError("binarise-target", where=f"{where}: binarise", column=column, target=target)
    return column, sign, value


def _binary(answers: np.ndarray, rule: tuple[str, str, str], where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    column, sign, value = rule
    opposite = {">=": "<", "<=": ">", ">": "<=", "<": ">=", "==": "!=", "!=": "==", "=": "!="}[sign]
    if answers.dtype.kind == "f":
        try:
            bound: Any = float(value.replace(",", "."))
        except ValueError:
            raise RequestError("binarise", where=f"{where}: binarise", text="".join(rule)) from None
    elif sign in ("==", "!=", "="):
        bound = value
    else:
        raise RequestError("binarise-text", where=f"{where}: binarise", column=column, sign=sign)
    y = COMPARISONS[sign](answers, bound).astype(np.int64)
    if len(set(y.tolist())) < 2:
        raise RequestError("binarise-one", where=f"{where}: binarise", text="".join(rule))
    return y, (f"{column}{opposite}{value}", f"{column}{sign}{value}")


def _named(answers: np.ndarray, target: str, place: Place, kept: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels and class names of a target column; numbers are in numeric order, names in alphabetical order."""
    different, first, y = np.unique(answers, return_index=True, return_inverse=True)
    if len(different) * 2 > len(answers) and len(different) > 2:
        hint = t("hint.binarise", column=target) if different.dtype.kind == "f" else t("hint.other-target")
        raise TizaError(
            "target-values", where=f"{place.where}: {target}", column=target, n=len(different), rows=len(answers),
            hint=hint,
        )  # fmt: skip
    if different.dtype.kind == "f":
        if (odd := np.flatnonzero(different != np.floor(different))).size:
            row = int(kept[first[odd[0]]])
            raise TizaError("target-fraction", where=place(row, target), label=str(different[odd[0]]), column=target)
        return y, tuple(f"{value:.0f}" for value in different)
    return y, tuple(map(str, different))


def _thousands(cells: Any) -> str | None:
    """One of the cells with a comma, where all of them might have it between thousands."""
    commas = [text for text in _texts(cells) if "," in text]
    return commas[0] if commas and all(map(THOUSANDS.fullmatch, commas)) else None


def _lost_point(values: np.ndarray) -> tuple[int, float] | None:
    """The first value a thousand times beyond all but a few others, and what is typical; or None."""
    sizes = np.abs(values)
    order = np.argsort(sizes, kind="stable")
    ranked = sizes[order]
    start = max(len(ranked) - 1 - max(1, len(ranked) // 20), len(ranked) // 2)
    for i in range(start, len(ranked) - 1):
        if ranked[i] > 0 and ranked[i + 1] >= LOST * max(ranked[i], 1) and len(ranked) >= 5:
            return int(order[i + 1 :].min()), float(np.median(values))
    return None
