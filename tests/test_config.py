"""tiza.config: a recipe is checked as a whole, all faults at once, in the user's language; it never changes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tiza.catalogue import recipes
from tiza.config import Data, Model, Plan, Recipe, changed, make, parsed
from tiza.errors import Faults, RequestError, TizaError
from tiza.i18n import set_language

PLAIN = {"data": "mnist", "model": "mlp"}


def recipe(**parts: object) -> Recipe:
    return make(Recipe, PLAIN | parts)


def faults(values: object, schema: type = Recipe) -> dict[str | None, TizaError]:
    """What is wrong, by field."""
    with pytest.raises(RequestError) as caught:
        make(schema, values)
    all_of_them = getattr(caught.value, "faults", [caught.value])
    assert len({fault.where for fault in all_of_them}) == len(all_of_them)
    return {fault.where: fault for fault in all_of_them}


# --- faults


def test_faults_of_data_model_and_plan_are_told_at_once():
    found = faults(
        {
            "data": {"name": "points", "valid": 2.5, "kid": "xor", "noise": "much", "scale": "log"},
            "model": {"name": "mlp", "hidden": [5, -1], "dropot": 0.1, "activation": "relux"},
            "plan": {"lr": -1, "batch_size": "x", "augment": {"shift": -1, "turn": 3}, "epoch": 3, "betas": [0.9]},
            "modle": 1,
        }
    )
    assert set(found) == {
        "data.valid", "data.kid", "data.noise", "data.scale",
        "model.hidden", "model.dropot", "model.activation",
        "plan.lr", "plan.batch_size", "plan.augment.shift", "plan.augment.turn", "plan.epoch", "plan.betas",
        "modle",
    }  # fmt: skip


def test_several_faults_are_one_error_with_a_line_each():
    with pytest.raises(Faults) as caught:
        recipe(plan={"lr": -1, "epochs": 0})
    assert caught.value.exit_code == 2
    assert caught.value.where == "plan.epochs, plan.lr"
    head, *lines = str(caught.value).splitlines()
    assert head == "2 things are wrong:"
    assert [line.strip(" ·").split()[0] for line in lines] == ["plan.epochs", "plan.lr"]


def test_one_fault_is_an_error_of_its_own():
    with pytest.raises(RequestError) as caught:
        recipe(plan={"epochs": -1})
    assert not isinstance(caught.value, Faults)
    assert str(caught.value) == "plan.epochs can't be “-1”: it must be greater than 0"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "plan.batch_size can't be “x”: a whole number is needed, or one of 'full' is needed"),
        ("es", "plan.batch_size no puede ser «x»: hace falta un número entero, o hace falta uno de 'full'"),
    ],
)
def test_a_union_gives_one_sentence(language: str, sentence: str):
    set_language(language)
    with pytest.raises(RequestError) as caught:
        recipe(plan={"batch_size": "x"})
    assert str(caught.value) == sentence


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("plan", "where"),
    [
        ({"batch_size": 0}, "plan.batch_size"),
        ({"batch_size": 1.5}, "plan.batch_size"),
        ({"batch_size": None}, "plan.batch_size"),
        ({"batch_size": []}, "plan.batch_size"),
        ({"class_weights": "balance"}, "plan.class_weights"),
        ({"class_weights": [1, -1]}, "plan.class_weights"),
        ({"class_weights": [1, "x", None]}, "plan.class_weights"),
        ({"clip": 0}, "plan.clip"),
        ({"lr": float("nan")}, "plan.lr"),
        ({"lr": float("inf")}, "plan.lr"),
        ({"lr": "fast"}, "plan.lr"),
        ({"lr": None}, "plan.lr"),
        ({"betas": [0.9, 0.99, 0.999]}, "plan.betas"),
        ({"betas": 0.9}, "plan.betas"),
        ({"betas": [0.9, 1]}, "plan.betas"),
        ({"threads": "all"}, "plan.threads"),
        ({"augment": 3}, "plan.augment"),
        ({"augment": {"flip": "perhaps"}}, "plan.augment.flip"),
        ({"augment": {"shift": 65}}, "plan.augment.shift"),
        ({"optimizer": "adm"}, "plan.optimizer"),
        ({"seed": -1}, "plan.seed"),
        ({"seed": 2**32}, "plan.seed"),
        ({"epochs": 1.5}, "plan.epochs"),
        ({"epochs": "1.5"}, "plan.epochs"),
        ({"epochs": "9" * 5000}, "plan.epochs"),
        ({"device": 3}, "plan.device"),
        ({"label_smoothing": 1}, "plan.label_smoothing"),
    ],
)
def test_a_wrong_value_is_one_sentence_without_pydantics_words(plan: dict[str, object], where: str, language: str):
    set_language(language)
    (fault,) = faults(PLAIN | {"plan": plan}).values()
    assert fault.code == "bad-value"
    assert fault.where == where
    sentence = str(fault)
    assert sentence.startswith(f"{where} ")
    assert len(sentence) < 250
    assert not any(
        word in sentence.lower() for word in ("input should", "pydantic", "none", "type=", "{", "value error")
    )
    if language == "es":
        assert not any(f" {word} " in sentence for word in ("or", "is", "needed", "must", "it"))


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"model": "mlp"}, "data"),
        ({"data": "mnist"}, "model"),
        ({"data": {}, "model": "mlp"}, "data.name"),
        ({"data": {"name": None}, "model": "mlp"}, "data.name"),
        ({"data": 3, "model": "mlp"}, "data"),
        (PLAIN | {"plan": 3}, "plan"),
        (PLAIN | {"plan": None}, "plan"),
    ],
)
def test_a_missing_or_misshapen_part_is_named(values: dict[str, object], where: str):
    assert list(faults(values)) == [where]


@pytest.mark.parametrize(
    ("values", "where", "nearest"),
    [
        ({"plan": {"epoch": 3}}, "plan.epoch", "epochs"),
        ({"plan": {"learning_rate": 3, "lrr": 1}}, "plan.lrr", "lr"),
        ({"plan": {"augment": {"shfit": 3}}}, "plan.augment.shfit", "shift"),
        ({"modle": 3}, "modle", "model"),
        ({"data": "mnits"}, "data.name", "mnist"),
        ({"model": "cnnn"}, "model.name", "cnn"),
        ({"model": {"name": "mlp", "hiden": 3}}, "model.hiden", "hidden"),
        ({"data": {"name": "points", "kid": "xor"}}, "data.kid", "kind"),
        ({"data": {"name": "points", "vald": 3}}, "data.vald", "valid"),
        ({"data": {"name": "mnist", "scal": "raw"}}, "data.scal", "scale"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(values: dict[str, object], where: str, nearest: str):
    fault = faults(PLAIN | values)[where]
    assert fault.code == "unknown"
    assert f"“{nearest}”" in str(fault)


def test_an_option_of_another_model_is_unknown():
    assert list(faults({"data": "mnist", "model": {"name": "softmax", "hidden": 5}})) == ["model.hidden"]


# --- what a recipe is


@pytest.mark.parametrize(
    "same",
    [
        {"data": "mnist", "model": "mlp"},
        {"data": {"name": "mnist"}, "model": {"name": "mlp"}, "plan": {}},
        {"data": {"name": "mnist", "scale": "standard"}, "model": {"name": "mlp", "hidden": [128, 64]}},
        {"data": "mnist", "model": {"name": "mlp", "hidden": (128, 64), "dropout": "0.2", "batch_norm": False}},
        {"data": "mnist", "model": "mlp", "plan": {"epochs": "5", "batch_size": 128, "betas": [0.9, 0.999]}},
        {"data": Data(name="mnist"), "model": Model(name="mlp"), "plan": Plan()},
    ],
)
def test_the_same_recipe_may_be_said_in_many_ways(same: dict[str, object]):
    assert make(Recipe, same) == recipe()


def test_all_options_are_written_out():
    plain = {"hidden": (128, 64), "activation": "relu", "dropout": 0.2, "batch_norm": False, "init": "default"}
    assert recipe().model.options == plain
    assert recipe(model={"name": "mlp", "hidden": 50}).model.options["hidden"] == (50,)
    assert recipe(model="softmax").model.options == {"init": "default"}


@pytest.mark.parametrize(
    "values",
    [
        PLAIN,
        {"data": {"name": "points", "kind": "spirals", "n": 50, "valid": 0.25, "test": 7}, "model": "softmax"},
        {"data": {"name": "points", "seed": 5}, "model": "mlp"},
        {"data": {"name": "mnist", "valid": "test", "seed": 4}, "model": {"name": "cnn", "kernels": 5, "hidden": []}},
        {"data": "iris", "model": "mlp", "plan": {"batch_size": "full", "clip": 1, "class_weights": [1, 2.5, 3]}},
        {"data": "iris", "model": "mlp", "plan": {"patience": 3, "augment": {"shift": 2}, "threads": 4, "lr": 1e-300}},
        {"data": {"name": "external"}, "model": {"name": "external"}, "plan": {"class_weights": "balanced"}},
    ],
)
def test_a_recipe_written_as_json_reads_back_equal(values: dict[str, object]):
    one = make(Recipe, values)
    for text in (one.model_dump_json(), json.dumps(one.model_dump(mode="json")), json.dumps(one.model_dump(mode="json", exclude_unset=True))):  # fmt: skip  # noqa: E501
        assert make(Recipe, json.loads(text)) == one
    assert make(Recipe, one.model_dump()) == one


@pytest.mark.parametrize("name", recipes)
def test_every_recipe_of_the_catalogue_reads_back_equal(name: str):
    one = recipes[name]
    one = one() if callable(one) else one
    assert make(Recipe, json.loads(one.model_dump_json())) == one


def test_a_field_of_data_and_an_option_of_its_source_do_not_hide_each_other():
    data = make(Data, {"name": "points", "seed": 5})
    assert data.seed == 5
    assert data.model_dump()["seed"] == 5
    assert json.loads(data.model_dump_json())["seed"] == 5


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        (lambda r: r, "plan", Plan()),
        (lambda r: r.plan, "lr", 0.1),
        (lambda r: r.plan.augment, "shift", 1),
        (lambda r: r.data, "name", "iris"),
        (lambda r: r.model, "hidden", (3,)),
        (lambda r: r.model, "new", 3),
    ],
)
def test_a_recipe_is_frozen(part, field: str, value: object):
    one = recipe()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(part(one), field, value)
    assert one == recipe()


def test_changing_the_options_handed_out_does_not_change_the_recipe():
    one = recipe()
    one.model.options["hidden"] = (3,)
    assert one == recipe()


@pytest.mark.parametrize(
    ("plan", "keep"),
    [
        ({}, "last"),
        ({"keep": "best"}, "best"),
        ({"patience": 3}, "best"),
        ({"patience": 3, "keep": "last"}, "best"),
    ],
)
def test_patience_keeps_the_best_weights(plan: dict[str, object], keep: str):
    assert make(Plan, plan).keep == keep


# --- assignments


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([], {}),
        (["model.hidden=50,80"], {"model": {"name": "mlp", "hidden": [50, 80]}}),
        (["model.hidden=[50, 80]"], {"model": {"name": "mlp", "hidden": [50, 80]}}),
        (["model.hidden=50"], {"model": {"name": "mlp", "hidden": [50]}}),
        (["model.hidden=50,"], {"model": {"name": "mlp", "hidden": [50]}}),
        (["model.hidden=[]"], {"model": {"name": "mlp", "hidden": []}}),
        (["plan.clip=1"], {"plan": {"clip": 1}}),
        (["plan.clip=1", "plan.clip=none"], {}),
        (["plan.clip=None"], {}),
        (["plan.clip=null"], {}),
        (["plan.batch_size=full"], {"plan": {"batch_size": "full"}}),
        (["plan.batch_size=32"], {"plan": {"batch_size": 32}}),
        (["data.valid=0.1"], {"data": {"name": "mnist", "valid": 0.1}}),
        (["data.valid=1000"], {"data": {"name": "mnist", "valid": 1000}}),
        (["data.valid=test"], {"data": {"name": "mnist", "valid": "test"}}),
        (["plan.augment.shift=1"], {"plan": {"augment": {"shift": 1}}}),
        (["plan.augment.shift=1", "plan.augment.flip=true"], {"plan": {"augment": {"shift": 1, "flip": True}}}),
        (['plan.augment={"shift": 1}'], {"plan": {"augment": {"shift": 1}}}),
        (["plan.lr=1e-2"], {"plan": {"lr": 0.01}}),
        (["plan.lr=.01"], {"plan": {"lr": 0.01}}),
        ([" plan.lr = 0.01 "], {"plan": {"lr": 0.01}}),
        (["plan.lr=1", "plan.lr=0.01"], {"plan": {"lr": 0.01}}),
        (["plan.betas=0.8,0.9"], {"plan": {"betas": [0.8, 0.9]}}),
        (["plan.device=cpu"], {"plan": {"device": "cpu"}}),
        (["plan.class_weights=balanced"], {"plan": {"class_weights": "balanced"}}),
        (["model.activation=leaky-relu"], {"model": {"name": "mlp", "activation": "leaky-relu"}}),
        (["model.name=softmax"], {"model": "softmax"}),
        (["model.name=cnn", "model.pools=2"], {"model": {"name": "cnn", "pools": 2}}),
        (["data.name=points"], {"data": "points"}),
        (["data.name=points", "data.kind=xor", "data.n=50"], {"data": {"name": "points", "kind": "xor", "n": 50}}),
    ],
)
def test_assignments_make_the_recipe_that_says_the_same(assignments: list[str], expected: dict[str, object]):
    assert changed(recipe(), assignments) == recipe(**expected)


def test_a_name_starts_from_its_own_defaults_and_the_same_name_changes_nothing():
    one = recipe(model={"name": "mlp", "hidden": [7], "dropout": 0.5}, data={"name": "mnist", "valid": 100, "seed": 3})
    assert changed(one, ["model.name=mlp"]) == one
    assert changed(one, ["model.name=cnn"]).model == Model(name="cnn")
    assert changed(one, ["data.name=iris"]).data == Data(name="iris")
    assert changed(one, ["data.name=iris"]).model == one.model


def test_an_assignment_leaves_all_other_fields_alone():
    one = recipe(
        data={"name": "points", "kind": "xor", "seed": 5, "valid": 50},
        model={"name": "mlp", "hidden": [7]},
        plan={"lr": 0.5, "augment": {"shift": 2}},
    )
    two = changed(one, ["plan.epochs=9"])
    assert two.plan.epochs == 9
    assert two.data == one.data
    assert two.data.seed == 5
    assert two.model == one.model
    assert (two.plan.lr, two.plan.augment) == (0.5, one.plan.augment)


def test_the_recipe_given_stays_as_it_was():
    one = recipe(plan={"augment": {"shift": 2}})
    before = one.model_dump_json()
    changed(one, ["plan.augment.shift=5", "model.hidden=3", "data.name=iris"])
    assert one.model_dump_json() == before


@pytest.mark.parametrize("assignment", ["plan.lr", "lr=3", "=3", "plan=3", "", "data=points", "plan.lr:3"])
def test_what_assigns_nothing_is_refused(assignment: str):
    with pytest.raises(RequestError) as caught:
        changed(recipe(), [assignment])
    assert caught.value.code == "assignment"
    assert assignment in str(caught.value)


@pytest.mark.parametrize(
    ("assignments", "places"),
    [
        (["plan.lr=-1", "plan.epochs=x", "model.hiden=3", "nothing", "pln.lr=3"],
         {"plan.lr", "plan.epochs", "model.hiden", "nothing", "pln.lr"}),
        (["plan.lr.x=3"], {"plan.lr"}),
        (["plan.augment.x=3"], {"plan.augment.x"}),
        (["model.name=cnm"], {"model.name"}),
        (["plan.augment.shift.x=3"], {"plan.augment.shift"}),
    ],
)  # fmt: skip
def test_wrong_assignments_are_told_all_at_once(assignments: list[str], places: set[str]):
    with pytest.raises(RequestError) as caught:
        changed(recipe(), assignments)
    assert {fault.where for fault in getattr(caught.value, "faults", [caught.value])} == places


@pytest.mark.parametrize("assignment", ["plan.lr.x=3", "plan.lr.x.y=3", "model.hidden.0=50", "data.name.x=3"])
def test_an_assignment_inside_a_plain_value_is_not_ignored(assignment: str):
    with pytest.raises(RequestError):
        changed(recipe(plan={"lr": 0.5}, model={"name": "mlp", "hidden": [3, 4]}), [assignment])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("1.0", 1.0), ("1e3", 1000.0), ("true", True), ("none", None), ("NULL", None), ("full", "full"),
        ("a,b", ["a", "b"]), ("1,x,none", [1, "x", None]), ("[1, [2]]", [1, [2]]), ('"1"', "1"), ("", ""), (",", []),
        (" 7 ", 7), ("True", "True"), ("{", "{"),
    ],
)  # fmt: skip
def test_values_are_read_as_they_are_meant(text: str, value: object):
    assert parsed(text) == value
    assert type(parsed(text)) is type(value)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(["plan.lr", "model.hidden", "data.valid", "plan", "x.y", "plan.augment.shift", ""]), st.text(max_size=12)), max_size=3))  # fmt: skip  # noqa: E501
def test_no_assignment_makes_anything_but_a_recipe_or_a_sentence(pairs: list[tuple[str, str]]):
    try:
        result = changed(recipe(), [f"{place}={text}" for place, text in pairs])
    except TizaError as error:
        sentence = str(error)
    else:
        sentence = "a recipe"
        assert make(Recipe, json.loads(result.model_dump_json())) == result
    assert sentence
