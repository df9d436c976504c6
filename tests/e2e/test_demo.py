"""`make demo` goes through three weeks, and then through three days from a release to a free merge."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts import picture_frames as frames
from tests.e2e.step import ROOT

pytestmark = [pytest.mark.matrix, pytest.mark.xdist_group("demo")]
SLA, GATE = "FlowJoy / 48 h SLA", "FlowJoy / model dependency"


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One run of the demo."""

    folder: Path
    code: int
    stdout: str
    stderr: str

    def news(self, moment: str) -> dict[str, Any]:
        news: dict[str, Any] = json.loads((self.folder / "days" / moment / "news.json").read_text())
        return news

    def conclusions(self, moment: str) -> dict[str, str]:
        return {check["name"]: check["conclusion"] for check in self.news(moment)["checks"]}

    @property
    def channel(self) -> dict[str, Any]:
        channel: dict[str, Any] = json.loads((self.folder / "days" / "slack.json").read_text())
        return channel


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "report"
    command = [sys.executable, str(ROOT / "examples" / "demo" / "demo.py"), str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)
    return Demo(folder=folder, code=ran.returncode, stdout=ran.stdout, stderr=ran.stderr)


def test_weeks__are_exactly_the_expected_table(demo: Demo) -> None:
    expected = (ROOT / "examples" / "demo" / "seed_weeks.expected.csv").read_bytes()
    assert (demo.code, demo.stderr) == (0, "")
    assert (demo.folder / "flowjoy-report" / "weekly_flow.csv").read_bytes() == expected
    assert "The week table is exactly seed_weeks.expected.csv." in demo.stdout


def test_days__the_checks_go_from_pending_to_red_to_a_free_merge(demo: Demo) -> None:
    assert {moment: demo.conclusions(moment) for moment in ("1-released", "2-pull-request", "3-at-risk")} == {
        "1-released": {SLA: "neutral"},
        "2-pull-request": {SLA: "neutral", GATE: "success"},
        "3-at-risk": {SLA: "neutral"},
    }
    assert demo.conclusions("4-overdue") == {SLA: "failure"}
    assert demo.conclusions("5-blocked") == {SLA: "failure", GATE: "success"}
    assert demo.conclusions("6-shipped") == {SLA: "failure"}  # the release itself was late, and stays late
    assert demo.conclusions("7-free") == {SLA: "success", GATE: "success"}


def test_days__the_one_comment_follows_the_state(demo: Demo) -> None:
    (pending,), (blocked,), (free,) = (
        demo.news(moment)["comments"] for moment in ("2-pull-request", "5-blocked", "7-free")
    )
    assert "in 43 h" in pending
    assert "2 h overdue" in blocked
    assert "overdue" not in free


def test_days__slack_and_the_pager_hear_of_risk_breach_and_end(demo: Demo) -> None:
    at_risk, breach, end = demo.channel["messages"]
    assert ("thread_ts" in at_risk, "thread_ts" in breach, end["thread_ts"]) == (False, False, breach["ts"])
    assert set(demo.channel["files"]) == {at_risk["ts"], breach["ts"]}
    actions = [
        [action for action, _ in demo.news(moment)["pager"]] for moment in ("3-at-risk", "4-overdue", "6-shipped")
    ]
    assert actions == [["triggers"], ["triggers", "resolves"], ["resolves"]]


def test_output__is_a_short_story_in_plain_text(demo: Demo) -> None:
    headings = [line for line in demo.stdout.splitlines() if line in ("Monday", "Tuesday", "Wednesday", "The results")]
    assert headings == ["Monday", "Tuesday", "Wednesday", "The results"]
    for check in (check for moment in ("1-released", "4-overdue") for check in demo.news(moment)["checks"]):
        assert f"{check['name']}: {check['conclusion']}" in demo.stdout
        assert check["output"]["title"] in demo.stdout
    assert [sign for sign in ("::", "<code>", "**", "<!--", "&#") if sign in demo.stdout] == []
    assert max(map(len, demo.stdout.splitlines())) <= 100
    assert len(demo.stdout.splitlines()) < 150


def test_output__names_files_that_exist(demo: Demo) -> None:
    paths = [line.split()[0] for line in demo.stdout.rpartition("The results")[2].splitlines() if line.startswith("  ")]
    assert len(paths) == 9
    assert [path for path in paths if not (demo.folder.parent / path).is_file()] == []


def test_pictures__show_what_the_demo_sent(demo: Demo) -> None:
    blocked, channel = demo.news("5-blocked"), demo.channel
    check, comment = frames.check(blocked["checks"]), frames.comment(blocked["comments"][0])
    slack = frames.slack(channel["messages"], {})
    for check_run in blocked["checks"]:
        assert check_run["name"] in check
        assert check_run["output"]["title"] in check
    assert "2 h overdue" in comment
    for message in channel["messages"]:
        assert message["blocks"][0]["text"]["text"] in slack
    assert all("not a screenshot of" in page for page in (check, comment, slack))
