"""How a run, a report and a data set look in a terminal: width 80, readable in a log, colours as on the page."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tiza.i18n import number, t
from tiza.training.events import Changed, Event, Measured, RunEnded, RunStarted, Stepped

if TYPE_CHECKING:
    from tiza.checks import Finding
    from tiza.prediction import Prediction
    from tiza.reports import Report
    from tiza.runs import Run
    from tiza.training.learner import Learner
    from tiza.trials import Progress as Standing
    from tiza.trials import Trials

MANY = 3  # searched fields that have room for a column each
TRAIN, VALID, WRONG, RIGHT, QUIET = "#0072b2", "#e69f00", "#d55e00", "#009e73", "dim"


def console(file: IO[str] | None = None) -> Console:
    """A console for stdout (or ``file``); NO_COLOR and pipes are respected, long words are never cut.

    Text is what it is: a class or a column may be called ``[/min]``.
    """
    made = Console(file=file, highlight=False, markup=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = 80
    return made


def seconds(value: float) -> str:
    """12 s, 3 min 20 s."""
    if value < 100:
        return f"{number(value, '.1f' if value < 10 else '.0f')} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def accuracy(of: dict[str, Any]) -> str:
    """99.1 % (98.9–99.3): with its interval, whose sides differ near 100 %."""
    low, high = of["interval"]
    return f"{number(of['accuracy'], '.1%')} ({number(100 * low, '.1f')}–{number(100 * high, '.1f')})"


def plain_table(heads: Sequence[str | Text], rows: Iterable[Sequence[str | Text]], *, left: int = 1) -> Table:
    """A table without lines: the first ``left`` columns to the left, numbers to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i < left else "right", no_wrap=i >= left, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


class Narrator:
    """The reader that shows a run on stderr: what is trained, a bar with the time left, one row per epoch."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.console = console(sys.stderr)
        self.progress = Progress(
            BarColumn(bar_width=24, complete_style=TRAIN, finished_style=TRAIN),
            TextColumn("{task.fields[said]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task: TaskID | None = None
        self.total = self.epochs = 1
        self.began = time.perf_counter()

    def __call__(self, event: Event, learner: "Learner") -> None:
        """Read one event."""
        match event:
            case RunStarted():
                announce(self.run, self.console)
                self._start(event)
            case Stepped() if self.task is not None:
                said = t("train.said", loss=event.loss[0], accuracy=event.accuracy[0], rate=event.rate)
                self.progress.update(self.task, completed=event.step, said=said)
            case Measured():
                self._row(event)
            case Changed():
                self.console.print(Text(t("train.changed", what=_changes(event)), style=QUIET))
            case RunEnded():
                self.progress.stop()
                if event.reason not in ("done", "interrupted", "diverged"):
                    text = t(f"train.ended.{'early' if event.reason == 'early' else 'stopped'}", epoch=event.epoch)
                    self.console.print(Text(text, style=QUIET))

    def _start(self, event: RunStarted) -> None:
        self.total, self.epochs = event.epochs * event.steps_per_epoch, event.epochs
        if event.resumed_from is not None:
            self.console.print(Text(t("train.resumed", step=event.resumed_from, total=self.total), style=QUIET))
        head = f"{t('col.epoch'):>9}{t('col.loss'):>19}{t('col.accuracy'):>31}{t('col.time'):>14}"
        self.console.print(Text(head, style="bold"))
        line = Text(" " * 9)
        for text, style, width in (
            (t("short.train"), TRAIN, 9), (t("short.valid"), VALID, 10),
            (t("col.running"), QUIET, 12), (t("short.train"), TRAIN, 9), (t("short.valid"), VALID, 10),
        ):  # fmt: skip
            line.append(f"{text:>{width}}", style=style)
        self.console.print(line)
        self.task = self.progress.add_task("", total=self.total, completed=event.step, said="")
        self.progress.start()

    def _row(self, event: Measured) -> None:
        line = Text(f"{f'{event.epoch}/{self.epochs}':>9}")
        line.append(f"{number(event.train['loss'][0], '.4f'):>9}", style=TRAIN)
        line.append(f"{number(event.valid['loss'][0], '.4f'):>10}", style=VALID)
        line.append(f"{number(event.running['accuracy'][0], '.2%'):>12}", style=QUIET)
        line.append(f"{number(event.train['accuracy'][0], '.2%'):>9}", style=TRAIN)
        line.append(f"{number(event.valid['accuracy'][0], '.2%'):>10}", style=VALID)
        line.append(f"{seconds(event.seconds):>14}", style=QUIET)
        self.console.print(line)


class Searching:
    """Shows a search on stderr: a bar with the trials done, the time left and the best accuracy so far."""

    def __init__(self) -> None:
        out = console(sys.stderr)
        self.progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[best]}", markup=False), console=out, transient=True, disable=not out.is_terminal,
        )  # fmt: skip
        self.task = self.progress.add_task("", total=1.0, left="", best="")
        self.progress.start()

    def __call__(self, now: "Standing") -> None:
        """Take in how it stands."""
        self.progress.update(
            self.task, completed=now.share, description=t("search.done", done=now.done, of=now.of),
            left="" if now.left is None else t("search.left", time=seconds(now.left)),
            best="" if now.best is None else t("search.best-so-far", share=number(now.best, ".1%")),
        )  # fmt: skip


@contextmanager
def reading(text: str | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while pictures are read (or what ``text`` says), once that takes longer than a moment."""
    bar = Progress(
        TextColumn(text or t("reading"), markup=False),
        BarColumn(bar_width=24, complete_style=TRAIN, finished_style=TRAIN), MofNCompleteColumn(),
        TimeRemainingColumn(compact=True), console=console(sys.stderr), transient=True,
    )  # fmt: skip
    bar.disable = not bar.console.is_terminal
    task = bar.add_task("", total=None)
    began = time.perf_counter()

    def progress(done: int, total: int) -> None:
        if time.perf_counter() - began > 0.5:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        bar.stop()


def description(of: Mapping[str, Any]) -> Iterator[str | Text | Table]:
    """What ``describe()`` found of a data set, part by part."""
    low, high = of["range"]
    shape = "×".join(map(str, of["shape"]))
    yield Text(t("data.shown", name=of["data"], shape=shape, dtype=of["dtype"], low=low, high=high), style="bold")
    yield Text(t("data.fingerprint", fingerprint=of["fingerprint"]), style=QUIET)
    yield ""
    splits = [
        (t(f"split.{name}"), number(split["n"], ","), "×".join(map(str, split["shape"])))
        for name, split in of["splits"].items()
    ]
    yield plain_table((t("col.split"), "n", t("col.shape")), splits)
    yield ""
    yield counts(of["counts"], of["classes"])
    if (target := of.get("target")) and target["before"] != target["after"]:
        yield ""
        before, after = (_listed(target[key]) for key in ("before", "after"))
        said = t("data.target", name=target["name"], before=before, after=after)
        yield Text(textwrap.fill(said, 80, subsequent_indent="  "))
    if "columns" in of:
        yield ""
        yield _columns(of["columns"])
    yield ""
    yield from _one_sample(of["sample"])
    if batch := of.get("batch"):
        yield ""
        x, y = ("×".join(map(str, batch[part])) for part in ("x", "y"))
        said = t("data.batch", x=x, y=y, classes=", ".join(batch["classes"]))
        yield Text(textwrap.fill(said, 80, subsequent_indent="  "))


def _one_sample(one: Mapping[str, Any]) -> Iterator[Text | Table]:
    said = {"n": one["index"], "split": t(f"split.{one['split']}"), "label": one["label"], "name": one["class"]}
    yield Text(t("data.sample", **said), style="bold")
    shape = "×".join(map(str, one["shape"]))
    yield Text(t("data.sample.is", kind=one["type"], dtype=one["dtype"], shape=shape, device=one["device"]))
    back = t("data.sample.restored" if one["restored"] else "data.sample.not-restored")
    rows = [
        (name, *(number(values[key], ".4g") for key in ("min", "max", "mean", "std")))
        for name, values in ((t("data.sample.raw"), one), (t("data.sample.scaled", scale=one["scale"]), one["scaled"]))
    ]
    yield plain_table(("", t("col.min"), t("col.max"), t("col.mean"), t("col.deviation")), rows)
    yield Text(back, style=QUIET)


def _columns(columns: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for column in columns:
        values = [number(column[key], ".4g") if column[key] is not None else "–" for key in ("low", "high", "mean")]
        kind = t(f"column.{column['kind']}")
        if column["categories"] is not None:
            kind = t("column.categories", n=len(column["categories"]))
        rows.append((column["name"], kind, *values, number(column["missing"], ",")))
    heads = ("col.column", "col.kind", "col.min", "col.max", "col.mean", "col.missing")
    return plain_table([t(key) for key in heads], rows, left=2)


def _listed(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{name}: {number(n, ',')}" for name, n in counts.items()) if counts else t("data.many-values")


def picture(of: Mapping[str, Any]) -> Table:
    """What ``describe_picture()`` found: one line a channel, and the array that it is read as."""
    rows = [
        (t(f"channel.{name}"), number(c["min"], ","), number(c["max"], ","), number(c["mean"], ".1f"))
        for name, c in of["channels"].items()
    ]
    made = plain_table((t("col.channel"), t("col.min"), t("col.max"), t("col.mean")), rows)
    made.title = t("data.picture", file=of["file"], height=of["height"], width=of["width"], dtype=of["dtype"])
    made.caption = t("data.picture.read", shape="×".join(map(str, of["read"]["shape"])))
    made.title_justify = made.caption_justify = "left"
    made.title_style, made.caption_style = "bold", QUIET
    return made


def _changes(event: Changed) -> str:
    parts = []
    if event.lr:
        parts.append(f"{t('plan.lr')} {number(event.lr[0], 'g')}")
    if event.weight_decay:
        parts.append(f"{t('plan.weight-decay')} {number(event.weight_decay[0], 'g')}")
    if event.paused is not None:
        parts.append(t("train.paused" if event.paused else "train.went-on"))
    if event.pace is not None:
        parts.append(t("train.pace", seconds=event.pace))
    return ", ".join(parts) or "–"


def announce(run: "Run", out: Console) -> None:
    """What is trained, and on what."""
    recipe, facts, plan = run.recipe, run.facts, run.recipe.plan
    lr = t("train.lr", optimizer=plan.optimizer, lr=plan.lr, schedule=plan.schedule)
    what = t("train.what", parameters=facts.parameters, epochs=plan.epochs, batch=str(plan.batch_size), how=lr)
    out.print(Text.assemble((f"{facts.data} → {recipe.model.name}", "bold"), what))
    key = "train.on-open" if run.recipe.data.valid == "test" else "train.on"
    out.print(Text(t(key, **facts.counts, device=facts.device, threads=facts.threads), style=QUIET))


def history(run: "Run") -> Table:
    """What was measured after each epoch."""
    rows = [
        (str(m.epoch), number(m.train["loss"][0], ".4f"), number(m.valid["loss"][0], ".4f"),
         number(m.train["accuracy"][0], ".2%"), number(m.valid["accuracy"][0], ".2%"), seconds(m.seconds))
        for m in run.history()
    ]  # fmt: skip
    keys = ("col.epoch", "col.train-loss", "col.valid-loss", "col.train-accuracy", "col.valid-accuracy", "col.time")
    return plain_table([t(key) for key in keys], rows)


def runs(found: "Iterable[Run]") -> Table:
    """One line a run."""
    rows = [
        (one["name"], t(f"status.{one['status']}"), str(one["epochs"]),
         number(one["valid_accuracy"], ".2%") if one["valid_accuracy"] is not None else "–",
         accuracy(one["test"]) if one["test"] else "–")
        for one in (run.to_dict() for run in found)
    ]  # fmt: skip
    heads = (t("col.run"), t("col.status"), t("col.epochs"), t("split.valid"), t("split.test"))
    return plain_table(heads, rows, left=2)


def report(of: "Report") -> Table:
    """The measures of every split."""
    rows = [
        (
            Text(t(f"split.{name}"), style={"train": TRAIN, "valid": VALID}.get(name, "bold")),
            number(n, ","),
            number(loss, ".4f"),
            Text(number(share, ".2%"), style="bold" if name == "test" else ""),
            f"{number(low, '.2%')} – {number(high, '.2%')}",
            number(f1, ".4f"),
        )
        for name, n, loss, share, low, high, f1 in of.rows()
    ]
    heads = ("", "n", t("col.loss"), t("col.accuracy"), t("col.interval"), t("col.f1"))
    return plain_table(heads, rows)


def findings(found: "Iterable[Finding]") -> Iterator[Text]:
    """What is wrong with a run: a paragraph each, with what to try; nothing where it is healthy."""
    for one in found:
        whole = f"{one} {one.advice}".replace("--set ", "--set\0")  # to be copied, so on one line
        name, colon, rest = textwrap.fill(whole, 80, break_on_hyphens=False).replace("\0", " ").partition(":")
        yield Text.assemble("\n", (name + colon, "bold"), rest)


def profile(seconds_of: Mapping[str, float]) -> Table:
    """Where the time went, and which share of it."""
    whole = sum(seconds_of.values()) or 1.0
    rows = [(t(f"part.{part}"), seconds(spent), number(spent / whole, ".1%")) for part, spent in seconds_of.items()]
    return plain_table((t("col.part"), t("col.time"), t("col.share")), rows)


def calibration(of: "Report") -> str:
    """How far probabilities are from being shares, on test where it was opened, else on validation."""
    split = of.splits["test"] or of.splits["valid"]
    return t("calibration", error=split["calibration_error"] if split else 0.0)


def per_class(of: "Report") -> Table:
    """Precision, recall and F1 of each class, on test where it was opened, else on validation."""
    split = of.splits["test"] or of.splits["valid"]
    measures = split["per_class"] if split else {}
    rows = [
        (name, number(n, ","), *(number(measures[key][i], ".4f") for key in ("precision", "recall", "f1")))
        for i, (name, n) in enumerate(zip(of.classes, measures.get("n", []), strict=True))
    ]
    return plain_table((t("col.class"), "n", t("col.precision"), t("col.recall"), "F1"), rows)


def answers(of: "Iterable[Prediction]") -> Table:
    """One line a file."""
    rows = [(one.file or "", one.class_ or t("predict.none"), share(one)) for one in of]
    return plain_table((t("col.file"), t("col.answer"), t("col.probability")), rows, left=2)


def share(answer: "Prediction") -> str:
    """The probability of an answer, if there is one."""
    return "–" if answer.probability is None else probability(answer.probability)


def probability(value: float) -> str:
    """A probability that never rounds up to certainty."""
    return f"> {number(0.999, '.1%')}" if value > 0.9994 else number(value, ".1%")


def counts(by_split: Mapping[str, Sequence[int]], classes: Sequence[str]) -> Table:
    """How many samples each class has in each split, and all of them."""
    rows = [(name, *(number(of[i], ",") for of in by_split.values())) for i, name in enumerate(classes)]
    rows.append((t("col.all"), *(number(sum(of), ",") for of in by_split.values())))
    return plain_table((t("col.class"), *(t(f"split.{split}") for split in by_split)), rows)


def trials(found: "Trials", top: int) -> Table:
    """The best trials of a search: what they are, their accuracy on validation with its interval, and the verdict."""
    fields = list(found.search.grid)
    names = [field.split(".", 1)[1] for field in fields]
    names = fields if len(set(names)) < len(names) else names
    rows, wide = [], len(fields) > MANY
    for row in found.rows[:top]:
        values = [_value(row["values"][field]) for field in fields]
        known = row["accuracy"] is not None and row["low"] is not None
        measured = accuracy(row | {"interval": (row["low"], row["high"])}) if known else "–"
        word = row["verdict"] or row["status"]
        rank = "–" if row["rank"] is None else str(row["rank"])
        said = (measured, t(f"verdict.{word}", k=row["same_as"]))
        if wide:  # as many columns would be cut off
            settings = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
            rows.append((settings, rank, str(row["trial"]), *said))
        else:
            rows.append((rank, str(row["trial"]), *values, *said))
    if wide:
        return plain_table((t("col.settings"), "", t("col.trial"), t("col.valid-accuracy"), t("col.verdict")), rows)
    return plain_table(("", t("col.trial"), *names, t("col.valid-accuracy"), t("col.verdict")), rows, left=0)


def _value(value: Any) -> str:
    """A setting, short."""
    if isinstance(value, (list, tuple)):
        return "-".join(map(str, value)) or "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
