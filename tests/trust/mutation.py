"""Faults put into FlowJoy's own code while it is imported: mutants and saboteurs.

No file changes: an import hook compiles one changed syntax tree in place of one module.

A mutant is a small slip (a comparison, a constant, a condition). A saboteur is a guard that no longer raises.
"""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}

Change = tuple[str, Callable[[], None]]
"""What is changed, in words, and the act of changing it."""


def tree_of(path: str) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(Path(path).read_text(encoding="utf-8"), path)


def mutants(tree: ast.Module) -> Iterator[Change]:
    """Yield every small slip that can be made in a module, in a stable order."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
            other = COMPARISONS[type(node.ops[0])]
            yield (
                f"{line}: {type(node.ops[0]).__name__} → {other.__name__}",
                _setter(node, "ops", [other(), *node.ops[1:]]),
            )
        elif isinstance(node, ast.BoolOp):
            other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"{line}: {type(node.op).__name__} → {type(other_op).__name__}", _setter(node, "op", other_op)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield f"{line}: not dropped", _setter(node, "op", ast.UAdd(), operand=_truth(node.operand))
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            swapped = ARITHMETIC[type(node.op)]
            yield f"{line}: {type(node.op).__name__} → {swapped.__name__}", _setter(node, "op", swapped())
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            yield f"{line}: {node.func.id} → {NAMES[node.func.id]}", _setter(node.func, "id", NAMES[node.func.id])
        elif isinstance(node, ast.If):
            yield f"{line}: condition always false", _setter(node, "test", ast.Constant(value=False))
            yield f"{line}: condition always true", _setter(node, "test", ast.Constant(value=True))
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Compare | ast.BoolOp):
            yield f"{line}: returns True", _setter(node, "value", ast.Constant(value=True))


def saboteurs(tree: ast.Module) -> Iterator[Change]:
    """Yield every `raise` that is made to return emptiness, or to do nothing where a function returns nothing."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for parent, field, index in _raises_in(function):
                node = getattr(parent, field)[index]
                yield f"{node.lineno}: raise in {function.name}", _replacer(parent, field, index, _empty(function))


def _raises_in(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str, int]]:
    """Yield where a function itself raises an exception of its own making."""
    waiting: list[ast.AST] = [function]
    while waiting:
        parent = waiting.pop()
        for field, value in ast.iter_fields(parent):
            for index, item in enumerate(value if isinstance(value, list) else ()):
                if isinstance(item, ast.Raise) and item.exc is not None and not _is_assertion(item):
                    yield parent, field, index
                elif isinstance(item, ast.AST) and not isinstance(item, ast.FunctionDef):
                    waiting.append(item)


def _is_assertion(node: ast.Raise) -> bool:
    name = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(name, ast.Name) and name.id in {"AssertionError", "NotImplementedError"}


def _empty(function: ast.FunctionDef) -> ast.stmt:
    """Return the statement that gives back nothing, in the type that the function promises."""
    promised = function.returns
    if promised is None or ast.unparse(promised) == "None":
        return ast.Pass()
    return ast.Return(value=ast.parse(_nothing(promised), mode="eval").body)


def _nothing(promised: ast.expr) -> str:
    """Return the source of an empty value of a type."""
    text = ast.unparse(promised)
    fixed = isinstance(promised, ast.Subscript) and isinstance(promised.slice, ast.Tuple) and "..." not in text
    if text.startswith("tuple[") and fixed and isinstance(promised, ast.Subscript):
        parts = promised.slice.elts if isinstance(promised.slice, ast.Tuple) else []
        return "(" + "".join(f"{_nothing(part)}, " for part in parts) + ")"
    return next((empty for start, empty in EMPTY.items() if text.startswith(start)), "None")


EMPTY = {
    "str": "''",
    "int": "0",
    "float": "0.0",
    "bool": "False",
    "bytes": "b''",
    "tuple": "()",
    "list": "[]",
    "dict": "{}",
    "Mapping": "{}",
    "frozenset": "frozenset()",
    "set": "set()",
}


def _truth(node: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id="bool", ctx=ast.Load()), args=[node], keywords=[])


def _setter(node: ast.AST, field: str, value: object, **more: object) -> Callable[[], None]:
    def change() -> None:
        for name, new in {field: value, **more}.items():
            setattr(node, name, new)

    return change


def _replacer(parent: ast.AST, field: str, index: int, statement: ast.stmt) -> Callable[[], None]:
    def change() -> None:
        getattr(parent, field)[index] = statement

    return change


def nothing(_: ast.Module) -> Iterator[Change]:
    """Yield one change that changes nothing: tests that notice it would notice any fault."""
    yield "0: nothing", lambda: None


KINDS: dict[str, Callable[[ast.Module], Iterator[Change]]] = {
    "mutant": mutants,
    "saboteur": saboteurs,
    "nothing": nothing,
}


def described(path: str, kind: str) -> list[str]:
    """Return every change of a kind that a file allows, in words; its index is its number."""
    return [text for text, _ in KINDS[kind](tree_of(path))]


def statement_at(path: str, line: int) -> range:
    """Return the lines of the smallest statement around a line; of a compound statement, those of its head."""
    spans = [_head(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.stmt)]
    return min((span for span in spans if line in span), key=len, default=range(line, line + 1))


def _head(node: ast.stmt) -> range:
    body = getattr(node, "body", None)
    end = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno
    return range(node.lineno, max(end, node.lineno) + 1)


def changed(path: str, kind: str, number: int) -> ast.Module:
    """Return the tree of a file with one change made."""
    tree = copy.deepcopy(tree_of(path))
    _, change = list(KINDS[kind](tree))[number]
    change()
    return ast.fix_missing_locations(tree)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module that is to be changed, and leaves all others alone."""

    def __init__(self, module: str, kind: str, number: int) -> None:
        self._module, self._kind, self._number = module, kind, number

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.origin is None:
            return None
        spec.loader = _Loader(fullname, spec.origin, self._kind, self._number)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, kind: str, number: int) -> None:
        super().__init__(fullname, path)
        self._kind, self._number = kind, number

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        return compile(changed(self.path, self._kind, self._number), self.path, "exec")


def install(module: str, kind: str, number: int) -> None:
    """Change a module when it is imported; raise RuntimeError if it was imported already."""
    if module in sys.modules:
        raise RuntimeError(f"{module} was imported before it could be changed")
    sys.meta_path.insert(0, _Finder(module, kind, number))
