"""Files as people really have them, in whole runs: what does not count changes neither the verdict nor the figures."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.step import A, B, Ended, Step

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CODE = f"ts,sha\n2026-11-20T08:00:00Z,{A}\n"
MODEL = "ts,name,version\n2026-11-21T10:00:00Z,recommender,12\n"
INCIDENT = "2026-11-20T09:00:00Z,2026-11-20T10:00:00Z"


def ran(folder: Path, code: str = CODE, model: str = MODEL, incidents: str | None = None, **inputs: str) -> Ended:
    """A run a week after the deploy, on files alone."""
    given = {"models": "recommender", "code-source": "file", "model-source": "file", "github-token": ""}
    given |= {
        "code-file": "code",
        "model-file": "model",
        **{name.replace("_", "-"): text for name, text in inputs.items()},
    }
    step = Step(folder=folder, inputs=given)
    (step.workspace / "code").write_text(code)
    (step.workspace / "model").write_text(model)
    if incidents is not None:
        step.inputs["incident-file"] = "incidents"
        (step.workspace / "incidents").write_text(incidents)
    return step.run_here(NOW)


@pytest.mark.matrix
def test_registration__that_failed_keeps_no_promise(tmp_path: Path) -> None:
    ended = ran(tmp_path, model="ts,name,version,status\n2026-11-21T10:00:00Z,recommender,12,FAILED_REGISTRATION\n")
    assert (ended.code, ended.outputs["sla-status"], ended.outputs["model-deploys"]) == (1, "breached", "0")
    assert "left out: 1 row that did not succeed (FAILED_REGISTRATION)" in ended.log


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("column", "ours", "other"),
    [
        ("service", "shop", "billing"),
        ("repository", "acme/shop", "acme/billing"),
        ("environment", "production", "staging"),
        ("conclusion", "success", "failure"),
        ("type", "code", "model"),
    ],
)
def test_code_row__that_does_not_count_opens_no_clock(tmp_path: Path, column: str, ours: str, other: str) -> None:
    """One export of a monorepo's deploys: quipper/monorepo-deploy-actions#1180."""
    rows = f"2026-11-20T08:00:00Z,{A},{ours}\n2026-11-24T08:00:00Z,{B},{other}\n"
    ended = ran(tmp_path, code=f"ts,sha,{column}\n{rows}")
    assert (ended.code, ended.outputs["sla-status"], len(ended.bundle["code"])) == (0, "met", 1)
    assert f"({other})" in ended.log


@pytest.mark.parametrize("word", ["main", "latest", "v1.2.0"])
def test_code_row__whose_commit_is_a_branch_or_a_tag_is_refused_with_its_line(tmp_path: Path, word: str) -> None:
    """Two releases of one branch would be one commit, and the second would open no clock."""
    rows = "".join(f"2026-11-{day}T08:00:00Z,{word}\n" for day in (10, 20))
    ended = ran(tmp_path, code=f"ts,sha\n{rows}", model=MODEL.replace("2026-11-21", "2026-11-10"))
    assert (ended.code, ended.outputs["verdict"]) == (2, "error")
    assert f"code file, line 2: {word} is not the id of a commit" in ended.log


@pytest.mark.matrix
def test_one_file_for_both__must_say_of_each_row_what_it_is(tmp_path: Path) -> None:
    ended = ran(tmp_path / "a", model_file="code")
    assert (ended.code, ended.outputs["verdict"]) == (2, "error")
    assert "code-file and model-file name the same file, and line 2 has no `type`" in ended.log
    row = "2026-11-20T08:00:00Z,{},,,code\n2026-11-21T10:00:00Z,,recommender,12,model\n"
    typed = ran(tmp_path / "b", code="ts,sha,name,version,type\n" + row.format(A), model_file="code")
    assert (typed.code, typed.outputs["sla-status"], len(typed.bundle["code"]), len(typed.bundle["models"])) == (
        0, "met", 1, 1,
    )  # fmt: skip


@pytest.mark.parametrize("signal", ["alias:production", "stage:Production", "tag:x"])
def test_signal__of_a_registry_is_refused_beside_files(tmp_path: Path, signal: str) -> None:
    ended = ran(tmp_path, model_signal=signal)
    assert ended.code == 2
    assert f"model-signal: expected model-source mlflow beside '{signal}'" in ended.log


@pytest.mark.matrix
def test_code_row__of_an_unknown_word_decides_nothing(tmp_path: Path) -> None:
    ended = ran(tmp_path, code=f"ts,sha,status\n2026-11-20T08:00:00Z,{A},probably\n")
    assert (ended.code, ended.outputs["verdict"]) == (2, "error")
    assert "code file, line 2, status: 'probably' says neither success nor failure" in ended.log


def test_code_file__without_a_row_that_succeeded_passes_only_with_a_warning(tmp_path: Path) -> None:
    """A list of failed deployments is data: a new service whose first deployment failed has released nothing."""
    ended = ran(tmp_path, code=f"ts,sha,status\n2026-11-20T08:00:00Z,{A},failed\n")
    assert (ended.code, ended.outputs["sla-status"]) == (0, "none")
    assert "::warning title=FlowJoy::code (code file): no row succeeded, so nothing counts as released" in ended.log


@pytest.mark.matrix
@pytest.mark.parametrize("indent", [None, 2])
def test_pages__one_after_the_other_are_all_read(tmp_path: Path, indent: int | None) -> None:
    """As `gh api --paginate` prints them: cli/cli#5347."""
    pages = [[{"ts": "2026-11-20T08:00:00Z", "sha": A}], [{"ts": "2026-11-21T08:00:00Z", "sha": B}]]
    ended = ran(tmp_path, code="".join(json.dumps(page, indent=indent) for page in pages))
    assert (ended.code, ended.outputs["sla-met"]) == (0, "2")


@pytest.mark.matrix
def test_runs__as_github_lists_them_are_refused_with_the_cure(tmp_path: Path) -> None:
    runs = [{"conclusion": "success", "createdAt": "2026-11-20T08:00:00Z", "headSha": A, "status": "completed"}]
    ended = ran(tmp_path, code=json.dumps(runs))
    assert ended.code == 2
    assert "ts does not have a time (columns: conclusion, createdAt, headSha, status)" in ended.log
    assert "{ts: .updatedAt, sha: .headSha, conclusion}" in ended.log


@pytest.mark.matrix
@pytest.mark.parametrize(
    "text",
    [
        f"id,start,end,service\n1,{INCIDENT},shop\n2,2026-11-20T09:30:00Z,2026-11-21T15:30:00Z,billing\n",
        f"id,start,end,type\n1,{INCIDENT},incident\n2,2099-12-05T22:00:00Z,2099-12-06T02:00:00Z,maintenance\n",
        f"id,start,end\n1,{INCIDENT}\n2,2099-12-05T22:00:00Z,2099-12-06T02:00:00Z\n",
        f"id,start,end,resolution\n1,{INCIDENT},Done\n2,2026-11-20T09:30:00Z,2026-11-21T15:30:00Z,Duplicate\n",
        f"Incident Number,Title,Status,Urgency,Created At,Resolved At,Service\n101,x,resolved,high,{INCIDENT},shop\n",
    ],
)
def test_incidents__of_others_of_the_future_or_none_are_in_no_mean(tmp_path: Path, text: str) -> None:
    """Other work items among the incidents: apache/devlake#8367."""
    ended = ran(tmp_path, incidents=text)
    assert (ended.code, ended.outputs["mttr-hours"]) == (0, "1.00")
    assert "::warning" not in ended.log.replace("artifact service", "")


@pytest.mark.matrix
def test_incidents__that_lie_ahead_of_a_look_at_the_past_are_no_fault(tmp_path: Path) -> None:
    text = f"start,end\n{INCIDENT}\n2026-11-26T09:00:00Z,2026-11-26T10:00:00Z\n2099-01-01T00:00:00Z,\n"
    ended = ran(tmp_path, incidents=text, as_of="2026-11-25T12:00:00Z", weeks="2")
    assert [item["start"] for item in ended.bundle["incidents"]] == ["2026-11-20T09:00:00Z"]
    assert "left out: 2 rows ahead of as-of" in ended.log


@pytest.mark.matrix
def test_incident__that_ends_before_it_starts_leaves_no_mttr_and_the_promise_is_judged(tmp_path: Path) -> None:
    ended = ran(tmp_path, incidents=f"start,end\n{INCIDENT}\n2026-11-20T10:00:00Z,2026-11-20T09:00:00Z\n")
    assert (ended.code, ended.outputs["sla-status"], ended.outputs["mttr-hours"]) == (0, "met", "")
    assert "incident file, line 3: it ends before it starts" in ended.log


HOSTILE = "\x1b[2J##[error]x ::set-output name=verdict::pass \u202e<script>"


@pytest.mark.matrix
def test_hostile__columns_and_words_are_inert(tmp_path: Path) -> None:
    code = f"ts,sha,{HOSTILE},service\n2026-11-20T08:00:00Z,{A},x,shop\n2026-11-20T08:00:00Z,{B},x,{HOSTILE}\n"
    ended = ran(tmp_path, code=code, incidents=f"start,end,service\n{INCIDENT},{HOSTILE}\n")
    refused = ran(tmp_path, code=f"ts,sha,status\n2026-11-20T08:00:00Z,{A},{HOSTILE}\n")
    for one, code_now in ((ended, 0), (refused, 2)):
        assert one.code == code_now
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", one.log)
        assert "<script>" not in one.summary
        assert not [line for line in one.log.splitlines() if line.startswith("::set-output")]
        assert "##[" not in one.log


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["code-file", "model-file", "incident-file"])
def test_file__that_is_a_folder_is_named_as_one(tmp_path: Path, name: str) -> None:
    ended = ran(tmp_path, **{name: "."})
    assert f"{Step(folder=tmp_path, inputs={}).workspace.name} is a folder (name the file in it)" in ended.log
    assert ended.code == (0 if name == "incident-file" else 2)
