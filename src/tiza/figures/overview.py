"""One picture that tells a whole run."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from tiza.figures.learning import names_of, plots
from tiza.figures.paper import sheet, styled
from tiza.figures.verdicts import draw_matrix, errors_line, is_long, verdict, worst_tiles
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.data.dataset import Dataset
    from tiza.reports import Report
    from tiza.runs import Run


@styled
def overview(run: "Run", report: "Report", data: "Dataset") -> Figure:
    """One picture of a run, 1600×900 px: what was trained, how good it is, how it learnt and where it errs."""
    split = report.worst_split
    of: dict[str, Any] = report.splits[split] or {}
    low, high = (number(100 * bound, ".1f") for bound in of["interval"])
    last = run.ended or next(reversed(run.history()), None)
    seconds, epochs = (last.seconds, last.epoch) if last else (0.0, 0)
    time = number(max(seconds, 0.1), ".1f" if seconds < 10 else ".0f") + "\u00a0s"
    time = number(seconds / 60, ".0f") + "\u00a0min" if seconds >= 120 else time
    figure, page = sheet(
        4.5,
        t(f"fig.overview.{split}", accuracy=of["accuracy"], low=low, high=high, **names_of(run)),
        t("fig.overview.note", parameters=run.facts.parameters, train=run.facts.counts["train"], n=of["n"],
          epochs=t("fig.epochs.one" if epochs == 1 else "fig.epochs.many", n=epochs), time=time),
        width=8, size=15, note_size=9,
    )  # fmt: skip
    plots(page, run, [(0.66, 1.2, 1.36, 1.06), (0.66, 2.92, 1.36, 1.06)], size=8)
    matrix = np.array(of["confusion"])
    page.text(3.24, 1.05, errors_line("fig.errors", "fig.most", matrix), size=8, weight="bold")
    page.text(6.4, 1.05, t("fig.overview.worst"), size=8, weight="bold")
    draw_matrix(page, (3.24, 1.2, 2.92, 3.2), matrix, report.classes, size=8)
    if len(data.shape) == 3:
        worst_tiles(page, (6.4, 1.2, 1.38, 3.3), 2, report, data, side=0.56, size=8)
    else:
        pitch = 0.37 if is_long(report.classes) else 0.25
        for i, sample in enumerate(report.worst[: int(2.9 / pitch)]):
            verdict(page, (6.4, 1.3 + i * pitch), 1.38, sample, report.classes, 8)
    return figure
