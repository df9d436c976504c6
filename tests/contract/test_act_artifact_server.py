"""The upload against a real peer: the artifact server of `act`, which runs a workflow on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowjoy.domain.timestamps import iso

ROOT = Path(__file__).resolve().parents[2]
ACT = Path(sys.executable).with_name("act")

WORKFLOW = """
on: push
jobs:
  promise:
    runs-on: ubuntu-latest
    steps:
      - name: What a checkout would bring
        run: cp {job}/*.txt .
      - run: {python} -I {root}/entrypoint.py
        env:
          INPUT_SERVICE: shop
          INPUT_CODE-SOURCE: file
          INPUT_CODE-FILE: deploys.txt
          INPUT_MODEL-SOURCE: file
          INPUT_MODEL-FILE: models.txt
          INPUT_MODELS: recommender
      - run: {python} {reader} {target} && cp -r flowjoy-report {target}/report
"""

READER = '''
"""A second step of the same job: asks the service for the artifact, as a download action does."""
import base64, json, os, sys
import requests

service = os.environ["ACTIONS_RESULTS_URL"] + "twirp/github.actions.results.api.v1.ArtifactService/"
token = os.environ["ACTIONS_RUNTIME_TOKEN"]
part = token.split(".")[1]
scope = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["scp"]
_, run, job = next(item for item in scope.split(" ") if item.startswith("Actions.Results:")).split(":")
asked = {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job, "name": "flowjoy-shop"}
headers = {"Authorization": f"Bearer {token}"}
found = requests.post(service + "GetSignedArtifactURL", json=asked, headers=headers, timeout=10).json()
content = requests.get(found.get("signedUrl") or found["signed_url"], timeout=10).content
open(os.path.join(sys.argv[1], "artifact.zip"), "wb").write(content)
'''


@pytest.mark.matrix
@pytest.mark.parametrize("times", [1, 2], ids=["once", "and again, under the same name"])
def test_act__gives_back_every_byte(tmp_path: Path, times: int) -> None:
    job, target = tmp_path / "job", tmp_path / "target"
    (job / ".github" / "workflows").mkdir(parents=True)
    target.mkdir()
    (tmp_path / "reader.py").write_text(READER)
    workflow = WORKFLOW.format(python=sys.executable, root=ROOT, job=job, reader=tmp_path / "reader.py", target=target)
    step = workflow.index("      - run:")
    upload = workflow[step : workflow.index("      - run:", step + 1)]
    (job / ".github" / "workflows" / "promise.yml").write_text(workflow.replace(upload, upload * times))
    now = datetime.now(UTC)
    (job / "deploys.txt").write_text(f"{iso(now - timedelta(hours=5))}\n")
    (job / "models.txt").write_text(f"{iso(now - timedelta(hours=4))}\n")
    ran = run_act(job, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("uploaded as artifact") == times
    with zipfile.ZipFile(target / "artifact.zip") as archive:
        uploaded = {name: archive.read(name) for name in archive.namelist()}
    assert uploaded == {path.name: path.read_bytes() for path in (target / "report").iterdir()}
    assert "flowjoy-bundle.json" in uploaded


def run_act(job: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """`act push` in a repository of one commit, with nothing of this machine's environment but PATH."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["git", "init", "-q"], ["git", "add", "-A"], ["git", *identity, "commit", "-qm", "A release"]):
        subprocess.run(command, cwd=job, check=True, capture_output=True)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [str(ACT), "push", "-P", "ubuntu-latest=-self-hosted", "--no-cache-server"]
    command += ["--artifact-server-path", str(folder / "artifacts"), "--artifact-server-addr", "127.0.0.1"]
    command += ["--artifact-server-port", port]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder / "home")}
    return subprocess.run(
        command,
        cwd=job,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
