"""The context of a run: what the runner sets is read, and a value that cannot be right is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowjoy.actions.context import on_actions
from flowjoy.errors import InputError
from tests.builders import a_runner


def test_context__graphql_is_next_to_the_api(tmp_path: Path) -> None:
    assert a_runner(tmp_path).graphql_url == "https://api.github.com/graphql"
    enterprise = a_runner(tmp_path, GITHUB_API_URL="https://ghe.example/api/v3")
    assert enterprise.graphql_url == "https://ghe.example/api/graphql"


def test_context__every_impossible_address_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        a_runner(
            tmp_path,
            GITHUB_API_URL="http://ghe.example",
            GITHUB_GRAPHQL_URL="nowhere",
            GITHUB_SERVER_URL="https://u:p@ghe.example",
            GITHUB_REPOSITORY="shop",
        )
    named = [sentence.split(":")[0] for sentence in refusal.value.problems]
    assert sorted(named) == ["GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"]


@pytest.mark.parametrize("content", [b"", b"[]", b"not json", b"\xff\xfe", b"[" * 100_000, b'"x"'])
def test_context__an_event_that_cannot_be_read_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "event.json").write_bytes(content)
    assert a_runner(tmp_path, GITHUB_EVENT_PATH=str(tmp_path / "event.json")).event == {}


def test_context__an_event_is_read(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"repository": {"private": true}}')
    runner = a_runner(tmp_path, GITHUB_EVENT_PATH=str(tmp_path / "event.json"))
    assert runner.event == {"repository": {"private": True}}
    assert a_runner(tmp_path, GITHUB_EVENT_PATH=str(tmp_path / "gone.json")).event == {}


def test_context__empty_variables_are_not_given(tmp_path: Path) -> None:
    empty = dict.fromkeys(("GITHUB_SHA", "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"), "")
    runner = a_runner(tmp_path, **empty)
    assert (runner.sha, runner.ref, runner.run_id, runner.output, runner.summary) == (None, None, None, None, None)


def test_context__what_a_runner_sets_is_read(tmp_path: Path) -> None:
    runner = a_runner(
        tmp_path,
        GITHUB_ACTIONS="true",
        GITHUB_SHA="abc",
        GITHUB_REF="refs/heads/main",
        GITHUB_EVENT_NAME="push",
        GITHUB_RUN_ID="9",
        GITHUB_OUTPUT="/github/file_commands/output",
        GITHUB_STEP_SUMMARY="/github/file_commands/summary",
        RUNNER_DEBUG="1",
    )
    assert (runner.sha, runner.ref, runner.event_name, runner.run_id) == ("abc", "refs/heads/main", "push", "9")
    assert (runner.output, runner.summary) == (
        Path("/github/file_commands/output"),
        Path("/github/file_commands/summary"),
    )
    assert runner.debug
    assert runner.on_actions
    assert not a_runner(tmp_path, RUNNER_DEBUG="0").debug


@pytest.mark.parametrize(
    ("environ", "there"),
    [
        ({}, False),
        ({"GITHUB_ACTIONS": "true"}, True),
        ({"GITHUB_ACTIONS": "false"}, False),
        ({"GITHUB_EVENT_NAME": "push"}, True),
        ({"GITHUB_ACTIONS": "false", "GITHUB_EVENT_NAME": "push"}, False),
    ],
)
def test_context__is_there_when_it_says_so_or_names_an_event(environ: dict[str, str], there: bool) -> None:  # noqa: FBT001  (the expected value)
    assert on_actions(environ) is there
