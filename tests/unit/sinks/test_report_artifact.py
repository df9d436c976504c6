"""The upload, against a service that checks what it gets as the real one does."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy.clients.actions_artifacts import ArtifactService, backend_ids
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError
from flowjoy.sinks import report_artifact
from flowjoy.sinks.report_artifact import expiry, zipped
from tests.builders import at
from tests.fakes.artifact_service import ArtifactServiceStandIn, runtime_token
from tests.fakes.faults import EmptyBody, Reset
from tests.fakes.http_base import Answer, Fault

NAME = "flowjoy-shop"


@pytest.fixture
def service() -> Iterator[ArtifactServiceStandIn]:
    with ArtifactServiceStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {"flowjoy-bundle.json": b'{"schema": 2}\n', "unified_flow.png": bytes(range(256)) * 40, "empty.csv": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def upload(service: ArtifactServiceStandIn, files: dict[str, Path], **changes: Any) -> int:
    given: dict[str, Any] = {
        "address": f"{service.url}/",
        "token": Secret(runtime_token(42)),
        "transport": Transport(Budget(20)),
    }
    name = changes.pop("name", NAME)
    service_of_job = ArtifactService(**(given | changes))
    return report_artifact.upload(service_of_job, name, files, made_at=at(), expires_at=at(24 * 90))


def held(content: bytes | None) -> dict[str, bytes]:
    assert content is not None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_upload__every_byte_arrives(service: ArtifactServiceStandIn, files: dict[str, Path]) -> None:
    assert upload(service, files) == 9000
    kept = service.named(NAME)
    assert held(kept.content) == {name: path.read_bytes() for name, path in files.items()}
    assert (kept.content_type, kept.expires_at) == ("zip", "2024-09-01T09:00:00Z")


def test_upload__goes_in_blocks_of_bounded_size(
    service: ArtifactServiceStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_artifact, "BLOCK_BYTES", 100_000)
    noise = random.Random(7).randbytes(1_050_000)  # noqa: S311  (what does not shrink)
    (tmp_path / "noise").write_bytes(noise)
    upload(service, {"noise": tmp_path / "noise"})
    kept = service.named(NAME)
    assert held(kept.content) == {"noise": noise}
    assert [len(block) for block in kept.blocks.values()][:-1] == [100_000] * (len(kept.blocks) - 1)
    assert len(kept.blocks) == 11


def test_zip__of_a_large_file_is_never_held_whole(tmp_path: Path) -> None:
    import tracemalloc

    large = tmp_path / "large"
    with large.open("wb") as file:
        for number in range(60):
            file.write(bytes((number * 7919 + n * n) % 251 for n in range(1 << 16)) * 16)
    tracemalloc.start()
    sizes = [len(block) for block in zipped({"large": large}, at())]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) < large.stat().st_size
    assert peak < 3 * report_artifact.BLOCK_BYTES


def test_overwrite__an_artifact_of_this_name_in_this_run_is_replaced(
    service: ArtifactServiceStandIn, files: dict[str, Path]
) -> None:
    upload(service, files)
    files["flowjoy-bundle.json"].write_bytes(b"second")
    upload(service, files)
    assert held(service.named(NAME).content)["flowjoy-bundle.json"] == b"second"
    assert [r.path.rpartition("/")[2] for r in service.requests if "twirp" in r.path][-5:] == [
        *("CreateArtifact", "ListArtifacts", "DeleteArtifact", "CreateArtifact", "FinalizeArtifact")
    ]


def test_overwrite__leaves_other_names_alone(service: ArtifactServiceStandIn, files: dict[str, Path]) -> None:
    upload(service, files)
    other = upload(service, files, name="other")
    assert {item.name for item in service.uploads if item.finished} == {NAME, "other"}
    assert other == 9001


@pytest.mark.parametrize(
    ("stage", "fault", "times"),
    [
        ("CreateArtifact", Answer(503), 4),
        ("CreateArtifact", Answer(200, b"<html>"), 2),
        ("CreateArtifact", EmptyBody(), 1),
        ("CreateArtifact", Answer(200, {"ok": False}), 1),
        ("comp=block&", Answer(500), 4),
        ("comp=block&", Reset(), 1),
        ("comp=blocklist", Answer(503), 2),
        ("FinalizeArtifact", Answer(503), 2),
        ("FinalizeArtifact", Answer(429), 1),
        ("FinalizeArtifact", Answer(200, {"ok": True}), 1),
    ],
)
def test_fault__in_passing_is_repeated(
    service: ArtifactServiceStandIn, files: dict[str, Path], stage: str, fault: Fault, times: int
) -> None:
    service.fail(stage, times=times, fault=fault)
    upload(service, files)
    assert held(service.named(NAME).content).keys() == files.keys()


def test_fault__an_answer_that_was_lost_after_the_creation_is_no_obstacle(
    service: ArtifactServiceStandIn, files: dict[str, Path]
) -> None:
    """The service made it, the answer never came: the next try finds the name taken."""
    upload(service, files)
    service.uploads[0].finished = False
    upload(service, files)
    assert service.named(NAME).finished


@pytest.mark.parametrize(
    ("stage", "fault", "said"),
    [
        ("CreateArtifact", Answer(503), "CreateArtifact: the service answered 503"),
        ("comp=block&", Answer(403), r"artifact blob: .* \(403\)"),
        ("FinalizeArtifact", Answer(400, {"msg": "no"}), r"FinalizeArtifact: .* \(400: no\)"),
        ("CreateArtifact", Answer(401), "401"),
    ],
)
def test_fault__for_ever_is_an_error_that_names_the_stage(
    service: ArtifactServiceStandIn, files: dict[str, Path], stage: str, fault: Fault, said: str
) -> None:
    service.fail(stage, times=None, fault=fault)
    with pytest.raises(HarvestError, match=said):
        upload(service, files)


def test_quota__is_not_asked_again(service: ArtifactServiceStandIn, files: dict[str, Path]) -> None:
    full = {"code": "resource_exhausted", "msg": "Failed to CreateArtifact: insufficient usage to create artifact"}
    service.fail("CreateArtifact", times=None, fault=Answer(429, full))
    with pytest.raises(HarvestError, match="storage for artifacts is used up") as problem:
        upload(service, files)
    assert "retention-days" in problem.value.hint
    assert service.count("POST") == 1


@pytest.mark.parametrize("address", ["https://blob.example/x?sig=s", "http://10.0.0.1/x", "file:///etc/passwd", "::"])
def test_address__to_a_stranger_gets_nothing(
    service: ArtifactServiceStandIn, files: dict[str, Path], address: str
) -> None:
    service.fail("CreateArtifact", times=None, fault=Answer(200, {"ok": True, "signed_upload_url": address}))
    with pytest.raises(HarvestError, match="signed URL"):
        upload(service, files)


def test_token__never_reaches_the_blob_host(service: ArtifactServiceStandIn, files: dict[str, Path]) -> None:
    upload(service, files)
    sent = [request for request in service.requests if request.path.startswith("/upload/")]
    assert sent
    assert all("authorization" not in request.headers for request in sent)


@pytest.mark.parametrize("answer", [{"signedUploadUrl": "", "ok": 1}, [], "x", None, 5])
def test_answer__of_another_shape_is_an_error(
    service: ArtifactServiceStandIn, files: dict[str, Path], answer: object
) -> None:
    service.fail("CreateArtifact", times=None, fault=Answer(200, answer))
    with pytest.raises(HarvestError, match="artifact service, CreateArtifact"):
        upload(service, files)


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.!!!.c", "a.e30.c", runtime_token(1, scope="Actions.Other:x:y"), "a.W10.c"]
)
def test_token__without_the_scope_is_an_error_and_no_crash(token: str) -> None:
    with pytest.raises(HarvestError, match="does not allow to upload"):
        backend_ids(Secret(token))


def test_token__names_the_run_and_the_job() -> None:
    assert backend_ids(Secret(runtime_token(42))) == ("run-42", "job-7")


@pytest.mark.parametrize(("wished", "most", "days"), [(90, None, 90), (90, 30, 30), (7, 30, 7)])
def test_expiry__is_as_wished_but_no_later_than_allowed(wished: int, most: int | None, days: int) -> None:
    assert expiry(at(), wished, most) == at() + timedelta(days=days)


@pytest.mark.parametrize(
    ("method", "answer", "problem"),
    [
        ("CreateArtifact", {"ok": False, "signed_upload_url": "http://127.0.0.1/"}, "`ok` is not true"),
        ("FinalizeArtifact", {"ok": True, "artifact_id": "none"}, "`artifact_id` is not a number"),
        ("FinalizeArtifact", {"ok": True, "artifact_id": True}, "`artifact_id` is not a number"),
    ],
)
def test_upload__is_not_done_where_the_service_does_not_say_so(
    service: ArtifactServiceStandIn, files: dict[str, Path], method: str, answer: dict[str, Any], problem: str
) -> None:
    service.fail(method, times=None, fault=Answer(200, answer))
    with pytest.raises(HarvestError, match=problem):
        upload(service, files)
