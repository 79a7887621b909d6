"""YOLO label files: read by Ultralytics' loader and by its rules, filled as it fills them, and as pycocotools does."""

import shutil

import cv2
import numpy as np
from pycocotools import mask as rle

from tool import augment, fixtures, pixels
from ultralytics_loader import load


def read(path, classes):
    """Lines as the loader takes them: single precision, three points or more in the image, a class that has a name."""
    found = []
    for line in path.read_text().splitlines():
        parts = line.split()
        assert len(parts) > 6 and len(parts) % 2 == 1, f"{path}: '{line[:40]}' is not a class and three points or more"
        values = np.array(parts, dtype=np.float32)
        assert values[0] % 1 == 0 and 0 <= values[0] < classes, f"{path}: {parts[0]} is no class"
        assert values[1:].min() >= 0 and values[1:].max() <= 1, f"{path}: '{line[:40]}' leaves the image"
        found.append((int(values[0]), values[1:].reshape(-1, 2), line))
    return found


def fill(points, size):
    """The pixels of an outline, and of its edges alone: OpenCV draws whole pixels wherever an edge goes."""
    height, width = size
    corners = (points * np.array([width, height], np.float32)).astype(np.int32)
    filled, edges = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    cv2.fillPoly(filled, [corners], 1)
    cv2.polylines(edges, [corners], True, 1)
    return filled.astype(bool), edges.astype(bool)


def exact(line, size):
    """The pixels of an outline whose centres lie inside, as pycocotools has them."""
    height, width = size
    corners = np.array(line.split()[1:], float).reshape(-1, 2) * [width, height]
    return rle.decode(rle.frPyObjects([corners.ravel().tolist()], height, width))[..., 0].astype(bool)


def lines(folder, verdict):
    """Lines are what the manifest says; those that pastes left alone are as they were."""
    flags = ["-p", "1", "--copies", "5", "--include-originals", "--truncated", "keep", "--min-area", "20px"]
    manifest, _ = augment(fixtures / "yolo", folder / "out", *flags)
    verdict.hold((folder / "out/data.yaml").read_bytes() == (fixtures / "yolo/data.yaml").read_bytes(), "data.yaml has changed")
    for record in manifest["records"]:
        path = record["files"]["labels"]["path"]
        size = pixels(folder / "out" / record["files"]["image"]["path"]).shape[:2]
        after = read(folder / "out" / path, classes=3)
        before = read(fixtures / "yolo" / record["inputs"]["labels"]["path"], classes=3)
        verdict.count("files")
        verdict.count("lines", len(after))
        loaded, complaint = load(folder / "out" / record["files"]["image"]["path"], folder / "out" / path, 3)
        verdict.hold(loaded is not None and loaded[0] == [one[0] for one in after], f"{path}: Ultralytics reads different labels: {complaint}")
        if record["status"] == "unchanged":
            verdict.hold([line for _, _, line in after] == [line for _, _, line in before], f"{path}: has changed")
            continue
        said = {one["object"]: one for one in record.get("covered", [])}
        kept = [(n, one) for n, one in enumerate(before) if not said.get(n, {}).get("dropped")]
        pastes = [placement for placement in record["placements"] if placement["visible"] > 0]
        verdict.hold(len(after) == len(kept) + len(pastes), f"{path}: {len(after)} lines, not {len(kept)} and {len(pastes)}")
        pasted = after[len(kept) :]
        cover = np.zeros(size, bool)
        for (class_id, points, line), placement in zip(pasted, pastes):
            verdict.count("pastes")
            verdict.hold(class_id == placement["classId"], f"{path}: a paste has the class {class_id}, not {placement['classId']}")
            judge_area(f"{path}: paste {placement['order']}", points, line, size, placement["visible"], verdict)
            mask = exact(line, size)
            verdict.hold(not (cover & mask).any(), f"{path}: pastes share pixels")
            cover |= mask
            x0, y0, x1, y1 = placement["targetBox"]
            mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = False
            verdict.hold(not mask.any(), f"{path}: a paste leaves its box")
        for (n, (class_id, _, line)), (class_now, points, now) in zip(kept, after):
            verdict.hold(class_now == class_id, f"{path}: line {n} has another class")
            if n not in said:
                verdict.hold(now == line and not (exact(line, size) & cover).any(), f"{path}: line {n} is covered, but not in the record")
                continue
            verdict.count("survivors")
            judge_area(f"{path}: line {n}", points, now, size, said[n]["after"], verdict)
            left = exact(line, size) & ~cover
            verdict.hold((exact(now, size) == left).all(), f"{path}: line {n} is not what pastes left of it")


def boxes(folder, verdict):
    """A file of boxes amid files of outlines: the loader refuses one that has both."""
    shutil.copytree(fixtures / "yolo", folder / "in")
    (path,) = (folder / "in").rglob("0016E5_05550.txt")
    path.write_text("0 0.5 0.5 0.2 0.2\n2 0.1 0.1 0.1 0.1\n")
    manifest, _ = augment(folder / "in", folder / "out", "-p", "1", "--copies", "5", "--truncated", "keep", "--min-area", "20px")
    for record in manifest["records"]:
        output, source = folder / "out" / record["files"]["labels"]["path"], folder / "in" / record["inputs"]["labels"]["path"]
        if source != path:
            verdict.count("lines of outlines", len(read(output, classes=3)))
            continue
        loaded, complaint = load(folder / "out" / record["files"]["image"]["path"], output, 3)
        verdict.hold(loaded is not None, f"{output.name}: Ultralytics refuses it: {complaint}")
        values = np.array([line.split() for line in output.read_text().splitlines()], np.float32)
        verdict.hold(values.shape[1] == 5, f"{output.name}: is not a file of boxes")
        verdict.hold(values[:, 1:].min() >= 0 and values[:, 1:].max() <= 1, f"{output.name}: a box leaves the image")
        showing = [placement for placement in record["placements"] if placement["visible"] > 0]
        verdict.hold(len(values) == 2 + len(showing), f"{output.name}: has {len(values)} boxes, not 2 and {len(showing)}")
        verdict.count("boxes", len(values))


def judge_area(what, points, line, size, area, verdict):
    """To the pixel by centres; by OpenCV's rule, which adds edges and never more, between the area and the area with its outline."""
    verdict.hold(exact(line, size).sum() == area, f"{what}: fills {exact(line, size).sum()} pixels, not {area}")
    filled, edges = fill(points, size)
    inside = (filled & ~edges).sum()
    verdict.hold(inside <= area <= filled.sum(), f"{what}: OpenCV fills {inside} to {filled.sum()} pixels, not {area}")
