"""A recipe: which data, which model, which plan. Frozen, checked as a whole, all faults told at once."""

import json
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    create_model,
    model_validator,
)

from tiza.errors import RequestError, TizaError, together, unknown
from tiza.i18n import catalogue, language, t
from tiza.registry import Entry, lookup

C = TypeVar("C", bound=BaseModel)
Fraction = Annotated[float, Field(ge=0, lt=1)]


def _as_names(value: Any) -> Any:
    """One name or several; a class or column called 3 may be given as a number."""
    parts = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(str(part) if isinstance(part, (int, float)) else part for part in parts)


Names = Annotated[tuple[str, ...], BeforeValidator(_as_names)]


class Config(BaseModel):
    """The base of all parts of a recipe: frozen, no unknown field, no silent NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Named(Config):
    """A registered function by name and, as further fields, all its options; a bare name stands for the defaults."""

    model_config = ConfigDict(extra="allow")
    kind: ClassVar[str]
    place: ClassVar[str]
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The options of the function, by name."""
        return dict(self.__pydantic_extra__ or {})

    @model_validator(mode="wrap")
    @classmethod
    def _with_options(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        value = {"name": value} if isinstance(value, str) else value
        faults: list[TizaError] = []
        options: dict[str, Any] = {}
        result = None
        try:
            result = handler(value)
        except ValidationError as error:
            faults = faults_of(error, cls, cls.place)
        if isinstance(value, dict) and isinstance(name := value.get("name"), str) and name != "external":
            extra = {key: option for key, option in value.items() if key not in cls.model_fields}
            try:
                options = options_of(lookup(cls.kind, name, where=f"{cls.place}.name"), extra, cls)
            except TizaError as error:
                faults += getattr(error, "faults", [error])
        if result is None or faults:
            raise together(faults)
        if result.__pydantic_extra__ is not None:
            result.__pydantic_extra__.update(options)
        return result


class Data(_Named):
    """Which data set, and how it is divided and scaled.

    ``valid``: a count or a fraction carved from train; ``"test"`` exists only for the documents' recipes as
    written. ``test``: the same for a source that brings no test split. ``scale``: what the
    model's first layer does to its input: ``standard`` (mean 0, deviation 1), ``unit`` ([0, 1]), ``symmetric``
    ([-1, 1]) or ``raw``. ``seed`` belongs to the division alone, so that runs of many seeds share one test split.
    ``imbalance``: every second class keeps one of so many of its training samples. ``copies``: identical samples stay
    on one side of a division (``together``); ``grouped``: near copies too, and samples of train that validation or test
    have as well are left out; ``drop``: of all copies one is kept, and none where their labels differ (see
    :mod:`tiza.data.audit`). ``apart`` exists only for the documents' recipes as written.
    """

    kind: ClassVar[str] = "dataset"
    place: ClassVar[str] = "data"
    valid: PositiveInt | Annotated[float, Field(gt=0, lt=1)] | Literal["test"] | None = None
    test: PositiveInt | Annotated[float, Field(gt=0, lt=1)] | None = None
    scale: Literal["standard", "unit", "symmetric", "raw"] = "standard"
    seed: int = Field(default=0, ge=0, lt=2**32)
    classes: Annotated[Names, Field(min_length=1)] | None = None
    limit: PositiveInt | None = None
    imbalance: Annotated[float, Field(ge=1)] = 1
    copies: Literal["together", "grouped", "drop", "apart"] = "together"

    @property
    def title(self) -> str:
        """What people call it: the source's name, or that of the user's file or folder."""
        path = self.options.get("path")
        return PurePath(path).name if path else self.name


class Model(_Named):
    """Which model, with its options as further fields."""

    kind: ClassVar[str] = "model"
    place: ClassVar[str] = "model"


class Augment(Config):
    """What happens to a batch of images before each step; nothing by default.

    ``shift``: up to so many pixels each way; ``rotate``: up to so many degrees; ``flip``: half of the images mirrored;
    ``erase``: side of a square, in pixels, set to the darkest value.
    """

    shift: int = Field(default=0, ge=0, le=64)
    rotate: float = Field(default=0, ge=0, le=180)
    flip: bool = False
    erase: int = Field(default=0, ge=0, le=1024)


class Plan(Config):
    """How to train.

    ``loss``: what training minimises; measuring is always cross-entropy. ``lr`` is the peak of the schedule.
    ``decay_on``: ``weights`` spares biases and batch norm, ``all`` decays everything, as torch's optimizers do.
    ``layer_decay``: what the rate is multiplied by from each layer to the one before it, so that those near the input,
    which know the most general, move least. ``warmup``: the rising part of ``one-cycle``; ``start``: its first rate is
    ``lr / start``. ``gamma`` and ``every`` (epochs): the fall of ``step`` and ``exponential``. ``clip``: largest norm
    of the gradient. ``patience``: epochs without a better validation loss before training stops. ``keep``: the weights
    of the ``last`` epoch or of the ``best`` one by validation loss; with ``patience``, the best. ``balanced``: each
    class is drawn equally often, with repetition, whatever its share. ``probe``: seconds between two pictures of
    weights and answers, 0 for none.
    """

    epochs: PositiveInt = 5
    batch_size: PositiveInt | Literal["full"] = 128
    loss: Literal["cross-entropy", "squared", "perceptron"] = "cross-entropy"
    optimizer: Literal["sgd", "momentum", "adam", "adamw"] = "adamw"
    lr: PositiveFloat = 1e-3
    momentum: Fraction = 0.9
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    weight_decay: float = Field(default=0, ge=0)
    decay_on: Literal["weights", "all"] = "weights"
    layer_decay: float = Field(default=1, gt=0, le=1)
    schedule: Literal["constant", "step", "exponential", "cosine", "one-cycle"] = "constant"
    warmup: Fraction = 0.2
    start: float = Field(default=10, ge=1)
    gamma: float = Field(default=0.1, gt=0, le=1)
    every: PositiveInt = 10
    clip: PositiveFloat | None = None
    label_smoothing: Fraction = 0
    class_weights: Literal["balanced"] | tuple[PositiveFloat, ...] | None = None
    augment: Augment = Augment()
    balanced: bool = False
    patience: PositiveInt | None = None
    keep: Literal["last", "best"] = "last"
    seed: int = Field(default=0, ge=0, lt=2**32)
    threads: PositiveInt | Literal["auto"] = "auto"
    device: str = "auto"
    probe: float = Field(default=0.5, ge=0)

    @model_validator(mode="after")
    def _patience_keeps_the_best(self) -> Self:
        if self.patience and self.keep == "last":
            object.__setattr__(self, "keep", "best")
        return self


class Recipe(Config):
    """Everything that decides a run: data, model and plan."""

    data: Data
    model: Model
    plan: Plan = Plan()


def options_of(entry: Entry, options: dict[str, Any], beside: type[_Named]) -> dict[str, Any]:
    """All options of a registered function: those given, converted to its annotations, and its own defaults.

    Raises one :class:`TizaError` that names every fault.
    """
    fields: dict[str, Any] = {}
    for name, parameter in entry.options().items():
        kind = parameter.annotation
        if get_origin(kind) is tuple:  # hidden=50 means hidden=(50,)
            kind = Annotated[kind, BeforeValidator(lambda v: v if isinstance(v, (list, tuple)) else (v,))]
        fields[name] = (kind, ... if parameter.default is parameter.empty else parameter.default)
    schema = create_model(entry.name, __base__=Config, **fields)
    try:
        return dict(schema.model_validate(options))
    except ValidationError as error:
        raise together(faults_of(error, schema, beside.place, known=list(beside.model_fields))) from None


def faults_of(
    error: ValidationError, schema: type[BaseModel], where: str = "", known: Sequence[str] = ()
) -> list[TizaError]:
    """pydantic's complaints as ours: one sentence a field, in the user's language."""
    faults: dict[str, TizaError] = {}
    known = [name for name in known if name != "name"]
    for detail in error.errors(include_url=False):
        ours = detail.get("ctx", {}).get("error")
        if isinstance(ours, TizaError):
            faults |= {f"{fault.where}": fault for fault in getattr(ours, "faults", [ours])}
            continue
        # The branch of a union is pydantic's affair; the field is what the user wrote.
        path: list[str] = []
        fields: Any = schema
        for part in detail["loc"]:
            inner = getattr(fields, "model_fields", {})
            if part in inner:
                path.append(str(part))
                fields = inner[part].annotation
            elif detail["type"] == "extra_forbidden":
                path.append(str(part))
        place = ".".join(filter(None, [where, *path]))
        if detail["type"] == "extra_forbidden":
            faults[place] = unknown("field", path[-1], [*getattr(fields, "model_fields", {}), *known], where=place)
        elif place not in faults:
            faults[place] = RequestError(
                "bad-value", where=place, value=_shown(detail["input"]), wanted=_wanted(detail)
            )
        else:  # another branch of the same union: its wish belongs to the same sentence
            wanted = faults[place].fields["wanted"]
            if (also := _wanted(detail)) not in wanted:
                faults[place].fields["wanted"] = t("wanted.or", one=wanted, other=also)
    return list(faults.values())


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _wanted(detail: Any) -> str:
    key = f"wanted.{detail['type']}"
    context = {k: v for k, v in detail.get("ctx", {}).items() if k != "error"}
    if "expected" in context:
        context["expected"] = context["expected"].replace(" or ", t("wanted.list-or"))
    return t(key if key in catalogue(language()) else "wanted.other", **context)


def make(schema: type[C], values: Any, where: str = "") -> C:
    """A checked config from plain values; raises one :class:`TizaError` that names every fault."""
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise together(faults_of(error, schema, where)) from None


def changed(recipe: Recipe, assignments: Iterable[str]) -> Recipe:
    """The recipe with ``FIELD=VALUE`` texts applied: ``plan.lr=0.01``, ``model.hidden=50,80``, ``plan.clip=none``.

    ``model.name=`` and ``data.name=`` start from that entry's own defaults.
    """
    faults: list[TizaError] = []
    values: list[tuple[str, Any]] = []
    for assignment in assignments:
        place, equals, text = assignment.partition("=")
        if equals and "." in place:
            names = place.strip().split(".")[1:] == ["name"]
            values.append((place.strip(), text if names else parsed(text)))
        else:
            faults.append(RequestError("assignment", where=assignment, text=assignment))
    return replaced(recipe, values, faults)


def replaced(recipe: Recipe, values: Iterable[tuple[str, Any]], faults: Iterable[TizaError] = ()) -> Recipe:
    """The recipe with the fields at ``plan.lr``, ``model.hidden`` … replaced, in order.

    Raises one :class:`TizaError` that names every fault, those given among them.
    """
    plain = recipe.model_dump(mode="json", exclude_unset=True)
    faults = list(faults)
    for place, value in values:
        path = place.split(".")
        if len(path) < 2:
            faults.append(RequestError("assignment", where=place, text=f"{place}={value}"))
            continue
        if path[0] not in Recipe.model_fields:
            faults.append(unknown("field", path[0], list(Recipe.model_fields), where=place))
            continue
        target = plain.setdefault(path[0], {})
        if path[1:] == ["name"] and target.get("name") != value:
            target.clear()
        for depth, part in enumerate(path[1:-1], 2):
            inner = target.setdefault(part, {})
            if not isinstance(inner, dict):
                faults.append(unknown("field", place, [".".join(path[:depth])], where=place))
                break
            target = inner
        else:
            target[path[-1]] = value
    try:
        result = make(Recipe, plain)
    except TizaError as error:
        faults.extend(getattr(error, "faults", [error]))
        result = recipe
    if faults:
        raise together(faults)
    return result


def parsed(text: str) -> Any:
    """A value from the command line: JSON where it is JSON, ``none``, a list at commas, else the text itself."""
    text = text.strip()
    if text.lower() in ("none", "null"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return [parsed(part) for part in text.split(",") if part.strip()] if "," in text else text
