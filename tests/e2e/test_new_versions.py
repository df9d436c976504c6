"""Whole runs over registries in which a new version is not always a new model."""

from __future__ import annotations

import pytest

from flowjoy.domain.timestamps import iso
from tests.e2e.in_process import A, B, World, at


@pytest.mark.matrix
@pytest.mark.parametrize(("first", "second", "status"), [
    (("r1", "models:/m-1"), ("r1", "models:/m-2"), "met"),  # mlflow/mlflow#14487
    (("r1", "models:/m-1"), ("r1", "models:/m-1"), "breached"),
    ((None, "s3://models/frozen.bin"), (None, "s3://models/frozen.bin"), "breached"),  # mlflow/mlflow#19036
    ((None, "s3://models/frozen.bin"), (None, "s3://models/frozen.bin/"), "breached"),
    ((None, "s3://models/1.bin"), (None, "s3://models/2.bin"), "met"),
    (("r1", "runs:/r1/model"), ("r1", "s3://mlflow/1/r1/artifacts/model"), "breached"),
    (("r1", "models:/staging/4"), ("r2", "models:/staging/5"), "met"),  # mlflow/mlflow#15831
    (("r1", "models:/staging/4"), ("r1", "models:/staging/4"), "breached"),
    (("r1", "s3://models/1.bin"), (None, "models:/recommender/1"), "breached"),
])  # fmt: skip
def test_version__is_new_where_its_content_never_shipped(
    world: World, first: tuple[str | None, str], second: tuple[str | None, str], status: str
) -> None:
    for hours, (run_id, source) in ((-300, first), (10, second)):
        world.registry.add_version(at(hours), run_id=run_id, source="s3://placeholder/x")
        world.registry.rewrite("recommender", source=source)
    world.release(A, at())
    ran = world.run(at(50))
    assert (ran.obligation()["status"], ran.code) == (status, 0 if status == "met" else 1)


def test_stamp__of_an_older_version_is_a_rollback(world: World) -> None:
    """mlflow/mlflow#6180: back to the version that worked."""
    world.registry.add_version(at(-400))
    world.registry.add_version(at(-300), tags={"deployed": iso(at(-200))})
    world.release(A, at())
    world.registry.client.set_model_version_tag("recommender", "1", "deployed", iso(at(3)))
    ran = world.run(at(50), model_signal="tag:deployed")
    assert (ran.obligation()["status"], ran.code) == ("breached", 1)


def test_stamp__of_the_live_version_written_anew_is_no_new_model(world: World) -> None:
    world.registry.add_version(at(-300), tags={"deployed": iso(at(-200))})
    world.run(at(-10), model_signal="tag:deployed")
    world.release(A, at())
    world.registry.client.set_model_version_tag("recommender", "1", "deployed", iso(at(3)))
    for hours in (50, 51):
        ran = world.run(at(hours), model_signal="tag:deployed")
        assert (ran.obligation()["status"], ran.code) == ("breached", 1)


@pytest.mark.matrix
def test_import__is_noted_until_the_promise_begins_after_it(world: World) -> None:
    """mlflow/mlflow-export-import#238: each version was made when it was imported."""
    for minute in range(8):
        world.registry.add_version(at(-100 + minute / 60), tags={"deployed": iso(at(-900))})
    message = "recommender: 8 of 8 versions were registered between"
    assert message in world.run(at(0)).log
    after = world.run(at(0), sla_since="2026-03-01")
    assert (message in after.log, after.code) == (False, 0)
    refused = world.run(at(0), model_signal="tag:deployed")
    assert refused.code == 2
    assert "set sla-since to a day after the import" in refused.log
    assert world.run(at(0), model_signal="tag:deployed", sla_since="2026-03-01").code == 0


@pytest.mark.matrix
@pytest.mark.parametrize("keeps_a_ledger", [True, False])
def test_stamp__of_a_version_whose_registration_kept_a_promise_keeps_no_later_one_with_or_without_a_ledger(
    world: World, *, keeps_a_ledger: bool
) -> None:
    """A GitHub Enterprise Server without an artifact service keeps no ledger."""
    if not keeps_a_ledger:
        world.artifacts = None
    world.registry.add_version(at(-500))
    world.release(A, at())
    world.registry.add_version(at(2))
    world.release(B, at(60), parent=A)
    ran = world.run(at(61.5), sha=B, event="workflow_dispatch", ship="recommender=2")
    assert [item["status"] for item in ran.bundle["obligations"]] == ["met", "pending"]


@pytest.mark.matrix
def test_stamp__of_a_time_before_a_run_that_saw_none_makes_no_registered_version_new(world: World) -> None:
    world.run(at(1), event="schedule")
    world.registry.add_version(at(2))
    world.run(at(8), event="schedule")
    world.release(B, at(60))
    world.run(at(61), event="schedule")
    world.registry.client.set_model_version_tag("recommender", "1", "flowjoy.deployed_at", "2026-03-02T18:00:00Z")
    ran = world.run(at(109), event="schedule")
    assert [item["status"] for item in ran.bundle["obligations"]] == ["breached"]
