"""Writes what the code declares into action.yml, README.md and the stub's schema; `--check` only compares.

Inputs are declared by `flowjoy.config.inputs.declared`, outputs by `flowjoy.report.step_outputs.OUTPUTS`.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flowjoy.analysis.promise.model_stub import json_schema  # noqa: E402
from flowjoy.config.inputs import declared  # noqa: E402
from flowjoy.config.secret_variables import USER_NAMES, VARIABLES  # noqa: E402
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


def action() -> str:
    """The text of action.yml."""
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


def readme(text: str) -> str:
    """Return README.md with its generated tables made anew."""
    rows = [f"| `{item.name}` | {_shown(item.default)} | {_cell(item.meaning)} |" for item in declared(ROOT)]
    text = _between(text, "inputs", ["| input | default | meaning |", "|---|---|---|", *rows])
    rows = [f"| `{name}` | {_cell(meaning)} |" for name, meaning in OUTPUTS.items()]
    text = _between(text, "outputs", ["| output | value |", "|---|---|", *rows])
    rows = [f"| {service} | {_names(names)} |" for service, names in VARIABLES.items()]
    rows.append(f"| user names | {_names(USER_NAMES)} |")
    return _between(text, "credentials", ["| for | variables of the step |", "|---|---|", *rows])


def schema() -> str:
    """The JSON Schema of flowjoy.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


def main() -> int:
    """Write, or compare with `--check`."""
    wanted = {
        ROOT / "action.yml": action(),
        ROOT / "README.md": readme((ROOT / "README.md").read_text()),
        ROOT / "docs" / "flowjoy.schema.json": schema(),
    }
    stale = False
    for path, text in wanted.items():
        held = path.read_text() if path.exists() else ""
        if held == text:
            continue
        if "--check" not in sys.argv:
            path.write_text(text)
            continue
        stale = True
        sys.stdout.writelines(
            difflib.unified_diff(held.splitlines(True), text.splitlines(True), str(path.name), "code")
        )
    return int(stale)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _shown(default: str) -> str:
    return f"`{default}`" if default else ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _between(text: str, name: str, lines: list[str]) -> str:
    block = "\n".join([f"<!-- {name} -->", *lines, f"<!-- /{name} -->"])
    found = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise SystemExit(f"README.md needs <!-- {name} --> and <!-- /{name} --> once")
    return found.sub(lambda _: block, text)


if __name__ == "__main__":
    sys.exit(main())
