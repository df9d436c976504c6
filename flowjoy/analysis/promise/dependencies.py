"""The models that each commit depends on, from its stub or the input `models`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flowjoy.analysis.promise.merge_gate import BranchStub
from flowjoy.analysis.promise.model_stub import Stub, parse
from flowjoy.domain import CodeRecord, ModelDependencies, Outcome, Proposal, Requirement, Rule, StubFile, Waiver
from flowjoy.errors import StubError

HEAD = "HEAD"


@dataclass(frozen=True)
class UnreadableStub:
    """A stub that exists but cannot be read, and why."""

    problem: str


def dependencies_of(
    models: Iterable[str], stubs: Mapping[str, StubFile], path: str, first_seen: Iterable[Waiver] = ()
) -> ModelDependencies:
    """Return what every sha depends on: its stub, else `models`. Waivers come from the sha's own stub and from HEAD.

    `first_seen`: waivers of HEAD with the time when each was first seen. A waiver that left HEAD no longer holds.
    """
    seen_at = {replace(waiver, seen_at=None): waiver.seen_at for waiver in first_seen}
    by_sha: dict[str, tuple[Requirement, ...]] = {}
    unreadable: dict[str, str] = {}
    waivers = []
    for sha, file in stubs.items():
        stub = _parsed(file, path, sha)
        if isinstance(stub, UnreadableStub):
            unreadable[sha] = stub.problem
        elif stub is not None:
            by_sha[sha] = stub.requirements
            waivers += [
                replace(waiver, seen_at=seen_at.get(waiver)) if sha == HEAD else replace(waiver, standing_for=sha)
                for waiver in stub.waivers
            ]
    by_sha.pop(HEAD, None)
    unreadable.pop(HEAD, None)
    return ModelDependencies(
        default=tuple(Requirement(model=name) for name in models),
        by_sha=by_sha,
        unreadable=unreadable,
        gone=frozenset(sha for sha in unreadable if stubs[sha].commit_is_gone),
        waivers=tuple(waivers),
    )


def branch_stub(stubs: Mapping[str, StubFile], sha: str, path: str, models: Iterable[str]) -> BranchStub:
    """Return the stub of one side of a pull request. Without a stub, the code depends on `models`."""
    file = stubs.get(sha, StubFile())
    try:
        stub = None if file.text is None else parse(file.text, path)
    except StubError as problem:
        return BranchStub(present=True, problem=str(problem), problem_line=problem.line)
    if file.problem is not None:
        return BranchStub(present=True, problem=file.problem)
    if stub is None:
        return BranchStub(requirements={name: Requirement(model=name) for name in models})
    return BranchStub(
        present=True,
        requirements={item.model: item for item in stub.requirements},
        lines=stub.lines,
        waivers=len(stub.waivers),
    )


def stub_lines(stubs: Mapping[str, StubFile], sha: str | None, path: str) -> Mapping[str, int]:
    """Return the line of each model in the stub at one sha; empty without a valid stub."""
    stub = _parsed(stubs.get(sha or "", StubFile()), path, sha or "")
    return stub.lines if isinstance(stub, Stub) else {}


def head_waivers(stubs: Mapping[str, StubFile], path: str, sha: str = HEAD) -> tuple[Waiver, ...]:
    """Return the waivers at the head of the default branch, or at `sha`; none where they cannot be read."""
    stub = _parsed(stubs.get(sha, StubFile()), path, sha)
    return stub.waivers if isinstance(stub, Stub) else ()


def head_owners(stubs: Mapping[str, StubFile], path: str) -> Mapping[str, str]:
    """Return the owner of each model as the head of the default branch names it; empty where it cannot be read."""
    stub = _parsed(stubs.get(HEAD, StubFile()), path, HEAD)
    return stub.owners if isinstance(stub, Stub) else {}


def head_problem(stubs: Mapping[str, StubFile], path: str) -> str | None:
    """Return why the waivers at the head of the default branch cannot be read; None where they can."""
    stub = _parsed(stubs.get(HEAD, StubFile()), path, HEAD)
    return stub.problem if isinstance(stub, UnreadableStub) else None


def required_models(
    models: Iterable[str],
    code: Iterable[CodeRecord],
    stubs: Mapping[str, StubFile],
    proposal: Proposal | None,
    *,
    since: datetime,
    path: str,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the models that the registry must know, and those that only older stubs or a pull request name.

    A model that left the registry after an old release must not stop every run of today. A model that is named only by
    a commit that is not live yet is left to the merge gate.
    """
    recent = {record.sha for record in code if record.outcome is not Outcome.FAILED and record.shipped_at >= since}
    if proposal is not None and not proposal.is_merge:
        recent.discard(proposal.head_sha)
    required, optional = set(models), set()
    for sha, file in stubs.items():
        named = _named(_parsed(file, path, sha))
        if sha in recent:
            required |= named
        elif sha != HEAD or (proposal is not None and proposal.is_merge):
            optional |= named
    return tuple(sorted(required)), tuple(sorted(optional - required))


def named_models(stubs: Mapping[str, StubFile]) -> set[str]:
    """Return every model that any of these stubs requires."""
    return set().union(*(_named(_parsed(file, "", sha)) for sha, file in stubs.items()))


def _named(stub: Stub | UnreadableStub | None) -> set[str]:
    if not isinstance(stub, Stub):
        return set()
    return {item.model for item in stub.requirements if item.rule is not Rule.NONE}


def _parsed(file: StubFile, path: str, sha: str) -> Stub | UnreadableStub | None:
    """Return the stub; None where the file does not exist."""
    if file.problem is not None:
        return UnreadableStub(file.problem)
    if file.text is None:
        return None
    try:
        return parse(file.text, f"{path} at {sha[:12]}")
    except StubError as problem:
        return UnreadableStub(str(problem))
