"""The merge gate: whether code that requires these models may be merged and deployed.

The stubs of base and head both apply, so a pull request cannot loosen its own gate. Every failure ends with its cure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from flowjoy.analysis.promise.waivers import last_ending
from flowjoy.domain import ModelVersion, Proposal, Requirement, Rule, Waiver
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.domain.listings import is_gone_for_good
from flowjoy.domain.timestamps import iso
from flowjoy.domain.version_order import version_order


@dataclass(frozen=True, kw_only=True)
class BranchStub:
    """The stub of one side of a pull request: its requirements by model; `problem` where it is not a valid stub."""

    present: bool = False
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    problem: str | None = None
    problem_line: int = 1


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """The rules of the gate that inputs set. `validated_tag` appears in messages; `ModelVersion.validated` decides."""

    stub_path: str
    flag_labels: tuple[str, ...]
    flag_paths: tuple[str, ...] = ()
    validated_tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class GateInputs:
    """The values that the gate judges in addition to the stubs.

    `versions` None: the registry may not be read (a fork), so only the stub is judged. `unknown_models`: those that the
    registry does not know, each with a hint about similar names. `waivers`: those that hold now at the head of the
    default branch; `own_waivers`: those of the proposal's own stub.
    """

    versions: Sequence[ModelVersion] | None
    unknown_models: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    own_waivers: tuple[Waiver, ...] = ()


def judge(
    proposal: Proposal, *, base: BranchStub, head: BranchStub, policy: GatePolicy, inputs: GateInputs
) -> MergeGate:
    """Return the gate of one proposal. `base` is empty for a commit that is not merged into a branch.

    A proposal that changes only the stub brings no code: its own stub alone is judged, so that it can mend the base's.
    """
    findings = [*_validity(head, base, policy), *_flags(proposal, policy), *_changes(base, head)]
    if proposal.changes_only(policy.stub_path) and base != head:
        text = f"only {policy.stub_path} changes: its new content alone is judged, and judges code from the merge on"
        findings.append(GateFinding(level=GateLevel.NOTICE, text=text))
        inputs = replace(inputs, waivers=(*inputs.waivers, *_mending_waivers(base, head, inputs)))
        base = BranchStub()
    if inputs.versions is not None:
        for model in sorted({*base.requirements, *head.requirements}):
            waiver = _waiver(model, proposal, inputs)
            findings += [_overridden(finding, waiver) for finding in _model(model, base, head, inputs, policy)]
    return MergeGate(
        findings=tuple(findings),
        judged_registry=inputs.versions is not None,
        sha=proposal.head_sha,
        is_merge=proposal.is_merge,
    )


def _validity(head: BranchStub, base: BranchStub, policy: GatePolicy) -> list[GateFinding]:
    if head.problem is not None:
        return [GateFinding(level=GateLevel.FAILURE, text=head.problem, line=head.problem_line)]
    if base.problem is not None:
        text = f"on the base branch, {base.problem}. This proposal's stub alone is judged"
        return [GateFinding(level=GateLevel.NOTICE, text=text)]
    if not head.present and base.present:
        text = f"{policy.stub_path} is removed; the base branch's applies to code until this is merged"
        return [GateFinding(level=GateLevel.NOTICE, text=text)]
    return []


def _flags(proposal: Proposal, policy: GatePolicy) -> list[GateFinding]:
    """Return a failure for a feature-flag pull request without the stub: a flag may change the required models."""
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
    """Return whether a glob matches a file: `*` matches any characters, `**/` zero or more folders.

    `x/**` matches `x` itself as well, which may be a link or a submodule.
    """
    globs = (glob, glob.replace("**/", ""), glob.removesuffix("/**"))
    return any(fnmatchcase(file, one) for one in globs)


def _changes(base: BranchStub, head: BranchStub) -> list[GateFinding]:
    """Return a notice for each requirement that the edit changes or removes: the base branch's still applies."""
    findings = []
    for model, before in sorted(base.requirements.items()):
        after = head.requirements.get(model)
        if head.problem is None and after != before:
            now = f"{after} instead of {before}" if after else f"no longer named (it required {before})"
            text = f"{model}: {now}; until this is merged both apply to code"
            findings.append(GateFinding(level=GateLevel.NOTICE, text=text, line=head.lines.get(model)))
    if set(head.waivers) - set(base.waivers):
        text = "a waiver is added or changed; it holds from the merge on, not for this pull request"
        findings.append(GateFinding(level=GateLevel.NOTICE, text=text))
    return findings


def _waiver(model: str, proposal: Proposal, inputs: GateInputs) -> Waiver | None:
    """Return the waiver that overrides a failure of this model for this commit: the one that ends last."""
    shas = ("*", proposal.head_sha.lower())
    fitting = [waiver for waiver in inputs.waivers if waiver.model == model and waiver.sha in shas]
    return last_ending(fitting) if fitting else None


def _mending_waivers(base: BranchStub, head: BranchStub, inputs: GateInputs) -> Iterator[Waiver]:
    """Yield the proposal's own waivers of models whose requirement stays: it may excuse what it did not bring."""
    for waiver in inputs.own_waivers:
        if waiver.model in base.requirements and base.requirements[waiver.model] == head.requirements.get(waiver.model):
            yield waiver


def _overridden(finding: GateFinding, waiver: Waiver | None) -> GateFinding:
    if waiver is None or finding.level is not GateLevel.FAILURE:
        return finding
    signed = f"waived: {waiver.reason} ({waiver.by}, until {iso(waiver.until)})"
    return replace(finding, level=GateLevel.WARNING, text=f"{finding.text} ({signed})")


def _model(model: str, base: BranchStub, head: BranchStub, inputs: GateInputs, policy: GatePolicy) -> list[GateFinding]:
    sides = ((base, True), (head, False))
    of_base = {side.requirements[model]: is_base for side, is_base in sides if model in side.requirements}
    required = [requirement for requirement in of_base if requirement.rule is not Rule.NONE]
    versions = [version for version in inputs.versions or () if version.name == model]
    findings: dict[str, GateFinding] = {}
    for requirement in required:
        judged = (
            _unknown(model, inputs.unknown_models[model], policy)
            if model in inputs.unknown_models
            else _requirement(requirement, versions, policy)
        )
        if judged is not None:
            level, problem, cure = judged
            if of_base[requirement] and level is GateLevel.FAILURE:
                cure = (
                    f"The base branch requires it: mend {policy.stub_path} there by a pull request that changes only "
                    "that file, then update this branch"
                )
            # The head's comes last and replaces the same problem of the base: its cure is nearer.
            text = f"{problem}{'' if problem.endswith('?') else '.'} {cure}" if cure else problem
            findings[problem] = GateFinding(level=level, text=text, line=head.lines.get(model))
    return list(findings.values())


_Judgement = tuple[GateLevel, str, str]
"""A level, the problem, and its cure (empty for a notice)."""


def _unknown(model: str, similar: str, policy: GatePolicy) -> _Judgement:
    problem = "; ".join(filter(None, (f"{model}: the registry does not know this model", similar)))
    cure = f"Correct its name in {policy.stub_path}, or register it before you merge or deploy"
    return GateLevel.FAILURE, problem, cure


def _requirement(requirement: Requirement, versions: Sequence[ModelVersion], policy: GatePolicy) -> _Judgement | None:
    model, tag = requirement.model, policy.validated_tag
    fitting = [version for version in versions if requirement.fits(version.version)]
    if requirement.rule is Rule.EXACT and fitting and not fitting[0].ready:
        cure = f"Pin a READY version in {policy.stub_path}, or wait until the data team has made this one READY"
        return GateLevel.FAILURE, f"{model}: version {fitting[0].version} is not READY", cure
    if requirement.rule is Rule.EXACT and is_gone_for_good(str(requirement), [version.version for version in versions]):
        cure = "Pin a version that is registered"
        return GateLevel.FAILURE, f"{model}: version {requirement} was deleted, and its number is not used again", cure
    if tag is not None:
        ready = max((v for v in fitting if v.ready), key=lambda v: version_order(v.version), default=None)
        if ready is None:
            problem = f"{model}: no READY version that fits {requirement}, so none carries {tag}"
            return GateLevel.FAILURE, problem, f"Register one, test it and set the tag {tag} on it"
        if not ready.validated:
            cure = "Run its integration tests and set that tag on the version, or pin one that carries it"
            return GateLevel.FAILURE, f"{model}: version {ready.version} does not carry {tag}", cure
    if not fitting and requirement.rule is not Rule.ANY:
        text = f"{model}: no version that fits {requirement} is registered yet; its clock starts when this goes live"
        return GateLevel.NOTICE, text, ""
    return None
