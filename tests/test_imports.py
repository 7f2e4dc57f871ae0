"""A source line imports only from lines above it: the order of DESIGN.md, held by walking the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import tiza

ORDER = [
    "tiza.i18n",
    "tiza.errors",
    "tiza.lazy",
    "tiza.registry",
    "tiza.storage",
    "tiza.config",
    "tiza.data.digit",
    "tiza.data.intake",
    "tiza.data.idx",
    "tiza.data.samples",
    "tiza.data.tree",
    "tiza.data.rows",
    "tiza.data.growing",
    "tiza.data.pictures",
    "tiza.data.streams",
    "tiza.data.delimited",
    "tiza.data.download",
    "tiza.data.seal",
    "tiza.data.near",
    "tiza.data.copies",
    "tiza.data.dataset",
    "tiza.data.arrays",
    "tiza.data.tables",
    "tiza.data.files",
    "tiza.data.sources",
    "tiza.data.batches",
    "tiza.data.folds",
    "tiza.data.describe",
    "tiza.data.export",
    "tiza.data.audit",
    "tiza.models.layers",
    "tiza.models.initial",
    "tiza.models.dense",
    "tiza.models.as_written",
    "tiza.models.conv",
    "tiza.models.classic",
    "tiza.models.resnet",
    "tiza.models.keras",
    "tiza.models.own",
    "tiza.models.building",
    "tiza.models.cutting",
    "tiza.metrics",
    "tiza.training.events",
    "tiza.training.probes",
    "tiza.training.optim",
    "tiza.training.losses",
    "tiza.training.learner",
    "tiza.training.features",
    "tiza.training.dense",
    "tiza.training.stacked",
    "tiza.training.feed",
    "tiza.training.profile",
    "tiza.training.machine",
    "tiza.training.position",
    "tiza.training.loop",
    "tiza.runs.tensors",
    "tiza.runs.folder",
    "tiza.runs.shelf",
    "tiza.runs.bundle",
    "tiza.runs.cards",
    "tiza.runs.files",
    "tiza.runs.model",
    "tiza.runs",
    "tiza.models.efficientnet",
    "tiza.models.pretrained",
    "tiza.models.transfer",
    "tiza.exports.session",
    "tiza.readers",
    "tiza.tracking",
    "tiza.fitting",
    "tiza.rates",
    "tiza.reports",
    "tiza.trials.outcome",
    "tiza.trials.space",
    "tiza.trials.equal",
    "tiza.trials.judging",
    "tiza.trials.packs",
    "tiza.trials.work",
    "tiza.trials.folder",
    "tiza.trials.table",
    "tiza.trials.cluster",
    "tiza.trials.standing",
    "tiza.trials.ways",
    "tiza.trials.searching",
    "tiza.trials",
    "tiza.checks.case",
    "tiza.checks.inside",
    "tiza.checks.learning",
    "tiza.checks",
    "tiza.explain",
    "tiza.exports.graph",
    "tiza.exports.writing",
    "tiza.exports",
    "tiza.prediction",
    "tiza.estimator",
    "tiza.figures.paper",
    "tiza.figures.learning",
    "tiza.figures.verdicts",
    "tiza.figures.samples",
    "tiza.figures.regions",
    "tiza.figures.perceptron",
    "tiza.figures.saliency",
    "tiza.figures.embedding",
    "tiza.figures.neighbours",
    "tiza.figures.activations",
    "tiza.figures.structure",
    "tiza.figures.signed",
    "tiza.figures.kernels",
    "tiza.figures.filters",
    "tiza.figures.maps",
    "tiza.figures.units",
    "tiza.figures.surface",
    "tiza.figures.noise",
    "tiza.figures.dropout",
    "tiza.figures.confused",
    "tiza.figures.calibration",
    "tiza.figures.robustness",
    "tiza.figures.audit",
    "tiza.figures.crossing",
    "tiza.figures.label_errors",
    "tiza.figures.comparison",
    "tiza.figures.overview",
    "tiza.figures.searched",
    "tiza.figures.spots",
    "tiza.figures.heat",
    "tiza.figures.trials",
    "tiza.figures",
    "tiza.catalogue",
    "tiza.reference",
    "tiza.terminal",
    "tiza.panels",
    "tiza.web.guard",
    "tiza.web.live",
    "tiza.web.samples",
    "tiza.web.inside",
    "tiza.web.clouds",
    "tiza.web.running",
    "tiza.web.choosing",
    "tiza.web.searching",
    "tiza.web.app",
    "tiza.web.serving",
    "tiza.cli.speech",
    "tiza.cli.options",
    "tiza.cli.saving",
    "tiza.cli.choosing",
    "tiza.cli.data_sets",
    "tiza.cli.auditing",
    "tiza.cli.showing",
    "tiza.cli.opening",
    "tiza.cli.working",
    "tiza.cli.training",
    "tiza.cli.searching",
    "tiza.cli.explaining",
    "tiza.cli.drawing",
    "tiza.cli.seeing",
    "tiza.cli.examples",
    "tiza.cli.failing",
    "tiza.cli.doubting",
    "tiza.cli.looking",
    "tiza.cli.exporting",
    "tiza.cli.cataloguing",
    "tiza.cli.explain_app",
    "tiza.cli.app",
    "tiza.cli",
]
SOURCE = Path(tiza.__file__).parent


def line_of(module: str) -> str | None:
    """The line of ORDER that a module belongs to: its own, or its package's."""
    while module not in ORDER and "." in module:
        module = module.rpartition(".")[0]
    return module if module in ORDER else None


def modules() -> dict[str, Path]:
    """Every module of the package by its name; an ``__init__`` (excepted) only where ORDER has it."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ["tiza", *path.relative_to(SOURCE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if parts[-1] != "__init__" or name in ORDER:
            found[name] = path
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported from tiza, also inside functions, not under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            yield from imports(ast.Module(child.orelse, []))  # type: ignore[attr-defined]
        elif isinstance(child, ast.Import):
            yield from ((child.lineno, name.name) for name in child.names if name.name.split(".")[0] == "tiza")
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: a relative import"
            if (child.module or "").split(".")[0] == "tiza":
                yield from ((child.lineno, f"{child.module}.{name.name}") for name in child.names)
        else:
            yield from imports(child)


def test_every_module_has_its_line():
    assert [name for name in modules() if line_of(name) is None] == []


def test_every_line_is_a_module():
    assert [name for name in ORDER if not (SOURCE.parent / Path(*name.split("."))).with_suffix(".py").exists()
            and not (SOURCE.parent / Path(*name.split(".")) / "__init__.py").exists()] == []  # fmt: skip


def test_a_source_line_imports_only_from_lines_above_it():
    wrong = []
    for name, path in modules().items():
        own = line_of(name)
        for line, imported in imports(ast.parse(path.read_text(encoding="utf-8"))):
            target = line_of(imported)
            where = f"{path.relative_to(SOURCE)}:{line} imports {imported}"
            if target is None:  # a package, or the package's own public names: its line is unknown
                wrong.append(f"{where}: not from the module that defines it")
            elif own is not None and target != own and ORDER.index(target) >= ORDER.index(own):
                wrong.append(where)
    assert wrong == []


def test_the_walk_sees_imports_inside_functions_and_not_those_for_type_checking():
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from tiza.cli import main
else:
    import tiza.runs
def f():
    from tiza import storage
    class A:
        from tiza.data.seal import Split
import numpy
"""
    assert [name for _, name in imports(ast.parse(source))] == ["tiza.runs", "tiza.storage", "tiza.data.seal.Split"]
