"""Supervisely projects, as Supervisely's own SDK reads and draws them."""

import importlib.util
import json
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np

from tool import augment, pixels, scenes

# What its service needs, and has no part in annotations.
for name in ("aiofiles", "jsonschema", "nrrd", "prettytable", "pythonjsonlogger", "shapely"):
    if importlib.util.find_spec(name) is None:
        sys.modules.update({name: MagicMock(), f"{name}.geometry": MagicMock()})
# Its packages import all of it; their modules are used alone.
home = Path(importlib.util.find_spec("supervisely").submodule_search_locations[0])
for name in ("", ".annotation", ".api", ".imaging", ".io", ".project"):
    package = types.ModuleType(f"supervisely{name}")
    package.__path__ = [str(home / name[1:])]
    sys.modules[package.__name__] = package
from supervisely.sly_logger import logger  # noqa: E402

sys.modules["supervisely"].logger = logger
import supervisely.io.fs  # noqa: E402
import supervisely.annotation.annotation  # noqa: E402, F401
from supervisely.annotation.label import Label  # noqa: E402
from supervisely.geometry.bitmap import Bitmap  # noqa: E402
from supervisely.project.project_meta import ProjectMeta  # noqa: E402

size = (120, 160)
classes = {"outline": "polygon", "mask": "bitmap", "free": "any", "parts": "multipolygon", "box": "rectangle"}


def make(root):
    """Six scenes of polygons with holes, bitmaps, multipolygons and boxes, overlapping and at borders."""
    rng = np.random.default_rng(8)
    scenes(root / "ds0/img", {f"s{n}.png": size[::-1] for n in range(6)}, seed=6)
    (root / "ds0/ann").mkdir()
    meta = {"classes": [{"title": title, "shape": shape, "color": "#00FF00"} for title, shape in classes.items()], "tags": []}
    (root / "meta.json").write_text(json.dumps(meta))

    def ring(centre, radius):
        return (centre + rng.uniform(-radius, radius, (int(rng.integers(3, 9)), 2))).round(int(rng.integers(0, 3))).tolist()

    for n in range(6):
        objects = []
        for i in range(12):
            centre = rng.uniform(0, [160, 120])
            points = {"exterior": ring(centre, 40), "interior": [ring(centre, 9)] if i % 2 else []}
            one = {"classTitle": list(classes)[i % 5], "tags": [], "description": "", "id": 100 * n + i}
            if i % 5 in (0, 2):
                one.update(geometryType="polygon", points=points)
            elif i % 5 == 1:
                mask = rng.random(rng.integers(8, 50, 2)) < 0.9
                origin = [int(v) for v in rng.integers(0, [160 - mask.shape[1], 120 - mask.shape[0]])]
                one.update(geometryType="bitmap", bitmap={"data": Bitmap.data_2_base64(mask), "origin": origin})
            elif i % 5 == 3:
                one.update(geometryType="multipolygon", parts=[points, {"exterior": ring(centre, 20), "interior": []}])
            else:
                one.update(geometryType="rectangle", points={"exterior": [[2, 2], [20, 20]], "interior": []})
            objects.append(one)
        document = {"description": "", "tags": [], "size": {"height": size[0], "width": size[1]}, "objects": objects}
        (root / f"ds0/ann/s{n}.png.json").write_text(json.dumps(document, indent=4))


def load(root, path):
    """Objects of a file, as JSON and as pixels that the SDK draws."""
    meta = ProjectMeta.from_json(json.loads((root / "meta.json").read_text()))
    document = json.loads((root / path).read_text())
    found = []
    for one in document["objects"]:
        canvas = np.zeros(size, np.uint8)
        geometry = Label.from_json(one, meta).geometry
        if one["geometryType"] != "rectangle":
            geometry.draw(canvas, 1)
        found.append((one, canvas > 0))
    return found


def project(folder, verdict):
    """Objects have what pastes left of them, in the form of their class; pastes have the pixels that the manifest says."""
    make(folder / "in")
    manifest, _ = augment(folder / "in", folder / "out", "-p", "1", "--copies", "4", "--include-originals", "--truncated", "keep")
    for record in manifest["records"]:
        path = record["files"]["labels"]["path"]
        before, after = load(folder / "in", record["inputs"]["labels"]["path"]), load(folder / "out", path)
        verdict.count("files")
        verdict.hold(pixels(folder / "out" / record["files"]["image"]["path"]).shape[:2] == size, f"{path}: has another image")
        if record["status"] == "unchanged":
            verdict.hold([one for one, _ in before] == [one for one, _ in after], f"{path}: is not as it was")
            continue
        for one, _ in after:
            demanded = classes[one["classTitle"]]
            verdict.hold(demanded in ("any", one["geometryType"]), f"{path}: {one['classTitle']} is a {one['geometryType']}")
        added = {}
        for one, mask in after:
            if "copypaste" in one:
                placement = one["copypaste"]["placement"]
                added[placement] = added.get(placement, np.zeros(size, bool)) | mask
        showing = {n: one["visible"] for n, one in enumerate(record["placements"], 1) if one["visible"] > 0}
        verdict.count("pastes", len(added))
        verdict.hold({n: int(mask.sum()) for n, mask in added.items()} == showing, f"{path}: pastes have other pixels")
        cover = np.logical_or.reduce([np.zeros(size, bool), *added.values()])
        said = {one["object"]: one for one in record["covered"]}
        for n, (was, mask) in enumerate(before):
            parts = [(one, pixel) for one, pixel in after if one.get("id") == was["id"]]
            if n not in said:
                verdict.hold([one for one, _ in parts] == [was] and not (mask & cover).any(), f"{path}: object {n} is not as it was")
            elif said[n]["dropped"]:
                verdict.hold(not parts, f"{path}: object {n} is still there")
            else:
                verdict.count("survivors")
                left = np.logical_or.reduce([np.zeros(size, bool), *(pixel for _, pixel in parts)])
                verdict.hold((left == (mask & ~cover)).all(), f"{path}: object {n} is not what pastes left of it")
                keys = {one.get("instance") for one, _ in parts}
                verdict.hold(len(parts) == 1 or (len(keys) == 1 and None not in keys), f"{path}: parts of object {n} are not one instance")
