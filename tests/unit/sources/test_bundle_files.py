"""Files of a lake: what their paths claim, which of them are read, and what hostile content can do."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import UTC, datetime

import pytest

from flowjoy.domain.facts import BundleFact
from flowjoy.ledger.bundle_format import to_json
from flowjoy.sources import bundle_files
from flowjoy.sources.bundle_files import claim_of, facts_in, newest_first
from tests.builders import a_deploy, at
from tests.organisation import HOSTILE, Service, a_report

ONCE = "2024-06-01T00:00:00Z"
GOOD = to_json(a_report([a_deploy(0)], until=at(100)))


def test_claim__is_what_the_folders_say() -> None:
    claim = claim_of("s3://lake/x/repository=Acme%2Fshop/service=a%20b/2026-03-02T09:00:00Z.json")
    assert (claim.repository, claim.service, claim.at) == ("acme/shop", "a b", datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert claim_of("repository=acme%2Fshop/service=a/20260302T090000.5Z.json").at == datetime(
        2026, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC
    )
    assert claim_of("lake/bundle.json") == claim_of("x.json") == claim_of("")
    assert claim_of("repository=acme%2Fshop/x.json").repository == "acme/shop"
    assert claim_of("repository=acme%2Fshop/service=a/latest.json").at is None


def test_claim__is_of_the_outermost_folder_because_a_repository_writes_any_below_its_own() -> None:
    nested = "lake/repository=mallory%2Fx/service=x/repository=acme%2Fshop/service=shop/20260302T090000Z.json"
    assert (claim_of(nested).repository, claim_of(nested).service) == ("mallory/x", "x")


def test_claim__of_a_hostile_name_survives_the_path() -> None:
    service = Service(a_report([], until=at(1), service=HOSTILE))
    assert claim_of(service.path).service == HOSTILE


def test_files_of_one_service__are_read_newest_first_and_others_one_by_one() -> None:
    home = "repository=acme%2Fshop/service=shop"
    paths = ["b.json", f"{home}/2026-01-01T00:00:00Z.json", "a.zip", f"{home}/2026-01-03T00:00:00Z.json"]
    both = (f"{home}/2026-01-03T00:00:00Z.json", f"{home}/2026-01-01T00:00:00Z.json")
    assert newest_first(paths, None) == (("a.zip",), ("b.json",), both)
    assert newest_first(paths, datetime(2026, 1, 2, tzinfo=UTC)) == (("a.zip",), ("b.json",), both[1:])


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(re.sub("_(json|html)$", r".\1", name).replace("_", "-"), content)
    return buffer.getvalue()


def changed(**keys: object) -> bytes:
    return json.dumps(json.loads(GOOD) | keys).encode()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[1]", "it names no schema"),
        (GOOD[:-20], "it is not JSON"),
        (b'{"schema": 3}', "`code` is missing"),
        (b"[" + b"[]," * 1_000_000 + b"[]]", "larger than any that FlowJoy writes"),
        (changed(schema=5), "reads schemas up to 4"),
        (changed(written_by=None), "does not say which run wrote it"),
        (changed(generated_at=ONCE), "remembers what had not happened yet"),
        (changed(window={"since": ONCE, "until": ONCE, "timezone": "../x", "weeks": 3}),
         "its window or terms are none that a run can have"),
        (zipped(x_json=GOOD), "it does not hold exactly the files of a report"),
        (zipped(flowjoy_bundle_json=b"{}"), "it names no schema"),
        (changed(service="\ud800"), "flowjoy"),
    ],
)  # fmt: skip
def test_hostile_file__is_refused_with_a_reason(raw: bytes, problem: str) -> None:
    (fact,) = facts_in(raw)
    assert isinstance(fact, BundleFact)
    assert problem.lower() in str(fact.problem).lower()
    assert fact.sla_status is None


def test_refused_bundle__still_says_whose_it_is() -> None:
    (newer,) = facts_in(changed(schema=5))
    assert isinstance(newer, BundleFact)
    assert (newer.repository, newer.service, newer.generated_at) == ("acme/shop", "shop", at(100))
    assert newer.needs_newer
    (head,) = facts_in(changed(schema=5, repository=7, service=None, generated_at={"a": 1}))
    assert isinstance(head, BundleFact)
    assert (head.repository, head.service, head.generated_at) == (None, None, None)


def test_report_zip__has_the_facts_of_its_bundle() -> None:
    assert facts_in(zipped(flowjoy_bundle_json=GOOD, report_html=b""))[0] == facts_in(GOOD)[0]


def test_file__that_is_larger_than_any_report_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_files, "LARGEST_BYTES", len(GOOD) - 1)
    (refused,) = facts_in(GOOD)
    assert isinstance(refused, BundleFact)
    assert refused.problem == "it is larger than 50 MB"
