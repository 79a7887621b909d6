"""What the peers share: files, instances, draws and two processes. Each brings only its own pasting.

Usage of each: python3 PEER.py IN OUT [SAMPLES]; prints {"samples": n, "seconds": s}, without imports and start-up.
"""

import json
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

PROCESSES = 2
UNLABELLED = 11
QUALITY = [
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]  # fmt: skip


def read(pair):
    image, mask = pair
    return cv2.imread(image, cv2.IMREAD_COLOR), cv2.imread(mask, cv2.IMREAD_UNCHANGED)


def write(out, pair, image, mask):
    path = Path(pair[0])
    cv2.imwrite(f"{out}/train/{path.name}", image, QUALITY if path.suffix == ".jpg" else [])
    cv2.imwrite(f"{out}/trainannot/{Path(pair[1]).name}", mask)


def components(mask, labels=None):
    """Instances as copypaste's defaults take them: (id, x, y, width, height, the whole frame's binary mask)."""
    height, width = mask.shape
    found = []
    for label in np.unique(mask) if labels is None else labels:
        if label == UNLABELLED:
            continue
        _, ids, stats, _ = cv2.connectedComponentsWithStats((mask == label).view(np.uint8), connectivity=8)
        for i, (x, y, w, h, area) in enumerate(stats[1:], 1):
            cut_off = x <= 2 or y <= 2 or x + w >= width - 2 or y + h >= height - 2
            if not cut_off and 0.0005 <= area / mask.size <= 0.25:
                found.append((label, x, y, w, h, (ids == i).view(np.uint8)))
    return found


def draw(rng, instances):
    """From one to five of them, without replacement."""
    count = rng.integers(1, min(5, len(instances)) + 1) if instances else 0
    return [instances[i] for i in rng.permutation(len(instances))[:count]]


def _start():
    cv2.setNumThreads(1)


def main(work, batch=1):
    """Times work(out, pairs) over batches of pairs in two processes that are warm."""
    source, out, *limit = sys.argv[1:]
    images = sorted(Path(source, "train").iterdir())
    pairs = [(str(image), str(Path(source, "trainannot", image.stem + ".png"))) for image in images]
    pairs = pairs[: int(limit[0])] if limit else pairs
    for folder in ("train", "trainannot"):
        Path(out, folder).mkdir(parents=True, exist_ok=True)
    chunks = [(out, pairs[i : i + batch]) for i in range(0, len(pairs), batch)]
    with get_context("fork").Pool(PROCESSES, _start) as pool:
        pool.starmap(work, chunks[:PROCESSES], 1)
        start = time.perf_counter()
        pool.starmap(work, chunks, 1)
        seconds = time.perf_counter() - start
    print(json.dumps({"samples": len(pairs), "seconds": seconds}))
