"""The artifact of an earlier run: which bytes are a report of FlowJoy, and whose run made it."""

from __future__ import annotations

import io
import zipfile
from hashlib import sha256
from typing import Any

import pytest

from flowjoy.domain.bundle import BUNDLE_FILE
from flowjoy.errors import BundleError, HarvestError
from flowjoy.sources.earlier_reports import Artifact, bundle_bytes_in, content_of, run_of
from tests.builders import at
from tests.fakes.aimed import Aimed, listed, rest
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, api_of


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


GOOD = zipped({BUNDLE_FILE: b"{}", "report.html": b"<p>"})


def uploaded(github: GitHubStandIn, content: bytes = GOOD, **changes: Any) -> Artifact:
    run = github.repository.add_run(sha=A, created_at=at())
    number = github.repository.add_artifact(run_id=run, name="flowjoy-shop", content=content)
    workflow_run = {"id": run, "repository_id": 1, "head_repository_id": 1, "head_branch": "main", "head_sha": A}
    fields = {"id": number, "name": "flowjoy-shop", "size_in_bytes": len(content), "expired": False}
    return Artifact.model_validate({**fields, "workflow_run": workflow_run, **changes})


def test_bundle__is_read_from_the_zip() -> None:
    assert bundle_bytes_in(GOOD) == b"{}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html>", "it does not hold exactly the files of a report"),
        (zipped({"report.html": b""}), "it does not hold exactly the files of a report"),
        (zipped({BUNDLE_FILE: b"{}", "extra.txt": b""}), "it does not hold exactly the files of a report"),
        (zipped({f"{number}.txt": b"" for number in range(99)}), "it does not hold exactly the files of a report"),
        (zipped({BUNDLE_FILE: bytes(51 << 20)}), "its bundle is larger than 50 MB"),
        (zipped({BUNDLE_FILE: b"{}"}, zipfile.ZIP_BZIP2), "its bundle is packed in a way that FlowJoy never packs"),
        (zipped({BUNDLE_FILE: b"[" * 1_000_001}), "its bundle is larger than any that FlowJoy writes"),
        (zipped({BUNDLE_FILE: b"{}"}, zipfile.ZIP_STORED).replace(b"{}", b"[]"), "it is not a zip that can be read"),
    ],
)  # fmt: skip
def test_zip__that_is_no_report_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(BundleError, match=problem):
        bundle_bytes_in(content)


def test_content__is_what_was_uploaded(github: GitHubStandIn) -> None:
    assert content_of(api_of(github), uploaded(github, digest=f"sha256:{sha256(GOOD).hexdigest()}")) == GOOD


@pytest.mark.parametrize(
    ("content", "changes", "problem"),
    [
        (GOOD, {"size_in_bytes": 60 << 20}, "it is larger than 50 MB"),
        (GOOD, {"digest": f"sha256:{'0' * 64}"}, "its bytes do not have the digest that GitHub lists"),
        (GOOD[:-30], {}, "its content is not a complete zip"),
    ],
)
def test_content__that_is_not_what_was_uploaded_is_refused(
    github: GitHubStandIn, content: bytes, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BundleError, match=problem):
        content_of(api_of(github), uploaded(github, content, **changes))


def test_run__that_is_not_the_one_asked_for_is_refused(github: GitHubStandIn) -> None:
    artifact = uploaded(github)
    assert run_of(artifact, api_of(github)).sha == A
    github.fail("GET /repos", times=None, fault=Aimed(rest(f"/runs/{artifact.workflow_run.id}"), listed(id=7)))
    with pytest.raises(HarvestError, match="is not the run that was asked for"):
        run_of(artifact, api_of(github))
