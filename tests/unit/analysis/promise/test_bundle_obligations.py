"""The obligations of one bundle: by its own signal, and not fulfilled by what only the ledger remembers."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CodeRecord, ModelRecord, Status
from tests.builders import a_bundle, a_deploy, a_ship, a_stub_file, at


def statuses(code: list[CodeRecord], models: list[ModelRecord], **changes: Any) -> list[Status]:
    return [item.status for item in analyse(a_bundle(code, models, until=at(100), **changes)).obligations]


@pytest.mark.parametrize(("signal", "status"), [("registered", Status.MET), ("alias:production", Status.BREACHED)])
def test_pin__to_an_older_version_is_met_only_where_every_version_stays_live(signal: str, status: Status) -> None:
    stubs = {"a": a_stub_file('{"models": {"recommender": "7"}}')}
    ships = [a_ship(-90, "7"), a_ship(-80, "8")]
    assert statuses([a_deploy(0, "a")], ships, stubs=stubs, terms={"model_signal": signal}) == [status]


def test_ship__that_only_the_ledger_remembers_closes_nothing() -> None:
    assert statuses([a_deploy()], [a_ship(10)]) == [Status.MET]
    assert statuses([a_deploy()], [a_ship(10, source_gone=True)]) == [Status.BREACHED]
    assert statuses([a_deploy()], [a_ship(10, source_gone=True), a_ship(60)]) == [Status.LATE]


def test_rollback__that_only_the_ledger_remembers_cancels_nothing() -> None:
    code = [a_deploy(0, "a"), a_deploy(1, "b")]
    ships = [a_ship(-1)]
    assert statuses([*code, a_deploy(5, "a", id="back")], ships)[1] is Status.CANCELLED
    assert statuses([*code, a_deploy(5, "a", id="back", source_gone=True)], ships)[1] is Status.BREACHED
