"""From a run to the view of an organisation: the artifact is collected, and the roll-up says what the run said."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from flowjoy.cli.collect import collect
from flowjoy.cli.rollup import rollup
from tests.e2e.in_process import TOKEN, A, B, World, at


def test_run_artifact_and_rollup__say_the_same(world: World, tmp_path: Path) -> None:
    world.release(A, at(-200))
    world.registry.add_version(at(-199))
    world.release(B, at(-60), parent=A)
    ran = world.run(at(1), event="schedule", sha=B)
    environ = {
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": world.github.url,
        "GITHUB_GRAPHQL_URL": world.github.graphql_url,
    }
    lake, out, log = tmp_path / "lake", tmp_path / "out", io.StringIO()
    assert collect(environ, ["--org", "acme", "--into", str(lake)], log) == 0, log.getvalue()
    assert rollup([str(lake), "--output-dir", str(out), "--strict", "--jobs", "1"], log) == 0, log.getvalue()
    (row,) = csv.DictReader(io.StringIO((out / "services.csv").read_text()))
    assert (row["repository"], row["service"], row["state"]) == ("acme/shop", "shop", "reporting")
    outputs = ran.outputs
    assert row["promise"] == outputs["sla-status"] == "breached"
    for column, name in (("met", "sla-met"), ("breached", "sla-breached"), ("rate_percent", "sla-rate")):
        assert row[column] == outputs[name]
