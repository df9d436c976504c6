"""`report.html`: one file that asks nothing of any network, whatever its texts want to be."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CoverageState
from flowjoy.domain.bundle import Bundle
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files
from flowjoy.report.links import Links
from tests.builders import a_bundle, a_coverage, a_deploy, a_drift_check, a_provisional_deploy, a_ship, an_incident, at
from tests.unit.report.a_year import HOSTILE, a_hostile_bundle, a_year


def page_of(bundle: Bundle) -> str:
    results = analyse(bundle)
    return files.renderings(results, bundle_bytes(results))["report.html"]().decode()


def unpictured(bundle: Bundle) -> str:
    """The page where no picture could be drawn: the rest of it stands, and a test of words is fast."""

    def nothing() -> bytes:
        raise OSError("no picture")

    return files.page_of(analyse(bundle), dict.fromkeys(("unified_flow", "promise", "drift"), nothing)).decode()


class Reader(HTMLParser):
    """Reads a page like a browser: elements with their attributes, and the text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.raw: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.raw[self.open[-1]] = self.raw.get(self.open[-1], "") + data
        else:
            self.text += data.replace("\u00a0", " ")

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def year() -> str:
    return page_of(a_year())


@pytest.mark.matrix
def test_page__asks_nothing_of_any_network(year: str) -> None:
    read = Reader(year)
    for _, attributes in read.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "action", "srcset", "poster", "data"):
                assert (value or "").startswith(("#", "data:image/svg+xml;base64,")), value
    assert "@import" not in read.raw["style"]
    assert "url(" not in read.raw["style"]
    for image in read.named("img"):
        drawn = base64.b64decode(str(image["src"]).partition(",")[2]).decode()
        assert "<script" not in drawn
        assert not re.search(r'(?:href|src)="(?!#)', drawn)


@pytest.mark.matrix
def test_page__allows_its_own_style_and_script_by_hash_and_nothing_else(year: str) -> None:
    read = Reader(year)
    (policy,) = [meta["content"] or "" for meta in read.named("meta") if meta.get("http-equiv")]
    for kind in ("style", "script"):
        digest = base64.b64encode(sha256(read.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not any(name.startswith("on") or name == "style" for _, attributes in read.elements for name in attributes)


def test_page__foreign_text_is_text() -> None:
    page = page_of(a_hostile_bundle())
    read = Reader(page)
    assert len(read.named("script")) == len(read.named("style")) == 1
    assert all(str(image["src"]).startswith("data:") for image in read.named("img"))
    assert "<script>alert(1)</script>" in read.text
    assert "\u202e" not in page
    assert max(len(run) for run in re.findall(r"x+", read.text)) <= 300
    assert html.escape(HOSTILE[0]) in page or "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_page__of_a_busy_year_is_below_a_megabyte(year: str) -> None:
    owed = analyse(a_year()).obligations
    assert len(owed) >= 500
    assert len(year.encode()) < 1_000_000


@pytest.mark.matrix
def test_page__more_rows_than_a_page_carries_are_counted() -> None:
    read = Reader(unpictured(a_year(models=("recommender", "ranker", "toxicity"))))
    assert re.search(r"… and \d+ more, in flowjoy-bundle\.json\.", read.text)


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="(\w+)"', page)


def test_page__urgent_sections_come_first(year: str) -> None:
    assert sections(year) == [
        "alerts", "promise", "weeks", "incidents", "advice",
        "retrospective", "dora", "pairs", "inventory", "coverage",
    ]  # fmt: skip
    assert Reader(year).text.index("overdue") < Reader(year).text.index("kept, last 28 days")


def test_page__every_picture_has_alternative_text_and_a_table_behind_it(year: str) -> None:
    read = Reader(year)
    assert all(image.get("alt") and image.get("width") and image.get("height") for image in read.named("img"))
    assert len(read.named("table")) >= len(read.named("img"))
    assert len(read.named("caption")) == len(read.named("table"))
    assert all(head.get("scope") == "col" for head in read.named("th"))


def test_picture__that_cannot_be_drawn_is_left_out_and_the_table_behind_it_stays() -> None:
    page = Reader(unpictured(a_year(weeks=4)))
    assert page.named("img") == []
    assert "Week by week" in page.text


def test_clock__counts_down_from_its_deadline() -> None:
    page = unpictured(a_bundle([a_deploy(100), a_deploy(101)], [a_ship(50)], until=at(110)))
    due = [(time["datetime"], time["data-due"]) for time in Reader(page).named("time") if "data-due" in time]
    first, second = "2024-06-09T13:00:00Z", "2024-06-09T14:00:00Z"
    # In the title of the banner, and in a row for each.
    assert due == [(first, "in"), (first, "left"), (second, "left")]
    assert "recommender is due in 38 h (Sun 13:00 UTC); 2 releases wait for it" in Reader(page).text
    assert "Data team: ship a new version of recommender" in Reader(page).text


def test_settled__promises_do_not_count_down() -> None:
    page = unpictured(a_bundle([a_deploy(0), a_deploy(100)], [a_ship(1), a_ship(150)], until=at(200)))
    assert not [time for time in Reader(page).named("time") if "data-due" in time]
    breached = unpictured(a_bundle([a_deploy(0)], [], until=at(200)))
    assert not [time for time in Reader(breached).named("time") if "data-due" in time]


def text_of(**changes: Any) -> str:
    return Reader(unpictured(replace(a_year(weeks=4), **changes))).text


READ = (a_coverage("code"), a_coverage("models"))


def test_missing_data__is_named_and_never_zero() -> None:
    nothing_known = text_of(
        coverage=(
            a_coverage("code"),
            a_coverage("models"),
            a_coverage("incidents", CoverageState.FAILED, required=False),
        ),
        inventory=None,
    )
    assert "could not be read, so the MTTR is unknown" in nothing_known
    assert "Incidents are unknown, and so is the pair to roll back to." in nothing_known
    none_set = text_of(coverage=READ)
    assert "No incident source is configured" in none_set


UNREAD = a_coverage("models", CoverageState.FAILED, reason="the registry refused", hint="check the token")


def test_registry__that_was_not_read_is_no_lag_no_jam_and_no_kept_promise() -> None:
    text = text_of(coverage=(a_coverage("code"), UNREAD), models=())
    assert "lagging" not in text
    assert "Not read: models." in text
    assert "Unknown: models could not be read." in text
    assert "No deadline has passed" not in text
    assert "a required source could not be read" in text
    assert text.count("no data") > 10
    assert "packag" not in text.partition("Retrospective")[0].partition("Advice")[2].partition("What became")[0]


def test_code__that_was_not_read_is_not_shown_as_without_obligations() -> None:
    text = text_of(coverage=(a_coverage("code", CoverageState.FAILED), a_coverage("models")), code=())
    assert "No release in the window has an obligation" not in text
    assert "Unknown: code could not be read." in text


def test_row__that_nobody_could_judge_is_no_open_clock() -> None:
    page = unpictured(replace(a_year(weeks=4), coverage=(a_coverage("code"), UNREAD), models=()))
    assert "What is owed now" not in page


def test_right_to_left__name_does_not_turn_the_figures_behind_it() -> None:
    name = "\u05d0\u05d1\u05d2"
    page = unpictured(a_bundle([a_deploy(1)], [a_ship(-99, model=name)], until=at(5), terms={"models": (name,)}))
    assert f"\u2068{name}\u2069 is due in" in Reader(page).text


def test_instant__of_another_year_says_so(year: str) -> None:
    text = Reader(year).text
    assert "Sat 31 May 2025, 19:00 UTC" in text
    assert "Jun 03 2024" in text
    assert re.search(r"Mon 03 Jun 2024 \d\d:00 UTC", text)
    assert re.search(r"Mon 26 May \d\d:00 UTC", text)
    assert "2025 0" not in text


def test_headline__behind_the_word_of_the_verdict_does_not_repeat_it() -> None:
    failed = unpictured(replace(a_year(weeks=4), coverage=(a_coverage("code"), UNREAD)))
    assert "<h1><bdi>Could not decide: models: the registry refused</bdi></h1>" in failed
    kept = unpictured(a_bundle([a_deploy(0)], [a_ship(1)], until=at(9)))
    assert "<h1><bdi>The 48\u00a0h promise holds: nothing is due</bdi></h1>" in kept
    empty = Reader(unpictured(a_bundle())).text
    assert "No data" in empty
    assert "No code was deployed to production in the last 4 weeks" in empty, "a line of its own begins with a capital"


def test_inventory__of_more_than_a_hundred_says_how_many_were_examined() -> None:
    inventory = a_year(weeks=4).inventory
    assert inventory is not None
    crowded = text_of(inventory=replace(inventory, branches_total=412, pulls_total=100))
    assert "of 412, of which the first 100 were examined" in crowded
    assert "of 100 open" in crowded
    assert crowded.count("examined") == 1


def test_shelf__does_not_count_versions_of_a_registry_that_was_not_read() -> None:
    unread = text_of(coverage=(a_coverage("code"), UNREAD), models=(), unshipped=())
    assert re.search(r"model versions never shippedno data", unread)


def test_fold__says_how_many_rows_it_hides(year: str) -> None:
    text = Reader(year).text
    assert "Show all 500" in text
    assert "… and 20 more, in flowjoy-bundle.json." in text
    assert re.search(r"Which code was live with which models \d{3}", text)


def test_fold__shows_the_most_urgent_rows_and_the_newest_weeks(year: str) -> None:
    rows = re.findall(r'<tr(?: class="(rest)")?><td data-label="(release|week)"[^>]*>(.*?)</td>', year)
    shown = {
        label: [re.sub("<[^>]+>", "", text) for rest, kind, text in rows if kind == label and not rest]
        for label in ("release", "week")
    }
    assert len(shown["release"]) == 8
    assert [text.replace("\u00a0", " ") for text in shown["week"]] == [
        "May 26",
        "May 19",
        "May 12",
        "May 05",
        "Apr 28",
        "Apr 21",
    ]


LINKS = Links(
    repository="https://github.com/acme/shop",
    registry="https://mlflow.example",
    documentation="https://github.com/acme/flowjoy/blob/main/docs",
    check="https://github.com/acme/shop/commit/1/checks",
    run="https://github.com/acme/shop/actions/runs/1",
    pull_request=7,
)


def linked(bundle: Bundle) -> list[str]:
    page = files.page_of(analyse(bundle), {}, LINKS).decode()
    return [str(link["href"]) for link in Reader(page).named("a")]


def test_page__links_check_run_pull_request_commit_version_and_definitions() -> None:
    links = linked(a_bundle([a_deploy(0, "a" * 40)], [a_ship(1, "7")], until=at(9)))
    assert {
        "https://github.com/acme/shop/commit/1/checks",
        "https://github.com/acme/shop/actions/runs/1",
        "https://github.com/acme/shop/pull/7",
        f"https://github.com/acme/shop/commit/{'a' * 40}",
        "https://mlflow.example/#/models/recommender/versions/7",
        "https://github.com/acme/flowjoy/blob/main/docs/metrics.md",
    } <= set(links)


def test_page__has_one_banner_with_a_status_and_says_its_title_once(year: str) -> None:
    assert len(re.findall(r'<div class="banner bad">', year)) == year.count('class="banner') == 1
    (title,) = re.findall(r"<h1>(.*?)</h1>", year)
    assert year.count(title) == 1


def test_rate__and_its_budget_are_a_figure_and_not_once_more_in_the_section(year: str) -> None:
    text = Reader(year).text
    assert text.count("target 95 %") == 1
    assert text.count(" allowed") == 1


def test_overdue__many_models_are_three_moves_and_a_fold_of_the_others() -> None:
    models = tuple(f"recommender-{number:02}" for number in range(11))
    page = unpictured(a_bundle([a_deploy(0)], [], until=at(50), terms={"models": models}))
    shown, folded = page.split('<div class="moves">')[1].split("</details>")[0].split("<details>")
    assert shown.count("<strong>") == 3
    assert "Ship 8 more models." in folded
    assert folded.count("<strong>") == 8
    assert "11 models are overdue, the first by 2 h" in Reader(page).text


def test_date__time_and_duration_stay_on_one_line(year: str) -> None:
    assert not re.search(
        r">[^<]*(\d\d:\d\d UTC|\d h \d+ m|\b(Jun|May) \d\d\b(?!:))", year.split("<body>")[1].partition("<script>")[0]
    )


def test_picture__over_time_begins_at_its_newest_week_and_any_other_at_its_start() -> None:
    page = page_of(replace(a_year(weeks=2), drift=a_drift_check(9, over=True)))
    assert re.findall(r'<figure [^>]*?aria-label="([^"]*)"( class="newest")?>', page) == [
        ("The 48-hour promise, drawn", ' class="newest"'),
        ("Code and models, week by week, drawn", ' class="newest"'),
        ("Drift, drawn", ""),
    ]


def test_incidents__without_a_source_are_not_shown_as_none() -> None:
    text = text_of(coverage=READ)
    assert "no incident source is configured" in text
    assert "no incident started in it" not in text
    assert "healthy" not in text.lower()


def test_source__that_decides_and_failed_is_the_first_thing_to_mend() -> None:
    failed = a_coverage("models", CoverageState.FAILED, reason="the registry refused", hint="check the token")
    text = text_of(coverage=(a_coverage("code"), failed))
    assert "Could not decide" in text
    assert text.index("let FlowJoy read the source models.") < text.index("The registry refused: check the token")


def test_provisional__release_is_marked() -> None:
    page = unpictured(a_bundle([a_deploy(0), a_provisional_deploy(9, sha="b" * 40)], [a_ship(1)], until=at(9)))
    assert "bbbbbbbbbbbb (provisional)" in Reader(page).text


@pytest.mark.matrix
def test_same_bundle__same_bytes_in_any_order() -> None:
    bundle = a_year(weeks=6)
    turned = replace(bundle, code=bundle.code[::-1], models=bundle.models[::-1], incidents=bundle.incidents[::-1])
    assert page_of(bundle) == page_of(turned)


def test_pull_request_of_a_fork__shows_only_what_was_judged() -> None:
    bundle = replace(
        a_year(weeks=4),
        coverage=(a_coverage("stubs"), a_coverage("code", CoverageState.NOT_CONFIGURED, required=False)),
    )
    assert sections(unpictured(bundle)) == ["coverage"]


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>", "]]></script>"])
def test_page__that_ends_a_script_in_its_data_adds_no_element_and_no_code(text: str) -> None:
    def page(name: str) -> Reader:
        incidents = [an_incident(3, title=name)]
        bundle = a_bundle([a_deploy(1, sha=name)], [a_ship(2, version=name, model=name)], incidents, service=name)
        return Reader(unpictured(bundle))

    usual, hostile = page("plain"), page(text)
    assert [name for name, _ in hostile.elements] == [name for name, _ in usual.elements]
    assert hostile.raw["script"] == usual.raw["script"]
    assert text in hostile.text
