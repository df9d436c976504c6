"""The pictures of README and docs: light, described, and honest about what they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from scripts import picture_frames as frames
from scripts import pictures

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
SHOWN = {
    (page, target, description)
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for description, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text())
}
HOSTILE = '<script>alert("1")</script> & *x*'


def message(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ts": "1719396000.000001", "blocks": list(blocks), **more}


def section(kind: str, text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def test_pictures__all_are_shown_and_all_that_are_shown_exist() -> None:
    targets = {(page.parent / target).resolve() for page, target, _ in SHOWN}
    assert targets == set(PICTURES.iterdir())
    assert {path.name for path in targets} >= {"check.png", "comment.png", "slack.png", "report.png"}


def test_pictures__have_a_description_and_less_than_200_kb() -> None:
    assert [target for _, target, description in SHOWN if len(description) < 30] == []
    assert [path.name for path in PICTURES.iterdir() if path.stat().st_size > 200_000] == []


def test_pictures__end_below_the_last_complete_part() -> None:
    page = Image.new("RGB", (20, 100), "white")
    draw = ImageDraw.Draw(page)
    for top, bottom in ((0, 9), (30, 39), (45, 49), (70, 99)):
        draw.rectangle((5, top, 15, bottom), fill="navy")
    assert pictures.gap(page, 15) == 50
    assert pictures.gap(page, 25) == 100
    assert pictures.end_of(page.crop((0, 0, 20, 60))) == 50


def test_slack_frame__shows_text_as_slack_does() -> None:
    escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = frames.slack([message(section("plain_text", escaped))], {})
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; *x*" in shown
    markup = section("mrkdwn", "*Next:* <@U0OWNER1> ships `v2` &lt;b&gt; <https://github.com/acme/shop|check>")
    shown = frames.slack([message(markup)], {})
    link = '<a href="https://github.com/acme/shop">check</a>'
    assert f"<b>Next:</b> <b>@U0OWNER1</b> ships <code>v2</code> &lt;b&gt; {link}" in shown


def test_slack_frame__opens_the_last_thread_and_counts_the_replies_of_others() -> None:
    first = message(section("plain_text", "first"))
    last = message(section("plain_text", "last"), ts="1719396001.000002")
    replies = [message(section("plain_text", f"reply {n}"), ts=f"17194{n}.1", thread_ts=last["ts"]) for n in (1, 2)]
    shown = frames.slack([first, last, *replies], {first["ts"]: [b"png"]})
    assert "1 reply" in shown
    assert "reply 1" in shown
    assert "reply 2" in shown
    assert "data:image" not in shown


def test_github_frames__say_that_they_are_not_screenshots() -> None:
    run = {
        "name": "FlowJoy / 48 h SLA",
        "conclusion": "failure",
        "output": {"title": HOSTILE, "summary": "# A\n\n### B"},
    }
    check = frames.check([run])
    assert "<script>" not in check
    assert "Further down: B" in check
    assert all("not a screenshot of GitHub." in page for page in (check, frames.comment("text")))
