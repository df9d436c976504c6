"""Each requirement of trust, P01 to P74, is proved by tests that exist and run."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.trust.__main__ import page
from tests.trust.requirements import PAGE, REQUIREMENTS, section

TESTS = Path(__file__).resolve().parents[1]
LEFT_OUT = {"skip", "skipif", "xfail", "importorskip"}


@cache
def module(path: str) -> ast.Module:
    return ast.parse((TESTS / path).read_text())


def names_in(node: ast.AST) -> set[str]:
    """Every attribute and name that the code of a node mentions."""
    return {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} | {
        part.id for part in ast.walk(node) if isinstance(part, ast.Name)
    }


def test_requirements__are_those_of_the_list() -> None:
    assert list(REQUIREMENTS) == [f"P{number:02}" for number in range(1, 75)]
    assert all(" → " in item.sentence and item.sentence.endswith(".") for item in REQUIREMENTS.values())


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_requirement__is_proved_by_tests_that_exist_and_run(number: str) -> None:
    assert REQUIREMENTS[number].tests
    for test in REQUIREMENTS[number].tests:
        path, _, name = test.partition("::")
        functions = [node for node in module(path).body if isinstance(node, ast.FunctionDef) and node.name == name]
        assert (len(functions), name[:5]) == (1, "test_"), test
        shared = [
            node
            for node in module(path).body
            if isinstance(node, ast.Assign) and {"pytestmark", *names_in(functions[0])} & names_in(node.targets[0])
        ]
        for node in (*functions, *shared):
            assert not LEFT_OUT & names_in(node), test


def test_page__ends_with_the_requirements(tmp_path: Path) -> None:
    """Where the committed page lacks them, `python -m tests.trust.requirements` writes the section."""
    assert PAGE.read_text().endswith("\n\n" + section())
    assert page(tmp_path) == page(tmp_path)
    assert page(tmp_path).endswith("\n\n" + section())
