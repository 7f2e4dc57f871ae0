"""What can be asked of ``tiza explain``; as in :mod:`tiza.cli.app`, nothing heavy is imported."""

from pathlib import Path
from typing import Annotated

import typer

from tiza.cli import doubting, drawing, examples, explaining, failing, looking, options, seeing, working
from tiza.cli.speech import Command
from tiza.i18n import t


def explain_commands() -> typer.Typer:
    """The group ``explain``."""
    explain = options.group(t("cmd.explain"))

    @explain.command("metrics", cls=Command, help=t("cmd.explain.metrics"))
    def explain_metrics(
        run: Annotated[str | None, options.run_argument()] = None,
        confusion: Annotated[
            str | None, typer.Option(metavar='"50,3;4,43"', help=t("opt.confusion"), show_default=False)
        ] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        explaining.metrics(run, confusion, as_json)

    @explain.command("confused", cls=Command, help=t("cmd.explain.confused"))
    def explain_confused(
        run: Annotated[str, options.run_argument()],
        cell: Annotated[
            str | None, typer.Option(metavar=t("meta.cell"), help=t("opt.cell"), show_default=False)
        ] = None,
        split: Annotated[str, typer.Option(metavar="train|valid|test", help=t("opt.split.confused"))] = "valid",
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        failing.confused(run, cell, split, model, save, as_json)

    @explain.command("calibration", cls=Command, help=t("cmd.explain.calibration"))
    def explain_calibration(
        run: Annotated[str, options.run_argument()],
        bins: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.bins"))] = 15,
        wanted: Annotated[float, typer.Option(metavar="0.99", help=t("opt.wanted"))] = 0.99,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.failing"))] = "valid",
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        failing.calibration(run, bins, wanted, split, model, save, as_json)

    @explain.command("robustness", cls=Command, help=t("cmd.explain.robustness"))
    def explain_robustness(
        run: Annotated[str, options.run_argument()],
        kinds: Annotated[
            list[str] | None, typer.Option("--kind", metavar=t("meta.kind"), help=t("opt.kind"), show_default=False)
        ] = None,
        samples: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.samples"))] = 1_000,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.failing"))] = "valid",
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        failing.robustness(run, kinds or [], samples, split, model, save, as_json)

    @explain.command("label-errors", cls=Command, help=t("cmd.explain.label-errors"))
    def explain_label_errors(
        target: Annotated[str, options.target_argument()],
        folds: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.folds.errors"))] = 5,
        by: Annotated[str, typer.Option(metavar="margin|self-confidence", help=t("opt.by"))] = "margin",
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        doubting.label_errors(target, folds, by, save, as_json)

    @explain.command("shapes", cls=Command, help=t("cmd.explain.shapes"))
    def explain_shapes(
        model: Annotated[
            str | None, typer.Argument(metavar=t("meta.model"), help=t("arg.model"), show_default=False)
        ] = None,
        size: Annotated[
            str | None, typer.Option("--input", metavar="1x28x28", help=t("opt.input"), show_default=False)
        ] = None,
        classes: Annotated[
            int | None, typer.Option(metavar=t("meta.n"), help=t("opt.classes.n"), show_default=False)
        ] = None,
        choices: Annotated[
            list[str] | None, typer.Option("--set", metavar=t("meta.set"), help=t("opt.set"), show_default=False)
        ] = None,
        example: Annotated[bool, typer.Option("--example", help=t("opt.example"))] = False,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        explaining.shapes(model, size, classes, choices or [], example, as_json)

    @explain.command("structure", cls=Command, help=t("cmd.explain.structure"))
    def explain_structure(
        target: Annotated[str, typer.Argument(metavar=t("meta.model"), help=t("arg.model"))],
        size: Annotated[
            str | None, typer.Option("--input", metavar="1x28x28", help=t("opt.input"), show_default=False)
        ] = None,
        classes: Annotated[
            int | None, typer.Option(metavar=t("meta.n"), help=t("opt.classes.n"), show_default=False)
        ] = None,
        choices: Annotated[
            list[str] | None, typer.Option("--set", metavar=t("meta.set"), help=t("opt.set"), show_default=False)
        ] = None,
        at: Annotated[
            str | None, typer.Option("--cut", metavar=t("meta.layer"), help=t("opt.cut"), show_default=False)
        ] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        seeing.structure(target, size, classes, choices or [], at, save, as_json)

    @explain.command("kernels", cls=Command, help=t("cmd.explain.kernels"))
    def explain_kernels(
        run: Annotated[str, options.run_argument()],
        layer: Annotated[str | None, options.layer_option()] = None,
        channel: Annotated[
            int | None, typer.Option(metavar=t("meta.n"), help=t("opt.channel"), show_default=False)
        ] = None,
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        seeing.kernels(run, layer, channel, model, save, as_json)

    @explain.command("filter", cls=Command, help=t("cmd.explain.filter"))
    def explain_filter(
        picture: Annotated[str, typer.Argument(metavar=t("meta.picture"), help=t("arg.filter"))],
        kernel: Annotated[str, typer.Option(metavar='edges|blur|…|"1,2;3,4"', help=t("opt.kernel"))] = "edges",
        stride: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.stride"))] = 1,
        padding: Annotated[str, typer.Option(metavar="N|valid|same|full", help=t("opt.padding"))] = "0",
        sample: Annotated[
            int | None, typer.Option(metavar=t("meta.n"), help=t("opt.sample.filter"), show_default=False)
        ] = None,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.answer"))] = "train",
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        seeing.filter(picture, kernel, stride, padding, sample, split, save, as_json)

    @explain.command("maps", cls=Command, help=t("cmd.explain.maps"))
    def explain_maps(
        run: Annotated[str, options.run_argument()],
        what: Annotated[str, typer.Argument(metavar=t("meta.seen"), help=t("arg.seen"))],
        layer: Annotated[str | None, options.layer_option()] = None,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.answer"))] = "valid",
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        seeing.maps(run, what, layer, split, model, save, as_json)

    @explain.command("units", cls=Command, help=t("cmd.explain.units"))
    def explain_units(
        run: Annotated[str, options.run_argument()],
        layer: Annotated[str | None, options.layer_option()] = None,
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        seeing.units(run, layer, model, save, as_json)

    @explain.command("flatten", cls=Command, help=t("cmd.explain.flatten"))
    def explain_flatten(as_json: Annotated[bool, options.json_option()] = False) -> None:
        examples.flatten(as_json)

    @explain.command("epoch-loss", cls=Command, help=t("cmd.explain.epoch-loss"))
    def explain_epoch_loss(
        means: Annotated[str, typer.Option(metavar=examples.MEANS, help=t("opt.means"))] = examples.MEANS,
        sizes: Annotated[str, typer.Option(metavar=examples.SIZES, help=t("opt.sizes"))] = examples.SIZES,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        examples.epoch_loss(means, sizes, as_json)

    @explain.command("answer", cls=Command, help=t("cmd.explain.answer"))
    def explain_answer(
        run: Annotated[str, options.run_argument()],
        index: Annotated[int, typer.Argument(metavar=t("meta.index"), help=t("arg.index"), show_default=False)],
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.answer"))] = "valid",
        save: Annotated[Path | None, options.save_option("opt.save.answer")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        examples.answer(run, index, split, save, as_json)

    @explain.command("steps", cls=Command, help=t("cmd.explain.steps"))
    def explain_steps(
        run: Annotated[str | None, options.run_argument()] = None,
        index: Annotated[
            int | None, typer.Argument(metavar=t("meta.index"), help=t("arg.index"), show_default=False)
        ] = None,
        logits: Annotated[
            str | None, typer.Option(metavar='"2,1,0.1;…"', help=t("opt.logits"), show_default=False)
        ] = None,
        labels: Annotated[str | None, typer.Option(metavar="2,0", help=t("opt.labels"), show_default=False)] = None,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.answer"))] = "valid",
        layer: Annotated[
            str | None, typer.Option(metavar=t("meta.name"), help=t("opt.layer.steps"), show_default=False)
        ] = None,
        unit: Annotated[int | None, typer.Option(metavar=t("meta.n"), help=t("opt.unit"), show_default=False)] = None,
        at: Annotated[str | None, typer.Option("--at", metavar="3,5", help=t("opt.at"), show_default=False)] = None,
        save: Annotated[Path | None, options.save_option("opt.save.steps")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        working.steps(run, index, logits, labels, split, layer, unit, at, save, as_json)

    @explain.command("neuron", cls=Command, help=t("cmd.explain.neuron"))
    def explain_neuron(
        x: Annotated[str, typer.Option("--x", metavar='"1,2;3,4"', help=t("opt.x"))] = working.X,
        weights: Annotated[str, typer.Option(metavar='"1,2;3,4"', help=t("opt.weights"))] = working.WEIGHTS,
        bias: Annotated[str, typer.Option(metavar='"1,2"', help=t("opt.bias"))] = working.BIAS,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        working.neuron(x, weights, bias, as_json)

    @explain.command("regions", cls=Command, help=t("cmd.explain.regions"))
    def explain_regions(
        run: Annotated[str, options.run_argument()],
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.regions(run, save, as_json)

    @explain.command("saliency", cls=Command, help=t("cmd.explain.saliency"))
    def explain_saliency(
        run: Annotated[str, options.run_argument()],
        sample: Annotated[str, options.sample_argument()],
        method: Annotated[
            str | None,
            typer.Option(metavar=" | ".join(looking.METHODS), help=t("opt.method.saliency"), show_default=False),
        ] = None,
        layer: Annotated[
            str | None, typer.Option(metavar=t("meta.layer"), help=t("opt.layer.saliency"), show_default=False)
        ] = None,
        target: Annotated[
            str | None, typer.Option("--class", metavar=t("meta.class"), help=t("opt.class"), show_default=False)
        ] = None,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.answer"))] = "valid",
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        looking.saliency(run, sample, method, layer, target, split, model, save, as_json)

    @explain.command("embedding", cls=Command, help=t("cmd.explain.embedding"))
    def explain_embedding(
        run: Annotated[str, options.run_argument()],
        method: Annotated[str, typer.Option(metavar="pca|t-sne", help=t("opt.method.embedding"))] = "pca",
        layer: Annotated[
            str | None, typer.Option(metavar=t("meta.layer"), help=t("opt.layer.hidden"), show_default=False)
        ] = None,
        samples: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.samples.embedding"))] = 1000,
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.embedding"))] = "valid",
        seed: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.seed.embedding"))] = 0,
        perplexity: Annotated[
            float | None, typer.Option(metavar=t("meta.n"), help=t("opt.perplexity"), show_default=False)
        ] = None,
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        looking.embedding(run, method, layer, samples, split, seed, perplexity, model, save, as_json)

    @explain.command("neighbours", cls=Command, help=t("cmd.explain.neighbours"))
    def explain_neighbours(
        run: Annotated[str, options.run_argument()],
        sample: Annotated[str, options.sample_argument()],
        k: Annotated[int, typer.Option("--k", metavar=t("meta.n"), help=t("opt.k"))] = 8,
        layer: Annotated[
            str | None, typer.Option(metavar=t("meta.layer"), help=t("opt.layer.hidden"), show_default=False)
        ] = None,
        metric: Annotated[str, typer.Option(metavar="cosine|euclidean", help=t("opt.metric"))] = "cosine",
        split: Annotated[str, typer.Option(metavar="train|valid", help=t("opt.split.answer"))] = "valid",
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        looking.neighbours(run, sample, k, layer, metric, split, model, save, as_json)

    @explain.command("perceptron", cls=Command, help=t("cmd.explain.perceptron"))
    def explain_perceptron(
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.perceptron(save, as_json)

    @explain.command("activations", cls=Command, help=t("cmd.explain.activations"))
    def explain_activations(
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.activations(save, as_json)

    @explain.command("surface", cls=Command, help=t("cmd.explain.surface"))
    def explain_surface(
        target: Annotated[str, options.target_argument()],
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.surface(target, save, as_json)

    @explain.command("noise", cls=Command, help=t("cmd.explain.noise"))
    def explain_noise(
        target: Annotated[str, options.target_argument()],
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.noise(target, save, as_json)

    @explain.command("crossing", cls=Command, help=t("cmd.explain.crossing"))
    def explain_crossing(
        recipe: Annotated[str, typer.Argument(metavar=t("meta.recipe"), help=t("arg.crossing"))] = "004-mlp100",
        seeds: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.crossing.seeds"))] = 5,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.crossing(recipe, seeds, save, as_json)

    @explain.command("dropout", cls=Command, help=t("cmd.explain.dropout"))
    def explain_dropout(
        target: Annotated[str, typer.Argument(metavar=t("meta.target"), help=t("arg.target"))] = "004-dropout",
        index: Annotated[
            int | None, typer.Argument(metavar=t("meta.index"), help=t("arg.index.dropout"), show_default=False)
        ] = None,
        save: Annotated[Path | None, options.save_option("opt.save.explain")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        drawing.dropout(target, index, save, as_json)

    return explain
