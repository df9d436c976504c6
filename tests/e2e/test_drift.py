"""The drift check in whole runs: it alerts after two checks running, is remembered, and never decides."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowjoy.analysis.results import analyse
from flowjoy.cli.reference import reference
from flowjoy.ledger.bundle_format import from_json
from tests.e2e.in_process import A, B, Ran, World, at
from tests.e2e.step import Step
from tests.e2e.test_replay import replay
from tests.fakes.github import GitHubStandIn
from tests.fakes.registry import Registry
from tests.unit.report.rendered import files_without_links

CHANCE = np.random.default_rng(11)
CANARY = "canary-country"


def rows(count: int, shift: float = 0) -> str:
    """A CSV of an age, around 40 + shift, and a country."""
    ages = CHANCE.normal(40 + shift, 10, count)
    return "age,country\n" + "".join(f"{age:.9f},{CANARY}-{n % 3}\n" for n, age in enumerate(ages))


@pytest.fixture
def world(world: World) -> World:
    world.release(A, at(-3))
    world.registry.add_version(at(-2))
    (world.workspace / "train.csv").write_text(rows(1000))
    world.inputs |= {"drift-reference": "train.csv", "drift-live": "live.csv"}
    return world


def check(world: World, hours: float, shift: float | None = 0, **inputs: Any) -> Ran:
    """A run of the schedule; new live rows, shifted so much in age, unless None."""
    if shift is not None:
        (world.workspace / "live.csv").write_text(rows(300, shift))
    return world.run(at(hours), **{"event": "schedule", **inputs})


def statuses(world: World, *shifts: float) -> list[str]:
    return [check(world, hour, shift).outputs["drift-status"] for hour, shift in enumerate(shifts)]


@pytest.mark.matrix
def test_drift__is_over_twice_running_and_heals_after_two_good_checks(world: World) -> None:
    assert statuses(world, 9, 9, 0) == ["over", "drift", "ok"]
    ran = check(world, 9)
    figures = ran.bundle["figures"]
    assert (figures["drift_status"], figures["drift_healed"]) == ("ok", True)
    assert len(ran.bundle["drift_marks"]) == 4
    assert (ran.code, ran.outputs["verdict"]) == (0, "pass")


@pytest.mark.matrix
def test_drift__never_decides_and_is_shown_everywhere(world: World) -> None:
    check(world, 1, 9)
    ran = check(world, 2, 9)
    assert (ran.code, ran.outputs["verdict"], ran.outputs["drift-status"]) == (0, "pass", "drift")
    worst = ran.bundle["drift"]["features"][0]
    assert (worst["name"], ran.outputs["drift-worst"]) == ("age", f"{worst['kl_nats']:.4f}")
    assert f"drift (recommender): drift: age {worst['kl_nats']:.4f} nats (threshold 0.1)" in ran.log.splitlines()
    assert "### Drift" in ran.summary
    assert f"| <code>age</code> | {worst['kl_nats']:.4f} |" in ran.summary
    assert 'id="drift"' in (ran.folder / "report.html").read_text()
    (message,) = [item for item in ran.bundle["coverage"] if item["source"] == "drift (recommender)"]
    assert (message["state"], message["records"], message["required"]) == ("complete", 2, False)
    assert ran.bundle["drift"]["version"] == "1"


@pytest.mark.matrix
def test_rows__checked_again_are_no_second_check_and_runs_at_once_fold(world: World) -> None:
    check(world, 1, 9)
    shuffled = (world.workspace / "live.csv").read_text().splitlines()
    (world.workspace / "live.csv").write_text("\n".join([shuffled[0], *shuffled[:0:-1]]))
    assert check(world, 3, None).outputs["drift-status"] == "over"
    assert check(world, 3, 9).outputs["drift-status"] == "drift"


@pytest.mark.matrix
def test_marks__of_a_dry_look_a_pull_request_or_an_unreadable_sample_are_not_remembered(world: World) -> None:
    check(world, 1, 9)
    assert check(world, 9, 9, as_of="2026-03-02T11:00:00Z").outputs["drift-status"] == "drift"
    world.github.repository.add_commit(B, at(2), parent=A, branch="feature")
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    pull = {"event": "pull_request", "ref": f"refs/pull/{number}/merge", "payload": world.pull_request(number)}
    assert check(world, 3, 9, sha="d" * 40, **pull).outputs["drift-status"] == "drift"
    (world.workspace / "live.csv").write_text("")
    assert check(world, 4, None).outputs["drift-status"] == "error"
    assert len(check(world, 5, 9).bundle["drift_marks"]) == 2
    world.github.repository.artifacts.clear()
    assert check(world, 6, 9).outputs["drift-status"] == "over"


@pytest.mark.matrix
def test_look_at_the_past__knows_only_the_marks_of_then(world: World) -> None:
    check(world, 5, 9)
    assert check(world, 9, 9, as_of="2026-03-02T13:00:00Z").outputs["drift-status"] == "over"


def test_fork__reads_no_sample(world: World) -> None:
    world.github.repository.add_commit(B, at(2), parent=A, branch="feature")
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    pull = {
        "event": "pull_request",
        "ref": f"refs/pull/{number}/merge",
        "payload": world.pull_request(number, fork=True),
    }
    ran = check(world, 3, 9, sha="d" * 40, **pull)
    assert (ran.outputs["drift-status"], ran.outputs["drift-worst"]) == ("", "")
    assert ran.bundle["drift"] is None
    assert not (ran.folder / "drift.png").exists()


@pytest.mark.matrix
def test_no_sample__is_no_check_and_no_picture(world: World) -> None:
    world.inputs = {"models": "recommender"}
    ran = check(world, 1)
    assert (ran.outputs["drift-status"], ran.bundle["drift"]) == ("", None)
    assert "Drift</h2>" not in (ran.folder / "report.html").read_text()
    assert not list(ran.folder.glob("drift*"))


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (f"{CANARY}\n", "does not have any rows"),
        (f"age,country\n41,{CANARY}\n" + "1," * 1_000_000, "is not a table"),
        (f"41,{CANARY}\n42,{CANARY}\n", "the first line looks like data"),
        (f"age,age\n{CANARY},2\n", "names a column twice"),
        (None, "cannot be read"),
    ],
)
def test_sample__that_cannot_be_read_is_a_warning_and_the_promise_is_still_judged(
    world: World, sample: str | None, said: str
) -> None:
    if sample is not None:
        (world.workspace / "live.csv").write_text(sample)
    ran = check(world, 1, None)
    assert (ran.code, ran.outputs["verdict"]) == (0, "pass")
    assert (ran.outputs["drift-status"], ran.outputs["drift-worst"]) == ("error", "")
    (warned,) = [line for line in ran.log.splitlines() if line.startswith("::warning") and "drift" in line]
    assert "drift (recommender)" in warned
    assert said in warned
    assert said in ran.bundle["drift"]["problem"]
    assert "canary" not in ran.log + ran.summary + (ran.folder / "report.html").read_text() + json.dumps(ran.bundle)
    assert (ran.folder / "drift.svg").exists()


@pytest.mark.matrix
def test_feature__that_live_data_lacks_is_a_warning_beside_those_that_are_judged(world: World) -> None:
    (world.workspace / "live.csv").write_text("age\n" + "40.5\n" * 20 + "".join(f"{n % 70}\n" for n in range(300)))
    ran = check(world, 1, None, drift_threshold="9")
    assert ran.outputs["drift-status"] == "error"
    assert float(ran.outputs["drift-worst"]) > 0
    (warned,) = [line for line in ran.log.splitlines() if line.startswith("::warning") and "drift" in line]
    assert "1 feature cannot be compared (country: the live sample has no such column)" in warned


@pytest.mark.matrix
def test_feature__that_was_not_judged_is_named_though_the_others_are_ok(world: World) -> None:
    for name in ("train.csv", "live.csv"):
        lines = rows(300).splitlines()
        result = [f"{lines[0]},user", *(f"{line},{name}-{n}" for n, line in enumerate(lines[1:]))]
        (world.workspace / name).write_text("\n".join(result))
    ran = check(world, 1, None)
    assert ran.outputs["drift-status"] == "ok"
    message = "1 feature was not judged: user: 300 categories need 1500 rows on each side: an id?"
    (warned,) = [line for line in ran.log.splitlines() if line.startswith("::warning") and "drift" in line]
    assert message in warned
    for text in (ran.summary, (ran.folder / "report.html").read_text()):
        assert message.replace(" ", "") in re.sub(r"<[^>]*>|\s", "", html.unescape(text))


@pytest.mark.matrix
def test_values__in_another_spelling_are_an_error_that_names_the_feature_and_raises_no_alert(world: World) -> None:
    for name, values in (("train.csv", ("True", "False")), ("live.csv", ("1", "0"))):
        lines = [f"{values[n % 2]},{n % 60}" for n in range(300)]
        (world.workspace / name).write_text("\n".join(["vip,age", *lines]))
    for hour in (1, 2, 3):
        ran = check(world, hour, None)
        assert (ran.outputs["drift-status"], ran.outputs["drift-worst"], ran.outputs["alerts"]) == (
            "error",
            "0.0000",
            "",
        )
    (warned,) = [line for line in ran.log.splitlines() if line.startswith("::warning") and "drift" in line]
    assert "1 feature cannot be compared (vip: live and training have no value in common" in warned


def test_few_rows__are_no_verdict(world: World) -> None:
    (world.workspace / "live.csv").write_text(rows(199, 30))
    ran = check(world, 1, None)
    assert (ran.outputs["drift-status"], ran.outputs["drift-worst"], ran.bundle["drift_marks"]) == ("too few", "", [])


@pytest.mark.matrix
def test_advice__of_a_drift_check_ends_where_there_is_one(world: World) -> None:
    (world.workspace / "incidents.csv").write_text("start,end\n2026-03-02T08:00:00Z,2026-03-02T09:30:00Z\n")
    world.inputs["incident-file"] = "incidents.csv"
    advised = check(world, 24 * 8, drift_live="", drift_reference="")
    assert "drift" in [row["key"] for row in advised.bundle["figures"]["advice"]]
    assert "drift" not in [row["key"] for row in check(world, 24 * 8).bundle["figures"]["advice"]]


@pytest.mark.matrix
def test_files__hold_no_value_and_no_category_and_replay_byte_for_byte(
    step: Step, github: GitHubStandIn, tmp_path: Path
) -> None:
    github.repository.add_deployment(
        sha=A, created_at="2026-03-02T09:00:00Z", statuses=[("success", "2026-03-02T09:00:00Z")]
    )
    (step.workspace / "train.csv").write_text(rows(400))
    (step.workspace / "live.csv").write_text(rows(300, 9))
    step.inputs |= {"drift-reference": "train.csv", "drift-live": "live.csv"}
    ran = step.run_here()
    assert ran.outputs["drift-status"] == "over"
    values = {line.split(",")[0].encode() for line in (step.workspace / "live.csv").read_text().splitlines()[1:]}
    for path in step.report.iterdir():
        raw = path.read_bytes()
        assert CANARY.encode() not in raw, path.name
        assert not [value for value in values if value in raw], path.name
    assert CANARY not in ran.log + ran.summary
    again = replay(tmp_path, str(step.report / "flowjoy-bundle.json"), "--output-dir", "again")
    assert again.returncode == 0, again.stderr
    assert files_without_links(tmp_path / "again") == files_without_links(step.report)
    assert {"drift.png", "drift.svg"} <= files_without_links(tmp_path / "again").keys()


@pytest.mark.matrix
def test_bundle__of_before_the_drift_check_is_still_read(world: World) -> None:
    result = check(world, 1).bundle
    del result["drift"], result["drift_marks"]
    assert analyse(from_json(json.dumps(result).encode())).drift is None


# `python -m flowjoy reference`


def describe(folder: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    import io

    stream = io.StringIO()
    return reference(environ, list(arguments), stream), stream.getvalue()


@pytest.mark.matrix
def test_reference__is_logged_to_the_run_and_found_by_the_step(world: World, mlflow_server: Registry) -> None:
    mlflow_server.clear()
    mlflow_server.add_model()
    world.registry = mlflow_server
    run = str(mlflow_server.client.create_run("0").info.run_id)
    mlflow_server.add_version(at(-2), run_id=run)
    train, output = str(world.workspace / "train.csv"), str(world.workspace / "reference.json")
    address = {"MLFLOW_TRACKING_URI": mlflow_server.uri}
    code, message = describe(world.workspace, train, "--output", output, "--run-id", run, **address)
    assert (code, "logged as flowjoy/reference.json of run" in message) == (0, True)
    assert CANARY not in message
    del world.inputs["drift-reference"]
    ran = check(world, 1)
    assert ran.outputs["drift-status"] == "ok", ran.log
    assert ran.bundle["drift"]["reference"] == "flowjoy/reference.json of recommender v1"
    same = check(world, 2, None, drift_reference="reference.json").bundle["drift"]
    assert same["features"] == ran.bundle["drift"]["features"]


def test_reference__says_what_is_in_it_and_that_an_id_is_none(tmp_path: Path) -> None:
    lines = "".join(f"{n},user-{n},\n" for n in range(1200))
    (tmp_path / "train.csv").write_text("age,<id>,empty\n" + lines)
    code, message = describe(tmp_path, str(tmp_path / "train.csv"), "--output", str(tmp_path / "r.json"))
    assert code == 0
    for part in (
        "3 features of 1,200 rows",
        "age: numbers in 10 bins",
        "more than 1,000 categories. Leave the column out if it is an id",
        "1,200 rows",
    ):
        assert part in message
    assert json.loads((tmp_path / "r.json").read_text())["schema"] == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["none.csv"], {}, "cannot be read"),
        (["empty.csv"], {}, "is empty"),
        (["train.csv", "--output", "."], {}, "cannot be written"),
        (["train.csv", "--output", "./train.csv"], {}, "--output: expected another file than the sample"),
        ([""], {}, "the sample is a folder"),
        (["train.csv", "--run-id", "", "--mlflow-tracking-uri", "http://127.0.0.1:9"], {}, "--run-id: expected"),
        (["train.csv", "--run-id", ""], {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "--run-id: expected"),
        (["train.csv", "--run-id", "r"], {}, "--run-id: expected --mlflow-tracking-uri"),
        (["train.csv", "--run-id", "r", "--mlflow-tracking-uri", "nonsense"], {}, "--mlflow-tracking-uri: expected"),
        (
            ["train.csv", "--run-id", "r", "--mlflow-tracking-uri", "http://registry.invalid"],
            {"MLFLOW_TRACKING_TOKEN": "canary-token"},
            "expected https",
        ),
        (["train.csv", "--run-id", "r", "--mlflow-tracking-uri", "http://127.0.0.1:9"], {}, "could not be reached"),
    ],
)
def test_reference__that_cannot_be_made_ends_with_2_and_a_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environ: dict[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text("a\n1\n")
    (tmp_path / "empty.csv").write_text("")
    code, log = describe(tmp_path, *arguments, **environ)
    assert (code, said in log) == (2, True), log
    assert "canary" not in log
    assert (tmp_path / "train.csv").read_text() == "a\n1\n"


@pytest.mark.matrix
@pytest.mark.parametrize("run", ["0" * 32, "nope", " ../x"])
def test_reference__of_a_run_that_is_not_there_says_so(tmp_path: Path, mlflow_server: Registry, run: str) -> None:
    (tmp_path / "train.csv").write_text("a\n1\n")
    to = ("--output", str(tmp_path / "r.json"), "--run-id", run, "--mlflow-tracking-uri", mlflow_server.uri)
    code, message = describe(tmp_path, str(tmp_path / "train.csv"), *to)
    assert (code, "no such run" in message) == (2, True), message
