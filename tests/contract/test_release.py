"""The release: action.yml pins one image by digest, and every shell step of release.yml runs in a scratch repository.

The steps are read from the workflow and run as the runner does (`bash -e`), with git and a bare remote. The commands
that need a network, `docker` and `gh`, are stand-ins that record how they were called.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowjoy import __version__
from scripts.release_image import with_image

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
ACTION = (ROOT / "action.yml").read_text()
DIGEST = "sha256:" + "0123456789abcdef" * 4
NAME = "registry.example/acme/flowjoy"
IMAGE = f"{NAME}@{DIGEST}"
MAJOR = "v" + __version__.partition(".")[0]
GIT, BASH = shutil.which("git") or "git", shutil.which("bash") or "bash"
FILES = ("action.yml", "flowjoy/__init__.py", "scripts/release_image.py", ".ci/container", "examples/demo")

DOCKER = """#!/usr/bin/env bash
echo "docker $*" >>"$CALLS"
case "$*" in
  login*) grep -qx token && mkdir -p ~/.docker && touch ~/.docker/config.json ;;
  pull*) [ -z "$PRIVATE" ] && [ ! -e "${DOCKER_CONFIG:-$HOME/.docker}/config.json" ] ;;
  "buildx build"*) echo "{\\"containerimage.digest\\": \\"$DIGEST\\"}" >"$RUNNER_TEMP/build.json" ;;
  *SBOM*) echo "$SBOM" ;;
  *"json .Manifest"*) echo "{\\"digest\\": \\"$DIGEST\\"}" ;;
  run*)
    report=$(sed -n 's/.*--volume \\([^:]*\\):.*/\\1/p' <<<"$*")/flowjoy-report
    mkdir "$report"
    for file in report.html unified_flow.png promise.png flowjoy-bundle.json; do echo content >"$report/$file"; done
    cp "$TABLE" "$report/weekly_flow.csv" ;;
esac
"""
GH = """#!/usr/bin/env bash
echo "gh $*" >>"$CALLS"
"""


class Scratch:
    """A clone of a bare remote, with stand-ins on PATH, in which the steps of a job are run."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.remote = folder / "clone", folder / "remote.git"
        bin_folder, self.calls, self.outputs = folder / "bin", folder / "calls", folder / "outputs"
        for path in FILES:
            copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
            (self.clone / path).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / path, self.clone / path)
        bin_folder.mkdir()
        for name, script in (("docker", DOCKER), ("gh", GH)):
            (bin_folder / name).write_text(script)
            (bin_folder / name).chmod(0o755)
        self.environment = {
            "PATH": f"{bin_folder}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "CALLS": str(self.calls),
            "DIGEST": DIGEST,
            "PRIVATE": "",
            "SBOM": '{"spdxVersion": "SPDX-2.3"}',
            "TABLE": str(ROOT / "examples" / "demo" / "seed_weeks.expected.csv"),
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_REPOSITORY": "Acme/flowjoy",
            "GITHUB_ACTOR": "acme",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": "0" * 40,
            "RUNNER_TEMP": str(folder),
        }
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "main")
        self.git("clone", "--quiet", "--bare", ".", str(self.remote))
        self.git("remote", "add", "origin", str(self.remote))

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run([GIT, *arguments], cwd=cwd or self.clone, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run(self, job: str, version: str = __version__) -> list[subprocess.CompletedProcess[str]]:
        """Run the shell steps of a job until one fails, except the check of the code itself."""
        context = {
            "vars.CONTAINER_REGISTRY || 'ghcr.io'": "registry.example",
            "inputs.version": version,
            "github.token": "token",
            "github.event.repository.default_branch": "main",
            "matrix.arch": "arm64",
            "needs.image.outputs.amd64": IMAGE,
            "needs.image.outputs.arm64": IMAGE,
        }
        done = []
        for step in WORKFLOW["jobs"][job]["steps"]:
            if step.get("run") in {None, ".ci/run"}:
                continue
            done.append(self.step(step | {"env": WORKFLOW["env"] | step.get("env", {})}, context))
            if done[-1].returncode:
                break
            if "id" in step:
                outputs = dict(line.split("=", 1) for line in self.outputs.read_text().splitlines())
                context |= {f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()}
        return done

    def step(self, step: dict[str, Any], context: dict[str, str]) -> subprocess.CompletedProcess[str]:
        variables = {
            name: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: context[match[1]], text)
            for name, text in step.get("env", {}).items()
        }
        return subprocess.run(
            [BASH, "--noprofile", "--norc", "-e", "-c", step["run"]],
            cwd=self.clone,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def tags(self) -> dict[str, str]:
        """Return the commits that the remote's tags name."""
        lines = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags", cwd=self.remote)
        return dict(line.split(" ") for line in lines.splitlines())

    def called(self) -> str:
        return self.calls.read_text() if self.calls.exists() else ""


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


def codes(steps: list[subprocess.CompletedProcess[str]]) -> list[int]:
    assert steps
    return [step.returncode for step in steps]


def test_image__is_the_only_line_of_the_action_that_changes() -> None:
    released = with_image(ACTION, IMAGE)
    changed = [(old, new) for old, new in zip(ACTION.splitlines(), released.splitlines(), strict=True) if old != new]
    assert changed == [("  image: Dockerfile", f"  image: docker://{IMAGE}")]
    assert yaml.safe_load(released)["runs"] == {"using": "docker", "image": f"docker://{IMAGE}"}


@pytest.mark.parametrize(
    "reference",
    [
        "",
        NAME,
        f"{NAME}:v1",
        f"{NAME}:v1@{DIGEST}",
        f"{NAME}@{DIGEST[:-1]}",
        f"{NAME}@{DIGEST}0",
        f"{NAME}@{DIGEST.upper()}",
        f"{NAME}@sha512:{'0' * 128}",
        f"docker://{IMAGE}",
        f"{IMAGE}\n",
        f"flowjoy@{DIGEST}",
        DIGEST,
    ],
)
def test_image__is_refused_unless_it_is_a_sha256_digest(reference: str) -> None:
    with pytest.raises(ValueError, match="by digest"):
        with_image(ACTION, reference)


def test_image__is_written_once() -> None:
    with pytest.raises(ValueError, match="does not build"):
        with_image(with_image(ACTION, IMAGE), IMAGE)


def test_image__that_is_refused_leaves_the_action_alone(scratch: Scratch) -> None:
    command = [sys.executable, "scripts/release_image.py", f"{NAME}:v1"]
    done = subprocess.run(command, cwd=scratch.clone, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"'{NAME}:v1': is not an image by digest" in done.stderr
    assert (scratch.clone / "action.yml").read_text() == ACTION


def test_check__accepts_the_version_of_the_code(scratch: Scratch) -> None:
    assert codes(scratch.run("check")) == [0]


@pytest.mark.parametrize("version", ["", "1", "v1.0.0", "1.0", "01.0.0", "1.0.0-rc1", "1.0.0\n", "$(exit 0)", "99.0.0"])
def test_check__refuses_any_other_version(scratch: Scratch, version: str) -> None:
    (step,) = scratch.run("check", version)
    assert step.returncode == 1
    assert step.stdout.startswith("::error::version")


def test_check__refuses_a_version_that_is_released(scratch: Scratch) -> None:
    scratch.git("push", "--quiet", "origin", f"HEAD:refs/tags/v{__version__}")
    (step,) = scratch.run("check")
    assert (step.returncode, step.stdout) == (1, f"::error::v{__version__}: exists. Choose the next version.\n")


def test_check__refuses_another_branch_and_a_remote_that_does_not_answer(scratch: Scratch) -> None:
    scratch.environment["GITHUB_REF"] = "refs/heads/feature"
    assert codes(scratch.run("check")) == [1]
    scratch.environment["GITHUB_REF"] = "refs/heads/main"
    shutil.rmtree(scratch.remote)
    assert codes(scratch.run("check")) == [128]


def test_image_job__pushes_by_digest_and_tests_what_it_pushed(scratch: Scratch) -> None:
    assert codes(scratch.run("image")) == [0, 0]
    called = scratch.called()
    assert f"type=image,name={NAME},push-by-digest=true" in called
    assert "--platform linux/arm64" in called
    assert called.splitlines()[-1].endswith(f" {IMAGE}")
    assert scratch.outputs.read_text() == f"arm64={IMAGE}\nimage={IMAGE}\n"


def test_image_job__fails_where_the_image_writes_another_table(scratch: Scratch, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("week\n")
    scratch.environment["TABLE"] = str(tmp_path / "other.csv")
    assert codes(scratch.run("image")) == [0, 1]


def test_image_job__pins_the_builder_and_the_sbom_generator() -> None:
    (build,) = [step for step in WORKFLOW["jobs"]["image"]["steps"] if step.get("id") == "push"]
    for tool in ("BUILDKIT", "SBOM_GENERATOR"):
        assert re.fullmatch(r"[a-z/-]+:v?[0-9.]+@sha256:[0-9a-f]{64}", build["env"][tool])


def test_release__tags_one_commit_on_main_that_pins_the_image(scratch: Scratch) -> None:
    main = scratch.git("rev-parse", "HEAD")
    scratch.git("push", "--quiet", "origin", f"HEAD:refs/tags/{MAJOR}")
    assert set(codes(scratch.run("release"))) == {0}
    tags = scratch.tags()
    assert set(tags) == {f"v{__version__}", MAJOR}
    assert len(set(tags.values())) == 1
    assert scratch.git("rev-parse", f"{tags[MAJOR]}^", cwd=scratch.remote) == main
    assert scratch.git("rev-parse", "main", cwd=scratch.remote) == main
    assert scratch.git("diff", "--name-only", main, tags[MAJOR], cwd=scratch.remote) == "action.yml"
    assert scratch.git("show", f"{MAJOR}:action.yml", cwd=scratch.remote) + "\n" == with_image(ACTION, IMAGE)


def test_security_page__reads_the_image_of_a_release(scratch: Scratch) -> None:
    scratch.run("release")
    (line,) = re.findall(r"^image=.*$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    done = scratch.step({"run": f'{line}; echo "$image"'}, {})
    assert done.stdout == f"{IMAGE}\n"


def test_release__verifies_the_image_before_it_publishes(scratch: Scratch) -> None:
    scratch.run("release")
    gh = [call for call in scratch.called().splitlines() if call.startswith("gh ")]
    assert [call.split()[1:3] for call in gh] == [["attestation", "verify"], ["release", "create"]]
    assert f"oci://{IMAGE} --repo Acme/flowjoy --signer-workflow" in gh[0]
    assert (scratch.clone / f"flowjoy-v{__version__}.tar.gz").exists()


def test_release__again_makes_the_same_commit(scratch: Scratch) -> None:
    main = scratch.git("rev-parse", "HEAD")
    scratch.run("release")
    first = scratch.tags()
    scratch.git("reset", "--quiet", "--hard", main)
    scratch.environment |= dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2024-06-24T00:00:00Z")
    assert set(codes(scratch.run("release"))) == {0}
    assert scratch.tags() == first


def test_release__moves_no_tag_where_the_version_exists(scratch: Scratch) -> None:
    for tag in (f"v{__version__}", MAJOR):
        scratch.git("push", "--quiet", "origin", f"HEAD:refs/tags/{tag}")
    before = scratch.tags()
    assert codes(scratch.run("release"))[-1] == 1
    assert scratch.tags() == before
    assert "gh release create" not in scratch.called()


@pytest.mark.parametrize(("name", "value", "steps"), [("PRIVATE", "yes", [0, 1]), ("SBOM", "null", [1])])
def test_release__of_an_image_that_users_cannot_pull_or_without_an_sbom_publishes_nothing(
    scratch: Scratch, name: str, value: str, steps: list[int]
) -> None:
    scratch.environment[name] = value
    assert codes(scratch.run("release")) == steps
    assert scratch.tags() == {}


def test_release__attests_the_index_and_the_sbom_of_each_platform() -> None:
    attested = [step["with"] for step in WORKFLOW["jobs"]["release"]["steps"] if "attest@" in step.get("uses", "")]
    of_image = [step for step in attested if step.get("subject-digest") == "${{ steps.index.outputs.digest }}"]
    assert [Path(step.get("sbom-path", "provenance")).name for step in of_image] == [
        "provenance",
        "amd64.spdx.json",
        "arm64.spdx.json",
    ]
    assert len(attested) == 4


def test_jobs__have_no_permission_that_they_do_not_need() -> None:
    assert WORKFLOW["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}
    assert permissions["check"] == {"contents": "read"}
    assert permissions["image"] == {"contents": "read", "packages": "write"}
    assert os.access(ROOT / ".ci" / "container", os.X_OK)
