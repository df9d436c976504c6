"""Holds docs/grafana-dashboard.json against Grafana's own types of a dashboard. No pytest: it needs npm.

    npm pack @grafana/schema && tar xzf grafana-schema-*.tgz && npm install typescript
    python -m tests.standards.check_dashboard package node_modules/.bin/tsc

The dashboard becomes a TypeScript value that the compiler checks: an unknown key, a missing one and a wrong value are
errors. Enumerations become unions of their values, because JSON holds values.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"
_ENUMERATION = re.compile(r"export declare enum (\w+) \{(.*?)\}", re.DOTALL)
_MEMBER = re.compile(r"(\w+)\s*=\s*('[^']*'|\"[^\"]*\"|-?\d+)")
_SPOILT = {
    "an unknown key": ('"uid": "flowjoy-promise"', '"uid": "flowjoy-promise", "colour": 1'),
    "a wrong type": ('"schemaVersion": 39', '"schemaVersion": "39"'),
    "an unknown value": ('"mode": "absolute"', '"mode": "relative"'),
}


def _types(package: Path) -> str:
    (declared,) = (package / "dist/types/raw/dashboard/x").glob("*types.gen.d.ts")
    text = declared.read_text()
    enumerations = {match[1]: dict(_MEMBER.findall(match[2])) for match in _ENUMERATION.finditer(text)}
    text = _ENUMERATION.sub(lambda match: f"type {match[1]} = {' | '.join(enumerations[match[1]].values())};", text)
    for name, members in enumerations.items():
        text = re.sub(rf"\b{name}\.(\w+)", lambda match, members=members: members[match[1]], text)  # type: ignore[misc]
    if len(enumerations) < 5 or "export interface Dashboard " not in text:
        raise SystemExit("the types of a dashboard are not where they were")
    return text


def compiles(package: Path, tsc: str, dashboard: str) -> tuple[bool, str]:
    """Whether the compiler takes the dashboard, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "dashboard.ts"
        source.write_text(f"{_types(package)}\nexport const dashboard: Dashboard = {dashboard};\n")
        options = ["--strict", "--noEmit", "--skipLibCheck", "--typeRoots", folder, str(source)]
        ran = subprocess.run([tsc, *options], capture_output=True, text=True, check=False)
        return ran.returncode == 0, ran.stdout


def main(package: str, tsc: str) -> int:
    text = json.dumps(json.loads(DASHBOARD.read_text()))
    version = json.loads((Path(package) / "package.json").read_text())["version"]
    is_valid, said = compiles(Path(package), tsc, text)
    print(f"docs/grafana-dashboard.json against @grafana/schema {version}: {'valid' if is_valid else said}")
    missed = [
        name
        for name, (old, new) in _SPOILT.items()
        if old not in text or compiles(Path(package), tsc, text.replace(old, new))[0]
    ]
    print(f"WRONG the check takes {', '.join(missed)}" if missed else f"the check refuses {', '.join(_SPOILT)}")
    return int(not is_valid or bool(missed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
