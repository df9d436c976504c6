"""Hostile text in every field that a server, a file or a pull request fills, and what each destination makes of it.

The oracle is a comparison: the same run with harmless text in the same field. Hostile text may change letters; it must
change no structure: no element, attribute, link, mention, command, column, line or block more.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from markdown_it import MarkdownIt

from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at
from tests.fakes.actions_runner import commands_in
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.cdevents import problems_of
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.mlflow_faults import MlflowStandIn
from tests.fakes.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.fakes.pagerduty import PagerDutyStandIn
from tests.fakes.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.fakes.registry import emptied
from tests.fakes.slack import CHANNEL, SlackStandIn, mentions_and_links
from tests.fakes.slack import TOKEN as SLACK_TOKEN
from tests.fakes.teams import TeamsStandIn, card_problems

HARMLESS = "plain"
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PAYLOADS = (
    "::add-mask::pass",
    "##[set-output name=verdict]pass",
    "x\n::stop-commands::t\n::set-output name=verdict::pass",
    "x\nverdict=pass\nEOF\nverdict<<EOF\npass",
    "\u001b[31m::error::x",
    "**x** | y | z",
    "@octo-org/admins look",
    "![x](https://evil.example/p.png)",
    "[x](https://evil.example)",
    "<https://evil.example|GitHub>",
    "https://evil.example www.evil.example",
    "<!channel> <@U0000> <!here>",
    "<!-- hidden -->",
    "<details><summary>x</summary>",
    "<script>alert(1)</script>",
    "</script></style></title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}}{% raw %}${7*7}",
    "=1+1",
    "a;=1+1",
    "\uff1d\uff0b\uff20x",
    '\t=HYPERLINK("https://evil.example")',
    'a,b\n"c",d\r\ne',
    "`x` ```\n# h\n- l",
    "$\\frac{$",
    "x-axis [a, b]\n  bar [1]\n%%{init: {}}%%",
    "\u202egnp.exe\u202c\u200b\u0000\u2066",
    "]]>&#0;&evil;",
    "x" * 5000,
)


@dataclass
class Scene:
    """Servers that know one broken and one kept promise, incidents, a pull request and a full shelf."""

    folder: Path
    github: GitHubStandIn = field(default_factory=lambda: GitHubStandIn(token=TOKEN))
    mlflow: MlflowStandIn = field(default_factory=MlflowStandIn)
    pagerduty: PagerDutyStandIn = field(default_factory=PagerDutyStandIn)
    teams: TeamsStandIn = field(default_factory=TeamsStandIn)
    slack: SlackStandIn = field(default_factory=SlackStandIn)
    pager: PagerDutyEventsStandIn = field(default_factory=PagerDutyEventsStandIn)

    def __post_init__(self) -> None:
        self.artifacts = ArtifactServiceStandIn(self.github.repository)
        (self.folder / "workspace").mkdir(parents=True)
        self.world = World(
            github=self.github,
            registry=emptied(),
            workspace=self.folder / "workspace",
            artifacts=self.artifacts,
            inputs={},
        )
        self.stub: dict[str, Any] = {"models": {"recommender": {"requires": "any"}}}
        self.model, self.environment = "recommender", "production"
        self.incident, self.issue, self.title, self.branch, self.message = ("plain",) * 5
        self.version_tags: dict[str, str] = {}

    def run(self) -> Ran:
        """Fill the servers and run the step twice: the second run begins an alert that may be sent."""
        shop = self.github.repository
        for sha, hours in ((A, 0), (B, 60)):
            shop.add_commit(sha, at(hours), parent=A if sha == B else None, message=self.message)
            shop.add_file(sha, "flowjoy.json", json.dumps(self.stub))
            shop.add_deployment(
                sha=sha, created_at=at(hours), statuses=[("success", at(hours))], environment=self.environment
            )
        shop.add_commit(C, at(61), parent=B, branch=self.branch)
        shop.add_issue(title=self.issue, labels=["incident"], created_at=at(3), closed_at=at(5))
        shop.add_pull_request(head_sha=C, base_sha=B, title=self.title, files={"a.py": "added"}, created_at=at(61))
        self.mlflow.add_model(self.model)
        self.mlflow.add_version(at(1), self.model, tags=self.version_tags)
        self.pagerduty.add(at(2), at(4), title=self.incident)
        self.world.inputs |= {
            "mlflow-tracking-uri": self.mlflow.url,
            "model-stub": "flowjoy.json",
            "models": "",
            "environment": self.environment,
            "pagerduty-token": PAGERDUTY_TOKEN,
            "pagerduty-api-url": self.pagerduty.url,
            "incident-label": "incident",
            "incident-titles": "always",
            "slack-token": SLACK_TOKEN,
            "slack-channel": CHANNEL,
            "slack-api-url": self.slack.api_url,
            "teams-webhook-url": self.teams.webhook_url,
            "pagerduty-routing-key": ROUTING_KEY,
            "pagerduty-events-url": self.pager.url,
        } | self.world.inputs
        for hours in (62, 110):
            self.slack.clock = at(hours)
            ran = self.world.run(at(hours), event="schedule", sha=B)
        return ran

    def close(self) -> None:
        servers = (self.artifacts, self.github, self.mlflow, self.pagerduty, self.slack, self.teams, self.pager)
        for server in servers:
            server.close()


def _in_stub(place: str) -> Callable[[Scene, str], None]:
    def fill(scene: Scene, text: str) -> None:
        waiver = {"model": "recommender", "sha": "*", "reason": "r", "by": "b", "until": at(200).isoformat()}
        if place in ("reason", "by"):
            scene.stub["waivers"] = [{**waiver, place: text}]
        elif place == "owner":
            scene.stub["models"]["recommender"]["owner"] = text
        elif place == "none":
            scene.stub["models"]["ranker"] = {"requires": "none", "reason": text}
        else:
            scene.stub[text] = 1

    return fill


def _setter(name: str) -> Callable[[Scene, str], None]:
    return lambda scene, text: setattr(scene, name, text)


def _model(scene: Scene, text: str) -> None:
    scene.model = text
    scene.stub["models"] = {text: {"requires": "any"}}


def _input(name: str) -> Callable[[Scene, str], None]:
    return lambda scene, text: scene.world.inputs.update({name: text})


def _registry_says(scene: Scene, text: str) -> None:
    scene.mlflow.fail("", times=None, fault=Answer(400, {"error_code": text, "message": text}))


def _github_says(scene: Scene, text: str) -> None:
    answer = Answer(200, {"errors": [{"type": text, "message": text}]})
    scene.github.fail("/graphql", times=None, fault=answer)


FIELDS: dict[str, Callable[[Scene, str], None]] = {
    "name of a model": _model,
    "reason of a waiver": _in_stub("reason"),
    "author of a waiver": _in_stub("by"),
    "reason of a model that is not required": _in_stub("none"),
    "owner of a model": _in_stub("owner"),
    "unknown key of a stub": _in_stub("key"),
    "environment": _setter("environment"),
    "service": _input("service"),
    "check name": _input("check-name"),
    "name of a workflow": _input("workflow"),
    "title of a PagerDuty incident": _setter("incident"),
    "title of an issue": _setter("issue"),
    "title of a pull request": _setter("title"),
    "name of a branch": _setter("branch"),
    "message of a commit": lambda scene, text: setattr(scene, "message", f"This reverts commit {A}.\n{text}"),
    "tag of a version": lambda scene, text: scene.version_tags.update({"flowjoy.unified": text, "note": text}),
    "deployment instant of a version": lambda scene, text: scene.version_tags.update({"flowjoy.deployed_at": text}),
    "error of the registry": _registry_says,
    "error of GitHub": _github_says,
}


_SAMPLE = re.compile(r'flowjoy_\w+\{(\w+="([^"\\\n]|\\[\\"n])*",?)+\} [\d.e+-]+')


class _Structure(HTMLParser):
    """The elements, attributes and comments of a page; text does not count."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: Counter[str] = Counter()
        self.targets: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "wbr":  # a place where a long word may break
            self.parts[f"{tag} " + " ".join(sorted(name for name, _ in attrs))] += 1
        self.targets |= {value or "" for name, value in attrs if name in ("href", "src", "action")}

    def handle_comment(self, data: str) -> None:
        self.parts["comment"] += 1


@dataclass(frozen=True)
class Emitted:
    """Everything that one run gave out, a text a destination."""

    texts: dict[str, str]
    outputs: dict[str, str]
    code: int


def emitted(scene: Scene, ran: Ran) -> Emitted:
    """Collect what a run gave out."""
    shop = scene.github.repository
    checks = [run.fields for run in shop.check_runs.values()]
    texts = {
        "log": ran.log,
        "outputs": (scene.folder / "workspace" / "output").read_text(errors="surrogateescape"),
        "summary": ran.summary,
        "checks": "\n\n".join(
            str((check.get("output") or {}).get(part) or "") for check in checks for part in ("summary", "text")
        ),
        "check titles": "\n".join(str((check.get("output") or {}).get("title") or "") for check in checks),
        "slack": json.dumps(scene.slack.messages),
        "teams": json.dumps(scene.teams.cards),
        "pagerduty": json.dumps([event for alert in scene.pager.alerts for event in alert.events]),
    }
    for file in sorted(ran.folder.glob("*")) if ran.folder.is_dir() else ():
        if file.suffix in (".html", ".csv", ".svg", ".prom", ".jsonl"):
            texts[file.name] = file.read_text()
    return Emitted(texts=texts, outputs=ran.outputs, code=ran.code)


def hits(hostile: Emitted, harmless: Emitted) -> Iterator[str]:
    """Yield each destination whose structure hostile text changed, with what changed."""
    yield from (f"log: command {name}" for name in _new_commands(hostile, harmless))
    if set(hostile.outputs) - set(harmless.outputs):
        yield "outputs: keys were added"
    if hostile.outputs.get("verdict") != {0: "pass", 1: "fail", 2: "error"}[hostile.code]:
        yield "outputs: the verdict is not that of the exit code"
    for name, text in hostile.texts.items():
        yield from (f"{name}: {problem}" for problem in _problems(name, text, harmless.texts.get(name, "")))


def _new_commands(hostile: Emitted, harmless: Emitted) -> list[str]:
    ours = {"error", "warning", "notice", "group", "endgroup", "debug", "add-mask"}
    commands = commands_in(hostile.texts["log"])
    masks = [c.data for c in commands if c.name == "add-mask"]
    known = [c.data for c in commands_in(harmless.texts["log"]) if c.name == "add-mask"]
    return [c.name for c in commands if c.name not in ours] + [f"mask {mask}" for mask in masks if mask not in known]


def _problems(name: str, text: str, harmless: str) -> Iterator[str]:
    judge = _JUDGES.get(name) or _JUDGES.get(Path(name).suffix)
    if judge is not None:
        yield from judge(text, harmless)


def _leads_astray(target: str) -> bool:
    """Whether a link leads to a host or a script of foreign text; a name in the path of our own link is quoted."""
    address = urlsplit(target)
    return "evil" in address.netloc or address.scheme not in ("", "http", "https", "data") or "evil/" in target


def _markdown(text: str, _harmless: str) -> Iterator[str]:
    """GitHub renders tables, mentions and bare addresses: none may come of foreign text."""
    structure = _Structure(MARKDOWN.render(text))
    foreign = {part.split()[0] for part in structure.parts} & {"script", "img", "svg", "style", "iframe", "comment"}
    if foreign - {"comment"} or structure.parts["comment"] > text.count("<!-- flowjoy"):
        yield f"elements {sorted(foreign)}"
    if any(_leads_astray(target) for target in structure.targets):
        yield "a link"
    outside = re.sub(r"(`+)[^`].*?\1|<code>.*?</code>", "", text, flags=re.DOTALL)
    if re.search(r"(?<![\w`&;])@octo-org", outside):
        yield "a mention"
    if re.search(r"(https?://|www\.)evil", outside):
        yield "an address that GitHub links"
    if any(any(mark in line for mark in ("%%{", "x-axis [a")) for line in outside.splitlines()):
        yield "a line of a diagram"


def _titles(text: str, harmless: str) -> Iterator[str]:
    """GitHub shows the title of a check as plain text: it must be one line that can be read."""
    if any(not line.isprintable() for line in text.splitlines()):
        yield "a character that is not printable"
    if harmless and text.count("\n") > harmless.count("\n"):
        yield "a line more"


def _page(text: str, harmless: str) -> Iterator[str]:
    structure, usual = _Structure(text), _Structure(harmless)
    if new := {
        part
        for part in structure.parts
        if part not in usual.parts and part.split()[0] in {"script", "img", "iframe", "style", "comment", "svg"}
    }:
        yield f"elements {sorted(new)}"
    if structure.parts["script"] > usual.parts["script"] and usual.parts:
        yield "a script"
    if any(_leads_astray(target) for target in structure.targets) or "49{%" in text:
        yield "a link or a template"
    if events := [part for part in structure.parts if re.search(r" on(load|error|mouseover)", part)]:
        yield f"handlers {events}"


def _svg(text: str, _harmless: str) -> Iterator[str]:
    root = ET.fromstring(text)  # noqa: S314  (a picture of our own)
    for element in root.iter():
        tag = str(element.tag).rpartition("}")[2]
        if tag in ("script", "foreignObject", "image", "a") or any(key.startswith("on") for key in element.attrib):
            yield f"element {tag}"


def _csv(text: str, harmless: str) -> Iterator[str]:
    rows, usual = list(csv.reader(io.StringIO(text))), list(csv.reader(io.StringIO(harmless)))
    if len({len(row) for row in rows}) > 1 or (usual and rows and len(rows[0]) != len(usual[0])):
        yield "columns"
    for cell in (cell for row in rows[1:] for cell in row):
        starts = re.search(r"(^|[;,\t\r\n|])\s*[=+@\uff1d\uff0b\uff0d\uff20]", cell) or re.match(r"\s*-(?![\d.])", cell)
        if starts:
            yield f"a formula: {cell[:40]!r}"


def _events(text: str, harmless: str) -> Iterator[str]:
    """One event a line, each valid by the released schema."""
    if harmless and text.count("\n") > harmless.count("\n"):
        yield "a line more"
    for line in text.split("\n")[:-1]:
        yield from problems_of(json.loads(line))


def _metrics(text: str, harmless: str) -> Iterator[str]:
    """Samples of the same metrics, each on its line, until the end that the format has."""
    names = {line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    usual = {line.partition("{")[0] for line in harmless.splitlines() if not line.startswith("#")}
    if (harmless and names - usual) or text.count("# EOF\n") != 1 or not text.endswith("\n# EOF\n"):
        yield f"metrics {sorted(names - usual)}"
    if any(not _SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("#")):
        yield "a line that is not a sample"


def _slack(text: str, _harmless: str) -> Iterator[str]:
    if re.search(r"<(!|@U|#C|https?://evil|https?://www\.evil)", text):
        yield "a mention or a link"
    for message in json.loads(text):
        if any("evil" in target for target in mentions_and_links(message)):
            yield "a link"


def _teams(text: str, harmless: str) -> Iterator[str]:
    """Valid cards whose text is in text runs, with the links of a harmless run."""
    usual = [card.get("actions") for card in json.loads(harmless or "[]")]
    for number, card in enumerate(json.loads(text)):
        yield from card_problems(card)
        if {element["type"] for element in card["body"]} != {"RichTextBlock"}:
            yield "text that is read as Markdown"
        if any(_leads_astray(action["url"]) for action in card.get("actions", ())) or number >= len(usual or [None]):
            yield "a link or a card more"


def _pagerduty(text: str, _harmless: str) -> Iterator[str]:
    for event in json.loads(text):
        if len(event["payload"]["summary"]) > 1024 or not re.fullmatch(r"[\w-]{1,255}", event["dedup_key"]):
            yield "a long summary or a key of foreign text"
        if any("evil" in str(link.get("href")) for link in event.get("links", ())):
            yield "a link"


_JUDGES: dict[str, Callable[[str, str], Iterator[str]]] = {
    "summary": _markdown,
    "checks": _markdown,
    "check titles": _titles,
    ".html": _page,
    ".svg": _svg,
    ".csv": _csv,
    ".jsonl": _events,
    ".prom": _metrics,
    "slack": _slack,
    "teams": _teams,
    "pagerduty": _pagerduty,
}
"""Who judges a destination, by its name or the ending of a file."""


def scene_with(folder: Path, fill: Callable[[Scene, str], None], text: str) -> Emitted:
    """Return what a run gives out when one field holds a text."""
    scene = Scene(folder)
    try:
        fill(scene, text)
        return emitted(scene, scene.run())
    finally:
        scene.close()
