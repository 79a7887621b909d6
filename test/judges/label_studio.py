"""Label Studio's tasks: brushes as its own converter reads and writes them, polygons as pycocotools draws them."""

import importlib.util
import json
from pathlib import Path

import numpy as np
from pycocotools import mask as rle

from tool import augment, scenes

# The converter itself needs much that has no part in brushes.
home = Path(importlib.util.find_spec("label_studio_converter").origin).parent
spec = importlib.util.spec_from_file_location("brush", home / "brush.py")
brush = importlib.util.module_from_spec(spec)
spec.loader.exec_module(brush)

width, height = 160, 120


def region(n, kind, value, label):
    size = {"original_width": width, "original_height": height, "image_rotation": 0}
    return {"id": f"r{n}", "type": kind, "value": {**value, kind: [label]}, "from_name": kind, "to_name": "image", "origin": "manual", **size}


def make(root):
    """Six scenes of polygons, brushes and boxes, by one annotator or two."""
    rng = np.random.default_rng(5)
    scenes(root / "images", {f"s{n}.png": (width, height) for n in range(6)}, seed=4)
    tasks = []
    for n in range(6):
        results = []
        for i in range(8):
            if i % 3 == 0:
                mask = np.zeros((height, width), np.uint8)
                x, y, columns, rows = (int(v) for v in rng.integers([0, 0, 4, 4], [width - 40, height - 40, 40, 40]))
                mask[y : y + rows, x : x + columns] = 255 * (rng.random((rows, columns)) < 0.9)
                results.append(region(i, "brushlabels", {"format": "rle", "rle": brush.mask2rle(mask)}, f"brush {i % 2}"))
            elif i % 3 == 1:
                points = rng.uniform(10, 90, 2) + rng.uniform(-15, 15, (int(rng.integers(3, 9)), 2))
                results.append(region(i, "polygonlabels", {"points": points.tolist(), "closed": True}, f"polygon {i % 2}"))
            else:
                results.append(region(i, "rectanglelabels", {"x": 5, "y": 5, "width": 9, "height": 9, "rotation": 0}, "box"))
        annotations = [{"id": 100 + n, "completed_by": 1, "result": results, "was_cancelled": False, "created_at": "2024-05-01"}]
        if n % 2:
            annotations.insert(0, {**annotations[0], "id": 200 + n, "created_at": "2024-04-01"})
        tasks.append({"id": n + 1, "annotations": annotations, "data": {"image": f"/data/upload/1/0123abcd-s{n}.png"}})
    (root / "project-1.json").write_text(json.dumps(tasks))


def mask_of(result):
    value = result["value"]
    if "rle" in value:
        return np.reshape(brush.decode_rle(value["rle"]), (height, width, 4))[..., 3] > 0
    if "points" not in value:
        return None
    points = np.array(value["points"]) * [width, height] / 100
    return rle.decode(rle.frPyObjects([points.ravel().tolist()], height, width))[..., 0].astype(bool)


def tasks(folder, verdict):
    """Every annotation of an image has the pastes, and its regions have what pastes left of them."""
    make(folder / "in")
    manifest, _ = augment(folder / "in", folder / "out", "-p", "1", "--copies", "4", "--include-originals", "--truncated", "keep")
    before = {Path(task["data"]["image"]).stem.split("-")[-1]: task for task in json.loads((folder / "in/project-1.json").read_text())}
    after = {Path(task["data"]["image"]).stem: task for task in json.loads((folder / "out/project-1.json").read_text())}
    ids = [one["id"] for task in after.values() for one in (task, *task["annotations"])]
    verdict.hold(len(ids) == len(set(ids)), "ids occur twice")
    for record in manifest["records"]:
        stem = Path(record["files"]["image"]["path"]).stem
        task = after[stem] if stem in after else after[f"0123abcd-{stem}"]
        original = before[stem.split("_")[0]]
        verdict.count("tasks")
        if record["status"] == "unchanged":
            results = [[one["result"] for one in each["annotations"]] for each in (original, task)]
            verdict.hold(results[0] == results[1], f"{stem}: is not as it was")
            continue
        said = {one["object"]: one for one in record["covered"]}
        showing = [one for one in record["placements"] if one["visible"] > 0]
        number = 0
        for was, now in zip(original["annotations"], task["annotations"], strict=True):
            added = [one for one in now["result"] if "copypaste" in one.get("meta", {})]
            masks = [mask_of(one) for one in added]
            verdict.count("pastes", len(added))
            verdict.hold([int(mask.sum()) for mask in masks] == [one["visible"] for one in showing], f"{stem}: pastes have other pixels")
            cover = np.logical_or.reduce([np.zeros((height, width), bool), *masks])
            left = {one["id"]: one for one in now["result"] if one not in added}
            for result in was["result"]:
                mask, fact, kept = mask_of(result), said.get(number), left.pop(result["id"], None)
                number += 1
                if fact is None:
                    verdict.hold(kept == result and (mask is None or not (mask & cover).any()), f"{stem}: {result['id']} is not as it was")
                elif fact["dropped"]:
                    verdict.hold(kept is None, f"{stem}: {result['id']} is still there")
                else:
                    verdict.count("survivors")
                    verdict.hold(kept["type"] == result["type"], f"{stem}: {result['id']} has another type")
                    verdict.hold((mask_of(kept) == (mask & ~cover)).all(), f"{stem}: {result['id']} is not what pastes left of it")
            verdict.hold(not left, f"{stem}: has {sorted(left)} too")
