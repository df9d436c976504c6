"""The names of jobs as GitHub shows them, and the events of a workflow, read from its file."""

from __future__ import annotations

import pytest

from flowjoy.analysis.promise.workflow_jobs import events, job_names
from flowjoy.analysis.promise.yaml_nodes import MAX_CHARACTERS

MATRIX = "strategy: {matrix: {region: [eu]}}"


@pytest.mark.parametrize(
    ("job", "names"),
    [
        ("runs-on: x", {"deploy"}),
        ("name: Ship to prod", {"Ship to prod"}),
        (MATRIX, {"deploy", "deploy (*)"}),
        (f"name: Ship it\n    {MATRIX}", {"Ship it", "Ship it (*)"}),
        ("name: deploy ${{ matrix.region }}\n    strategy: {}", {"deploy *"}),
        ("uses: ./.github/workflows/d.yml", {"deploy / *"}),
        (f"uses: ./.github/workflows/d.yml\n    {MATRIX}", {"deploy / *", "deploy (*) / *"}),
    ],
)
def test_job_names__are_those_that_github_shows(job: str, names: set[str]) -> None:
    assert job_names(f"jobs:\n  deploy:\n    {job}\n") == names


def test_job_names__of_a_file_that_cannot_be_read_are_none() -> None:
    assert job_names("a: [") == job_names("- 1") == job_names(None) == frozenset()
    assert job_names(f"jobs: {{ship: {{}}}} {'#' * MAX_CHARACTERS}") == frozenset()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("on: workflow_call\njobs: {}", {"workflow_call"}),
        ("'on': workflow_call", {"workflow_call"}),
        ("on: [push, workflow_call]", {"push", "workflow_call"}),
        ("on:\n- push\n- workflow_call\njobs: {}", {"push", "workflow_call"}),
        (
            "name: x\r\non:\r\n\r\n  push:\r\n    tags: ['v*']\r\n# why\r\n  workflow_call:\r\njobs: {}",
            {"push", "workflow_call"},
        ),
        ("on:\n  workflow_call:\n    inputs:\n      push: {type: string}\njobs: {}", {"workflow_call"}),
        ("{on: workflow_call, jobs: {}}", {"workflow_call"}),
        (f"on: workflow_call\njobs: {{}} {'#' * MAX_CHARACTERS}", {"workflow_call"}),
        ("on: [", set()),
        ("jobs: {}", set()),
        (None, set()),
    ],
)
def test_events__are_read_whatever_else_the_file_has(text: str | None, found: set[str]) -> None:
    assert events(text) == found
