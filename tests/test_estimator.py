"""A network as a scikit-learn estimator: the protocol's own checks, and what one does with estimators."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tiza
from tiza.errors import TizaError

IRIS: Any = load_iris(return_X_y=True, as_frame=True)
DIGITS: Any = load_digits(return_X_y=True)


@parametrize_with_checks(
    [tiza.Classifier(options={"hidden": (16,)}), tiza.Classifier("softmax", lr=0.03, batch_size=8)]
)
def test_it_keeps_to_the_protocol(estimator: Any, check: Any):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks provoke warnings of scikit-learn's own
        check(estimator)


def test_in_a_pipeline_it_is_as_good_as_logistic_regression():
    X, y = load_breast_cancer(return_X_y=True)
    ours = cross_val_score(make_pipeline(StandardScaler(), tiza.Classifier(epochs=10, random_state=0)), X, y)
    theirs = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
    assert ours.mean() > theirs.mean() - 0.02


def test_a_grid_search_finds_the_rate_that_learns():
    search = GridSearchCV(
        tiza.Classifier(epochs=20, random_state=0), {"lr": [1e-6, 1e-2], "options": [{"hidden": (8,)}]}, cv=3
    )
    search.fit(*IRIS)
    assert search.best_params_["lr"] == 1e-2
    assert search.best_score_ > 0.9


def test_a_data_frame_keeps_its_names_and_labels_their_own():
    X, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    found = tiza.Classifier(epochs=20, random_state=0).fit(X, names)
    assert list(found.feature_names_in_) == list(X.columns)
    assert set(found.predict(X)) == {"setosa", "versicolor", "virginica"}
    assert found.score(X, names) > 0.9
    with pytest.raises(ValueError, match="feature names"):
        found.predict(X.rename(columns={X.columns[0]: "other"}))


def test_the_same_random_state_gives_the_same_network_cloned_or_voted_with():
    X, y = IRIS
    first = tiza.Classifier(epochs=3, random_state=4).fit(X, y)
    again = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=5).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert not np.allclose(first.predict_proba(X), other.predict_proba(X))
    voting = VotingClassifier([("a", first), ("b", LogisticRegression(max_iter=1000))], voting="soft").fit(X, y)
    assert voting.score(X, y) > 0.9


@pytest.mark.parametrize("form", ["rows", "images", "unit"])
def test_images_are_learnt_as_rows_with_a_shape_or_as_they_are(form: str):
    X, y = DIGITS
    x = {"rows": X, "images": X.reshape(-1, 8, 8), "unit": X.reshape(-1, 1, 8, 8) / 16}[form]
    train, rest, y_train, y_rest = train_test_split(x, y, random_state=0)
    asked = tiza.Classifier(
        "cnn", options={"channels": (8,), "kernels": 3, "strides": 1, "pools": 2, "hidden": ()}, epochs=6, lr=0.01,
        shape=(1, 8, 8) if form == "rows" else None, random_state=0,
    )  # fmt: skip
    assert asked.fit(train, y_train).score(rest, y_rest) > 0.95


def test_with_patience_it_stops_and_keeps_the_weights_that_validation_liked_best():
    X, y = load_breast_cancer(return_X_y=True)
    found = tiza.Classifier(epochs=200, lr=0.02, valid=0.2, plan={"patience": 3}, random_state=0).fit(X, y)
    losses = [epoch["valid_loss"] for epoch in found.history_]
    assert found.n_iter_ == len(losses) < 200
    assert int(np.argmin(losses)) == len(losses) - 4
    assert "valid_loss" not in tiza.Classifier(epochs=1).fit(X, y).history_[0]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": "mpl"}, "mlp"),
    ({"optimizer": "adma"}, "adma"),
    ({"lr": -1.0}, "plan.lr"),
    ({"options": {"hiden": 3}}, "hidden"),
    ({"plan": {"patiense": 3}}, "patience"),
    ({"scale": "big"}, "data.scale"),
    ({"valid": 2.5}, "data.valid"),
    ({"valid": "test"}, "data.valid"),
    ({"options": "hidden=3"}, "options"),
    ({"options": [1]}, "options"),
    ({"options": {1: 2}}, "options"),
    ({"plan": [1]}, "plan"),
    ({"plan": "patience"}, "plan"),
    ({"shape": 4}, "shape"),
    ({"shape": (1, 2.5)}, "shape"),
    ({"shape": (-1, 4)}, "shape"),
    ({"shape": (1, 3, 3)}, "1×3×3"),
    ({"threads": 0}, "plan.threads"),
]


@pytest.mark.parametrize(("wrong", "said"), BAD, ids=[str(wrong) for wrong, _ in BAD])
def test_a_wrong_parameter_is_told_when_it_is_trained(wrong: dict[str, Any], said: str):
    with pytest.raises(TizaError, match=said):
        tiza.Classifier(**wrong).fit(*IRIS)


def test_what_it_cannot_answer_it_does_not_guess():
    learnt = tiza.Classifier(epochs=1).fit(*map(np.asarray, IRIS))
    with pytest.raises(TizaError) as caught:
        learnt.predict(np.array([[-1e39, 0, 0, 0]]))
    assert caught.value.code == "not-finite"


def test_validation_on_test_is_not_offered():
    with pytest.raises(TizaError) as caught:
        tiza.Classifier(valid="test").fit(*IRIS)
    assert "'test'" not in str(caught.value)


def test_all_wrong_parameters_are_told_at_once():
    with pytest.raises(TizaError, match=r"(?s)plan\.lr.*plan\.epochs|plan\.epochs.*plan\.lr"):
        tiza.Classifier(lr=-1, epochs=0).fit(*IRIS)


def test_a_rate_that_breaks_training_is_told():
    with pytest.raises(TizaError) as caught:
        tiza.Classifier(lr=1e30, optimizer="sgd", epochs=3).fit(*IRIS)
    assert caught.value.code == "diverged"


def test_frames_of_numbers_and_arrays_give_the_same():
    X, y = IRIS
    one, two = (tiza.Classifier(epochs=2, random_state=1).fit(x, y) for x in (X, X.to_numpy()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(pd.DataFrame(X).to_numpy()))
