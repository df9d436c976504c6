"""Ten times the input takes about ten times the work: no rule compares everything with everything."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flowjoy.analysis.results import Results, analyse
from flowjoy.config.inputs import declared
from flowjoy.domain import Status
from flowjoy.domain.bundle import Bundle
from flowjoy.ledger.bundle_file import bundle_bytes
from tests.builders import a_bundle, a_deploy, a_ship, a_stub_file
from tests.unit.report.rendered import summary

SHA = "a" * 40


def one_stub(models: int, *, ships: bool) -> Bundle:
    """One release that depends on so many models, each shipped by itself where `ships`."""
    names = [f"m{n}" for n in range(models)]
    stub = json.dumps({"models": dict.fromkeys(names, "any")}, separators=(",", ":"))
    shipped = [a_ship(1 + n / models, "1", model=name) for n, name in enumerate(names)] if ships else []
    return a_bundle([a_deploy(0, sha=SHA)], shipped, stubs={SHA: a_stub_file(text=stub)})


def many_stubs(releases: int, *, waived: bool = False) -> Bundle:
    """So many releases, each with four pins, and waivers, of its own."""
    code, ships, stubs = [], [], {}
    for n in range(releases):
        sha, names = f"{n:040x}", [f"model-{k}" for k in range(4)]
        until = {"sha": "*", "reason": "frozen", "by": "acme", "until": "2024-07-30T00:00:00Z"}
        waivers = [{"model": name, **until} for name in names] if waived else []
        stubs[sha] = a_stub_file(text=json.dumps({"models": dict.fromkeys(names, str(n + 1)), "waivers": waivers}))
        code.append(a_deploy(n / 50, sha=sha))
        ships += [] if waived else [a_ship(n / 50, str(n + 1), model=name) for name in names]
    return a_bundle(code, ships, stubs=stubs)


def rollbacks(events: int) -> Bundle:
    """Two commits that replace each other again and again, while one model ships."""
    code = [a_deploy(n / 50, sha=f"{n % 2:040x}") for n in range(events)]
    return a_bundle(code, [a_ship(n / 60, str(n + 1)) for n in range(events)], terms={"models": ("recommender",)})


def analysed(bundle: Bundle) -> Results:
    """Everything that is computed of a bundle, and what is written of it as text."""
    findings = analyse(bundle)
    bundle_bytes(findings)
    summary(findings)
    return findings


def analysed_in_time(bundle: Bundle) -> Results:
    """The same, in less CPU time than a run may take by default."""
    (allowed,) = [item.default for item in declared(Path()) if item.name == "timeout-seconds"]
    begun = time.process_time()
    results = analysed(bundle)
    assert time.process_time() - begun < float(allowed)
    return results


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of this process, the better of two."""
    taken = []
    for _ in range(2):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


KINDS: Sequence[tuple[str, Callable[[int], Bundle], int]] = [
    ("models that never shipped", lambda n: one_stub(n, ships=False), 400),
    ("models that ship one by one", lambda n: one_stub(n, ships=True), 400),
    ("stubs with pins of their own", many_stubs, 150),
    ("stubs with waivers of their own", lambda n: many_stubs(n, waived=True), 100),
    ("rollbacks", rollbacks, 300),
]


@pytest.mark.matrix
@pytest.mark.parametrize(("kind", "bundle", "size"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_find__takes_at_most_fifteen_times_as_long_for_ten_times_as_much(
    kind: str, bundle: Callable[[int], Bundle], size: int
) -> None:
    small, large = bundle(size), bundle(10 * size)
    analysed(small)  # imports and caches are filled
    assert cpu_seconds(lambda: analysed(large)) <= 15 * cpu_seconds(lambda: analysed(small))


@pytest.mark.matrix
def test_find__judges_each_of_fourteen_thousand_models() -> None:
    result = analysed_in_time(one_stub(14_000, ships=True))
    assert len(result.obligations) == 14_000
    assert {item.status for item in result.obligations} == {Status.MET}
    assert result.pairs[-1].tag is not None
    assert len(result.pairs[-1].models) == 14_000
    assert sum(len(pair.models) for pair in result.pairs) <= 100_000


@pytest.mark.matrix
def test_find__judges_each_pin_of_two_thousand_stubs() -> None:
    result = analysed_in_time(many_stubs(2_000))
    assert len(result.obligations) == 8_000
    assert {item.status for item in result.obligations} == {Status.MET}
