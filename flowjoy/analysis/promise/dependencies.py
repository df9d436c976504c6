"""The models that each commit depends on, from its stub or the input `models`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from flowjoy.analysis.promise.merge_gate import BranchStub
from flowjoy.analysis.promise.waivers import with_first_seen
from flowjoy.domain import (
    AbsentStub,
    CodeRecord,
    ModelDependencies,
    Outcome,
    ParsedStub,
    Proposal,
    Requirement,
    Rule,
    StubFile,
    UnreadableStub,
    Waiver,
)
from flowjoy.domain.bundle import Bundle

HEAD = "HEAD"


def dependencies_of(
    models: Iterable[str], stubs: Mapping[str, StubFile], path: str, first_seen: Iterable[Waiver] = ()
) -> ModelDependencies:
    """Return what every sha depends on: its stub, else `models`. Waivers come from the sha's own stub and from HEAD.

    `first_seen`: waivers of HEAD with the time when each was first seen. A waiver that left HEAD no longer holds.
    """
    seen = tuple(first_seen)
    by_sha: dict[str, tuple[Requirement, ...]] = {}
    unreadable: dict[str, str] = {}
    waivers = []
    for sha, stub in stubs.items():
        if isinstance(stub, UnreadableStub):
            unreadable[sha] = stub.problem_at(_name(path, sha))
        elif isinstance(stub, ParsedStub):
            by_sha[sha] = stub.requirements
            waivers += [
                replace(waiver, standing_for=None if sha == HEAD else sha)
                for waiver in with_first_seen(stub.waivers, seen)
            ]
    by_sha.pop(HEAD, None)
    unreadable.pop(HEAD, None)
    return ModelDependencies(
        default=tuple(Requirement(model=name) for name in models),
        by_sha=by_sha,
        unreadable=unreadable,
        gone=frozenset(sha for sha in unreadable if stubs[sha].file.commit_is_gone),
        waivers=tuple(waivers),
    )


def branch_stub(stubs: Mapping[str, StubFile], sha: str, path: str, models: Iterable[str]) -> BranchStub:
    """Return the stub of one side of a pull request. Without a stub, the code depends on `models`."""
    stub = stubs.get(sha, AbsentStub())
    if isinstance(stub, UnreadableStub):
        return BranchStub(present=True, problem=stub.problem_at(path), problem_line=stub.line or 1)
    if isinstance(stub, AbsentStub):
        return BranchStub(requirements={name: Requirement(model=name) for name in models})
    return BranchStub(
        present=True,
        requirements={item.model: item for item in stub.requirements},
        lines=stub.lines,
        waivers=stub.waivers,
    )


def stub_lines(stubs: Mapping[str, StubFile], sha: str | None) -> Mapping[str, int]:
    """Return the line of each model in the stub at one sha; empty without a valid stub."""
    stub = stubs.get(sha or "")
    return stub.lines if isinstance(stub, ParsedStub) else {}


def head_waivers(stubs: Mapping[str, StubFile], sha: str = HEAD) -> tuple[Waiver, ...]:
    """Return the waivers at the head of the default branch, or at `sha`; none where they cannot be read."""
    stub = stubs.get(sha)
    return stub.waivers if isinstance(stub, ParsedStub) else ()


def head_owners(stubs: Mapping[str, StubFile]) -> Mapping[str, str]:
    """Return the owner of each model as the head of the default branch names it; empty where it cannot be read."""
    stub = stubs.get(HEAD)
    return stub.owners if isinstance(stub, ParsedStub) else {}


def head_problem(stubs: Mapping[str, StubFile], path: str) -> str | None:
    """Return why the waivers at the head of the default branch cannot be read; None where they can."""
    stub = stubs.get(HEAD)
    return stub.problem_at(_name(path, HEAD)) if isinstance(stub, UnreadableStub) else None


def required_models(
    models: Iterable[str],
    code: Iterable[CodeRecord],
    stubs: Mapping[str, StubFile],
    proposal: Proposal | None,
    *,
    since: datetime,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the models that the registry must know, and those that only older stubs or a pull request name.

    A model that left the registry after an old release must not stop every run of today, unless that release is live. A
    model that is named only by a commit that is not live yet is left to the merge gate.
    """
    released = [record for record in code if record.outcome is not Outcome.FAILED]
    recent = {record.sha for record in released if record.shipped_at >= since}
    live = max(released, key=lambda record: (record.shipped_at, record.id), default=None)
    recent |= set() if live is None else {live.sha}
    if proposal is not None and not proposal.is_merge:
        recent.discard(proposal.head_sha)
    required, optional = set(models), set()
    for sha, stub in stubs.items():
        named = set(required_by(stub))
        if sha in recent:
            required |= named
        elif sha != HEAD or (proposal is not None and proposal.is_merge):
            optional |= named
    return tuple(sorted(required)), tuple(sorted(optional - required))


def named_models(stubs: Mapping[str, StubFile]) -> set[str]:
    """Return every model that any of these stubs requires."""
    return set().union(*map(required_by, stubs.values()))


def required_by(stub: StubFile) -> tuple[str, ...]:
    """Return the models that a stub requires; none without a valid stub."""
    if not isinstance(stub, ParsedStub):
        return ()
    return tuple(item.model for item in stub.requirements if item.rule is not Rule.NONE)


def not_applied(bundle: Bundle) -> tuple[str, ...]:
    """Return the models of the default branch's stub that `models` does not name, or not in the required version.

    Empty where stubs apply: to all releases but those of a code file, whose commits may be of another repository.
    """
    stub = bundle.stubs.get(HEAD)
    if bundle.terms.code_source or not isinstance(stub, ParsedStub):
        return ()
    applied = {(model, Rule.ANY) for model in bundle.terms.models}
    others = (item for item in stub.requirements if (item.model, item.rule) not in applied)
    return tuple(sorted(item.model for item in others if item.rule is not Rule.NONE))


def _name(path: str, sha: str) -> str:
    return f"{path} at {sha[:12]}"
