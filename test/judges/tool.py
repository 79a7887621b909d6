"""The built tool, and functions that cases share."""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

root = Path(__file__).resolve().parents[2]
fixtures = root / "fixtures"


class Verdict:
    """Number of judged things by kind, and the faults found."""

    def __init__(self):
        self.counts = Counter()
        self.faults = []

    def hold(self, condition, fault):
        if not condition:
            self.faults.append(fault)

    def count(self, what, number=1):
        self.counts[what] += int(number)


def augment(source, out, *flags):
    """Runs the tool. Returns its manifest and its peak memory in bytes."""
    command = ["node", str(root / "bin/copypaste.cjs"), "augment", "--in", str(source), "--out", str(out), "--quiet", *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise RuntimeError(f"{' '.join(command)} ends with {code}: {said}")
    return json.loads((Path(out) / "manifest.json").read_text()), usage.ru_maxrss * 1024


def pixels(path):
    """Pixels of an image, or ids of a mask; palette indices stay indices."""
    with Image.open(path) as image:
        return np.array(image)


def scenes(folder, sizes, seed):
    """Writes images of noise, in which no two regions are equal."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (width, height) in sizes.items():
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / name)


def paste(record, masks, size):
    """What each placement of a record owns, from its sources' masks alone: for pastes at their own size, which sample nothing."""
    height, width = size
    owner = np.zeros((height, width), np.int32)
    seen = np.zeros((height, width, 2), np.int32)
    for order, placement in enumerate(record["placements"], 1):
        mask = masks[placement["instance"]]
        x0, y0, x1, y1 = placement["sourceBox"]
        left, top, right, bottom = placement["targetBox"]
        assert (right - left, bottom - top) == (x1 - x0, y1 - y0), "not at its own size"
        rows, columns = np.nonzero(mask[y0:y1, x0:x1])
        from_columns = columns + x0
        to_columns = left + (x1 - x0 - 1 - columns if placement["flip"] else columns)
        to_rows = top + rows
        inside = (to_columns >= 0) & (to_columns < width) & (to_rows >= 0) & (to_rows < height)
        to = (to_rows[inside], to_columns[inside])
        owner[to] = order
        seen[to] = np.stack((rows[inside] + y0, from_columns[inside]), axis=-1)
    return owner, seen


def imported(folder, form, **options):
    """What Datumaro finds in a data set: for each (split, id) a size and masks, as (label, group or number, pixels)."""
    # It takes seconds to load, which cases without it need not wait for.
    from datumaro.components.dataset import Dataset

    data = Dataset.import_from(str(folder), form, **options)
    found = {}
    for item in data:
        masks = [(one.label, int(one.group or one.id), np.asarray(one.image, dtype=bool)) for one in item.annotations if hasattr(one, "image")]
        found[(item.subset, item.id)] = (tuple(item.media.size), masks)
    return found
