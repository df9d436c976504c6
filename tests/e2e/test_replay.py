"""`python -m flowjoy replay`: every file of a bundle again, byte for byte, offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.ledger.bundle_format import to_json
from tests.builders import a_bundle, a_deploy, a_ship, an_incident
from tests.e2e.step import A, Step
from tests.fakes.github import GitHubStandIn
from tests.unit.report.rendered import files_without_links

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = """
import sys
def deny(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"asked the network: {event} {arguments}")
sys.addaudithook(deny)
sys.argv = ["flowjoy", "replay", *sys.argv[1:]]
from flowjoy.__main__ import main
code = main()
for name in ("mlflow", "github", "requests"):
    assert name not in sys.modules, name
sys.exit(code)
"""


def replay(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that may not reach the network, without any token."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OFFLINE, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.matrix
def test_replay__of_a_run_gives_every_file_byte_for_byte(step: Step, github: GitHubStandIn, tmp_path: Path) -> None:
    github.repository.add_deployment(
        sha=A, created_at="2026-03-02T09:00:00Z", statuses=[("success", "2026-03-02T09:00:00Z")]
    )
    rows = "start,end\n2026-03-02T10:00:00Z,2026-03-02T11:00:00Z\n2026-03-02T12:00:00Z,\n"
    (step.workspace / "incidents.csv").write_text(rows)
    step.inputs |= {"incident-file": "incidents.csv", "as-of": "2026-03-20T00:00:00Z"}
    ran = step.run_here()
    assert ran.code == 1
    again = replay(tmp_path, str(step.report / "flowjoy-bundle.json"), "--output-dir", "again")
    assert again.returncode == 0, again.stderr
    assert files_without_links(tmp_path / "again") == files_without_links(step.report)
    assert "the promise then: fail" in again.stdout


@pytest.mark.matrix
def test_replay__of_a_bundle_with_everything_in_it(tmp_path: Path) -> None:
    bundle = a_bundle([a_deploy(0), a_deploy(50)], [a_ship(5)], [an_incident(3), an_incident(60, hours=None)])
    (tmp_path / "flowjoy-bundle.json").write_bytes(bundle_bytes(analyse(bundle)))
    assert replay(tmp_path, "flowjoy-bundle.json").returncode == 0
    first = files_without_links(tmp_path / "flowjoy-replay")
    assert replay(tmp_path, "flowjoy-replay/flowjoy-bundle.json", "--output-dir", "second").returncode == 0
    assert files_without_links(tmp_path / "second") == first


def test_replay__of_another_version_s_bundle_says_so(tmp_path: Path) -> None:
    data = json.loads(to_json(a_bundle([a_deploy(0)], [a_ship(5)])))
    (tmp_path / "old.json").write_text(json.dumps(data | {"schema": 1}))
    ran = replay(tmp_path, "old.json")
    assert ran.returncode == 1
    assert "the recomputed bundle differs in actions, figures.advice," in ran.stderr
    assert "FlowJoy of an unknown version wrote the other, or it was changed since; this is FlowJoy 0" in ran.stderr


def test_replay__never_writes_over_a_bundle_that_it_would_change(tmp_path: Path) -> None:
    text = to_json(a_bundle([a_deploy(0)], [a_ship(5)])).replace(b'"schema": 2', b'"schema": 1')
    (tmp_path / "flowjoy-bundle.json").write_bytes(text)
    ran = replay(tmp_path, "flowjoy-bundle.json", "--output-dir", ".")
    assert ran.returncode == 2
    assert "Set another --output-dir" in ran.stderr
    assert (tmp_path / "flowjoy-bundle.json").read_bytes() == text


@pytest.mark.parametrize(
    "changes",
    [
        {
            "window": {
                "since": "2024-06-03T00:00:00Z",
                "until": "2024-06-24T00:00:00Z",
                "timezone": "No/where",
                "weeks": 4,
            }
        },
        {
            "window": {
                "since": "2024-06-03T00:00:00Z",
                "until": "2024-06-24T00:00:00Z",
                "timezone": "UTC",
                "weeks": 10**9,
            }
        },
        {"generated_at": "0001-01-01T00:00:00Z"},
    ],
)
def test_replay__of_a_bundle_that_no_run_can_write_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    data = json.loads(to_json(a_bundle([a_deploy(0)], [a_ship(5)])))
    (tmp_path / "b.json").write_text(json.dumps(data | changes))
    ran = replay(tmp_path, "b.json")
    assert (ran.returncode, "none that a run can have" in ran.stderr) == (2, True)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("{}", "it names no schema"),
        ('{"schema": 99}', "reads schemas up to"),
        ('{"schema": 2, "code": 7}', "is not a FlowJoy bundle: `coverage` is missing"),
    ],
)
def test_replay__of_what_is_no_bundle_ends_with_2_and_a_sentence(
    tmp_path: Path, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "b.json").write_text(content)
    ran = replay(tmp_path, "b.json")
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_replay__that_cannot_write_ends_with_2(tmp_path: Path) -> None:
    result = analyse(a_bundle())
    (tmp_path / "b.json").write_bytes(to_json(replace(result.bundle, obligations=result.obligations)))
    (tmp_path / "file").write_text("")
    ran = replay(tmp_path, "b.json", "--output-dir", "file")
    assert ran.returncode == 2
    assert "could not be written" in ran.stderr


def test_command__without_a_known_name_says_which_there_are(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flowjoy", "repaly"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "flowjoy replay flowjoy-bundle.json" in ran.stderr
