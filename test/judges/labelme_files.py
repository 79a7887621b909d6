"""labelme files, read by labelme itself, and the masks that it makes of them, as its converter to VOC does."""

import base64
import io
import json
import shutil
import sys
from unittest.mock import MagicMock

import numpy as np
from loguru import logger
from PIL import Image

from tool import augment, fixtures, pixels, scenes

# What its windows and its models need, none of which has a part in files.
for name in ("onnxruntime", "PyQt5", "PyQt5.QtCore", "PyQt5.QtGui", "PyQt5.QtWidgets"):
    sys.modules.setdefault(name, MagicMock())

import labelme  # noqa: E402

logger.remove()

width, height = 160, 120


def make(root):
    """Six scenes of all kinds of shapes, overlapping, in groups, at borders, in whole and broken coordinates; and the fixture."""
    shutil.copytree(fixtures / "labelme", root)
    rng = np.random.default_rng(11)
    scenes(root, {f"s{n}.png": (width, height) for n in range(6)}, seed=3)
    for n in range(6):
        shapes = []
        for i in range(14):
            kind = ["polygon", "rectangle", "circle", "mask", "oriented_rectangle", "polygon", "point"][i % 7]
            centre = rng.uniform(5, [width - 5, height - 5])
            count = {"polygon": int(rng.integers(3, 11)), "oriented_rectangle": 4, "point": 1}.get(kind, 2)
            points = centre + rng.uniform(-22, 22, (count, 2))
            points = np.round(points, [0, 1, 3][i % 3]).clip(-9, 170)
            shape = {"label": f"{kind} {i % 2}", "shape_type": kind, "flags": {}, "group_id": None, "description": "", "mask": None}
            if kind == "mask":
                x, y = (int(v) for v in rng.integers(0, [width - 30, height - 30]))
                columns, rows = (int(v) for v in rng.integers(4, 29, 2))
                file = io.BytesIO()
                Image.fromarray((rng.random((rows, columns)) < 0.8).astype(np.uint8)).save(file, "PNG")
                shape["mask"] = base64.b64encode(file.getvalue()).decode()
                points = np.array([[x, y], [x + columns - 1, y + rows - 1]], float)
            shapes.append({**shape, "points": points.tolist()})
        shapes[0]["label"] = "__ignore__"
        # Two are of one group, and others lie between them.
        for shape in (shapes[3], shapes[-1]):
            shape.update(label="pair", group_id=4)
        shapes[-1].update(shape_type="rectangle", points=[[1.0, 1.0], [90.0, 80.0]])
        document = {"version": "6.3.1", "flags": {}, "shapes": shapes, "imagePath": f"s{n}.png", "imageData": None}
        (root / f"s{n}.json").write_text(json.dumps({**document, "imageHeight": height, "imageWidth": width}))


def instances(path):
    """Shapes of a file by label and group, as labelme has them, in order: what has no area for us has none here."""
    shapes = labelme.LabelFile(filename=str(path)).shapes
    found = {}
    for n, shape in enumerate(shapes):
        key = (shape["label"], n if shape["group_id"] is None else f"group {shape['group_id']}")
        found.setdefault(key, []).append(shape)
    return shapes, found


def drawn(shapes, size):
    """The pixels of shapes together."""
    shapes = [shape for shape in shapes if shape["shape_type"] != "point"]
    if not shapes:
        return np.zeros(size, bool)
    names = {shape["label"]: 1 for shape in shapes}
    return labelme.utils.shapes_to_label(size, shapes, names)[0] == 1


def files(folder, verdict):
    """Every shape has the pixels that the manifest says, and mask files are those of labelme's converter."""
    make(folder / "in")
    flags = ["-p", "0.8", "--copies", "6", "--include-originals", "--truncated", "keep", "--min-area", "20px", "--mask-files"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    names = (folder / "out/class_names.txt").read_text().split("\n")[:-1]
    ids = {"__ignore__": -1, **{name: id for id, name in enumerate(names)}}
    ids.update({name: -2 for name in ("point 0", "point 1")})
    kinds = set()
    for record in manifest["records"]:
        output = record["files"]
        path = folder / "out" / output["labels"]["path"]
        size = pixels(folder / "out" / output["image"]["path"]).shape[:2]
        # It opens the image that the file names.
        shapes, after = instances(path)
        verdict.hold(json.loads(path.read_text())["imagePath"] == output["image"]["path"], f"{path.name}: names another image")
        verdict.count("files")
        verdict.count("shapes", len(shapes))
        with_area = [shape for shape in shapes if shape["shape_type"] != "point"]
        classes, objects = labelme.utils.shapes_to_label(size, with_area, ids)
        objects[classes == -1] = 0
        classes[classes == -1] = 255
        mask, object_mask = (pixels(folder / "out" / one["path"]) for one in output["drawn"])
        verdict.hold((mask == classes).all(), f"{path.name}: {(mask != classes).sum()} pixels are of another class")
        # Points count as objects for us, and for labelme only where they are drawn.
        pairs = set(zip(objects.ravel().tolist(), object_mask.ravel().tolist()))
        one_to_one = len({a for a, _ in pairs}) == len(pairs) == len({b for _, b in pairs})
        verdict.hold(one_to_one and (0, 0) in pairs, f"{path.name}: objects are others")
        if record["status"] == "unchanged":
            continue
        _, before = instances(folder / "in" / record["inputs"]["labels"]["path"])
        said = {one["object"]: one for one in record["covered"]}
        for n, one in said.items():
            was = int(drawn(list(before.values())[n], size).sum())
            verdict.hold(one["before"] == was, f"{path.name}: shape {n} has {was} pixels, not {one['before']}")
        expected = []
        for n, (key, parts) in enumerate(before.items()):
            if not said.get(n, {}).get("dropped"):
                expected.append((key[0], said[n]["after"] if n in said else int(drawn(parts, size).sum())))
        verdict.count("survivors", len(said))
        showing = [one for one in record["placements"] if one["visible"] > 0]
        verdict.count("pastes", len(showing))
        expected += [(names[one["classId"] + 1], one["visible"]) for one in showing]
        found = [(key[0], int(drawn(parts, size).sum())) for key, parts in after.items()]
        verdict.hold(found == expected, f"{path.name}: has {found}, not {expected}")
        kinds |= {shape["shape_type"] for shape in shapes}
    verdict.hold(kinds >= {"polygon", "rectangle", "circle", "mask", "oriented_rectangle"}, f"only {kinds} occur")
