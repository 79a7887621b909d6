"""COCO panoptic, as Datumaro imports it."""

import json
import shutil

import numpy as np

from tool import augment, fixtures, imported

document = "annotations/panoptic_train.json"


def segments(folder, verdict):
    """Every segment has the class, area, box and pixels that the document and the manifest say."""
    shutil.copytree(fixtures / "panoptic", folder / "in")
    flags = ["-p", "1", "--copies", "3", "--include-originals", "--truncated", "keep"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    data = json.loads((folder / "out" / document).read_text())
    labels = {category["id"]: n for n, category in enumerate(data["categories"])}
    names = {image["id"]: image["file_name"].rsplit(".", 1)[0] for image in data["images"]}
    verdict.hold(len(names) == len(data["images"]), "images share ids")
    stated = {names[one["image_id"]]: one["segments_info"] for one in data["annotations"]}
    found = {at: items(folder / at) for at in ("in", "out")}
    verdict.hold(len(found["out"]) == len(manifest["records"]), f"{len(found['out'])} items, not {len(manifest['records'])}")
    for record in manifest["records"]:
        name, original = (record[key]["image"]["path"].removeprefix("train/").rsplit(".", 1)[0] for key in ("files", "inputs"))
        masks = {id: (label, mask) for label, id, mask in found["out"][name]}
        expected = {id: (label, int(mask.sum())) for label, id, mask in found["in"][original]}
        for one in record.get("covered", []):
            if one["dropped"]:
                expected.pop(one["object"])
            else:
                expected[one["object"]] = (expected[one["object"]][0], one["after"])
        pasted = {one["copypaste"]["placement"]: one["id"] for one in stated[name] if "copypaste" in one}
        for order, placement in enumerate(record.get("placements", []), 1):
            if placement["visible"] > 0:
                expected[pasted.pop(order)] = (labels[placement["classId"]], placement["visible"])
                verdict.count("pastes")
        verdict.hold(not pasted, f"{name}: has pastes that the manifest has not")
        got = {id: (label, int(mask.sum())) for id, (label, mask) in masks.items()}
        verdict.count("items")
        verdict.count("segments", len(got))
        verdict.hold(got == expected, f"{name}: has {got}, not {expected}")
        for one in stated[name]:
            rows, columns = np.nonzero(masks[one["id"]][1])
            box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
            verdict.hold(one["area"] == len(rows) and one["bbox"] == box, f"{name}: segment {one['id']} has another area or box")


def items(folder):
    """What Datumaro finds, which looks for images below `images`."""
    (folder / "images").mkdir()
    shutil.move(folder / "train", folder / "images/train")
    return {name: masks for (_, name), (_, masks) in imported(folder, "coco_panoptic").items()}
