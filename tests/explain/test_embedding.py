"""Embeddings are scikit-learn's of the layer's outputs, the same for a seed; how far to trust them is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from tiza import explain, fit, load
from tiza.config import Recipe, make
from tiza.data.dataset import stratified
from tiza.errors import TizaError
from tiza.explain.hidden import hidden
from tiza.models.building import build
from tiza.runs import Run, restore


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = {"data": "digits", "model": "mlp", "plan": {"epochs": 5, "threads": 1}}
    return fit(make(Recipe, recipe), run=tmp_path_factory.mktemp("embedding") / "run")


def outputs(run: Run, index: np.ndarray, layer: str | None = None) -> np.ndarray:
    return hidden(restore(run).model, load("digits").look("valid").x[index], layer)[1]


def test_pca_is_scikit_learns(run: Run):
    of = explain.embedding(run)
    values = outputs(run, of.index).astype(np.float64)
    theirs = PCA(2).fit(values)
    assert of.points == pytest.approx(theirs.transform(values), abs=1e-6)
    assert of.explained == pytest.approx(theirs.explained_variance_ratio_)
    assert (of.layer, of.units, of.perplexity) == ("relu2", 64, None)
    assert of.trustworthiness == pytest.approx(trustworthiness(values, of.points, n_neighbors=of.near), abs=1e-3)


def test_t_sne_is_scikit_learns_and_keeps_neighbours_better(run: Run):
    of = explain.embedding(run, "linear1", "t-sne", samples=80, seed=3, perplexity=12)
    theirs = TSNE(2, perplexity=12, init="pca", random_state=3).fit_transform(outputs(run, of.index, "linear1"))
    assert of.points == pytest.approx(theirs, abs=1e-3)
    assert (of.perplexity, of.explained, of.layer) == (12, None, "linear1")
    flat = explain.embedding(run, "linear1", samples=80, seed=3)
    assert of.trustworthiness > flat.trustworthiness > 0.6


@pytest.mark.parametrize("method", ["pca", "t-sne"])
def test_the_same_seed_gives_the_same_cloud_and_another_other_samples(run: Run, method: str):
    one, again, other = (explain.embedding(run, method=method, samples=60, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.points, again.points)
    assert one.index.tolist() != other.index.tolist()


def test_samples_are_drawn_with_each_classs_share_and_told_with_label_and_answer(run: Run):
    data = load("digits")
    for split, whole in (("train", data.train), ("valid", data.look("valid"))):
        of = explain.embedding(run, samples=100, split=split)
        assert of.index.tolist() == sorted(stratified(whole.y.numpy(), 100).tolist())
        assert np.array_equal(of.labels, whole.y[of.index].numpy())
        assert np.array_equal(of.x, whole.x[of.index].numpy())
        assert np.bincount(of.labels).min() >= 8
        for i in (0, 57):
            answer = explain.answer(run, int(of.index[i]), split=split)
            assert of.classes[of.answers[i]] == answer.answer
    assert len(explain.embedding(run).points) == len(data.valid)


def test_points_thrown_at_random_are_trusted_half(run: Run):
    of = explain.embedding(run)
    thrown = np.random.default_rng(0).normal(size=of.points.shape)
    assert trustworthiness(outputs(run, of.index), thrown, n_neighbors=of.near) == pytest.approx(0.5, abs=0.06)
    assert of.trustworthiness > 0.7


@pytest.mark.parametrize(("samples", "perplexity"), [(10, 3), (60, 59 / 3), (150, 30)])
def test_few_samples_get_a_smaller_perplexity(run: Run, samples: int, perplexity: float):
    of = explain.embedding(run, method="t-sne", samples=samples)
    assert of.perplexity == pytest.approx(perplexity)


def test_what_makes_no_cloud_is_told(run: Run):
    def told(code: str, **options: Any) -> str:
        with pytest.raises(TizaError) as caught:
            explain.embedding(run, **options)
        assert (caught.value.code, caught.value.exit_code) == (code, 2)
        return str(caught.value)

    assert "t-sne" in told("unknown", method="tsne")
    assert "relu1" in told("layer-unknown", layer="relu9")
    assert "test" in told("answer-split", split="test")
    assert "5" in told("embedding-few", samples=4)
    assert "50" in told("embedding-perplexity", method="t-sne", samples=50, perplexity=50)
    points = load("points", kind="xor", n=60)
    with pytest.raises(TizaError, match="neuron"):
        explain.embedding(build("perceptron", points), data=points)


def test_a_layer_that_says_the_same_of_all_is_a_single_point():
    digits = load("digits")
    model = build("mlp", digits)
    for parameter in model.parameters():
        parameter.data.zero_()
    of = explain.embedding(model, data=digits, samples=50)
    assert not of.points.any()
    assert of.explained == (0, 0)


def test_tables_and_photographs_of_ones_own_make_clouds(tmp_path: Path):
    iris = load("iris")
    of = explain.embedding(build("mlp", iris), data=iris, method="t-sne")
    assert of.points.shape == (len(iris.valid), 2)
    plain = of.to_dict()
    assert len(plain["points"]) == len(plain["labels"]) == len(plain["index"])
    assert "x" not in plain
