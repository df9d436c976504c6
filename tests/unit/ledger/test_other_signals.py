"""Ships by another signal are kept: they are no ships now, but what was live before is not new."""

from __future__ import annotations

import pytest

from flowjoy.domain import Precision
from flowjoy.domain.records import Records
from flowjoy.ledger.other_signals import is_by, not_judged, of_signal
from tests.builders import a_ship

REGISTERED = a_ship(0, "1", precision=Precision.REGISTERED)
OBSERVED = a_ship(0, "2", precision=Precision.OBSERVED)
TAGGED = a_ship(0, "3", stamp="prod=2024-06-03T09:00:00Z")
STAMPED = a_ship(0, "4", stamp="flowjoy.deployed_at=2024-06-03T09:00:00Z")
EVERY = (REGISTERED, OBSERVED, TAGGED, STAMPED)


@pytest.mark.parametrize(
    ("signal", "numbers"),
    [("registered", "14"), ("alias:live", "24"), ("stage:Production", "24"), ("tag:prod", "34"), ("tag:other", "4")],
)
def test_signal__each_ship_is_by_its_own_and_a_stamp_of_flowjoy_by_every_one(signal: str, numbers: str) -> None:
    memory = Records(models=EVERY)
    assert [item.version for item in of_signal(memory, signal).models] == list(numbers)
    others = [item for item in EVERY if not is_by(item, signal)]
    assert not_judged(memory, ["recommender"], signal, []) == tuple(others)
    assert not_judged(memory, [], signal, EVERY) == EVERY


def test_not_judged__a_version_that_this_run_judges_is_not() -> None:
    memory = Records(models=EVERY)
    known = [a_ship(5, "1", stamp="prod=2024-06-03T14:00:00Z")]
    assert not_judged(memory, ["recommender"], "tag:prod", known) == (OBSERVED,)
