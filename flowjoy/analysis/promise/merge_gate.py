"""The gate: may code that asks for these models go live? Knows stubs, versions and waivers, no clock.

Base and head stub are both applied, so a pull request cannot loosen its own gate. Every failure ends with what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from statistics import median

from flowjoy.domain import ModelVersion, Obligation, Proposal, Requirement, Rule, Status, Waiver
from flowjoy.domain.timestamps import iso
from flowjoy.domain.version_order import version_order

FORECAST_OF = 5


class GateLevel(StrEnum):
    """How bad a finding of the gate is. WARNING: a failure that a waiver overrides."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True)
class GateFinding:
    """One thing the gate found. `line` is where it stands in the head's stub, None where it stands nowhere."""

    level: GateLevel
    text: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class BranchStub:
    """The stub of one side of a pull request: what it requires, by model; `problem` where it is no valid stub."""

    present: bool = False
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    waivers: int = 0
    problem: str | None = None
    problem_line: int = 1


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """The rules of the gate that inputs set. `validated_tag` only for its words; the versions already know."""

    stub_path: str
    flag_labels: tuple[str, ...]
    flag_paths: tuple[str, ...] = ()
    validated_tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class MergeGate:
    """The verdict on one proposal. `sha`: its head. `compared`: its inputs were compared with the default branch's."""

    findings: tuple[GateFinding, ...]
    forecast: tuple[str, ...] = ()
    judged_registry: bool = True
    sha: str = ""
    compared: bool = True

    @property
    def failed(self) -> bool:
        """Whether the code must not go live as it is."""
        return bool(self.of(GateLevel.FAILURE))

    def of(self, level: GateLevel) -> tuple[GateFinding, ...]:
        """The findings of one level."""
        return tuple(finding for finding in self.findings if finding.level is level)


@dataclass(frozen=True, kw_only=True)
class GateEvidence:
    """What the gate knows beside the stubs.

    `versions` None: the registry may not be asked (a fork), so only the stub is judged. `unknown_models`: those that
    the registry does not know, each with the names that are like it. `waivers` are those that hold now at the head of
    the default branch.
    """

    versions: Sequence[ModelVersion] | None
    unknown_models: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()


def judge(
    proposal: Proposal, *, base: BranchStub, head: BranchStub, policy: GatePolicy, evidence: GateEvidence
) -> MergeGate:
    """Return the gate of one proposal. `base` is empty for a commit that is not merged into anything."""
    findings = [*_validity(head, base, policy), *_flags(proposal, policy), *_changes(base, head)]
    if evidence.versions is not None:
        for model in sorted({*base.requirements, *head.requirements}):
            found = _model(model, base, head, evidence, policy)
            findings += [_overridden(finding, _waiver(model, proposal, evidence)) for finding in found]
    return MergeGate(findings=tuple(findings), judged_registry=evidence.versions is not None, sha=proposal.head_sha)


def forecast(
    requirements: Mapping[str, Requirement],
    versions: Sequence[ModelVersion],
    owed: Sequence[Obligation],
    sla_hours: float,
    *,
    act: str = "merging",
) -> tuple[str, ...]:
    """What the `act` would start: `merging starts a 48 h clock for …; the median of the last 5 is …`, a model each."""
    sentences = []
    for model, requirement in sorted(requirements.items()):
        if requirement.rule is Rule.NONE or _already_fits(requirement, versions):
            continue
        text = f"{act} starts a {sla_hours:g} h clock for {model}"
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


def _validity(head: BranchStub, base: BranchStub, policy: GatePolicy) -> list[GateFinding]:
    if head.problem is not None:
        return [GateFinding(level=GateLevel.FAILURE, text=head.problem, line=head.problem_line)]
    if base.problem is not None:
        text = f"on the base branch, {base.problem}. This proposal's stub alone is judged"
        return [GateFinding(level=GateLevel.NOTICE, text=text)]
    if not head.present and base.present:
        return [
            GateFinding(level=GateLevel.NOTICE, text=f"{policy.stub_path} is removed; the base branch's still applies")
        ]
    return []


def _flags(proposal: Proposal, policy: GatePolicy) -> list[GateFinding]:
    """A feature flag may change what the code asks of a model: its pull request must say so in the stub."""
    changed = proposal.touched | proposal.removed
    flagged = sorted(file for file in changed if any(_matches(file, glob) for glob in policy.flag_paths))
    wanted = {label.casefold() for label in policy.flag_labels}  # as GitHub compares them
    labelled = sorted(label for label in proposal.labels if label.casefold() in wanted)
    if (not labelled and not flagged) or policy.stub_path in proposal.touched:
        return []
    why, other = f"changes {flagged[0]}" if flagged else "", ""
    if labelled:
        why, other = f"is labelled {labelled[0]!r}", ", or remove the label if it changes no flag"
    text = (
        f"a feature-flag pull request ({why}) must touch {policy.stub_path}. "
        f"Say there which model version the flag needs{other}"
    )
    return [GateFinding(level=GateLevel.FAILURE, text=text)]


def _matches(file: str, glob: str) -> bool:
    """Whether a glob covers a file: `*` any characters, `**/` no folder or several."""
    return fnmatchcase(file, glob) or fnmatchcase(file, glob.replace("**/", ""))


def _changes(base: BranchStub, head: BranchStub) -> list[GateFinding]:
    """What the edit takes back is named: the base branch's requirement still gates."""
    findings = []
    for model, before in sorted(base.requirements.items()):
        after = head.requirements.get(model)
        if head.problem is None and after != before:
            now = f"{after} instead of {before}" if after else f"no longer named (it required {before})"
            text = f"{model}: {now}; until this is merged both apply"
            findings.append(GateFinding(level=GateLevel.NOTICE, text=text, line=head.lines.get(model)))
    if head.waivers > base.waivers:
        text = "a waiver is added; it holds from the merge on, not for this pull request"
        findings.append(GateFinding(level=GateLevel.NOTICE, text=text))
    return findings


def _waiver(model: str, proposal: Proposal, evidence: GateEvidence) -> Waiver | None:
    """The waiver that overrides a failure of this model for this commit: the one that holds longest."""
    shas = ("*", proposal.head_sha.lower())
    fitting = [waiver for waiver in evidence.waivers if waiver.model == model and waiver.sha in shas]
    return max(fitting, key=lambda waiver: (waiver.until, waiver.reason, waiver.by), default=None)


def _overridden(finding: GateFinding, waiver: Waiver | None) -> GateFinding:
    if waiver is None or finding.level is not GateLevel.FAILURE:
        return finding
    signed = f"waived: {waiver.reason} ({waiver.by}, until {iso(waiver.until)})"
    return replace(finding, level=GateLevel.WARNING, text=f"{finding.text} ({signed})")


def _model(
    model: str, base: BranchStub, head: BranchStub, evidence: GateEvidence, policy: GatePolicy
) -> list[GateFinding]:
    line = head.lines.get(model)
    asked = {side.requirements[model]: None for side in (base, head) if model in side.requirements}
    if all(requirement.rule is Rule.NONE for requirement in asked):
        return []
    if model in evidence.unknown_models:
        said = [f"{model}: the registry does not know this model", evidence.unknown_models[model]]
        cure = f"Correct its name in {policy.stub_path}, or register it before you merge or deploy"
        text = f"{'; '.join(filter(None, said))}. {cure}"
        return [GateFinding(level=GateLevel.FAILURE, text=text, line=line)]
    known = [version for version in evidence.versions or () if version.name == model]
    findings: dict[str, GateFinding] = {}
    for requirement in asked:
        for finding in _requirement(requirement, known, policy, line):
            findings.setdefault(finding.text, finding)
    return list(findings.values())


def _requirement(
    requirement: Requirement, known: Sequence[ModelVersion], policy: GatePolicy, line: int | None
) -> list[GateFinding]:
    model, tag = requirement.model, policy.validated_tag
    if requirement.rule is Rule.NONE:
        return []
    fitting = [version for version in known if requirement.fits(version.version)]
    if requirement.rule is Rule.EXACT and fitting and not fitting[0].ready:
        text = (
            f"{model}: version {fitting[0].version} is not READY. "
            "Wait until its registration ends and run again, or pin a version that is READY"
        )
        return [GateFinding(level=GateLevel.FAILURE, text=text, line=line)]
    if tag is not None:
        ready = max((v for v in fitting if v.ready), key=_order, default=None)
        if ready is None:
            text = (
                f"{model}: no READY version that fits {requirement}, so none carries {tag}. "
                f"Register one, test it and set the tag {tag} on it"
            )
            return [GateFinding(level=GateLevel.FAILURE, text=text, line=line)]
        if not ready.validated:
            text = (
                f"{model}: version {ready.version} does not carry {tag}. "
                "Run its integration tests and set that tag on the version, or pin one that carries it"
            )
            return [GateFinding(level=GateLevel.FAILURE, text=text, line=line)]
    if not fitting and requirement.rule is not Rule.ANY:
        text = f"{model}: no version that fits {requirement} is registered yet; its clock starts when this goes live"
        return [GateFinding(level=GateLevel.NOTICE, text=text, line=line)]
    return []


def _order(version: ModelVersion) -> tuple[object, ...]:
    return version_order(version.version)


def _already_fits(requirement: Requirement, versions: Sequence[ModelVersion]) -> bool:
    """A pin that a READY version already meets starts no clock; `any` always asks for a new one."""
    return requirement.rule is not Rule.ANY and any(
        version.ready and version.name == requirement.model and requirement.fits(version.version)
        for version in versions
    )
