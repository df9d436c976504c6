"""A first script for the seed weeks: python benchmarks/first_script.py FOLDER OUT.

It knows neither a promise nor missing data: events in one table, the nearest deploy of each incident, a chart, a line
of text. `benchmarks/replay_speed.py` compares `replay` with it.
"""

import sys
from pathlib import Path

import pandas as pd


def main(folder: Path, out: Path) -> int:
    """Read three files, write a table and a picture."""
    code = pd.read_csv(folder / "dev_deploy.json", header=None).assign(type="CODE")
    model = pd.read_csv(folder / "model_deploy.json", header=None).assign(type="MODEL")
    events = pd.concat([code, model]).rename(columns={0: "ts"})
    events["ts"] = pd.to_datetime(events["ts"], utc=True)
    events.to_csv(out / "events.csv", index=False)

    incidents = pd.read_csv(folder / "pagerduty_incidents.csv", parse_dates=["start", "end"])
    for column in ("start", "end"):
        incidents[column] = pd.to_datetime(incidents[column], utc=True)
    events = pd.read_csv(out / "events.csv", parse_dates=["ts"])
    incidents[["nearest_ts", "deploy_type"]] = incidents["start"].apply(
        lambda at: events.iloc[(events["ts"] - at).abs().argmin()][["ts", "type"]]
    )
    incidents["mttr_hr"] = (incidents["end"] - incidents["start"]).dt.total_seconds() / 3600

    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    weekly = events.set_index("ts").resample("W")["type"].value_counts().unstack(fill_value=0)  # noqa: PD010
    _, left = plt.subplots(figsize=(8, 3))
    weekly[["CODE", "MODEL"]].plot(kind="bar", stacked=True, ax=left, color=["#4c72b0", "#55a868"])
    right = left.twinx()
    recovery = incidents.resample("W", on="start")["mttr_hr"].mean()
    recovery.plot(ax=right, color="red", marker="o", label="Unified MTTR")
    left.set_ylabel("Deploys per week")
    right.set_ylabel("MTTR (hrs)")
    plt.title("Unified DevOps + MLOps Flow")
    plt.tight_layout()
    plt.savefig(out / "unified_flow.png")

    gap = weekly["CODE"] - weekly["MODEL"]
    if (gap > weekly["CODE"] * 0.5).any():
        print(f"Model cadence lagging by {gap.max()} deploys")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
