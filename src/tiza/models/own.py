"""A module of the user's own, from a Python file: ``my_module.py:Net``."""

import ast
import inspect
import os
import random
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tiza.errors import RequestError, unknown
from tiza.models.keras import check_backend

# Code that no user wrote: Python's, that of installed packages, tiza's.
_INSTALLED = {sysconfig.get_paths()[of] for of in ("stdlib", "platstdlib", "purelib", "platlib")}
_NOT_THEIRS = ("<", *(f"{folder}{os.sep}" for folder in (*_INSTALLED, Path(__file__).parents[1])))


def is_own(model: str) -> bool:
    """Whether a model's name is FILE.py:NAME (or FILE.py, with the name forgotten)."""
    return model.endswith(".py") or ".py:" in model


def own_module(model: str, shape: tuple[int, ...], classes: int, *, seed: int = 0) -> nn.Module:
    """The module called NAME in a Python file, for ``FILE.py:NAME``.

    NAME is an ``nn.Module`` class or a function that returns a module, called with nothing, or with ``shape`` and
    ``classes`` if it asks for two arguments; or a module as it is. Its weights are drawn from ``seed``. The file is
    run, so it must be one that the user trusts. Raises one sentence with the user's own line.
    """
    file, _, name = model.rpartition(":") if not model.endswith(".py") else (model, "", "")
    path = Path(file)
    if not path.is_file():
        raise RequestError("own-missing", where=file or model)
    with _visiting(path.parent), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        random.seed(seed)  # Keras draws its seeds from there
        there = _imported(path)
        names = [known for known, value in vars(there).items() if _is_theirs(value, there.__name__)]
        if not name:
            raise RequestError("own-name", where=file, names=", ".join(names) or "–")
        if name not in vars(there):
            raise unknown("module", name, names, where=file)
        return _called(getattr(there, name), name, path, shape, classes)


def own_line(error: BaseException) -> tuple[str, str] | None:
    """``FILE:LINE`` of the user's code where ``error`` comes from, and that line; None if from none of theirs."""
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith(_NOT_THEIRS):
        return _line(error.filename, error.lineno or 1, error.text or "")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(_NOT_THEIRS):
            return _line(frame.filename, frame.lineno or 1, frame.line or "")
    return None


def _line(file: str, line: int, text: str) -> tuple[str, str]:
    path, here = Path(file), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line}", text.strip()


@contextmanager
def _visiting(folder: Path) -> Iterator[None]:
    """The user's code may import its neighbours, leaves no compiled files, and prints to stderr: stdout is tiza's.

    Keras, should it import that, takes the backend that can be trained here, where the user has not chosen one.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    drawn = random.getstate()
    sys.path.insert(0, str(folder.resolve()))
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path.remove(str(folder.resolve()))
        sys.dont_write_bytecode = before
        random.setstate(drawn)


def _imported(path: Path) -> Any:
    spec = spec_from_file_location(f"own_{path.stem}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    there = module_from_spec(spec)
    sys.modules[spec.name] = there  # dataclasses and pickle look their module up
    try:
        spec.loader.exec_module(there)
    except (Exception, SystemExit) as error:  # it is the user's code: whatever it raises is told with its line
        del sys.modules[spec.name]
        raise _fails("own-import", error, (f"{path}:1", "…")) from error
    return there


def _called(found: Any, name: str, path: Path, shape: tuple[int, ...], classes: int) -> nn.Module:
    """``found`` itself if it is a module, else what it returns."""
    if isinstance(found, nn.Module):
        return found
    check_backend(found)
    number, text = _defined_at(path, name)
    where = f"{path}:{number}"
    if not inspect.isfunction(found) and not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise RequestError("own-type", where=where, text=text, name=name, found=type(found).__name__)
    asked = [
        p
        for p in inspect.signature(found).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if len(asked) not in (0, 2) or any(p.kind is p.KEYWORD_ONLY for p in asked):
        arguments = ", ".join(p.name for p in asked)
        raise RequestError("own-arguments", where=where, text=text, name=name, arguments=arguments)
    try:
        made = found(*(shape, classes)[: len(asked)])
    except (Exception, SystemExit) as error:
        raise _fails("own-constructor", error, (where, text), name=name) from error
    check_backend(made)
    if not isinstance(made, nn.Module):
        raise RequestError("own-type", where=where, text=text, name=f"{name}()", found=type(made).__name__)
    return made


def _fails(code: str, error: BaseException, otherwise: tuple[str, str], **fields: Any) -> RequestError:
    """The error for code that raised ``error``, at its line, or at the one given."""
    where, text = own_line(error) or otherwise
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    reason = next(iter(said.strip().splitlines()), "")
    named = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return RequestError(code, where=where, text=text, reason=named, **fields)


def _is_theirs(value: Any, module: str) -> bool:
    """Whether a value of the file can be meant as a model: a module, or a class or function written there."""
    made_there = inspect.isfunction(value) or (inspect.isclass(value) and issubclass(value, nn.Module))
    return isinstance(value, nn.Module) or (made_there and value.__module__ == module)


def _defined_at(path: Path, name: str) -> tuple[int, str]:
    """The line of the file that gives ``name`` its value: number and text."""
    source = path.read_bytes()
    lines = (node.lineno for node in reversed(ast.parse(source).body) if name in _names_of(node))
    number = next(lines, 1)
    return number, source.splitlines()[number - 1].decode(errors="replace").strip()


def _names_of(node: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a value."""
    for part in [node] if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else ast.walk(node):
        match part:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name
