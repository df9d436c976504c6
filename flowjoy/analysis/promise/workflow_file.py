"""The steps of a workflow file that run FlowJoy, and the changes that an edit makes to them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import yaml

from flowjoy.analysis.promise.yaml_nodes import WorkflowError, mapping, root, scalar, sequence

MAX_TOTAL_CHARACTERS = 192 * 1024
"""Of all files of a proposal, on both sides: YAML is read at about 30 KiB a second."""

_CACHED_COMPARISONS = 20
"""A comparison takes seconds and is needed twice a run."""

SHOWN_CHANGES = 10
_NAME = "flowjoy"
_OWN_INPUTS = frozenset(
    {
        *("mlflow-tracking-uri", "model-stub", "model-signal", "model-validated-tag", "sla-hours", "sla-since"),
        *("sla-target", "flag-label", "flag-paths", "code-source", "model-source"),
    }
)
"""Inputs that no other action has: a step that gives one runs FlowJoy, whatever it is called."""

_OWN_INPUTS_OF_LOCAL_CALLS = _OWN_INPUTS | {"models", "enforce", "as-of"}
"""The same for a workflow or action of the repository itself, which may pass them on."""

_CALLED_ELSEWHERE = re.compile(r"""uses["']?:\s*["']?(?:[^\s"'.]\S*/\.github/workflows/|\./(?!\.github/workflows/))""")
"""A call of a reusable workflow of another repository, or of an action of this one: files that are not read."""

_SHOWN_CHARACTERS = 60
_STEP_KEYS = ("uses", "run", "if", "continue-on-error")
_JOB_KEYS = ("if", "continue-on-error")
_IF_OF_JOB = "`if` of the job"
_ONLY_PROPOSALS = re.compile(
    r"(?:\$\{\{)?\s*github\.event_name\s*==\s*'(?:pull_request(?:_target)?|merge_group)'\s*(?:\}\})?"
)

Steps = Mapping[tuple[str, int], Mapping[str, str]]
"""Each step that runs FlowJoy, by job and index, with the settings that decide how it runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TermsStep:
    """A step whose inputs are FlowJoy's. `is_direct`: a missing input has its default, not what a called file says."""

    job: str
    inputs: Mapping[str, str]
    is_direct: bool


def mentions(text: str | None) -> bool:
    """Return whether the text can run FlowJoy."""
    return text is not None and _NAME in text.casefold()


def may_call(text: str | None) -> bool:
    """Return whether the text can run FlowJoy under another name: it gives one of its inputs."""
    return text is not None and any(name in text.casefold() for name in _OWN_INPUTS_OF_LOCAL_CALLS)


@lru_cache(maxsize=_CACHED_COMPARISONS)
def changes(before: str | None, after: str | None) -> tuple[str, ...]:
    """Return each change that an edit makes to how FlowJoy runs; empty without a change.

    Raise WorkflowError for a file that runs FlowJoy and cannot be read.
    """
    old, new = _steps(before), _steps(after)
    texts: list[str] = []
    for step in sorted({*old, *new}):
        job = f"job {step[0]}"
        if step not in new:
            texts.append(f"{job} no longer runs FlowJoy")
        elif step not in old:
            texts.append(f"{job} runs FlowJoy now")
        else:
            texts += _differing(old[step], new[step])
    return tuple(dict.fromkeys(texts))


def may_run_unseen(text: str | None) -> bool:
    """Return whether the text runs FlowJoy, or calls something that may and is not read."""
    return text is not None and (mentions(text) or may_call(text) or _CALLED_ELSEWHERE.search(text) is not None)


def terms_steps(text: str | None, *, running: Collection[str] = ()) -> Iterator[TermsStep]:
    """Yield each step whose inputs are terms. `running`: paths of workflows that run FlowJoy.

    A command, or a step that only reads FlowJoy's outputs, has none; and a call of another workflow or action has
    inputs of the same names. Raise WorkflowError as `changes` does.
    """
    for (job, _), inputs in _steps(text).items():
        uses = inputs.get("`uses`", "")
        is_named, is_call = _NAME in uses.casefold(), uses.startswith("./") or "/.github/workflows/" in uses
        if is_named or uses.removeprefix("./") in running or (uses and not _OWN_INPUTS.isdisjoint(inputs)):
            yield TermsStep(job=job, inputs=inputs, is_direct=is_named and not is_call)


def runs_flowjoy_in_a_release(text: str | None) -> bool:
    """Return whether a job that is not limited to proposals runs FlowJoy. A file that is not YAML has no jobs."""
    try:
        steps = _steps(text)
    except WorkflowError:
        return False
    return any(_ONLY_PROPOSALS.fullmatch(step.get(_IF_OF_JOB, "")) is None for step in steps.values())


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [_change(key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _change(key: str, old: str | None, new: str | None) -> str:
    if new is None:
        return f"{key} is no longer {_shown(old)}"
    before = "not given before" if old is None else f"instead of {_shown(old)}"
    return f"{key} {_shown(new)} {before}"


def _shown(value: str | None) -> str:
    text = value or ""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…")


@lru_cache(maxsize=2 * _CACHED_COMPARISONS)
def _steps(text: str | None) -> Steps:
    if text is None or not (mentions(text) or may_call(text)):
        return {}
    top = root(text)
    on = _source(top.get("on"), text)
    steps: dict[tuple[str, int], Mapping[str, str]] = {}
    jobs = {"of the action": top["runs"]} if "runs" in top else mapping(top.get("jobs"))
    for name, node in jobs.items():
        job = mapping(node)
        of_job = {f"`{key}` of the job": _source(job[key], text) for key in _JOB_KEYS if key in job}
        # A job that calls a reusable workflow counts as a step.
        for index, step in enumerate([job, *map(mapping, sequence(job.get("steps")))]):
            if _runs_flowjoy(step):
                steps[name, index] = {"`on`": on, **of_job, **dict(_settings(step, text))}
    return steps


def _runs_flowjoy(step: Mapping[str, yaml.Node]) -> bool:
    """Return whether a step names FlowJoy, or calls something else with its inputs, such as a reusable workflow."""
    if any(_NAME in scalar(step.get(key)).casefold() for key in ("uses", "run")):
        return True
    own = _OWN_INPUTS_OF_LOCAL_CALLS if scalar(step.get("uses")).startswith("./") else _OWN_INPUTS
    return not own.isdisjoint(name.lower() for name in mapping(step.get("with")))


def _settings(step: Mapping[str, yaml.Node], text: str) -> Iterator[tuple[str, str]]:
    for key in _STEP_KEYS:
        if key in step:
            yield f"`{key}`", _source(step[key], text)
    for name, value in mapping(step.get("with")).items():
        yield name.lower(), _source(value, text)
    for name, value in mapping(step.get("env")).items():
        yield f"env {name}", _source(value, text)


def _source(node: yaml.Node | None, text: str) -> str:
    """Return the value of a scalar, or the text of any other node as written in the file."""
    if node is None:
        return ""
    if isinstance(node, yaml.ScalarNode):
        return scalar(node).strip()
    return " ".join(text[node.start_mark.index : node.end_mark.index].split())
