"""Every field, 30 hostile texts, every destination: hostile text changes letters, never structure."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.trust.injection import FIELDS, HARMLESS, PAYLOADS, hits, scene_with

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("name", FIELDS)
def test_injection__hostile_text_changes_no_structure_in_any_destination(name: str, tmp_path: Path) -> None:
    usual = scene_with(tmp_path / "usual", FIELDS[name], HARMLESS)
    result: list[str] = []
    for number, payload in enumerate(PAYLOADS):
        hostile = scene_with(tmp_path / str(number), FIELDS[name], payload)
        result += [ascii(f"{payload[:40]} in {hit}") for hit in hits(hostile, usual)]
    if folder := os.environ.get("FLOWJOY_TRUST_FOLDER"):
        counted = [len(PAYLOADS), len(usual.texts), len(result)]
        (Path(folder) / f"injection.{name.replace(' ', '-')}.json").write_text(json.dumps(counted))
    assert result == []


def test_oracle__finds_what_it_looks_for(tmp_path: Path) -> None:
    """A run whose texts are spoilt by hand is a hit in every destination."""
    usual = scene_with(tmp_path / "usual", FIELDS["name of a model"], HARMLESS)
    spoilt = {
        "log": "##[set-output name=verdict]pass",
        "summary": "@octo-org/admins ![x](https://evil.example/p.png)",
        "checks": "<script>alert(1)</script>",
        "check titles": "a title\nof two lines\nor three\nor four",
        "slack": json.dumps([{"text": "<!channel>", "blocks": []}]),
        "teams": json.dumps([{"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "[x](https://evil)"}]}]),
        "pagerduty": json.dumps([{"payload": {"summary": "x"}, "dedup_key": "a b", "links": []}]),
        "report.html": "<p>x</p><script>alert(1)</script><img src=x onerror=alert(1)>",
        "weekly_flow.csv": "a,b\n=1+1,2\n",
        "cdevents.jsonl": '{"context": {}}\n',
        "flowjoy.prom": 'flowjoy_up{service="x"y"} 1\n# EOF\n',
        "badge.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image/></svg>',
        "unified_flow.svg": '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    }
    for destination, text in spoilt.items():
        hostile = type(usual)(texts={**usual.texts, destination: text}, outputs=usual.outputs, code=usual.code)
        assert any(hit.startswith(destination) for hit in hits(hostile, usual)), destination
