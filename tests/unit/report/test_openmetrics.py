"""OpenMetrics: every figure with a value has a sample, and what is unknown has none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CoverageState, Precision
from flowjoy.domain.bundle import Bundle
from flowjoy.report import openmetrics
from tests.builders import a_bundle, a_coverage, a_deploy, a_drift_check, a_ship, an_incident, at

WITH_INCIDENTS = (a_coverage("code"), a_coverage("models"), a_coverage("incidents", required=False))
LINE = re.compile(r'(\w+)\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?[\d.e+]+)')
DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana-dashboard.json"


def samples(bundle: Bundle) -> dict[str, float]:
    """Each series with its labels besides repository and service."""
    *lines, end, nothing = openmetrics.text(analyse(bundle)).decode().split("\n")
    assert (end, nothing) == ("# EOF", "")
    read = [LINE.fullmatch(line) for line in lines if not line.startswith(("# HELP ", "# TYPE "))]
    assert None not in read
    values = {
        f"{m[1]} {m[2].partition(chr(34) + ',service=')[2].partition(',')[2]}".strip(): float(m[3]) for m in read if m
    }
    assert len(values) == len(read)
    return values


def test_figures__are_those_of_the_report() -> None:
    bundle = a_bundle(
        [a_deploy(0, "a"), a_deploy(100, "b"), a_deploy(104, "a"), a_deploy(400, "c")],
        [a_ship(10, "1")],
        [an_incident(101, hours=2), an_incident(200, hours=1), an_incident(300, hours=None)],
        coverage=WITH_INCIDENTS,
    )
    read = samples(bundle)
    assert read["flowjoy_last_report_timestamp_seconds"] == at(504).timestamp()
    assert (read['flowjoy_verdict verdict="fail"'], read['flowjoy_verdict verdict="pass"']) == (1, 0)
    assert (read["flowjoy_promise_ratio"], read["flowjoy_promise_judged_obligations"]) == (0.5, 2)
    assert (read['flowjoy_obligations status="met"'], read['flowjoy_obligations status="cancelled"']) == (1, 1)
    assert (read["flowjoy_open_breaches"], read['flowjoy_overdue_seconds model="recommender"']) == (1, 56 * 3600)
    assert (read['flowjoy_deploys type="CODE",kind="deploy"'], read['flowjoy_deploys type="CODE",kind="rollback"']) == (
        3,
        1,
    )
    assert read['flowjoy_deploys type="MODEL",kind="ship"'] == 1
    assert (read["flowjoy_resolved_incidents"], read["flowjoy_recovery_seconds"]) == (2, 3 * 3600)
    assert read["flowjoy_open_incidents"] == 1


def test_source__that_failed_leaves_no_sample_of_what_it_decides() -> None:
    models_unread = (a_coverage("code"), a_coverage("models", CoverageState.FAILED))
    read = samples(a_bundle([a_deploy(0)], coverage=models_unread))
    assert read['flowjoy_obligations status="unknown"'] == 1
    assert read['flowjoy_verdict verdict="error"'] == 1
    names = {series.partition(" ")[0] for series in read}
    assert names.isdisjoint({"flowjoy_promise_ratio", "flowjoy_open_breaches", "flowjoy_overdue_seconds"})
    assert names.isdisjoint({"flowjoy_resolved_incidents", "flowjoy_open_incidents", "flowjoy_drift_kl_nats"})
    assert [series for series in read if "MODEL" in series or 'status="met"' in series] == []
    assert 'flowjoy_deploys type="CODE",kind="deploy"' in read


def test_ships__before_the_first_observation_are_unknown_and_not_0() -> None:
    ship = a_ship(300, precision=Precision.OBSERVED, not_before=at(290))
    observed = a_bundle([a_deploy(0)], [ship], terms={"model_signal": "alias:champion"})
    assert [series for series in samples(observed) if "MODEL" in series] == []


def test_drift__has_the_worst_feature_and_whether_it_was_over() -> None:
    read = samples(a_bundle(drift=a_drift_check(over=True)))
    (worst,) = [value for series, value in read.items() if series.startswith("flowjoy_drift_kl_nats")]
    assert worst > 0.1
    assert read['flowjoy_drift_over_threshold model="recommender"'] == 1


def test_models__with_a_series_of_their_own_are_the_most_overdue_ones() -> None:
    names = tuple(f"model-{n:03}" for n in range(openmetrics.MAX_MODELS + 20))
    read = samples(a_bundle([a_deploy(0)], terms={"models": names}))
    assert read["flowjoy_open_breaches"] == len(names)
    assert sum(series.startswith("flowjoy_overdue_seconds") for series in read) == openmetrics.MAX_MODELS


@pytest.mark.parametrize("hostile", ['a"b', "a\\", "a\nflowjoy_up 1", "# EOF", "{}", "\u202e\u0000é", "x" * 5000])
def test_hostile_names__stay_in_their_label(hostile: str) -> None:
    bundle = a_bundle([a_deploy(0)], service=hostile, repository=hostile, terms={"models": (hostile, hostile + "2")})
    lines = openmetrics.text(analyse(bundle)).decode().splitlines()
    usual = openmetrics.text(analyse(a_bundle([a_deploy(0)], terms={"models": ("a", "b")}))).decode().splitlines()
    assert [line.partition("{")[0] for line in lines if line[0] != "#"] == [
        line.partition("{")[0] for line in usual if line[0] != "#"
    ] or len(lines) == len(usual) - 1  # two long names are one when they are cut
    assert [line for line in lines[:-1] if line[0] != "#" and LINE.fullmatch(line) is None] == []


def test_secrets__are_hidden_and_two_models_that_become_one_are_one_series() -> None:
    bundle = a_bundle([a_deploy(0)], terms={"models": ("secret-1", "secret-2")})
    raw = openmetrics.text(analyse(bundle), lambda text: re.sub(r"secret-\d", "***", text)).decode()
    assert "secret" not in raw
    assert raw.count('model="***"') == 1


def test_dashboard__asks_only_for_metrics_that_exist() -> None:
    full = a_bundle([a_deploy(0)], [a_ship(1)], [an_incident(1)], coverage=WITH_INCIDENTS, drift=a_drift_check())
    broken = a_bundle([a_deploy(0)])
    known = {gauge.name for bundle in (full, broken) for gauge in openmetrics.gauges(analyse(bundle))}
    assert set(re.findall(r"flowjoy_\w+", DASHBOARD.read_text())) <= known
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert [
        panel["title"]
        for panel in panels
        if not panel["targets"] or panel["fieldConfig"]["defaults"]["noValue"] != "no data"
    ] == []
