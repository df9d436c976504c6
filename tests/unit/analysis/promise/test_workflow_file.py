"""Changes that an edit makes to how a workflow runs FlowJoy; a hostile file costs nothing and is never constructed."""

from __future__ import annotations

import pytest

from flowjoy.analysis.promise.workflow_file import (
    changes,
    mentions,
    runs_flowjoy_in_a_release,
)
from flowjoy.analysis.promise.yaml_nodes import MAX_CHARACTERS, WorkflowError

GATE = """
on: [pull_request, merge_group]
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7
      - uses: acme/flowjoy@v1
        with:
          models: recommender
          enforce: true
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("enforce: true", "enforce: false", "enforce 'false' instead of 'true'"),
        ("enforce: true", "ENFORCE: false", "enforce 'false' instead of 'true'"),
        ("enforce: true", "sla-since: 2026-11-28", "sla-since '2026-11-28' not given before"),
        ("          enforce: true\n", "", "enforce is no longer 'true'"),
        ("acme/flowjoy@v1", "acme/flowjoy@main", "`uses` 'acme/flowjoy@main' instead of 'acme/flowjoy@v1'"),
        (
            "        with:",
            "        continue-on-error: true\n        with:",
            "`continue-on-error` 'true' not given before",
        ),
        ("    runs-on:", "    if: false\n    runs-on:", "`if` of the job 'false' not given before"),
        ("[pull_request, merge_group]", "push", "`on` 'push' instead of '[pull_request, merge_group]'"),
        ("acme/flowjoy@v1", "acme/other@v1", "job gate no longer runs FlowJoy"),
        ("gate:", "other:", "job gate no longer runs FlowJoy"),
    ],
)
def test_changes__name_each_input_that_differs(old: str, new: str, message: str) -> None:
    assert message in changes(GATE, GATE.replace(old, new))


CALL = "jobs:\n  gate:\n    uses: {uses}\n    with:\n      {inputs}\n"


@pytest.mark.parametrize(
    ("uses", "inputs", "runs"),
    [
        ("./.github/workflows/sla.yml", "models: recommender", True),
        ("./.github/workflows/sla.yml", "Enforce: 'false'", True),
        ("./.github/actions/sla", "as-of: 2026-03-02T09:00:00Z", True),
        ("./.github/workflows/test.yml", "python: '3.12'", False),
        ("acme/model-sla@v1", "mlflow-tracking-uri: https://mlflow.example", True),
        ("acme/model-sla@v1", "sla-hours: 9999", True),
        ("acme/lint@v1", "enforce: true", False),
    ],
)
def test_changes__see_flowjoy_under_another_name_by_its_inputs(uses: str, inputs: str, *, runs: bool) -> None:
    text = CALL.format(uses=uses, inputs=inputs)
    expected = ("job gate runs FlowJoy now",) if runs else ()
    assert (mentions(text), changes("on: push", text)) == (False, expected)


def test_changes__are_none_where_only_other_steps_differ() -> None:
    assert changes(GATE, GATE.replace("checkout@v7", "checkout@v8")) == ()
    assert changes("on: push", "on: pull_request") == ()


def test_changes__see_composite_actions_reusable_workflows_and_commands() -> None:
    action = "runs:\n  using: composite\n  steps:\n    - uses: acme/flowjoy@v1\n      with: {enforce: true}\n"
    called = "jobs:\n  gate:\n    uses: acme/.github/.github/workflows/flowjoy.yml@v1\n    with: {enforce: true}\n"
    command = "jobs:\n  gate:\n    steps:\n      - run: python -m flowjoy run --enforce true\n"
    for text in (action, called, command):
        assert len(changes(text, text.replace("true", "false"))) == 1
    assert changes(None, GATE) == ("job gate runs FlowJoy now",)


@pytest.mark.parametrize(
    "text",
    [
        "flowjoy: [",
        "flowjoy: " + "[" * 1_000,
        "flowjoy: !!python/object/apply:os.system [exit]\n? [a, b]\n: {",
        f"# flowjoy {'x' * MAX_CHARACTERS}",
        "flowjoy: \x00",
    ],
    ids=["cut short", "deep", "an object", "large", "a control character"],
)
def test_file__that_cannot_be_read_is_reported(text: str) -> None:
    with pytest.raises(WorkflowError):
        changes(text, GATE)


def test_file__of_aliases_upon_aliases_is_not_expanded() -> None:
    bomb = "a0: &a0 [flowjoy]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert changes(bomb + "jobs: {gate: {steps: *a59}}", GATE) == ("job gate runs FlowJoy now",)


def test_file__whose_parts_have_other_shapes_runs_nothing() -> None:
    for text in ("flowjoy", "- flowjoy", "jobs: flowjoy", "jobs: {gate: flowjoy}", "jobs: {gate: {steps: flowjoy}}"):
        assert mentions(text)
        assert changes(text, text) == ()


RELEASE = """
on: push
jobs:
  ship:
    name: Ship it
    runs-on: ubuntu-latest
    steps: [{run: ./deploy.sh}]
  promise:
    runs-on: ubuntu-latest
    steps: [{uses: acme/flowjoy@v1}]
"""


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        (RELEASE, True),
        (RELEASE.replace("acme/flowjoy@v1", "acme/other@v1"), False),
        (RELEASE.replace("  promise:", "  promise:\n    if: github.event_name == 'pull_request'"), False),
        (RELEASE.replace("  promise:", "  promise:\n    if: ${{ github.event_name == 'merge_group' }}"), False),
        (RELEASE.replace("  promise:", "  promise:\n    if: github.event_name == 'pull_request' || always()"), True),
        ("flowjoy: [", False),
        (None, False),
    ],
)
def test_release__runs_flowjoy_in_a_job_that_is_not_only_for_proposals(text: str | None, *, runs: bool) -> None:
    assert runs_flowjoy_in_a_release(text) is runs
