"""Annotation files of Segment Anything, read by Datumaro's importer, which decodes their run lengths with pycocotools."""

import json

import numpy as np
from pycocotools import mask as rle

from tool import augment, imported, scenes

width, height = 160, 120


def make(root):
    """Scenes with masks as SA-1B has them: objects, parts inside them, and masks of several parts and with holes."""
    rng = np.random.default_rng(21)
    scenes(root, {f"sa_{n}.png": (width, height) for n in range(8)}, seed=4)
    rows, columns = np.mgrid[:height, :width]
    for n in range(8):
        annotations = []
        for i in range(9):
            y, x = rng.uniform(10, [height - 10, width - 10])
            radius = rng.uniform(6, 30)
            mask = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            if i % 3 == 1:
                mask &= (columns + n) % 9 > 1
            if i % 3 == 2:
                mask &= (rows - y) ** 2 + (columns - x) ** 2 > (radius / 2) ** 2
            counts = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
            left, top, *size = rle.toBbox(counts).tolist()
            own = {"bbox": [left, top, size[0] - 1, size[1] - 1], "area": int(mask.sum())}
            segmentation = {"size": [height, width], "counts": counts["counts"].decode()}
            scores = {"predicted_iou": float(rng.random()), "point_coords": [[x, y]], "crop_box": [0, 0, width, height]}
            annotations.append({**own, "segmentation": segmentation, **scores, "id": 100 * n + i, "stability_score": 1.0})
        image = {"image_id": n, "width": width, "height": height, "file_name": f"sa_{n}.png"}
        (root / f"sa_{n}.json").write_text(json.dumps({"image": image, "annotations": annotations}))


def files(folder, verdict):
    """Every mask has the pixels that the manifest says, survivors have what pastes left of them, and boxes and areas are right."""
    make(folder / "in")
    flags = ["-p", "0.8", "--copies", "3", "--include-originals", "--truncated", "keep", "--min-area", "20px"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    before = {name: masks for (_, name), (_, masks) in imported(folder / "in", "segment_anything").items()}
    # Datumaro takes every JSON file for an image.
    (folder / "out/manifest.json").unlink()
    after = {name: masks for (_, name), (_, masks) in imported(folder / "out", "segment_anything").items()}
    verdict.hold(len(after) == len(manifest["records"]), f"{len(after)} of {len(manifest['records'])} files are read")
    for record in manifest["records"]:
        name = record["files"]["image"]["path"].removesuffix(".png")
        source = record["inputs"]["image"]["path"].removesuffix(".png")
        found = after[name]
        verdict.count("files")
        verdict.count("masks", len(found))
        raw = json.loads((folder / f"out/{name}.json").read_text())
        verdict.hold(raw["image"]["file_name"] == f"{name}.png", f"{name}: names another image")
        for one, (_, _, mask) in zip(raw["annotations"], found, strict=True):
            ys, xs = np.nonzero(mask)
            box = [xs.min(), ys.min(), np.ptp(xs), np.ptp(ys)]
            verdict.hold(one["bbox"] == box and one["area"] == len(ys), f"{name}: {one['id']} states another box or area")
            verdict.hold(mask[tuple(int(v) for v in one["point_coords"][0][::-1])] or one["point_coords"] == original(folder, source, one["id"]),
                         f"{name}: the point of {one['id']} is not on it")
        if record["status"] == "unchanged":
            same = all((a == b).all() for (_, _, a), (_, _, b) in zip(before[source], found, strict=True))
            verdict.hold(same, f"{name}: changed without pastes")
            continue
        said = {one["object"]: one for one in record["covered"]}
        showing = [one for one in record["placements"] if one["visible"] > 0]
        kept = [n for n in range(len(before[source])) if not said.get(n, {}).get("dropped")]
        verdict.hold(len(found) == len(kept) + len(showing), f"{name}: has {len(found)} masks")
        pastes = [mask for _, _, mask in found[len(kept) :]]
        verdict.hold([int(mask.sum()) for mask in pastes] == [one["visible"] for one in showing], f"{name}: pastes have other pixels")
        cover = np.logical_or.reduce([*pastes, np.zeros((height, width), bool)])
        for n, (_, _, mask) in zip(kept, found):
            verdict.hold((mask == (before[source][n][2] & ~cover)).all(), f"{name}: mask {n} is not what pastes left of it")
        verdict.count("survivors", len(said))
        verdict.count("pastes", len(showing))


def original(folder, name, number):
    """The points of an annotation in the input."""
    annotations = json.loads((folder / f"in/{name}.json").read_text())["annotations"]
    return next((one["point_coords"] for one in annotations if one["id"] == number), None)
