"""A table with named columns → numbers that a model takes: what is a number, what a category, what is missing."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tiza.data.dataset import Raw, Target
from tiza.errors import Note, RequestError, TizaError, note, unknown
from tiza.i18n import t
from tiza.storage import TizaWarning

MISSING = ("", "?", "na", "n/a", "nan", "null", "none", "<na>", "#n/a")  # as spreadsheets and archives write it
CATEGORIES = 100  # more different texts in a column are no category
LOST = 1000  # times the next smaller value: what a number grows to when its decimal point is lost
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
) -> Raw:
    """The arrays of a table whose cells are texts or numbers.

    A column of numbers is one feature (a decimal comma is read), a column of texts one feature per category.
    ``binarise`` (``"quality>=6"``) names the target and makes two classes of it. Raises :class:`TizaError` for the
    first cell that can't be used, with its place; with ``skip_bad`` those rows are left out and listed.
    """
    frame.columns = [str(name) for name in frame.columns]
    names = list(frame.columns)
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise TizaError("duplicate-column", where=place.where, column=twice)
    rule = _rule(binarise, target, place.where) if binarise is not None else None
    target = rule[0] if rule else target
    if target is None:
        raise RequestError("target-missing", where=f"{place.where}: target", columns=", ".join(names))
    if target not in names:
        raise unknown("column", target, names, where=f"{place.where}: target")
    notes: list[Note] = []
    wanted = [str(name) for name in features] if features is not None else [n for n in names if n != target]
    if strange := next((name for name in wanted if name not in names), None):
        raise unknown("column", strange, [n for n in names if n != target], where=f"{place.where}: features")
    if target in wanted:
        raise RequestError("target-feature", where=f"{place.where}: features", column=target)
    if features is None and wanted and _is_row_number(wanted[0], frame[wanted[0]]):
        notes.append(note("row-number", where=place.where))
        wanted = wanted[1:]
    if not wanted:
        raise TizaError("no-features", where=place.where, target=target)

    faults: dict[int, TizaError] = {}
    columns = [_column(name, frame[name], place, faults) for name in wanted]
    values, missing, _ = numbers(frame[target])
    _blame(faults, missing, lambda row: TizaError("cell-missing", where=place(row, target)))
    if faults and not skip_bad:
        first = min(faults)
        raise faults[first]
    kept = np.array([row for row in range(len(frame)) if row not in faults], np.int64)
    if len(kept) == 0:
        raise faults[min(faults)] if faults else TizaError("empty-table", where=place.where)

    texts = frame[target].iloc[kept].astype("string").str.strip().to_numpy(object)
    answers = values[kept] if np.isfinite(values[kept]).all() else texts
    if rule:
        y, classes = _binary(answers, rule, place.where)
    else:
        y, classes = _named(answers, target, place, kept)
    form = {"form": "table", "columns": [{"name": c["name"], "categories": c["categories"]} for c in columns]}
    x = encode(frame.iloc[kept], form, place)
    for column in columns:
        if column["comma"]:
            notes.append(note("decimal-comma", column=column["name"]))
        if column["categories"] is not None:
            notes.append(note("one-hot", column=column["name"], categories=", ".join(column["categories"])))
        elif lost := _lost_point(x[:, _at(form, column["name"])]):
            row, typical = lost
            _warn_lost(place, int(kept[row]), column["name"], frame[column["name"]].iloc[int(kept[row])], typical)
    described = tuple({key: value for key, value in c.items() if key != "comma"} for c in columns)
    skipped = tuple(faults[row] for row in sorted(faults))
    return Raw(
        x, y, classes, features=expanded(form), form=form, notes=tuple(notes), skipped=skipped, columns=described,
        target=Target(target, answers),
    )  # fmt: skip


def encode(frame: Any, form: Mapping[str, Any], place: Place) -> np.ndarray:
    """float32 N×F of a table's rows by a model's ``form``: numbers as they are, one column per category.

    Raises :class:`TizaError` for a missing column, a cell that is no number, a category that was not there in training.
    """
    parts: list[np.ndarray] = []
    for column in form["columns"]:
        name, categories = column["name"], column["categories"]
        if name not in frame.columns:
            raise TizaError("column-missing", where=f"{place.where}: {name}", column=name)
        values, missing, _ = numbers(frame[name])
        if (rows := np.flatnonzero(missing)).size:
            raise TizaError("cell-missing", where=place(int(rows[0]), name))
        if categories is None:
            if (rows := np.flatnonzero(~(np.abs(values) <= np.finfo(np.float32).max))).size:
                raise _no_number(frame[name], int(rows[0]), place)
            parts.append(values[:, None])
        else:
            texts = _texts(frame[name])
            hot = texts[:, None] == np.array(categories, object)
            if (rows := np.flatnonzero(~hot.any(1))).size:
                raise unknown("category", texts[rows[0]], categories, where=place(int(rows[0]), name))
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


def numbers(cells: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """The cells as float64 (NaN: no number), which are missing, and whether a decimal comma was read."""
    import pandas as pd

    if cells.dtype.kind in "biuf" or pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(np.float64, na_value=np.nan)
        return values, np.isnan(values), False
    text = cells.astype("string").str.strip()
    missing = (text.isna() | text.str.lower().isin(MISSING)).to_numpy(bool)
    comma = text.str.fullmatch(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?").fillna(value=False).to_numpy(bool)
    pointed = text.mask(comma, text.str.replace(",", ".", n=1)) if comma.any() else text
    values = np.asarray(pd.to_numeric(pointed.mask(missing).astype(object), errors="coerce"), np.float64)
    return values, missing, bool(comma.any())


def _texts(cells: Any) -> np.ndarray:
    return cells.astype("string").str.strip().fillna("").to_numpy(object)


def _column(name: str, cells: Any, place: Place, faults: dict[int, TizaError]) -> dict[str, Any]:
    """What a feature column holds; the rows that can't be used are entered in ``faults``."""
    values, missing, comma = numbers(cells)
    there = ~missing
    is_number = np.isfinite(values) & (np.abs(values) <= np.finfo(np.float32).max)
    number, read = there & is_number, there & ~np.isnan(values)
    about: dict[str, Any] = {"name": name, "missing": int(missing.sum()), "comma": comma, "categories": None}
    if not there.any():
        raise TizaError("empty-column", where=f"{place.where}: {name}", column=name)
    _blame(faults, missing, lambda row: TizaError("cell-missing", where=place(row, name)))
    if read.sum() * 2 >= there.sum():
        _blame(faults, there & ~is_number, lambda row: _no_number(cells, row, place))
        used = values[number]
        low, high = (float(used.min()), float(used.max())) if used.size else (None, None)
        return about | {"kind": "number", "low": low, "high": high, "mean": float(used.mean()) if used.size else None}
    texts = _texts(cells)[there]
    categories = sorted(set(texts.tolist()))
    if len(categories) > min(CATEGORIES, max(len(texts) // 2, 10)):
        where = f"{place.where}: {name}"
        raise TizaError("text-column", where=where, column=name, n=len(categories), rows=len(texts))
    return about | {"kind": "category", "low": None, "high": None, "mean": None, "categories": categories}


def _blame(faults: dict[int, TizaError], wrong: np.ndarray, error: Callable[[int], TizaError]) -> None:
    for row in np.flatnonzero(wrong):
        faults.setdefault(int(row), error(int(row)))


def _no_number(cells: Any, row: int, place: Place) -> TizaError:
    value = str(cells.iloc[row]).strip()
    return TizaError("cell-number", where=place(row, cells.name), value=value if len(value) <= 40 else value[:39] + "…")


def _is_row_number(name: str, cells: Any) -> bool:
    """Whether this is the nameless column of row numbers that pandas writes: it would give sorted classes away."""
    if name.strip() and not name.startswith("Unnamed:"):
        return False
    values, _, _ = numbers(cells)
    return bool(len(values) > 1 and (np.diff(values) == 1).all())


def _rule(binarise: str, target: str | None, where: str) -> tuple[str, str, str]:
    """Column, comparison and value of ``quality>=6``."""
    found = re.fullmatch(r"\s*(.+?)\s*(>=|<=|==|!=|>|<|=)\s*(.+?)\s*", binarise)
    if not found:
        raise RequestError("binarise", where=f"{where}: binarise", text=binarise)
    column, sign, value = found.groups()
    if target is not None and target != column:
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
        raise TizaError(
            "target-values", where=f"{place.where}: {target}", column=target, n=len(different), rows=len(answers)
        )
    if different.dtype.kind == "f":
        if (odd := np.flatnonzero(different != np.floor(different))).size:
            row = int(kept[first[odd[0]]])
            raise TizaError("target-fraction", where=place(row, target), label=str(different[odd[0]]), column=target)
        return y, tuple(f"{value:.0f}" for value in different)
    return y, tuple(map(str, different))


def _lost_point(values: np.ndarray) -> tuple[int, float] | None:
    """The first value a thousand times beyond all but a few others, and what is typical; or None."""
    sizes = np.abs(values.astype(np.float64))
    order = np.argsort(sizes, kind="stable")
    ranked = sizes[order]
    start = max(len(ranked) - 1 - max(1, len(ranked) // 20), len(ranked) // 2)
    for i in range(start, len(ranked) - 1):
        if ranked[i] > 0 and ranked[i + 1] >= LOST * ranked[i] and len(ranked) >= 5:
            return int(order[i + 1 :].min()), float(np.median(values))
    return None


def _warn_lost(place: Place, row: int, column: str, value: object, typical: float) -> None:
    text = t("warning.lost-point", where=place(row, column), value=value, typical=typical)
    warnings.warn(text, TizaWarning, stacklevel=2)


def _at(form: Mapping[str, Any], name: str) -> int:
    return expanded(form).index(name)
