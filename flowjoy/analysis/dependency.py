"""The gate of a pull request: may code that asks for these models be merged? Knows stubs and versions, no clock.

Base and head stub are both applied, so a pull request cannot loosen its own gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from statistics import median

from flowjoy.model import ModelVersion, Obligation, PullRequest, Requirement, Rule, Status
from flowjoy.version_order import version_order

FORECAST_OF = 5


class Level(StrEnum):
    """How bad a finding of the gate is."""

    NOTICE = "notice"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True)
class GateFinding:
    """One thing the gate found. `line` is where it stands in the head's stub, None where it stands nowhere."""

    level: Level
    text: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Side:
    """The stub of one side of a pull request: what it requires, by model; `problem` where it is no valid stub."""

    present: bool = False
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    waivers: int = 0
    problem: str | None = None
    problem_line: int = 1


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules of the gate that inputs set. `validated_tag` only for its words; the versions already know."""

    stub_path: str
    flag_label: str
    flag_paths: tuple[str, ...] = ()
    validated_tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The verdict on one pull request."""

    findings: tuple[GateFinding, ...]
    forecast: tuple[str, ...] = ()
    judged_registry: bool = True

    @property
    def failed(self) -> bool:
        """Whether the pull request must not be merged as it is."""
        return any(finding.level is Level.FAILURE for finding in self.findings)


def judge(
    pull: PullRequest,
    *,
    base: Side,
    head: Side,
    policy: Policy,
    versions: Sequence[ModelVersion] | None,
    unknown_models: Mapping[str, str] | None = None,
) -> Gate:
    """The gate of one pull request. `versions` None: the registry may not be asked (a fork), so only the stub is."""
    findings = [*_validity(head, base, policy), *_flags(pull, policy), *_changes(base, head)]
    if versions is not None:
        for model in sorted({*base.requirements, *head.requirements}):
            findings += _model(model, base, head, versions, unknown_models or {}, policy)
    return Gate(findings=tuple(findings), judged_registry=versions is not None)


def forecast(
    requirements: Mapping[str, Requirement],
    versions: Sequence[ModelVersion],
    owed: Sequence[Obligation],
    sla_hours: float,
) -> tuple[str, ...]:
    """What merging would start: `merging starts a 48 h clock for …; the median of the last 5 is …`, a model each."""
    sentences = []
    for model, requirement in sorted(requirements.items()):
        if requirement.rule is Rule.NONE or _already_fits(requirement, versions):
            continue
        text = f"merging starts a {sla_hours:g} h clock for {model}"
        hours = [lag / timedelta(hours=1) for lag in last_lags(model, owed)]
        if hours:
            text += f"; the median of the last {len(hours)} is {median(hours):.0f} h"
        sentences.append(text)
    return tuple(sentences)


def last_lags(model: str, owed: Sequence[Obligation]) -> list[timedelta]:
    """How long the last five releases waited for this model; 0 when it shipped with the code."""
    shipped = [
        max(item.shipped_at - item.start, timedelta())
        for item in owed
        if item.model == model and item.shipped_at is not None and item.status in (Status.MET, Status.LATE)
    ]
    return shipped[-FORECAST_OF:]


def _validity(head: Side, base: Side, policy: Policy) -> list[GateFinding]:
    if head.problem is not None:
        return [GateFinding(level=Level.FAILURE, text=head.problem, line=head.problem_line)]
    if base.problem is not None:
        text = f"on the base branch, {base.problem}: this pull request's stub alone is judged"
        return [GateFinding(level=Level.NOTICE, text=text)]
    if not head.present and base.present:
        return [GateFinding(level=Level.NOTICE, text=f"{policy.stub_path} is removed; the base branch's still applies")]
    return []


def _flags(pull: PullRequest, policy: Policy) -> list[GateFinding]:
    """A feature flag may change what the code asks of a model: its pull request must say so in the stub."""
    touched = pull.touched | pull.removed
    flagged = sorted(file for file in touched if any(_matches(file, glob) for glob in policy.flag_paths))
    labelled = policy.flag_label.casefold() in {label.casefold() for label in pull.labels}  # as GitHub compares them
    if not labelled and not flagged:
        return []
    if policy.stub_path in pull.touched:
        return []
    why = f"is labelled {policy.flag_label!r}" if labelled else f"changes {flagged[0]}"
    text = f"a feature-flag pull request ({why}) must touch {policy.stub_path}"
    return [GateFinding(level=Level.FAILURE, text=text)]


def _matches(file: str, glob: str) -> bool:
    """Whether a glob covers a file: `*` any characters, `**/` no folder or several."""
    return fnmatchcase(file, glob) or fnmatchcase(file, glob.replace("**/", ""))


def _changes(base: Side, head: Side) -> list[GateFinding]:
    """What the edit takes back is named: the base branch's requirement still gates."""
    findings = []
    for model, before in sorted(base.requirements.items()):
        after = head.requirements.get(model)
        if head.problem is None and after != before:
            now = f"{after} instead of {before}" if after else f"no longer named (it required {before})"
            text = f"{model}: {now}; until this is merged both apply"
            findings.append(GateFinding(level=Level.NOTICE, text=text, line=head.lines.get(model)))
    if head.waivers > base.waivers:
        text = "a waiver is added; it holds from the merge on, not for this pull request"
        findings.append(GateFinding(level=Level.NOTICE, text=text))
    return findings


def _model(
    model: str,
    base: Side,
    head: Side,
    versions: Sequence[ModelVersion],
    unknown_models: Mapping[str, str],
    policy: Policy,
) -> list[GateFinding]:
    line = head.lines.get(model)
    if model in unknown_models:
        text = "; ".join(filter(None, (f"{model}: the registry does not know this model", unknown_models[model])))
        return [GateFinding(level=Level.FAILURE, text=text, line=line)]
    known = [version for version in versions if version.name == model]
    asked = {side.requirements[model]: None for side in (base, head) if model in side.requirements}
    findings: dict[str, GateFinding] = {}
    for requirement in asked:
        for finding in _requirement(requirement, known, policy, line):
            findings.setdefault(finding.text, finding)
    return list(findings.values())


def _requirement(
    requirement: Requirement, known: Sequence[ModelVersion], policy: Policy, line: int | None
) -> list[GateFinding]:
    model = requirement.model
    if requirement.rule is Rule.NONE:
        return []
    fitting = [version for version in known if fits(requirement, version)]
    newest = max(fitting, key=lambda version: version_order(version.version), default=None)
    if requirement.rule is Rule.EXACT and newest is not None and not newest.ready:
        text = f"{model}: version {newest.version} is not READY"
        return [GateFinding(level=Level.FAILURE, text=text, line=line)]
    if policy.validated_tag is not None:
        ready = max((v for v in fitting if v.ready), key=lambda version: version_order(version.version), default=None)
        if ready is None:
            text = f"{model}: no READY version that fits {requirement}, so none carries {policy.validated_tag}"
            return [GateFinding(level=Level.FAILURE, text=text, line=line)]
        if not ready.validated:
            text = f"{model}: version {ready.version} does not carry {policy.validated_tag}"
            return [GateFinding(level=Level.FAILURE, text=text, line=line)]
    if newest is None and requirement.rule is not Rule.ANY:
        text = f"{model}: no version that fits {requirement} is registered yet; merging starts its clock"
        return [GateFinding(level=Level.NOTICE, text=text, line=line)]
    return []


def fits(requirement: Requirement, version: ModelVersion) -> bool:
    """Whether a version is one that the requirement accepts; `any` accepts every one."""
    if requirement.version is None or not version.version.isdigit():
        return requirement.rule is Rule.ANY
    number = int(version.version)
    return number == requirement.version if requirement.rule is Rule.EXACT else number >= requirement.version


def _already_fits(requirement: Requirement, versions: Sequence[ModelVersion]) -> bool:
    """A pin that a READY version already meets starts no clock; `any` always asks for a new one."""
    return requirement.rule is not Rule.ANY and any(
        version.ready and version.name == requirement.model and fits(requirement, version) for version in versions
    )
