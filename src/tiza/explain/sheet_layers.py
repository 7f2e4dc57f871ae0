"""The part of a worked sheet that goes from the sample to the logits, a section for each layer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tiza.explain.trace import Trace
from tiza.explain.worked_layers import Place, Worked
from tiza.explain.written import Number, Pad, Section, decimals_of, written
from tiza.i18n import t

TERMS, MOST = 6, 9  # of a long sum: how many terms are shown, and how long it must be
ALL, CHANNELS = 30, 8  # of a layer that is shown in full: how many terms, and how many windows
KERNEL = 25  # cells of the largest kernel that is shown as it lies

MOST_POWER = 700  # of e, that is still a number

Written = dict[int | None, tuple[Place, Number]]  # by number of the layer: of which place, and the number as it stands


def layer_sections(of: Trace, pad: Pad) -> tuple[list[Section], Written]:
    """A section for each layer that does something, and the numbers that came out."""
    done: Written = {}
    sections: list[Section] = []
    for k, layer in enumerate(of.layers):
        if layer.kind == "shape":
            pad.say(t("sheet.shape", type=layer.type, before=_size(layer.before), after=_size(layer.after)))
        elif layer.at is not None:
            done[k] = (layer.at, _value(of, layer, done, pad))
        if layer.kind != "sample":
            sections.append(pad.section(f"{layer.name} · {layer.type} · {_size(layer.before)} → {_size(layer.after)}"))
    return sections, done


def place_name(of: Trace, number: int | None, place: Place | None) -> str:
    """A value by its layer and place: ``conv1[3, 12, 15]``; of a table's row, its feature."""
    if place is None:
        return t("sheet.padding")
    if number is None:
        return f"[{', '.join(map(str, place))}]"
    named = of.features[place[0]] if of.features and _is_raw(of, number) else ", ".join(map(str, place))
    return f"{'x' if of.layers[number].kind == 'sample' else of.layers[number].name}[{named}]"


def _value(of: Trace, layer: Worked, done: Written, pad: Pad) -> Number:
    """Write how the layer's value comes about; the number that it is."""
    inputs = [_input(of, layer, k, done) for k in range(len(layer.inputs))]
    x, constants = inputs[0], {name: written(value, trim=True) for name, value in layer.constants.items()}
    left = place_name(of, of.layers.index(layer), layer.at)
    match layer.kind:
        case "sample":
            return written(layer.inputs[0], trim=True)
        case "dense" | "conv":
            return _sum(of, layer, inputs, left, pad)
        case "max" | "mean" | "add":
            return _few(layer, inputs, left, pad)
        case "same":
            key = "sheet.dropout" if "ropout" in layer.type else "sheet.same"
            pad.say(t(key, name=left, before=place_name(of, layer.source(0), layer.places[0])))
            return x
    pad.say(t(f"sheet.{layer.kind}"))
    return _function(layer.kind, x, constants, left, pad)


def _input(of: Trace, layer: Worked, k: int, done: Written) -> Number:
    """An input as it came out of the layer before, where that is what was worked there; else as it is."""
    source, at = layer.source(k), layer.places[k]
    place, number = done.get(source, (None, None))
    found = number if number is not None and place == at else written(layer.inputs[k], trim=True)
    if source is None or at is None or not _is_raw(of, source):
        return found
    flat = np.ravel_multi_index(at, of.layers[source].after)
    return replace(found, place=tuple(int(i) for i in np.unravel_index(flat, of.x.shape)))


def _is_raw(of: Trace, number: int) -> bool:
    """Whether a layer's values are those of the sample, by themselves or normalised."""
    return all(layer.kind in ("sample", "normalise", "same") for layer in of.layers[: number + 1])


def _function(kind: str, x: Number, of: Mapping[str, Number], left: str, pad: Pad) -> Number:
    """A value from one other."""
    match kind:
        case "normalise":
            parts = ("(", x, " − ", of["mean"], ") / ", of["deviation"])
            return pad.line(left, parts, (x.value - of["mean"].value) / of["deviation"].value)
        case "norm":
            mean, weight, bias = of["mean"], of["weight"], of["bias"]
            root = math.sqrt(of["variance"].value + of["epsilon"].value)
            parts = ("(", x, " − ", mean, ") / √(", of["variance"], " + ", of["epsilon"], ") · ", weight, " + ", bias)
            return pad.line(left, parts, (x.value - mean.value) / root * weight.value + bias.value)
        case "relu":
            return pad.line(left, ("max(0; ", x, ")"), max(0.0, x.value))
        case "leaky-relu":
            slope, name = of["slope"], "max" if of["slope"].value <= 1 else "min"
            value = x.value if x.value > 0 else slope.value * x.value
            return pad.line(left, (f"{name}(", x, "; ", slope, " · ", x, ")"), value)
        case "sigmoid":
            value = 1 / (1 + math.exp(min(-x.value, MOST_POWER)))
            return pad.line(left, ("1 / (1 + e^(−", x, "))"), value, near_one=True)
    value = 1 - 2 / (math.exp(min(2 * x.value, MOST_POWER)) + 1)
    return pad.line(left, ("1 − 2 / (e^(2 · ", x, ") + 1)"), value, near_one=True)


def _few(layer: Worked, inputs: Sequence[Number], left: str, pad: Pad) -> Number:
    """The largest, the sum or the mean of some values; of many, the largest are shown."""
    order = sorted(
        range(len(inputs)), key=lambda k: -(inputs[k].value if layer.kind == "max" else abs(inputs[k].value))
    )
    shown = sorted(order[:TERMS] if len(inputs) > MOST else order)
    values = [inputs[k] for k in shown]
    total = math.fsum(of.value for of in values)
    if layer.kind == "max":
        pad.say(t("sheet.max", n=len(inputs), shown=len(values)))
        return pad.line(left, ("max(", *_joined(values, "; "), ")"), max(of.value for of in values))
    if layer.kind == "add":
        pad.say(t("sheet.add"))
        return pad.line(left, _joined(values, " + "), total)
    count = written(layer.constants["count"], trim=True)
    if len(shown) < len(inputs):
        rest = written(math.fsum(layer.inputs) - math.fsum(layer.inputs[k] for k in shown))
        pad.say(t("sheet.mean.long", n=len(inputs), shown=len(shown), rest=len(inputs) - len(shown), value=rest.text))
        values, total = [*values, rest], total + rest.value
    else:
        pad.say(t("sheet.mirrored" if layer.type == "Mirrored" else "sheet.mean"))
    return pad.line(left, ("(", *_joined(values, " + "), ") / ", count), total / count.value)


def _joined(values: Sequence[Number], sign: str) -> list[str | Number]:
    """The values with a sign between them."""
    return [part for of in values for part in (sign, of)][1:]


def _sum(of: Trace, layer: Worked, inputs: Sequence[Number], left: str, pad: Pad) -> Number:
    """Weights by inputs: those of one channel's window as they lie, or the largest; the others, given, and the bias."""
    full = len(of.layers) == 1
    cells = math.prod(layer.window[1:])
    lies = len(layer.window) == 3 and 1 < cells <= KERNEL
    shown = _channels(layer, cells, full) if lies else _terms(layer, full)
    x = {k: inputs[k].standing(f"{left} x{k}") for k in shown}
    weights = {k: written(layer.weights[k], trim=True).standing(f"{left} w{k}") for k in shown}
    products = {
        k: replace(written(weights[k].value * x[k].value), fill=True).standing(f"{left} {k}", x[k], weights[k])
        for k in shown
    }
    if lies:
        pad.say(t("sheet.conv", place=left, channels=layer.window[0]))
        for first in range(0, len(shown), cells):
            of_channel, n = shown[first : first + cells], layer.window[-1]
            for key, numbers in (("window", x), ("kernel", weights), ("products", products)):
                lying = [numbers[k] for k in of_channel]
                rows = [lying[i : i + n] for i in range(0, len(lying), n)]
                pad.grid(t(f"sheet.{key}", channel=of_channel[0] // cells), rows)
    else:
        pad.say(t("sheet.terms", place=left, n=len(inputs), shown=len(shown)))
        names = {k: place_name(of, layer.source(k), layer.places[k]) for k in shown}
        heads = (t("sheet.input"), "x", "w", "w · x")
        pad.table(heads, [(names[k], x[k], weights[k], products[k]) for k in shown])
    bias, more = written(layer.constants["bias"], trim=True), len(shown) < len(inputs)
    is_all = not more and not bias.value
    summed = list(products.values())
    total = pad.line(left if is_all else "S", ("Σ w · x",), math.fsum(of.value for of in summed), summed)
    if is_all:
        return total
    parts, value = [total], layer.value or 0.0
    if more:  # what is given closes the sum
        places = max(decimals_of(number) for number in (total, bias, written(value)))
        parts.append(written(value - total.value - bias.value, places))
        pad.say(t("sheet.rest", rest=len(inputs) - len(shown), value=parts[-1].text))
    parts += [bias] if bias.value else []
    return pad.line(left, _joined(parts, " + "), math.fsum(of.value for of in parts))


def _channels(layer: Worked, cells: int, full: bool) -> list[int]:
    """The terms of the channel that is followed, or has most effect; in full, of several."""
    products = [abs(product) for product in layer.products]
    sizes = {i: math.fsum(products[i : i + cells]) for i in range(0, len(products), cells)}
    followed = None if layer.followed is None else layer.followed // cells * cells
    order = sorted(sizes, key=lambda i: (i != followed, -sizes[i]))
    return [k for first in sorted(order[: CHANNELS if full else 1]) for k in range(first, first + cells)]


def _terms(layer: Worked, full: bool) -> list[int]:
    """All terms of a short sum; of a long one the largest, and that which is followed."""
    sizes = [abs(product) for product in layer.products]
    order = sorted(range(len(sizes)), key=lambda k: (k != layer.followed, -sizes[k]))
    most = ALL if full else MOST
    return order[: ALL if full else TERMS] if len(order) > most else list(range(len(order)))


def _size(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
