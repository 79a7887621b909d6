"""Makes the tables and plots of `docs/does-it-help.md` from `results.csv`: `npm run bench:proof -- --tables`."""

import re
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib
import numpy as np
from proof import rows
from runs import arms, primary, sets
from scipy import stats

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "copypaste"
import matplotlib.pyplot as plt

root = Path(__file__).resolve().parents[2]
names = {
    "camvid": ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"],
    "nuclei": ["background", "nucleus"],
}
metrics = {"camvid": {"miou": "mIoU", "things": "car, pedestrian, bicyclist"}, "nuclei": {"miou": "IoU of nuclei", "ap50": "AP at 0.5"}}
#: Arms that are compared with none, with a correction for their number.
registered = {("camvid", "10"): primary[1:], ("nuclei", "10"): ("default", "overhead", "overhead-max-cover")}
registered["nuclei", "50"] = registered["nuclei", "10"]


def spread(values):
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{np.mean(values):.1f}"


def holm(tests):
    """P-values after the correction of Holm (Scandinavian Journal of Statistics 6, 1979)."""
    largest, corrected = 0.0, {}
    for n, (name, p) in enumerate(sorted(tests.items(), key=lambda one: one[1])):
        largest = max(largest, min(1.0, p * (len(tests) - n)))
        corrected[name] = largest
    return corrected


def table(group, by_arm, metric, title):
    """Markdown table of a metric: each arm, and its difference from `none` with the same seeds."""
    base = by_arm.get("none", {})
    differences = {
        arm: [float(row[metric]) - float(base[seed][metric]) for seed, row in runs.items() if seed in base] for arm, runs in by_arm.items()
    }
    tested = [arm for arm in registered.get(group, ()) if len(differences.get(arm, ())) > 2]
    corrected = holm({arm: stats.ttest_1samp(differences[arm], 0).pvalue for arm in tested})
    lines = [f"| arm | seeds | {title} | beside none | p |", "| --- | --- | --- | --- | --- |"]
    for arm, runs in by_arm.items():
        beside = "" if arm == "none" else spread(differences[arm])
        p = f"{corrected[arm]:.3f}" if arm in corrected else ""
        lines.append(f"| {arm} | {len(runs)} | {spread([float(row[metric]) for row in runs.values()])} | {beside} | {p} |")
    return "\n".join(lines)


def curves(by_arm, title, path):
    """Plot of the metric over the steps, the mean of all seeds."""
    figure, axes = plt.subplots(figsize=(7, 4))
    for arm, runs in by_arm.items():
        values = np.mean([np.array(row["curve"].split(), float) for row in runs.values()], axis=0)
        steps = int(next(iter(runs.values()))["steps"]) * np.arange(1, len(values) + 1) / len(values)
        axes.plot(steps, values, label=arm)
    axes.set(xlabel="steps", ylabel=title)
    save(figure, axes, path)


def classes(by_arm, labels, path):
    """Bars of the IoU of each class, the mean of all seeds."""
    figure, axes = plt.subplots(figsize=(9, 4))
    width = 0.8 / len(by_arm)
    for n, (arm, runs) in enumerate(by_arm.items()):
        values = np.nanmean([np.array(row["iou"].split(), float) for row in runs.values()], axis=0)
        axes.bar(np.arange(len(values)) + n * width, values, width, label=arm)
    axes.set(ylabel="IoU", xticks=np.arange(len(labels)) + 0.4 - width / 2)
    axes.set_xticklabels(labels, rotation=30)
    save(figure, axes, path)


def save(figure, axes, path):
    axes.legend()
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def main(results, page):
    groups = defaultdict(lambda: defaultdict(dict))
    order = [*sets], [*arms]
    # Runs side by side end in any order.
    made = sorted(rows(results), key=lambda row: (order[0].index(row["set"]), int(row["percent"]), order[1].index(row["arm"])))
    for row in made:
        groups[row["set"], row["percent"]][row["arm"]][row["seed"]] = row
    text = []
    for group, by_arm in groups.items():
        name, percent = group
        text.append(f"### {name}, {percent} % of the training images")
        for metric, title in metrics[name].items():
            text.append(table(group, by_arm, metric, title))
        plots = page.parent / page.stem
        shown = {arm: runs for arm, runs in by_arm.items() if arm == "none" or arm in registered.get(group, primary)}
        curves(shown, next(iter(metrics[name].values())), plots / f"{name}-{percent}-curves.svg")
        text.append(f"![Learning curves]({page.stem}/{name}-{percent}-curves.svg)")
        if sets[name].classes > 2:
            classes(shown, names[name], plots / f"{name}-{percent}-classes.svg")
            text.append(f"![IoU of each class]({page.stem}/{name}-{percent}-classes.svg)")
    found = "\n\n".join(text)
    old = page.read_text()
    page.write_text(re.sub(r"(<!-- results -->\n).*(<!-- /results -->)", lambda at: f"{at[1]}\n{found}\n\n{at[2]}", old, flags=re.DOTALL))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
