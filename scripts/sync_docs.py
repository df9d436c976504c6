"""Writes what the code declares into action.yml, docs/reference.md and the stub's schema; `--check` only compares.

Inputs are declared by `flowjoy.config.inputs`, outputs by `flowjoy.report.step_outputs`, credentials by
`flowjoy.config.secret_variables`, columns by `flowjoy.report.csv_files`.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flowjoy.analysis.promise.stub_schema import json_schema  # noqa: E402
from flowjoy.analysis.timeline import PUBLIC_COLUMNS  # noqa: E402
from flowjoy.config.inputs import declared  # noqa: E402
from flowjoy.config.secret_variables import USER_NAMES, VARIABLES  # noqa: E402
from flowjoy.report import csv_files  # noqa: E402
from flowjoy.report.step_outputs import OUTPUTS  # noqa: E402

ACTION_HEAD = """\
# `make docs` writes this file from flowjoy/config/inputs.py and flowjoy/report/step_outputs.py.
name: FlowJoy
description: One supply chain for code and models - one timeline, one MTTR, and the 48-hour promise as a check.
author: FlowJoy contributors
branding:
  icon: git-merge
  color: green
"""
ACTION_TAIL = """\
runs:
  using: docker
  image: Dockerfile
"""

REFERENCE_HEAD = """\
<!-- `make docs` writes this page from the code: edit scripts/sync_docs.py or the declarations it reads. -->
# Reference

[Inputs](#inputs) · [Outputs](#outputs) · [Exit codes](#exit-codes) · [Files](#files) · [Alerts](#alerts) ·
[Credentials](#credentials)
"""

INPUTS_INTRO = """\
Every input is optional; an empty value means "not given". On the command line, each input is a flag of the same name
(`--sla-hours 48`). A name that does not exist ends the run with exit code 2 and suggests the nearest input.
"""

OUTPUTS_INTRO = """\
`verdict` is written as `error` before anything else, so a run that is killed never reads as a pass.
"""

EXIT_CODES = (
    ("0", "pass; or broken with `enforce: false`"),
    ("1", "the promise or the merge gate is broken"),
    ("2", 'undecided, or an input is wrong; the check on the commit is red. Missing data never counts as "no breach"'),
)

FILES_INTRO = """\
In `output-dir` (`flowjoy-report`), and uploaded as the artifact `artifact-name` (`flowjoy-<service>`), which the check
and the summary link. Where a runner has no artifact service (GitHub Enterprise Server, a laptop), the files stay in the
folder. Timestamps are ISO 8601 in UTC, numbers have up to four decimals, and a blank cell means "unknown" or "no case",
never zero.
"""

FILES: tuple[tuple[str, str, Sequence[str]], ...] = (
    ("report.html", "the complete report on one page that loads nothing from the network", ()),
    ("unified_flow.png", "the chart of deployments and unified MTTR by week", ()),
    ("unified_flow.svg", "the same as SVG", ()),
    ("promise.png", "one lane per model with the window of each release", ()),
    ("promise.svg", "the same as SVG", ()),
    ("drift.png", "with a drift check: the shares of the features that differ the most", ()),
    ("drift.svg", "the same as SVG", ()),
    ("weekly_flow.csv", "one row per week of the window", csv_files.WEEK_COLUMNS),
    ("supply_chain_events.csv", "one row per code deployment or model ship of the window", PUBLIC_COLUMNS),
    (
        "incidents.csv",
        "one row per incident that started in the window or is open, with its cause",
        csv_files.INCIDENT_COLUMNS,
    ),
    (
        "recovery.csv",
        "the unified MTTR of each week, then of the window by cause (empty `week`)",
        csv_files.RECOVERY_COLUMNS,
    ),
    ("dora.csv", "one row per DORA metric, then the drift lag", csv_files.DORA_COLUMNS),
    ("cdevents.jsonl", "the events of the window as [CDEvents 0.5](cdevents.md), one per line", ()),
    ("flowjoy.prom", "the figures as [OpenMetrics](openmetrics.md), for Prometheus", ()),
    ("badge.svg", "the rate of kept promises as a [badge](badge.md)", ()),
    ("badge.json", "the same for the endpoint badge of shields.io", ()),
    (
        "flowjoy-bundle.json",
        "all records, with computed values under `figures`; the ledger of the next run and the input of `replay`",
        (),
    ),
)

ALERTS_INTRO = """\
When an alert is sent, and how to set up Slack, Microsoft Teams and PagerDuty: [Alerts](alerts.md).
"""

ALERTS = (
    ("breach", "a deadline passed and the model has not shipped", "the model", "Slack, Teams, PagerDuty (`error`)"),
    (
        "drift",
        "live data are over `drift-threshold` in two consecutive checks",
        "the model",
        "Slack, Teams, PagerDuty (`error`)",
    ),
    (
        "divergence",
        "the last complete week diverges; escalates in the second week in a row",
        "the first Monday of the diverging weeks",
        "Slack, Teams",
    ),
    (
        "mttr-spike",
        "the unified MTTR of the last complete week spikes",
        "the Monday",
        "Slack, Teams, PagerDuty (`warning`)",
    ),
    ("at-risk", "less than a quarter of a clock is left", "the model", "Slack, Teams, PagerDuty (`warning`)"),
)

CREDENTIALS_INTRO = """\
Set these variables as `env:` of the step. Each value, whole or in pieces of eight characters (user names only as a
whole), is replaced by `***` wherever FlowJoy writes.
"""


def action() -> str:
    """Return the text of action.yml."""
    lines = [ACTION_HEAD + "inputs:"]
    for item in declared(ROOT):
        lines += [
            f"  {item.name}:",
            f"    description: {_quoted(item.meaning)}",
            "    required: false",
            f"    default: {_quoted(item.default)}",
        ]
    lines.append("outputs:")
    for name, meaning in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: {_quoted(meaning)}"]
    return "\n".join(lines) + "\n" + ACTION_TAIL


def reference() -> str:
    """Return the text of docs/reference.md."""
    inputs = [(f"`{item.name}`", _shown(item.default), item.meaning) for item in declared(ROOT)]
    outputs = [(f"`{name}`", meaning) for name, meaning in OUTPUTS.items()]
    files = [(f"`{name}`", meaning, _names(columns)) for name, meaning, columns in FILES]
    alerts = [(f"`{kind}`", fires, subject, reaches) for kind, fires, subject, reaches in ALERTS]
    credentials = [(service, _names(names)) for service, names in VARIABLES.items()]
    credentials.append(("user names", _names(USER_NAMES)))
    return "\n".join(
        [
            REFERENCE_HEAD,
            _section("Inputs", INPUTS_INTRO, ("input", "default", "meaning"), inputs),
            _section("Outputs", OUTPUTS_INTRO, ("output", "value"), outputs),
            _section("Exit codes", "", ("exit code", "meaning"), EXIT_CODES),
            _section("Files", FILES_INTRO, ("file", "content", "columns"), files),
            _section("Alerts", ALERTS_INTRO, ("alert", "fires when", "subject", "goes to"), alerts),
            _section("Credentials", CREDENTIALS_INTRO, ("for", "variables of the step"), credentials),
        ]
    )


def schema() -> str:
    """Return the JSON Schema of flowjoy.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


def main() -> int:
    """Write the files, or compare them with `--check`."""
    expected = {
        ROOT / "action.yml": action(),
        ROOT / "docs" / "reference.md": reference(),
        ROOT / "docs" / "flowjoy.schema.json": schema(),
    }
    stale = False
    for path, text in expected.items():
        current = path.read_text() if path.exists() else ""
        if current == text:
            continue
        if "--check" not in sys.argv:
            path.write_text(text)
            continue
        stale = True
        sys.stdout.writelines(
            difflib.unified_diff(current.splitlines(True), text.splitlines(True), str(path.name), "code")
        )
    return int(stale)


def _section(title: str, intro: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(header), "|" + "---|" * len(header), *(_row([_cell(text) for text in row]) for row in rows)]
    return "\n".join(filter(None, [f"## {title}\n", intro, *lines])) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _shown(default: str) -> str:
    return f"`{default}`" if default else ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
