"""The bundles of many services, at random but the same for each seed: what a lake of a year holds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from flowjoy.analysis.flow.weeks import window_of
from flowjoy.domain import Coverage, CoverageState, Incident, ModelRecord, Precision
from flowjoy.domain.bundle import Bundle, WrittenBy
from flowjoy.domain.timestamps import iso
from flowjoy.ledger.bundle_format import SCHEMA, to_json
from tests.builders import a_bundle, a_coverage, a_deploy, a_stub_file, at

AS_OF = at(12 * 7 * 24)
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata")
HOSTILE = '=1+1,"<script>alert(1)</script>\u202e\u2028{team="x"}\n\\'
MODELS = ("recommender", "ranker", "embeddings")


def written_by(**changes: object) -> WrittenBy:
    """A scheduled run on the default branch."""
    ordinary = WrittenBy(
        version="0.1.0",
        event="schedule",
        ref="refs/heads/main",
        run_id="7",
        head_sha="a" * 40,
        default_branch="main",
    )
    return replace(ordinary, **changes)  # type: ignore[arg-type]


def a_report(*records: object, **changes: object) -> Bundle:
    """A bundle of a trusted run, with every source complete."""
    return a_bundle(
        *records,  # type: ignore[arg-type]
        **{
            "coverage": (a_coverage("code"), a_coverage("models"), a_coverage("incidents", required=False)),
            "written_by": written_by(),
            "weeks": 12,
            "until": AS_OF,
            **changes,
        },  # type: ignore[arg-type]
    )


def file_name(at: datetime) -> str:
    """The name of the file of a time, as docs/rollup.md says it: without colons, which Hadoop cannot open."""
    return f"{iso(at).replace(':', '').replace('-', '')}.json"


@dataclass(frozen=True)
class Service:
    """One service: its bundle, and where its file belongs."""

    bundle: Bundle

    @property
    def path(self) -> str:
        repository, service = (quote(text, safe="") for text in (self.bundle.repository, self.bundle.service))
        return f"repository={repository}/service={service}/{file_name(self.bundle.generated_at)}"

    @property
    def raw(self) -> bytes:
        return to_json(self.bundle)

    def write(self, lake: Path, raw: bytes | None = None, path: str | None = None) -> Path:
        file = lake / (self.path if path is None else path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.raw if raw is None else raw)
        return file


def a_service(seed: int, *, days: int = 84, until: datetime = AS_OF, name: str = "") -> Service:
    """A service with about eight deploys a week, some incidents, and models that often lag."""
    luck = random.Random(seed)  # noqa: S311  (the same organisation for each seed)
    zone = ZONES[seed % len(ZONES)]
    began = until - timedelta(days=days)
    span = days * 24.0
    deploys = [_hours(luck, span) for _ in range(round(days * 8 / 7))]
    ships = [(_hours(luck, span), luck.choice(MODELS)) for _ in range(round(days * luck.choice((2, 5, 9)) / 7))]
    outages = [(_hours(luck, span), luck.choice((0.2, 1.0, 3.5, None))) for _ in range(round(days / 9))]
    offset = (began - at()) / timedelta(hours=1)
    code = [a_deploy(offset + hours, f"{seed:08x}{number:032x}") for number, hours in enumerate(deploys)]
    if luck.random() < 0.3:
        code += [replace(code[len(code) // 2], id="deployment:again", shipped_at=until - timedelta(hours=5))]
    failed = seed % 11 == 5
    coverage: tuple[Coverage, ...] = (
        a_coverage("code"),
        a_coverage("models", CoverageState.FAILED if failed else CoverageState.COMPLETE, reason="503"),
        a_coverage(
            "incidents", CoverageState.NOT_CONFIGURED if seed % 7 == 3 else CoverageState.COMPLETE, required=False
        ),
    )
    wanted = sorted(luck.sample(MODELS, luck.choice((0, 1, 1, 2))))
    bundle = a_report(
        code,
        [_ship(offset + hours, model, number) for number, (hours, model) in enumerate(sorted(ships))],
        [_outage(began, hours, took, number) for number, (hours, took) in enumerate(outages)],
        until=until,
        service=name or f"service-{seed}",
        repository=f"acme/service-{seed}",
        window=window_of(until, weeks=12, timezone=zone),
        coverage=coverage,
        terms={"models": tuple(wanted), "sla_hours": luck.choice((24.0, 48.0))},
        stubs={code[0].sha or "": a_stub_file('{"models": {"ranker": "any"}}')},
        commits={item.sha: (item.shipped_at - timedelta(minutes=luck.randrange(9, 900)),) for item in code if item.sha},
        training_runs={},
    )
    return Service(bundle)


def organisation(count: int, *, days: int = 84) -> Iterator[Service]:
    """Services 1 to `count`: each thirteenth is silent, and the names of each seventeenth are hostile."""
    for seed in range(1, count + 1):
        until = AS_OF - timedelta(hours=72 if seed % 13 == 0 else seed % 40)
        yield a_service(seed, days=days, until=until, name=f"{HOSTILE}{seed}" if seed % 17 == 0 else "")


def write_lake(lake: Path, count: int, *, days: int = 84) -> list[Service]:
    """Write an organisation, with what a real lake has besides: copies, older, broken, refused and newer bundles."""
    services = list(organisation(count, days=days))
    for number, service in enumerate(services, 1):
        file = service.write(lake)
        if number % 5 == 0:
            service.write(lake, path=f"copies/{number}.json")
        if number % 6 == 0:
            older = a_service(number, days=days, until=service.bundle.generated_at - timedelta(days=9))
            older = Service(replace(older.bundle, service=service.bundle.service))
            older.write(lake, path=None if number % 12 else f"older/{number}.json")
        if number % 8 == 0:
            (file.parent / file_name(AS_OF)).write_bytes(service.raw[: len(service.raw) // 2])
        if number % 9 == 0:
            pull = replace(service.bundle, written_by=written_by(event="pull_request", distrust="no run of it is"))
            Service(pull).write(lake, path=f"pulls/{number}.json")
        if number % 19 == 0:
            newer = json.loads(service.raw) | {"schema": SCHEMA + 1, "generated_at": iso(AS_OF)}
            (file.parent / file_name(AS_OF)).write_text(json.dumps(newer))
    return services


def _hours(luck: random.Random, span: float) -> float:
    return luck.randrange(1, round(span * 60)) / 60


def _ship(hours: float, model: str, number: int) -> ModelRecord:
    shipped_at = at(hours)
    version = str(number + 1)
    return ModelRecord(
        id=f"model:{model}/{version}",
        name=model,
        version=version,
        shipped_at=shipped_at,
        precision=Precision.EXACT,
        registered_at=shipped_at - timedelta(hours=3),
        source=f"s3://{model}/{version}",
    )


def _outage(began: datetime, hours: float, took: float | None, number: int) -> Incident:
    start = began + timedelta(hours=hours)
    return Incident(
        id=f"incident:file:{number}",
        source="file",
        service="shop",
        start=start,
        end=None if took is None else start + timedelta(hours=took),
    )
