"""Has a real Prometheus read `flowjoy.prom` and `rollup.prom`, and answer the queries of the Grafana dashboard.

No pytest: it needs Prometheus and promtool.

    python -m tests.standards.read_by_prometheus /usr/bin/promtool /usr/bin/prometheus

Prints what was read; exit code 1 when promtool or Prometheus refuses a file, or reads another value than it holds.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowjoy.analysis.results import analyse
from flowjoy.domain import CoverageState
from flowjoy.domain.bundle import Bundle
from flowjoy.report import openmetrics
from flowjoy.report.rollup import prom
from tests.builders import a_bundle, a_coverage, a_deploy, a_drift_check, a_ship, an_incident
from tests.fakes.http_base import Answer, Request, StandIn
from tests.organisation import write_lake
from tests.rolled_up import rolled_up

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"
CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SOURCES = (a_coverage("code"), a_coverage("models"), a_coverage("incidents", required=False))
UNREAD = a_coverage("models", CoverageState.FAILED)
HOSTILE = 'a "quoted\\" {name}\n# EOF \u202e\u0000 é'
_WAIT_SECONDS = 60


def bundles() -> dict[str, Bundle]:
    """A full service, one without any record, one that could not be read, and one with hostile names."""
    code = [a_deploy(24 * n) for n in range(8)]
    models = [a_ship(24 * n + 1) for n in range(4)]
    incidents = [an_incident(25), an_incident(50, hours=None)]
    return {
        "full": a_bundle(code, models, incidents, coverage=SOURCES, drift=a_drift_check()),
        "empty": a_bundle(service="empty"),
        "unread": a_bundle(code, service="unread", coverage=(a_coverage("code"), UNREAD)),
        "hostile": a_bundle(
            code, [a_ship(1, model=HOSTILE)], service=HOSTILE, coverage=SOURCES, terms={"models": (HOSTILE, "x")}
        ),
    }


class Exporter(StandIn):
    """Serves each file under its name."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        super().__init__()

    def answer(self, request: Request) -> Answer:
        return Answer(200, self.files[request.path.strip("/")], {"Content-Type": CONTENT_TYPE})


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Prometheus:
    """A server that scrapes every file of the exporter, until `close`."""

    def __init__(self, binary: str, folder: Path, exporter: Exporter) -> None:
        jobs = [
            {"job_name": name, "metrics_path": f"/{name}", "static_configs": [{"targets": [exporter.url[7:]]}]}
            for name in exporter.files
        ]
        every_second = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        (folder / "prometheus.yml").write_text(json.dumps({"global": every_second, "scrape_configs": jobs}))
        self.url = f"http://127.0.0.1:{free_port()}"
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        listen = f"--web.listen-address={self.url[7:]}"
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen([binary, *options, listen], stdout=self._log, stderr=self._log)

    def query(self, expression: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v1/query?query={quote(expression)}", timeout=5) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def up(self, jobs: int) -> bool:
        """Whether every file was read, within a minute."""
        end = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < end:
            try:
                if len([item for item in self.query("up") if item["value"][1] == "1"]) == jobs:
                    return True
            except OSError:
                pass  # it is starting
            time.sleep(0.5)
        return False

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


def expressions() -> list[str]:
    """The queries of the dashboard, for all services."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    texts = [target["expr"] for panel in panels for target in panel["targets"]]
    return [re.sub(r"\$(repository|service)", ".*", text) for text in texts]


def problems(promtool: str, prometheus: str, folder: Path) -> list[str]:
    files = {name: openmetrics.text(analyse(bundle)) for name, bundle in bundles().items()}
    write_lake(folder / "lake", 17, days=14)  # the name of the seventeenth is hostile
    files["rollup"] = prom.text(rolled_up(folder / "lake"))
    wrong = []
    for name, raw in files.items():
        checked = subprocess.run([promtool, "check", "metrics"], input=raw, capture_output=True, check=False)
        wrong += [f"promtool, {name}: {checked.stderr.decode()}"] if checked.returncode or checked.stderr else []
        print(f"promtool check metrics: {name}, {len(raw)} bytes")
    exporter = Exporter(files)
    server = Prometheus(prometheus, folder, exporter)
    try:
        if not server.up(len(files)):
            return [*wrong, "Prometheus: a file was not read", (folder / "log").read_text()[-2000:]]
        for name, raw in files.items():
            held = sum(not line.startswith("#") for line in raw.decode().splitlines())
            read = server.query(f'scrape_samples_scraped{{job="{name}"}}')[0]["value"][1]
            wrong += [f"Prometheus, {name}: read {read} of {held} samples"] if int(read) != held else []
            print(f"Prometheus: {name}, {read} samples")
        named = server.query('flowjoy_last_report_timestamp_seconds{job="hostile"}')[0]["metric"]["service"]
        wrong += [] if named.startswith('a "quoted\\" {name}') else [f"Prometheus: the service is {named!r}"]
        unknown = server.query('flowjoy_open_breaches{job="unread"}')
        wrong += ["Prometheus: a service that was not read has no open breach"] if unknown else []
        for expression in expressions():
            read_by_panel = server.query(expression)
            wrong += [] if read_by_panel else [f"dashboard: nothing for {expression}"]
            print(f"dashboard: {len(read_by_panel)} series for {expression}")
    finally:
        server.close()
        exporter.close()
    return wrong


def main(promtool: str, prometheus: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        wrong = problems(promtool, prometheus, Path(folder))
    print("\n".join(f"WRONG {problem}" for problem in wrong) or "nothing is wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
