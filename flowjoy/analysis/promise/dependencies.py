"""From stub texts to what each sha depends on. Pure; knows stubs and records, no source and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from flowjoy.analysis.promise.merge_gate import BranchStub
from flowjoy.analysis.promise.model_stub import Stub, parse
from flowjoy.analysis.promise.obligations import LONGEST_WAIVER, void_because
from flowjoy.domain import CodeRecord, ModelDependencies, Outcome, Proposal, Requirement, Rule, StubFile, Waiver
from flowjoy.errors import StubError

HEAD = "HEAD"


def dependencies_of(
    models: Iterable[str], stubs: Mapping[str, StubFile], path: str, sighted: Iterable[Waiver] = ()
) -> ModelDependencies:
    """What every sha depends on: its stub, else `models`. Waivers come from the sha's own stub and from HEAD.

    `sighted`: waivers of HEAD with the first sight of each; one that is no longer at HEAD holds no longer.
    """
    seen_at = {replace(waiver, seen_at=None): waiver.seen_at for waiver in sighted}
    by_sha: dict[str, tuple[Requirement, ...]] = {}
    unreadable: dict[str, str] = {}
    waivers = []
    for sha, held in stubs.items():
        stub = _read(held, path, sha)
        if isinstance(stub, str):
            unreadable[sha] = stub
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


def side_of(stubs: Mapping[str, StubFile], sha: str, path: str, models: Iterable[str]) -> BranchStub:
    """One side of a pull request. Without a stub there, `models` says what the code depends on."""
    held = stubs.get(sha)
    try:
        stub = None if held is None or held.text is None else parse(held.text, path)
    except StubError as problem:
        return BranchStub(present=True, problem=str(problem), problem_line=problem.line)
    if held is not None and held.problem is not None:
        return BranchStub(present=True, problem=held.problem)
    if stub is None:
        return BranchStub(requirements={name: Requirement(model=name) for name in models})
    return BranchStub(
        present=True,
        requirements={item.model: item for item in stub.requirements},
        lines=stub.lines,
        waivers=len(stub.waivers),
    )


def stub_lines(stubs: Mapping[str, StubFile], sha: str | None, path: str) -> Mapping[str, int]:
    """The line of each model in the stub at one sha; empty where there is no valid one."""
    stub = _read(stubs.get(sha or "", StubFile()), path, sha or "")
    return stub.lines if isinstance(stub, Stub) else {}


def head_waivers(stubs: Mapping[str, StubFile], path: str) -> tuple[Waiver, ...]:
    """The waivers at the head of the default branch; none where they cannot be read."""
    stub = _read(stubs.get(HEAD, StubFile()), path, HEAD)
    return stub.waivers if isinstance(stub, Stub) else ()


def void_waivers(stubs: Mapping[str, StubFile], path: str, as_of: datetime) -> tuple[str, ...]:
    """Return a sentence for each waiver at the head of the default branch that ends too far ahead to hold."""
    void = (waiver for waiver in head_waivers(stubs, path) if waiver.until > as_of + LONGEST_WAIVER)
    return tuple(f"the waiver of {waiver.model} by {waiver.by} is void: {void_because(waiver)}" for waiver in void)


def idle_waivers(stubs: Mapping[str, StubFile], path: str, models: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for each waiver at the head of the default branch whose model no stub and no input names."""
    known = sorted({*models, *named_models(stubs)})
    return tuple(
        dict.fromkeys(_idle(waiver, known) for waiver in head_waivers(stubs, path) if waiver.model not in known)
    )


def _idle(waiver: Waiver, known: list[str]) -> str:
    lead = f"the waiver of {waiver.model!r} by {waiver.by} has no effect: "
    near = get_close_matches(waiver.model, known, n=1)
    if waiver.model == "*":
        return f"{lead}a waiver names one model. Write one for each: {', '.join(known) or 'no model is required'}"
    cure = f"Did you mean {near[0]!r}?" if near else f"Name one of: {', '.join(known) or 'no model is required'}"
    return f"{lead}no release requires this model. {cure}"


def head_problem(stubs: Mapping[str, StubFile], path: str) -> str | None:
    """Why the waivers at the head of the default branch cannot be read; None where they can."""
    held = _read(stubs.get(HEAD, StubFile()), path, HEAD)
    return held if isinstance(held, str) else None


def required_models(
    models: Iterable[str],
    code: Iterable[CodeRecord],
    stubs: Mapping[str, StubFile],
    proposal: Proposal | None,
    *,
    since: datetime,
    path: str,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The models that the registry must know, and those that it may: named by older stubs or by a pull request.

    A model that left the registry with a release of long ago must not stop every run of today. One that only a commit
    names which is not live yet is the gate's to refuse.
    """
    recent = {record.sha for record in code if record.outcome is not Outcome.FAILED and record.shipped_at >= since}
    if proposal is not None and not proposal.is_merge:
        recent.discard(proposal.head_sha)
    must, may = set(models), set()
    for sha, held in stubs.items():
        named = _named(_read(held, path, sha))
        if sha in recent:
            must |= named
        elif sha != HEAD or (proposal is not None and proposal.is_merge):
            may |= named
    return tuple(sorted(must)), tuple(sorted(may - must))


def named_models(stubs: Mapping[str, StubFile]) -> set[str]:
    """Return every model that any of these stubs requires."""
    return set().union(*(_named(_read(held, "", sha)) for sha, held in stubs.items()))


def _named(stub: Stub | str | None) -> set[str]:
    if not isinstance(stub, Stub):
        return set()
    return {item.model for item in stub.requirements if item.rule is not Rule.NONE}


def _read(held: StubFile, path: str, sha: str) -> Stub | str | None:
    """The stub, why there is no telling, or None where no such file is."""
    if held.problem is not None:
        return held.problem
    if held.text is None:
        return None
    try:
        return parse(held.text, f"{path} at {sha[:12]}")
    except StubError as problem:
        return str(problem)
