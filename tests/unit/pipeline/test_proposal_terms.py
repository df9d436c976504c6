from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flowjoy.config.settings import Settings
from flowjoy.domain.bundle import RunParameters
from flowjoy.pipeline.proposal_terms import Applied, own, stricter
from tests.builders import a_bundle, some_settings

WORKSPACE = Path("/tmp")


def trusted(**changes: Any) -> RunParameters:
    """The terms of a run of the default branch with the default inputs."""
    return replace(a_bundle().terms, flag_label="feature-flag", **changes)


def judged(*known: RunParameters, given: Settings | None = None, edited: bool = True, **inputs: Any) -> Applied:
    settings = given or some_settings(WORKSPACE, models="recommender", **inputs)
    asked = trusted(code_source=known[0].code_source, model_source=known[0].model_source) if known else trusted()
    return stricter(settings, asked, known, edited=edited)


def test_own__settings_of_the_default_branch_apply_as_they_are() -> None:
    settings = some_settings(WORKSPACE, enforce="false", sla_since="2026-01-01")
    assert own(settings) == Applied(settings=settings, own_stub="flowjoy.json", flag_labels=("feature-flag",))


def test_terms__that_are_the_same_say_nothing() -> None:
    given = some_settings(WORKSPACE, models="recommender")
    applied = judged(trusted(), given=given)
    assert (applied.messages, applied.compared, applied.other_stubs) == ((), True, ())
    assert applied.settings == given


def test_as_of__of_a_proposal_is_ignored() -> None:
    dry = judged(trusted(), as_of="2026-03-01T00:00:00Z")
    assert dry.settings.as_of is None
    assert dry.messages == ("as-of is ignored: code that asks to be merged is judged now",)
    assert judged(as_of="2026-03-01T00:00:00Z", edited=False).messages == dry.messages


@pytest.mark.parametrize(
    ("mine", "theirs", "applies"), [("true", False, True), ("false", True, True), ("false", False, False)]
)
def test_enforce__holds_if_either_side_says_so(mine: str, *, theirs: bool, applies: bool) -> None:
    applied = judged(trusted(enforce=theirs), enforce=mine)
    assert applied.settings.enforce is applies
    assert any("enforce 'false' would be milder" in text for text in applied.messages) is (mine == "false" and theirs)


def test_enforce__holds_if_one_of_several_trusted_runs_says_so() -> None:
    assert judged(trusted(enforce=False), trusted(enforce=True), enforce="false").settings.enforce


@pytest.mark.parametrize(("mine", "theirs", "applies"), [("24", 48.0, 24), ("72", 48.0, 48), ("72", 96.0, 72)])
def test_sla_hours__the_shorter_ones_apply(mine: str, theirs: float, applies: float) -> None:
    applied = judged(trusted(sla_hours=theirs), sla_hours=mine)
    assert applied.settings.sla_hours == applies
    assert bool(applied.messages) is (float(mine) > theirs)


def test_sla_hours__of_several_trusted_runs_the_shortest_apply() -> None:
    assert judged(trusted(sla_hours=48.0), trusted(sla_hours=12.0)).settings.sla_hours == 12


DAY = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mine", "theirs", "applies"),
    [
        ("", None, None),
        ("", DAY, None),
        ("2026-01-05", DAY, date(2026, 1, 5)),
        ("2026-01-10", DAY, date(2026, 1, 10)),
        ("2026-01-11", DAY, date(2026, 1, 10)),
        ("2026-01-05", None, None),
    ],
)
def test_sla_since__the_earlier_day_applies_and_none_is_the_earliest(
    mine: str, theirs: datetime | None, applies: date | None
) -> None:
    given: dict[str, Any] = {"sla_since": mine} if mine else {}
    applied = judged(trusted(sla_since=theirs), **given)
    assert applied.settings.sla_since == applies
    assert any("sla-since" in text for text in applied.messages) is (str(applies or "") != mine)


def test_sla_since__of_several_trusted_runs_the_earliest_applies_and_one_without_is_the_earliest() -> None:
    later = DAY.replace(day=20)
    both = judged(trusted(sla_since=later), trusted(sla_since=DAY), sla_since="2026-02-01")
    assert both.settings.sla_since == date(2026, 1, 10)
    assert judged(trusted(sla_since=later), trusted(sla_since=None), sla_since="2026-02-01").settings.sla_since is None


def test_sla_since__is_a_day_in_the_time_zone_of_the_report() -> None:
    midnight = datetime(2026, 1, 9, 23, tzinfo=UTC)  # the tenth in Berlin
    same = judged(trusted(sla_since=midnight), sla_since="2026-01-10", timezone="Europe/Berlin")
    assert (same.settings.sla_since, same.messages) == (date(2026, 1, 10), ())
    applied = judged(trusted(sla_since=midnight), sla_since="2026-01-11", timezone="Europe/Berlin")
    assert applied.settings.sla_since == date(2026, 1, 10)


def test_stub__of_the_default_branch_is_judged_and_the_proposal_s_own_as_well() -> None:
    applied = judged(trusted(model_stub="flowjoy.json"), model_stub="other.json")
    assert (applied.settings.model_stub, applied.own_stub, applied.other_stubs) == (
        "flowjoy.json",
        "other.json",
        ("other.json",),
    )
    (sentence,) = applied.messages
    assert "applies as well until this is merged" in sentence


def test_stub__of_each_trusted_run_is_judged() -> None:
    applied = judged(trusted(model_stub="new.json"), trusted(model_stub="old.json"), model_stub="new.json")
    assert (applied.settings.model_stub, applied.other_stubs) == ("new.json", ("old.json",))


def test_signal__of_the_newest_trusted_run_applies() -> None:
    applied = judged(trusted(model_signal="alias:prod"), trusted(model_signal="registered"))
    assert applied.settings.model_signal == "alias:prod"
    assert "model-signal 'registered' would be milder" in applied.messages[0]


def test_models_and_flag_paths__of_every_side_apply_each_once() -> None:
    known = [trusted(models=("ranker", "recommender"), flag_paths=("flags/*",)), trusted(models=("search",))]
    applied = judged(*known, flag_paths="flags/*,config/*")
    assert applied.settings.models == ("recommender", "ranker", "search")
    assert applied.settings.flag_paths == ("config/*", "flags/*")
    assert [text.partition(" ")[0] for text in applied.messages] == ["models"]


@pytest.mark.parametrize(
    ("mine", "theirs", "applies"),
    [("", (None,), None), ("qa=ok", (None,), "qa=ok"), ("", ("qa=ok",), "qa=ok"), ("mine=1", (None, "qa=ok"), "qa=ok")],
)
def test_validated_tag__of_the_default_branch_applies_if_it_has_one(
    mine: str, theirs: tuple[str | None, ...], applies: str | None
) -> None:
    known = [trusted(model_validated_tag=tag) for tag in theirs]
    given: dict[str, Any] = {"model_validated_tag": mine} if mine else {}
    applied = judged(*known, **given)
    assert applied.settings.model_validated_tag == applies


@pytest.mark.parametrize(
    ("theirs", "labels", "named"),
    [
        ("feature-flag", ("feature-flag",), False),
        ("Feature-Flag", ("feature-flag",), False),
        ("flag", ("flag", "feature-flag"), True),
    ],
)
def test_flag_labels__of_both_sides_mark_a_feature_flag(theirs: str, labels: tuple[str, ...], *, named: bool) -> None:
    applied = judged(replace(trusted(), flag_label=theirs))
    assert applied.flag_labels == labels
    assert any("flag-label" in text for text in applied.messages) is named


# No trusted run is known


@pytest.mark.parametrize(
    ("inputs", "ignored"),
    [
        ({}, 0),
        ({"enforce": "false"}, 1),
        ({"sla_since": "2026-01-01"}, 1),
        ({"enforce": "false", "sla_since": "2026-01-01"}, 2),
    ],
)
def test_unknown__a_proposal_must_not_soften_its_own_check(inputs: dict[str, Any], ignored: int) -> None:
    applied = judged(**inputs)
    assert (applied.settings.enforce, applied.settings.sla_since, applied.compared) == (True, None, False)
    assert len(applied.messages) == ignored
    assert all("Run FlowJoy on the default branch once" in text for text in applied.messages)


def test_unknown__settings_that_a_proposal_cannot_edit_stay() -> None:
    applied = judged(edited=False, enforce="false", sla_since="2026-01-01")
    assert (applied.settings.enforce, applied.settings.sla_since) == (False, date(2026, 1, 1))
    assert (applied.compared, applied.messages) == (False, ())
