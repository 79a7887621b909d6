"""Makes the runs of the experiment that `results.csv` lacks, and appends a row for each: `npm run bench:proof -- --help`."""

import argparse
import csv
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from runs import parts, reduced

here = Path(__file__).resolve().parent
fields = ("set", "percent", "arm", "seed", "steps", "images", "miou", "things", "ap50", "iou", "curve")


def rows(results):
    """Rows of a table of results. A row that was cut off is left out."""
    if not results.exists():
        return []
    with results.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["curve"]]


def key(row):
    return (row["set"], row["percent"], row["arm"], row["seed"])


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True, help="folder that contains camvid and nuclei")
    args.add_argument("--out", type=Path, default=here / "results", help="folder of results.csv")
    args.add_argument("--work", type=Path, help="folder for augmented files; by default below --out")
    args.add_argument("--part", choices=[*parts, "reduced"], action="append", help="a part of the experiment; by default all")
    args.add_argument("--steps", type=int, help="steps of each training, for a trial; its rows go to another --out")
    args.add_argument("--seed", type=int, help="only this seed; seeds from 100 on are for trials")
    args.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings side by side, each on one core")
    given = args.parse_args()
    chosen = [run for part in given.part or parts for run in (reduced if part == "reduced" else parts[part])]
    if given.seed is not None:
        chosen = [replace(run, seed=given.seed) for run in chosen]
    chosen = list(dict.fromkeys(chosen))
    given.out.mkdir(parents=True, exist_ok=True)
    results = given.out / "results.csv"
    done = {key(row) for row in rows(results)}
    missing = [run for run in chosen if run.key not in done]
    print(f"{len(missing)} of {len(chosen)} runs to make", file=sys.stderr)
    work = given.work or given.out / "work"

    def make(run):
        folder = work / "-".join(run.key).replace(":", "-")
        shutil.rmtree(folder, ignore_errors=True)
        steps = [] if given.steps is None else ["--steps", str(given.steps)]
        command = [sys.executable, here / "run.py", given.data / run.of.name, folder, *run.key, *steps]
        made = subprocess.run(command, check=False, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, stdout=subprocess.PIPE, text=True)
        shutil.rmtree(folder, ignore_errors=True)
        if made.returncode != 0:
            raise SystemExit(f"{' '.join(run.key)}: failed with exit code {made.returncode}")
        append(results, made.stdout)
        print(*run.key, *made.stdout.split(",")[5:9], file=sys.stderr, flush=True)

    with ThreadPoolExecutor(given.jobs) as pool:
        for made in [pool.submit(make, run) for run in missing]:
            made.result()


def append(results, line):
    """Appends a row in one write, so that rows of trainings side by side are not mixed."""
    start = "" if results.exists() and results.read_text().endswith("\n") else "\n" if results.exists() else ",".join(fields) + "\n"
    with results.open("a") as file:
        file.write(start + line)


if __name__ == "__main__":
    main()
