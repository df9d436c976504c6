"""The jobs of a workflow file, by the names that GitHub shows, and the events that start the workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from flowjoy.analysis.promise.yaml_nodes import WorkflowError, mapping, root, scalar, sequence

EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_ON = re.compile(r"""^(["']?)on\1[ \t]*:.*(?:\n(?:[ \t\r#-].*)?)*""", re.MULTILINE)
"""The key `on` and the lines below it: they are read even where the file is too large."""


def job_names(text: str | None) -> frozenset[str]:
    """Return the names of the jobs as GitHub shows them; `*` stands for what only a run decides.

    A display name hides the id of a job, a matrix adds its values in brackets, and a job that calls a workflow is shown
    as the jobs of that one: `deploy / *`. Empty for a file that cannot be read.
    """
    try:
        jobs = mapping(root(text or "").get("jobs"))
    except WorkflowError:
        return frozenset()
    return frozenset(name for key, job in jobs.items() for name in _shown(key, mapping(job)))


def events(text: str | None) -> frozenset[str]:
    """Return the events that start the workflow; empty for a file that cannot be read."""
    block = _ON.search(text or "")
    try:
        on = root(block[0] if block else text or "").get("on")
    except WorkflowError:
        return frozenset()
    return frozenset({scalar(on), *map(scalar, sequence(on)), *mapping(on)} - {""})


def _shown(key: str, job: dict[str, yaml.Node]) -> Iterator[str]:
    given = scalar(job.get("name")) or key
    name = EXPRESSION.sub("*", given)
    names = [name]
    # Values of the matrix are added only to a name that does not contain an expression.
    if "strategy" in job and name == given:
        names.append(f"{name} (*)")
    yield from (f"{name} / *" for name in names) if "uses" in job else names
