"""YOLO label files: read by Ultralytics' loader and by its rules, filled as it fills them, and as pycocotools does."""

import json
import shutil

import cv2
import numpy as np
from pycocotools import mask as rle

from tool import augment, fixtures, pixels
from ultralytics_loader import load, load_all


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


def splits(folder, verdict):
    """Splits as folders, nested folders, lists of folders and lists of images: the loader finds each image, and none is corrupt."""
    for name, config, place, listed in (
        ("nested", {"train": "images/train", "val": "images/val"}, "images/{split}/cam{n}", False),
        ("folders", {"train": ["one/images", "two/images"], "val": "val/images"}, "{part}/images", False),
        ("lists", {"train": "train.txt", "val": "val.txt"}, "images", True),
        ("lists of another machine", {"path": ".", "train": "train.txt", "val": "val.txt"}, "images/{split}", True),
    ):
        source, out = folder / name / "in", folder / name / "out"
        lines = {"train": [], "val": []}
        for n, image in enumerate(sorted((fixtures / "yolo/images").rglob("*.jpg"))):
            split = image.parent.name
            part = "val" if split == "val" else ("one", "two")[n % 2]
            target = source / place.format(split=split, n=n % 2, part=part) / image.name
            label = target.parents[0].relative_to(source).as_posix().replace("images", "labels")
            target.parent.mkdir(parents=True, exist_ok=True)
            (source / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(image, target)
            shutil.copy(fixtures / f"yolo/labels/{split}/{image.stem}.txt", source / label)
            prefix = "/data/" if "machine" in name else ("./" if n % 2 else "")
            lines[split].append(f"{prefix}{target.relative_to(source).as_posix()}\n")
        for split in lines if listed else ():
            (source / f"{split}.txt").write_text("".join(lines[split]))
        names = {"names": ["car", "pedestrian", "bicyclist"]}
        (source / "data.yaml").write_text(json.dumps({**config, **names}, indent=1))
        manifest, _ = augment(source, out, "-p", "1", "--copies", "3", "--include-originals", "--truncated", "keep", "--min-area", "20px")
        for split in lines:
            count, complaints = load_all(out, split)
            expected = sum(record["split"] == split for record in manifest["records"])
            verdict.hold(count == expected, f"{name}: Ultralytics finds {count} images of {split}, not {expected}")
            for complaint in complaints:
                verdict.hold(False, f"{name}: {complaint}")
            verdict.count("images", count)


def oriented(folder, verdict):
    """Oriented boxes: four corners in each line, a rectangle as OpenCV's smallest one, around the pixels that pastes left of an object."""
    source = folder / "in"
    shutil.copytree(fixtures / "yolo", source)
    size = (360, 480)
    for path in sorted((source / "labels").rglob("*.txt")):
        boxes = [(class_id, cv2.boxPoints(cv2.minAreaRect(points * np.array(size[::-1], np.float32)))) for class_id, points, _ in read(path, 3)]
        inside = [(class_id, box / size[::-1]) for class_id, box in boxes if box.min() >= 0 and (box <= size[::-1]).all()]
        path.write_text("".join(f"{class_id} {' '.join(f'{value:.7f}' for value in box.ravel())}\n" for class_id, box in inside))
    manifest, _ = augment(source, folder / "out", "-p", "1", "--copies", "5", "--truncated", "keep", "--min-area", "20px")
    verdict.hold(manifest["layout"]["name"] == "yolo-obb", f"is read as {manifest['layout']['name']}")
    for split in ("train", "val"):
        count, complaints = load_all(folder / "out", split)
        verdict.count("images", count)
        for complaint in complaints:
            verdict.hold(False, complaint)
    for record in manifest["records"]:
        path = record["files"]["labels"]["path"]
        after = read(folder / "out" / path, classes=3)
        before = read(source / record["inputs"]["labels"]["path"], classes=3)
        verdict.hold(all(len(points) == 4 for _, points, _ in after), f"{path}: has a line without four corners")
        said = {one["object"]: one for one in record.get("covered", [])}
        kept = [(n, one) for n, one in enumerate(before) if not said.get(n, {}).get("dropped")]
        pastes = [placement for placement in record.get("placements", []) if placement["visible"] > 0]
        verdict.hold(len(after) == len(kept) + len(pastes), f"{path}: {len(after)} lines, not {len(kept)} and {len(pastes)}")
        for (n, (_, _, line)), (_, points, now) in zip(kept, after):
            verdict.hold(n in said or now == line, f"{path}: line {n} has changed")
            if n in said:
                verdict.count("survivors")
                judge_rectangle(f"{path}: line {n}", points, said[n]["after"], size, verdict)
        for (class_id, points, _), placement in zip(after[len(kept) :], pastes):
            verdict.count("pastes")
            verdict.hold(class_id == placement["classId"], f"{path}: a paste has the class {class_id}, not {placement['classId']}")
            judge_rectangle(f"{path}: paste {placement['order']}", points, placement["visible"], size, verdict)
            x0, y0, x1, y1 = placement["targetBox"]
            low, high = points.min(0) * size[::-1], points.max(0) * size[::-1]
            verdict.hold((low >= (x0 - 2, y0 - 2)).all() and (high <= (x1 + 2, y1 + 2)).all(), f"{path}: a paste leaves its box")


def judge_rectangle(what, points, area, size, verdict):
    """Four right angles, and room for all pixels of the object."""
    corners = points * np.array(size[::-1], np.float32)
    width, height = cv2.minAreaRect(corners)[1]
    verdict.hold(abs(width * height - cv2.contourArea(corners)) < 0.01 * width * height + 0.5, f"{what}: is no rectangle")
    verdict.hold(width * height > 0.95 * area - 2, f"{what}: holds {width * height:.0f} pixels, not {area}")


def semantic(folder, verdict):
    """Masks for semantic segmentation: the loader takes every mask, and its pixels are what the manifest says."""
    source = folder / "in"
    for split, place in (("train", "train"), ("val", "val")):
        for image in sorted((fixtures / f"camvid/{place}").glob("*")):
            for kind, origin in (("images", image), ("masks", fixtures / f"camvid/{place}annot" / f"{image.stem}.png")):
                (source / kind / split).mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, source / kind / split)
    config = {"train": "images/train", "val": "images/val", "masks_dir": "masks", "names": {n: f"class {n}" for n in range(12)}}
    (source / "data.yaml").write_text(json.dumps(config))
    manifest, _ = augment(source, folder / "out", "-p", "1", "--copies", "3", "--truncated", "keep", "--min-area", "20px")
    verdict.hold(manifest["layout"]["name"] == "yolo-semantic", f"is read as {manifest['layout']['name']}")
    for split in ("train", "val"):
        count, complaints = load_all(folder / "out", split)
        verdict.hold(count == sum(record["split"] == split for record in manifest["records"]), f"Ultralytics finds {count} images of {split}")
        verdict.count("images", count)
        for complaint in complaints:
            verdict.hold(False, complaint)
    for record in manifest["records"]:
        if record["status"] == "unchanged":
            continue
        verdict.count("masks")
        ids, counts = np.unique(pixels(folder / "out" / record["files"]["mask"]["path"]), return_counts=True)
        said = {int(class_id): after for class_id, (_, after) in record["pixels"].items() if after > 0}
        verdict.hold(dict(zip(ids.tolist(), counts.tolist())) == said, f"{record['id']}: pixels are not those of the record")


def judge_area(what, points, line, size, area, verdict):
    """To the pixel by centres; by OpenCV's rule, which adds edges and never more, between the area and the area with its outline."""
    verdict.hold(exact(line, size).sum() == area, f"{what}: fills {exact(line, size).sum()} pixels, not {area}")
    filled, edges = fill(points, size)
    inside = (filled & ~edges).sum()
    verdict.hold(inside <= area <= filled.sum(), f"{what}: OpenCV fills {inside} to {filled.sum()} pixels, not {area}")
