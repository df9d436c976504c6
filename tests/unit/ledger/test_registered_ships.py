"""Versions that shipped by being registered, and were stamped later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from flowjoy.domain import AliasObservation, CodeRecord, ModelRecord, ModelVersion, Precision
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.records import Records
from flowjoy.ledger.registered_ships import before_stamps, notes
from flowjoy.ledger.source_gone import with_models
from tests.builders import MODEL, a_bundle, a_deploy, a_ship, at

IDS = frozenset({"model:recommender/2"})


def terms(signal: str = "registered") -> RunParameters:
    return replace(a_bundle().terms, models=(MODEL,), model_signal=signal, sla_hours=48)


def registered(hours: float, version: str) -> ModelRecord:
    return a_ship(
        hours, version, id=f"model:{MODEL}/{version}", precision=Precision.REGISTERED, registered_at=at(hours)
    )


def stamped(record: ModelRecord, hours: float) -> ModelRecord:
    return replace(record, shipped_at=at(hours), precision=Precision.EXACT)


def decided(
    code: Sequence[CodeRecord], memory: Records, *found: ModelRecord, signal: str = "registered"
) -> frozenset[str]:
    """The ids of the versions that had shipped by registration."""
    known = replace(memory, code=tuple(code))
    before = before_stamps(known, found, terms(signal), at(200), tuple)
    for record in found:
        if record.id in before:
            assert before[record.id] == replace(
                record,
                shipped_at=record.registered_at or record.shipped_at,
                not_before=None,
                precision=Precision.REGISTERED,
                stamp=None,
                maybe_copy=signal != "registered",
            )
    return frozenset(before)


@pytest.mark.parametrize("hours", [61, 130, 150])
def test_before_stamps__a_stamp_does_not_serve_a_later_deploy_with_a_version_that_kept_a_promise(
    hours: float,
) -> None:
    deploys = [a_deploy(0), a_deploy(60)]
    old = registered(10, "2")
    assert decided(deploys, Records(code=tuple(deploys), models=(old,)), stamped(old, hours)) == IDS
    # The later deploy is newer than the ledger.
    assert decided(deploys, Records(code=(deploys[0],), models=(old,)), stamped(old, hours)) == IDS


def test_before_stamps__a_stamp_does_not_break_the_promise_that_the_registration_kept() -> None:
    memory = Records(code=(a_deploy(0),), models=(registered(10, "2"),))
    assert decided(memory.code, memory, stamped(registered(10, "2"), 49)) == IDS


def test_before_stamps__a_late_registration_is_not_new_once_more_either() -> None:
    memory = Records(code=(a_deploy(0),), models=(registered(60, "2"),))
    assert decided([a_deploy(0), a_deploy(120)], memory, stamped(registered(60, "2"), 130)) == IDS


def test_before_stamps__a_stamp_in_time_says_when_the_version_went_live() -> None:
    memory = Records(code=(a_deploy(0),), models=(registered(10, "2"),))
    assert decided(memory.code, memory, stamped(registered(10, "2"), 30)) == frozenset()


def test_before_stamps__a_version_that_waited_for_its_deploy_ships_when_it_is_stamped() -> None:
    # Registered at 10, validated for days: it kept no promise before the release at 100.
    waited = registered(10, "2")
    memory = Records(code=(a_deploy(100),), models=(waited,))
    assert decided(memory.code, memory, stamped(waited, 130)) == frozenset()


def test_before_stamps__the_registry_shows_without_a_ledger_which_promise_the_registration_kept() -> None:
    assert decided([a_deploy(0), a_deploy(100)], Records(), stamped(registered(10, "2"), 130)) == IDS
    assert decided([a_deploy(100)], Records(), stamped(registered(10, "2"), 130)) == frozenset()
    # Under another signal a registration is no ship.
    assert decided([a_deploy(0)], Records(), stamped(registered(10, "2"), 130), signal="tag:prod") == frozenset()


def test_before_stamps__a_version_that_a_newer_one_replaced_was_live_before_its_stamp() -> None:
    old, newer = stamped(registered(10, "2"), 130), registered(110, "3")
    assert decided([], Records(), old, newer) == IDS
    assert decided([], Records(), old, registered(5, "1")) == frozenset()
    assert decided([], Records(), old, registered(140, "3")) == frozenset()


def test_before_stamps__what_an_earlier_run_decided_stays() -> None:
    old, moved = registered(10, "2"), stamped(registered(10, "2"), 130)
    listed = [ModelVersion(name=MODEL, version="2", ready=True, registered_at=at(10))]
    memory, before = Records(models=(old,)), {moved.id: old}
    shown = with_models(memory, [moved], [MODEL], listed, {}, before)
    assert [(item.shipped_at, item.precision) for item in shown] == [
        (at(10), Precision.REGISTERED),
        (at(130), Precision.EXACT),
    ]
    again = Records(models=shown)
    assert decided([], again, moved) == IDS
    assert with_models(again, [moved], [MODEL], listed, {}, before) == shown
    assert "recommender v2: shipped when registered" in notes(shown, "registered")[0]
    assert "shipped before its stamp, by its registration or an earlier model-signal" in notes(shown, "tag:prod")[0]
    assert notes([moved], "registered") == ()


def test_before_stamps__a_version_of_a_model_that_was_made_again_is_another_one() -> None:
    deploys = [a_deploy(0), a_deploy(60)]
    memory = Records(code=tuple(deploys), models=(registered(10, "2"),))
    assert decided(deploys, memory, stamped(registered(10, "2"), 100)) == IDS
    assert decided(deploys[1:], memory, stamped(registered(70, "2"), 100)) == frozenset()


def test_before_stamps__a_change_of_signal_makes_no_version_new_whose_stamp_claims_what_no_run_saw() -> None:
    memory = Records(code=(a_deploy(0),), models=(registered(-100, "2"),))
    honest = replace(stamped(registered(-100, "2"), 30), stamp="prod=2024-06-04T15:00:00Z")
    written_later = replace(honest, shipped_at=at(51), not_before=at(50))
    assert decided(memory.code, memory, written_later, signal="tag:prod") == IDS
    assert decided(memory.code, memory, honest, signal="tag:prod") == frozenset()


def test_before_stamps__a_version_that_runs_saw_live_by_an_alias_is_not_new_by_its_stamp() -> None:
    look = AliasObservation(model=MODEL, signal="alias:production", at=at(20), version="2", registered_at=at(10))
    assert decided([], Records(observations=(look,)), stamped(registered(10, "2"), 30)) == IDS
    assert decided([], Records(observations=(look,)), stamped(registered(10, "2"), 15)) == frozenset()


def test_before_stamps__what_an_earlier_run_decided_stays_after_the_stamp_was_moved() -> None:
    old = registered(10, "2")
    again = replace(stamped(old, 30), id=f"{old.id}@2024-06-04T15:00:00Z")
    assert decided([], Records(models=(old, again)), stamped(old, 40)) == IDS
    assert decided([], Records(models=(old,)), stamped(old, 40)) == frozenset()


@pytest.mark.parametrize("precision", [Precision.EXACT, Precision.OBSERVED])
def test_before_stamps__what_shipped_by_an_earlier_signal_is_not_new_by_another(precision: Precision) -> None:
    number = f"model:{MODEL}/2"
    old = a_ship(-50, "2", id=number, precision=precision, registered_at=at(-100), stamp="a=2024-06-01T07:00:00Z")
    found = a_ship(10, "2", id=number, registered_at=at(-100), stamp="b=2024-06-03T19:00:00Z")
    memory = Records(models=(old,))
    assert before_stamps(memory, [found], terms("tag:b"), at(99), tuple) == {number: replace(old, maybe_copy=True)}
    listed = [ModelVersion(name=MODEL, version="2", ready=True, registered_at=at(-100))]
    shown = with_models(Records(), [found], [MODEL], listed, {}, {number: old})
    assert [(item.shipped_at, item.precision) for item in shown] == [(at(-50), precision), (at(10), Precision.EXACT)]
