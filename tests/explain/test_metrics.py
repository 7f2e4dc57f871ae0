"""tiza.explain.metrics: formulas, their numbers and results, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

import tiza
from tiza.errors import RequestError
from tiza.explain import Metric, metrics
from tiza.i18n import set_language

BINARY = [[50, 3], [4, 43]]


def by_name(found: list[Metric]) -> dict[tuple[str, str | None], Metric]:
    return {(metric.name, metric.of): metric for metric in found}


def samples(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and answers that a matrix counts."""
    labels, answers = np.indices(confusion.shape).reshape(2, -1)
    return np.repeat(labels, confusion.ravel()), np.repeat(answers, confusion.ravel())


@pytest.mark.parametrize(
    ("name", "formula", "numbers", "result"),
    [
        ("accuracy", "(TP + TN) / (TP + TN + FP + FN)", "(43 + 50) / (43 + 50 + 3 + 4)", 0.93),
        ("precision", "TP / (TP + FP)", "43 / (43 + 3)", 43 / 46),
        ("recall", "TP / (TP + FN)", "43 / (43 + 4)", 43 / 47),
        ("specificity", "TN / (TN + FP)", "50 / (50 + 3)", 50 / 53),
        ("f1", "2·TP / (2·TP + FP + FN)", "2·43 / (2·43 + 3 + 4)", 86 / 93),
        ("type-1", "FP / (FP + TN)", "3 / (3 + 50)", 3 / 53),
        ("type-2", "FN / (FN + TP)", "4 / (4 + 43)", 4 / 47),
    ],
)
def test_each_binary_metric_has_its_formula_its_numbers_and_its_result(
    name: str, formula: str, numbers: str, result: float
):
    one = by_name(metrics(BINARY, ["no", "yes"]))[name, None]
    assert (one.formula, one.symbols(), one.numbers()) == (formula, formula, numbers)
    assert one.result == pytest.approx(result, abs=1e-15)
    assert one.defined


def test_the_four_counts_are_named():
    inputs = by_name(metrics(BINARY))["accuracy", None].inputs
    assert inputs == {"TN": 50, "FP": 3, "FN": 4, "TP": 43}


def test_spanish_has_its_own_letters_and_a_decimal_comma():
    set_language("es")
    found = by_name(metrics([[1234, 3], [4, 56_789]], ["no", "sí"]))
    assert found["accuracy", None].symbols() == "(VP + VN) / (VP + VN + FP + FN)"
    assert found["specificity", None].numbers() == "1234 / (1234 + 3)"
    assert found["f1_macro", None].symbols() == "ΣF1 / k"
    assert found["recall_macro", None].symbols() == "Σexhaustividad / k"
    assert found["recall_macro", None].numbers() == "1,9975 / 2"


def matrices(k: int) -> st.SearchStrategy[list[list[int]]]:
    rows = st.lists(st.integers(0, 30), min_size=k, max_size=k)
    return st.lists(rows, min_size=k, max_size=k).filter(lambda matrix: sum(map(sum, matrix)) > 0)


@given(st.integers(2, 6).flatmap(matrices))
def test_every_result_is_scikit_learns(confusion: list[list[int]]):
    found, k = by_name(metrics(confusion)), len(confusion)
    labels, answers = samples(np.array(confusion))
    assert found["accuracy", None].result == pytest.approx(oracle.accuracy_score(labels, answers))
    scores = oracle.precision_recall_fscore_support(labels, answers, labels=range(k), zero_division=0)
    macro = oracle.precision_recall_fscore_support(labels, answers, average="macro", zero_division=0)
    for name, each, mean in zip(("precision", "recall", "f1"), scores, macro, strict=False):
        assert [found[name, str(i)].result for i in range(k)] == pytest.approx(list(each))
        assert found[f"{name}_macro", None].result == pytest.approx(mean)
    if k == 2:
        for name, score in (("precision", oracle.precision_score), ("recall", oracle.recall_score),
                            ("f1", oracle.f1_score)):  # fmt: skip
            assert found[name, None].result == pytest.approx(score(labels, answers, zero_division=0))
        assert found["specificity", None].result == pytest.approx(
            oracle.recall_score(labels, answers, pos_label=0, zero_division=0)
        )


def test_the_numbers_of_a_run_are_those_of_its_report():
    run = tiza.fit(tiza.Recipe.model_validate({"data": "iris", "model": "mlp", "plan": {"epochs": 2, "threads": 1}}))
    report = tiza.evaluate(run)
    assert report.test is not None
    found = by_name(tiza.explain.metrics(report.test["confusion"], report.classes))
    for name in ("accuracy", "precision_macro", "recall_macro", "f1_macro"):
        assert found[name, None].result == pytest.approx(report.test[name], abs=1e-12)
    for name in ("precision", "recall", "f1"):
        assert [found[name, one].result for one in report.classes] == pytest.approx(report.test["per_class"][name])


@pytest.mark.parametrize(
    ("confusion", "undefined"),
    [
        ([[5, 0], [2, 0]], {("precision", None), ("precision", "1")}),
        ([[5, 1], [0, 0]], {("recall", None), ("recall", "1"), ("type-2", None)}),
        ([[0, 0], [2, 3]], {("specificity", None), ("type-1", None), ("recall", "0")}),
        ([[4, 1, 0], [1, 4, 0], [0, 0, 0]], {("precision", "2"), ("recall", "2"), ("f1", "2")}),
    ],
)
def test_nothing_by_nothing_is_said_and_counts_as_0(confusion: list[list[int]], undefined: set):
    found = by_name(metrics(confusion))
    assert {key for key, one in found.items() if not one.defined} == undefined
    assert all(found[key].result == 0 for key in undefined)


def test_a_class_that_never_appears_does_not_lower_the_means():
    found = by_name(metrics([[4, 1, 0], [1, 4, 0], [0, 0, 0]]))
    assert found["f1_macro", None].inputs == {"Σf1": pytest.approx(1.6), "k": 2}
    assert found["f1_macro", None].numbers() == "1.6000 / 2"


@pytest.mark.parametrize(
    "confusion",
    [
        [], [[]], [[3]], [3, 4], [[1, 2]], [[1, 2], [3]], [[1, 2, 3], [4, 5, 6]], [[0, 0], [0, 0]], [[1, -1], [0, 2]],
        [[1.5, 0], [0, 1]], [["a", "b"], ["c", "d"]], [[float("nan"), 1], [1, 1]], None, "12;34", [[[1]]],
    ],
)  # fmt: skip
def test_what_is_no_confusion_matrix_is_refused(confusion: object):
    with pytest.raises(RequestError) as caught:
        metrics(confusion)
    assert caught.value.code == "confusion"


def test_names_that_are_too_few_are_refused():
    with pytest.raises(RequestError) as caught:
        metrics(BINARY, ["one"])
    assert caught.value.code == "confusion-names"
