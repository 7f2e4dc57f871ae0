"""tiza.registry: one table per kind; nothing is entered twice, the unknown is answered with the nearest."""

import inspect
import subprocess
import sys

import pytest

from tiza import registry
from tiza.errors import RequestError, TizaError


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Entry]:
    """The table of models, put back afterwards."""
    entries = dict(registry.table("model"))
    monkeypatch.setitem(registry._tables, "model", entries)
    return entries


def test_a_decorated_function_is_entered_and_stays_itself(shelf):
    @registry.register("model", "mine", colour="red")
    def mine(shape, classes, *, width: int = 3):
        return shape, classes, width

    entry = registry.lookup("model", "mine")
    assert entry.function is mine
    assert entry.facts == {"colour": "red"}
    assert mine(1, 2) == (1, 2, 3)
    assert list(registry.table("model"))[-1] == "mine"


def test_the_options_are_the_keyword_only_parameters(shelf):
    @registry.register("model", "mine")
    def mine(shape, classes=3, *, width: int, depth: float = 0.5):
        return None

    options = shelf["mine"].options()
    assert list(options) == ["width", "depth"]
    assert options["width"].default is inspect.Parameter.empty
    assert (options["depth"].annotation, options["depth"].default) == (float, 0.5)


def test_a_duplicate_name_raises_and_changes_nothing(shelf):
    before = shelf["mlp"].function
    with pytest.raises(TizaError) as caught:

        @registry.register("model", "mlp")
        def another(shape, classes):
            return None

    assert caught.value.code == "duplicate-name"
    assert caught.value.fields == {"kind": "model", "name": "mlp"}
    assert shelf["mlp"].function is before


def test_the_same_name_may_stand_in_two_tables(shelf):
    @registry.register("model", "iris")
    def iris(shape, classes):
        return None

    assert registry.lookup("dataset", "iris").function is not registry.lookup("model", "iris").function


def test_the_same_function_defined_again_takes_its_own_place(shelf):
    for _ in range(2):

        @registry.register("model", "mine")
        def mine(shape, classes):
            return None

    assert shelf["mine"].function is mine


@pytest.mark.parametrize(
    ("kind", "name", "nearest"),
    [
        ("model", "mpl", "mlp"),
        ("model", "MLP", "mlp"),
        ("model", "cnm", "cnn"),
        ("dataset", "fashon-mnist", "fashion-mnist"),
        ("dataset", "digit", "digits"),
        ("metric", "acuracy", "accuracy"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(kind: str, name: str, nearest: str):
    with pytest.raises(RequestError) as caught:
        registry.lookup(kind, name, where="here")
    assert caught.value.code == "unknown"
    assert caught.value.where == "here"
    assert f"Did you mean “{nearest}”?" in str(caught.value)
    assert name in str(caught.value)


def test_a_name_that_resembles_none_is_answered_with_all():
    with pytest.raises(RequestError) as caught:
        registry.lookup("model", "xyzzy")
    assert all(name in str(caught.value) for name in registry.table("model"))


@pytest.mark.parametrize("kind", registry.HOMES)
def test_every_table_is_filled_by_its_home_at_the_first_look(kind: str):
    script = (
        f"import tiza.registry as r, sys; assert {registry.HOMES[kind]!r} not in sys.modules; print(*r.table({kind!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(registry.table(kind))
    assert done.stdout.strip()


@pytest.mark.parametrize("kind", registry.HOMES)
def test_every_entry_is_documented(kind: str):
    assert [name for name, entry in registry.table(kind).items() if not inspect.getdoc(entry.function)] == []
