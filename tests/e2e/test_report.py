"""What whole runs put in front of people: the page, the next step, the unified tag, the shelf, the retrospective."""

from __future__ import annotations

import io
import zipfile
from hashlib import sha256
from typing import Any

from flowjoy.domain.timestamps import iso
from tests.e2e.in_process import A, B, Ran, World, at
from tests.fakes.aimed import Aimed, query_of
from tests.fakes.http_base import Answer
from tests.unit.report.rendered import read

INVENTORY = query_of("FlowJoyInventory")
WEEK = 7 * 24


def page(ran: Ran) -> str:
    return (ran.folder / ran.outputs["report"].rpartition("/")[2]).read_text()


def test_page__is_named_by_its_output_and_goes_up_with_the_artifact(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(1))
    assert ran.outputs["report"] == "flowjoy-report/report.html"
    assert world.artifacts is not None
    content = world.artifacts.named("flowjoy-shop").content
    assert content is not None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("report.html").decode() == page(ran)


def test_next_step__is_said_in_summary_and_page(world: World) -> None:
    world.release(A, at())
    for told in (read((ran := world.run(at(1))).summary), read(page(ran)).replace("<bdi>", "").replace("</bdi>", "")):
        assert "Data team: ship a new version of recommender" in told
        assert "is due within 48 h, by Wed 04 Mar" in told
    assert "What to do" not in world.run(at(26), sla_since="2026-03-03").summary


def test_unified_tag__names_the_release_of_this_very_run(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    shop = world.github.repository
    shop.add_commit(B, at(2), parent=A)
    run_id = world.begin(at(2), sha=B)
    shop.add_deployment(sha=B, created_at=at(2), statuses=[("queued", at(2))], run_id=run_id)
    world.artifacts = None
    ran = world.run(at(3), sha=B, run_id=str(run_id))
    model_sha = sha256(b"recommender=1=").hexdigest()[:12]
    assert ran.outputs["unified-tag"] == f"shop:{B[:12]}-{model_sha}"
    pairs: list[dict[str, Any]] = ran.bundle["pairs"]
    assert [(pair["sha"], pair["provisional"], pair["until"]) for pair in pairs[-2:]] == [
        (A, False, iso(at(3))),
        (B, True, None),
    ]


def test_unified_tag__is_empty_where_the_models_are_not_known(world: World) -> None:
    world.release(A, at())
    assert world.run(at(1)).outputs["unified-tag"] == ""
    assert world.run(at(2), models="unheard-of").outputs["unified-tag"] == ""


def test_advice__to_tag_ends_when_a_live_version_carries_one(world: World) -> None:
    world.release(A, at())
    number = world.registry.add_version(at(1))
    first = world.run(at(2))
    assert first.outputs["unified-tag"] in first.summary.replace("&#58;", ":").replace("&#45;", "-")
    keys = [row["key"] for row in first.bundle["figures"]["advice"]]
    assert keys == ["tag"]
    world.registry.client.set_model_version_tag(
        "recommender", number, "flowjoy.unified_tag", first.outputs["unified-tag"]
    )
    assert world.run(at(3)).bundle["figures"]["advice"] == []


def test_rollback_target__is_the_last_pair_without_an_incident(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    world.release(B, at(10), parent=A)
    (world.workspace / "incidents.csv").write_text(f"start,end\n{iso(at(11))},{iso(at(12))}\n")
    ran = world.run(at(13), sha=B, incident_file="incidents.csv")
    assert ran.bundle["figures"]["rollback_target"]["sha"] == A
    assert "Last pair without an incident" in ran.summary
    assert world.run(at(14), sha=B).bundle["figures"]["rollback_target"] is None


def test_shelf__shows_what_waits_and_is_read_again_after_some_hours(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    shop = world.github.repository
    shop.add_pull_request(head_sha=B, base_sha=A, title="Rank by <margin>", created_at=at(-50))
    shop.add_commit("c" * 40, at(-2000), branch="old-idea")
    ran = world.run(at(2), model_signal="alias:live")
    assert (
        "1 pull request waiting for review: [#1](https://github.com/acme/shop/pull/1) Rank by <margin> (52 h)"
        in read(ran.summary)
    )
    assert "1 branch without a commit for 28 days: old-idea" in read(ran.summary)
    assert "1 model version ready and never shipped: recommender v1" in read(ran.summary)
    assert "Rank by &lt;margin&gt;" in page(ran)
    for hours, asked in ((4, 1), (7.9, 1), (8.1, 2)):
        world.run(at(hours), event="schedule", model_signal="alias:live")
        assert len([request for request in world.github.requests if INVENTORY(request)]) == asked


def test_shelf__a_file_of_ships_knows_of_no_version_that_waits(world: World) -> None:
    (world.workspace / "models.csv").write_text(f"ts\n{iso(at(1))}\n")
    ran = world.run(at(2), model_source="file", model_file="models.csv")
    assert ran.bundle["unshipped"] == []
    assert "ready and never shipped" not in read(ran.summary)


def test_shelf__that_cannot_be_read_is_a_warning_and_no_data(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    world.github.fail("/graphql", times=None, fault=Aimed(INVENTORY, Answer(403, {"message": "not accessible"})))
    ran = world.run(at(2))
    assert (ran.code, ran.outputs["verdict"], ran.bundle["inventory"]) == (0, "pass", None)
    assert any("inventory" in line for line in ran.log.splitlines() if line.startswith("::warning"))
    assert "no data" in page(ran)


def test_retrospective__measures_the_action_of_an_earlier_week_again(world: World) -> None:
    """Two deploys without a model in the week of Mar 02; in the next week the action, in the one after its measure."""
    world.release(A, at())
    world.release(B, at(1), parent=A)
    asked = world.run(at(WEEK), sha=B)
    (action,) = asked.bundle["actions"]
    assert (action["key"], action["value"], action["week"]) == ("packaging", 2.0, "2026-03-09T00:00:00Z")
    assert "The last action" not in asked.summary
    assert [item["key"] for item in world.run(at(WEEK + 5), sha=B).bundle["actions"]] == ["packaging"]
    for number in range(3):
        world.registry.add_version(at(WEEK + 6 + number))
    later = world.run(at(2 * WEEK + 1), sha=B)
    assert "The last action" in later.summary
    assert "Gap of the last complete week: 2 then, -3 now: better" in read(later.summary)


def test_dry_look__at_the_past_shows_no_shelf(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(50), as_of=at(3).isoformat())
    assert [request for request in world.github.requests if INVENTORY(request)] == []
    assert ran.bundle["inventory"] is None


def test_dry_look__at_the_past_does_not_call_a_later_deployment_failed(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    world.release(B, at(100), parent=A)
    assert "never succeeded" not in world.run(at(110), as_of=at(50).isoformat()).log
