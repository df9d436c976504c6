"""The examples agree: a service's workflows have equal terms, so that no edit can choose the mildest."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowjoy.analysis.promise import workflow_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TERMS = (
    "models",
    "model-stub",
    "model-validated-tag",
    "flag-paths",
    "flag-label",
    "sla-hours",
    "enforce",
    "check-name",
)
OF_ONE_SERVICE = sorted(path for path in EXAMPLES.glob("*.yml") if path.name != "monorepo.yml")


@pytest.mark.parametrize("path", OF_ONE_SERVICE, ids=lambda path: path.name)
def test_examples__of_one_service_have_equal_terms(path: Path) -> None:
    (expected,) = [
        {name: step.inputs.get(name) for name in TERMS}
        for step in workflow_file.terms_steps((EXAMPLES / "pull-request.yml").read_text())
    ]
    steps = [step.inputs for step in workflow_file.terms_steps(path.read_text())]
    assert steps
    assert [{name: step.get(name) for name in TERMS} for step in steps] == [expected] * len(steps)
