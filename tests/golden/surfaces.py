"""The states of a service whose banner, comment and checks stand in `surfaces.txt`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from flowjoy.analysis.results import Results, analyse, with_gate
from flowjoy.domain import CoverageState, Waiver
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.report.checks import gate_check, promise_check, settled_check
from flowjoy.report.content.report import report_of
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.surfaces import comment
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, a_stub_file, at
from tests.unit.report.rendered import read

SHA, OTHER = "a" * 40, "b" * 40
PULL_REQUEST = Links(
    repository="https://github.com/acme/shop",
    documentation="https://github.com/acme/flowjoy/blob/v1/docs",
    check="https://github.com/acme/shop/commit/c/checks",
    run="https://github.com/acme/shop/actions/runs/1",
    pull_request=7,
)
WAIVER = {"model": "recommender", "sha": "*", "reason": "holiday freeze", "by": "data platform"}
NOT_READY = GateFinding(
    level=GateLevel.FAILURE,
    text=(
        "recommender: version 2 is not READY. Pin a READY version in flowjoy.json, or wait until the data team has "
        "made this one READY"
    ),
)


def _states() -> Iterator[tuple[str, Results, Links]]:
    deploy, ship = a_deploy(0, SHA), a_ship(1, "7")
    overdue = a_bundle([deploy], [], until=at(50), terms={"model_source": "mlflow"})
    kept = analyse(a_bundle([deploy], [ship], until=at(9)))
    ahead = ("merging starts a 48 h clock for recommender; its last ship took 31 h",)
    head = a_stub_file(json.dumps({"models": {}, "waivers": [{**WAIVER, "until": at(200).isoformat()}]}))
    waived = replace(overdue, stubs={"HEAD": head}, waivers=(Waiver(**WAIVER, until=at(200), seen_at=at(1)),))
    unread = a_coverage(
        "models (MLflow registry)",
        CoverageState.FAILED,
        reason="the registry refused the credentials (401)",
        hint="check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    )
    yield "never deployed", analyse(a_bundle([], [], until=at(50))), NOWHERE
    of_github = {"models": (), "code_source": "deployments of production"}
    yield "nothing declared", analyse(a_bundle([deploy], [], until=at(9), terms=of_github)), NOWHERE
    yield "nothing declared for a code file", analyse(a_bundle([deploy], until=at(9), terms={"models": ()})), NOWHERE
    yield "kept", kept, NOWHERE
    yield "shipped late", analyse(a_bundle([deploy], [a_ship(80, "7")], until=at(90))), NOWHERE
    yield "pending", analyse(a_bundle([deploy, a_deploy(1, OTHER)], [], until=at(10))), NOWHERE
    yield "at risk", analyse(a_bundle([deploy], [], until=at(40))), NOWHERE
    yield "overdue", analyse(overdue), NOWHERE
    yield "overdue and not enforced", analyse(a_bundle([deploy], [], until=at(50), terms={"enforce": False})), NOWHERE
    yield "waived", analyse(waived), NOWHERE
    yield "a source could not be read", analyse(replace(overdue, coverage=(a_coverage("code"), unread))), NOWHERE
    yield (
        "pull request while a model is overdue",
        with_gate(analyse(overdue), MergeGate(findings=(), forecast=ahead, is_merge=True)),
        PULL_REQUEST,
    )
    yield "pull request that is refused", with_gate(kept, MergeGate(findings=(NOT_READY,), is_merge=True)), PULL_REQUEST


def sentences() -> Iterator[str]:
    """Yield what each state says: the comment as it reads, and the title of each check with its conclusion."""
    for name, results, links in _states():
        report = report_of(results, links)
        yield f"==== {name}\n"
        own = promise_check(results, SHA, report, stub_path="flowjoy.json", lines={})
        yield f"48 h SLA, {own.conclusion}: {own.title}"
        if (settled := settled_check(results, SHA, links)) is not None:
            yield f"48 h SLA of the release, {settled.conclusion}: {settled.title}"
        if results.gate is not None:
            gate = gate_check(results.gate, SHA, results, stub_path="flowjoy.json", links=links)
            yield f"model dependency, {gate.conclusion}: {gate.title}"
        yield f"\n{read(comment(report))}"
