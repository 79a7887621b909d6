"""COCO documents, as pycocotools and Datumaro read them."""

import contextlib
import json
import os

import numpy as np
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from tool import augment, fixtures, imported, paste, pixels, scenes

document = "annotations/instances_train.json"


def load(path):
    with contextlib.redirect_stdout(None):
        return COCO(str(path))


def as_set(values):
    return sorted(json.dumps(value, sort_keys=True) for value in values)


def same(folder, verdict):
    """Where nothing is pasted, the document is unchanged."""
    augment(fixtures / "coco", folder / "out", "-p", "0")
    before, after = (json.loads((at / document).read_text()) for at in (fixtures / "coco", folder / "out"))
    verdict.hold(before.keys() == after.keys(), f"has {list(after)}, not {list(before)}")
    for key, value in before.items():
        equal = as_set(value) == as_set(after[key]) if isinstance(value, list) else value == after[key]
        verdict.hold(equal, f"{key} has changed")
        verdict.count(key, len(value) if isinstance(value, list) else 1)


def png_fixture(folder):
    """The fixture with lossless images, in which only pasted pixels differ."""
    data = json.loads((fixtures / "coco" / document).read_text())
    (folder / "train").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for image in data["images"]:
        name = image["file_name"].replace(".jpg", ".png")
        Image.open(fixtures / "coco/train" / image["file_name"]).save(folder / "train" / name)
        image["file_name"] = name
    (folder / document).write_text(json.dumps(data))


def pasted(folder, verdict):
    """Real annotations under pastes of any size."""
    png_fixture(folder / "in")
    flags = ["-p", "1", "--copies", "3", "--include-originals", "--truncated", "keep", "--image-format", "png"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    judge(folder / "in", folder / "out", manifest, verdict)
    manifest, _ = augment(folder / "in", folder / "polygons", *flags, "--polygons")
    judge(folder / "in", folder / "polygons", manifest, verdict)
    # The paper's form moves the target's annotations too: no mask is what it was, and each has to agree with itself.
    manifest, _ = augment(folder / "in", folder / "paper", *flags, "--preset", "paper")
    judge(folder / "in", folder / "paper", manifest, verdict)
    # Losses of JPEG do not concern annotations.
    manifest, _ = augment(fixtures / "coco", folder / "jpeg", "-p", "1", "--truncated", "keep", "--seed", "7")
    judge(fixtures / "coco", folder / "jpeg", manifest, verdict, exact=False)


def judge(source, out, manifest, verdict, exact=True, each=None):
    """
    Holds an output to its input and manifest.

    `exact` says that images lose nothing; `each` is called with a record, masks of its source's instances, the image's size, and
    masks of what was pasted, by placement.
    """
    before, after = load(source / document), load(out / document)
    raw = json.loads((out / document).read_text())
    for key in ("images", "annotations"):
        verdict.hold(len({one["id"] for one in raw[key]}) == len(raw[key]), f"{key} share ids")
    by_name = {image["file_name"]: image for image in before.dataset["images"]}
    records = {record["files"]["image"]["path"]: record for record in manifest["records"]}
    verdict.hold(set(records) == {f"train/{image['file_name']}" for image in raw["images"]}, "images are not those of the manifest")
    masks = {}

    def instances(image_id):
        """Annotations of an image of the input, each with its mask."""
        if image_id not in masks:
            masks[image_id] = [(one, before.annToMask(one).astype(bool)) for one in before.imgToAnns[image_id]]
        return masks[image_id]

    images_by_sample = {record["id"]: by_name[record["inputs"]["image"]["path"].removeprefix("train/")] for record in manifest["records"]}
    for image in raw["images"]:
        path = f"train/{image['file_name']}"
        record = records[path]
        picture = pixels(out / path)
        verdict.hold(picture.shape[:2] == (image["height"], image["width"]), f"{path} does not have the size in the document")
        original = images_by_sample[record["id"]]
        annotations = after.imgToAnns[image["id"]]
        found = [(one, after.annToMask(one).astype(bool)) for one in annotations]
        verdict.count("images")
        verdict.count("annotations", len(found))
        for one, mask in found:
            if isinstance(one["segmentation"], dict):
                verdict.count("run lengths")
                box = rle.toBbox(after.annToRLE(one)).tolist()
                verdict.hold(one["area"] == mask.sum(), f"{path}: annotation {one['id']} states the area {one['area']}, not {mask.sum()}")
                verdict.hold(one["bbox"] == box, f"{path}: annotation {one['id']} states the box {one['bbox']}, not {box}")

        def plain(one):
            return {key: value for key, value in one.items() if key not in ("id", "image_id")}

        kept = [pair for pair in found if "copypaste" not in pair[0]]
        added = [pair for pair in found if "copypaste" in pair[0]]
        if record["status"] == "unchanged":
            verdict.hold([plain(one) for one, _ in kept] == [plain(one) for one, _ in instances(original["id"])], f"{path}: annotations have changed")
            verdict.hold(not added, f"{path}: has pastes, but its record is unchanged")
            continue

        # Pastes: one annotation for each that shows, of the class and with the pixels that the manifest says.
        showing = {n: placement for n, placement in enumerate(record["placements"], 1) if placement["visible"] > 0}
        by_placement = {one["copypaste"]["placement"]: (one, mask) for one, mask in added}
        verdict.hold(len(by_placement) == len(added) and by_placement.keys() == showing.keys(), f"{path}: pastes do not match the manifest")
        cover = np.zeros(picture.shape[:2], bool)
        source_image = images_by_sample[record["source"]]
        sources = {one["id"]: mask for one, mask in instances(source_image["id"])}
        for n, (one, mask) in by_placement.items():
            verdict.count("pastes")
            verdict.hold(not (cover & mask).any(), f"{path}: paste {n} shares pixels with another")
            cover |= mask
            verdict.hold(mask.sum() == showing[n]["visible"], f"{path}: paste {n} has {mask.sum()} pixels, not {showing[n]['visible']}")
            verdict.hold(one["category_id"] == showing[n]["classId"], f"{path}: paste {n} is of another class")
            from_id = one["copypaste"]["annotation_id"]
            verdict.hold(one["copypaste"]["image_id"] == source_image["id"] and from_id in sources, f"{path}: paste {n} is from elsewhere")
        if exact and "scenes" not in record:
            differs = (picture != pixels(source / "train" / original["file_name"])).any(axis=-1)
            verdict.hold(not (differs & ~cover).any(), f"{path}: {(differs & ~cover).sum()} pixels differ that no paste covers")
            verdict.count("pixels that differ, all in pastes", differs.sum())

        # Survivors: in their order, what the pastes left.
        said = {one["object"]: one for one in record.get("covered", [])}
        remaining = [pair for pair in instances(original["id"]) if not said.get(pair[0]["id"], {}).get("dropped")]
        verdict.hold(len(remaining) == len(kept), f"{path}: {len(kept)} annotations are left, not {len(remaining)}")
        if "scenes" in record:
            for (one, mask), (origin, _) in zip(kept, remaining):
                verdict.hold(not (mask & cover).any(), f"{path}: annotation {one['id']} reaches under a paste")
                verdict.hold(one["category_id"] == origin["category_id"], f"{path}: annotation {one['id']} is of another class")
            continue
        for (one, mask), (origin, mask_before) in zip(kept, remaining):
            if origin["id"] not in said:
                verdict.hold(plain(one) == plain(origin) and not (mask_before & cover).any(), f"{path}: {origin['id']} is covered, but not recorded")
                continue
            verdict.count("survivors")
            verdict.hold((mask == (mask_before & ~cover)).all(), f"{path}: what is left of {origin['id']} is not what pastes left of it")
            verdict.hold(said[origin["id"]]["before"] == mask_before.sum(), f"{path}: {origin['id']} had {mask_before.sum()} pixels")
            verdict.hold(said[origin["id"]]["after"] == mask.sum(), f"{path}: {origin['id']} has {mask.sum()} pixels")
        for origin, mask_before in instances(original["id"]):
            if said.get(origin["id"], {}).get("dropped"):
                verdict.count("given up")
                left = (mask_before & ~cover).sum()
                few = left == 0 if origin["iscrowd"] else left < 0.05 * mask_before.sum() or left == 0
                verdict.hold(few, f"{path}: {origin['id']} is given up with {left} of {mask_before.sum()} pixels")
        if each:
            pairs = [(one, mask) for one, mask in instances(source_image["id"]) if mask.any()]
            each(path, record, pairs, by_placement, picture, pixels(source / "train" / source_image["file_name"]), original)


def forms(folder, verdict):
    """Every form that a mask may have: pasted at its own size and covered, each is to the pixel what pycocotools makes of it."""
    sizes = {"a.png": (161, 123), "b.png": (161, 123), "c.png": (161, 123)}
    scenes(folder / "in/train", sizes, seed=1)
    (folder / "in/annotations").mkdir()
    rng = np.random.default_rng(2)
    images = [{"id": 10 + n, "file_name": name, "width": w, "height": h} for n, (name, (w, h)) in enumerate(sizes.items())]
    annotations = []
    for image in images:
        for form, segmentation, crowd in every_form(rng, image["width"], image["height"]):
            one = {"id": 3 * len(annotations) + 1, "image_id": image["id"], "category_id": len(annotations) % 5, "iscrowd": crowd}
            annotations.append({**one, "segmentation": segmentation, "form": form})
    data = {"images": images, "annotations": annotations, "categories": [{"id": n, "name": f"class {n}"} for n in range(5)]}
    tool = load_dataset(data)
    for one in annotations:
        one["area"] = int(tool.annToMask(one).sum())
        one["bbox"] = rle.toBbox(tool.annToRLE(one)).tolist()
    (folder / "in" / document).write_text(json.dumps(data))
    flags = ["-p", "1", "--truncated", "keep", "--scale", "1,1", "--min-area", "1px", "--max-area", "1"]
    proven, touched = set(), set()

    def exactly(path, record, sources, added, picture, source_picture, original):
        crowded = [one["id"] for one, _ in sources if one["iscrowd"]]
        owner, seen = paste(record, [mask for _, mask in sources], picture.shape[:2])
        for n, placement in enumerate(record["placements"], 1):
            origin, mask = sources[placement["instance"]]
            verdict.hold(placement["area"] == 0 or origin["id"] not in crowded, f"{path}: pastes the crowd {origin['id']}")
            shown = added[n][1] if n in added else np.zeros(owner.shape, bool)
            if placement["area"] == 0:
                verdict.hold(not shown.any(), f"{path}: shows a placement without pixels")
            same_pixels = ((owner == n) == shown).all()
            verdict.hold(same_pixels, f"{path}: paste {n} ({origin['form']}) has other pixels than annotation {origin['id']}")
            if n in added:
                verdict.hold(added[n][0]["copypaste"]["annotation_id"] == origin["id"], f"{path}: paste {n} is of another annotation")
                if shown.sum() == mask.sum():
                    proven.add(origin["id"])
        expected = pixels(folder / "in/train" / original["file_name"])
        expected[owner > 0] = source_picture[seen[owner > 0][:, 0], seen[owner > 0][:, 1]]
        verdict.hold((expected == picture).all(), f"{path}: {(expected != picture).any(axis=-1).sum()} pixels are not their source's")
        touched.update(one["object"] for one in record["covered"])

    # Many at once, anywhere; then few, and where they were, so that the largest are seen whole.
    many = ["--copies", "10", "--max-instances", "8"]
    few = ["--copies", "40", "--max-instances", "2", "--max-translation", "0"]
    for name, more in (("many", many), ("few", few)):
        manifest, _ = augment(folder / "in", folder / name, *flags, *more)
        judge(folder / "in", folder / name, manifest, verdict, each=exactly)
    ids = {one["id"] for one in annotations if one["area"] > 0}
    crowds = {one["id"] for one in annotations if one["iscrowd"]}
    verdict.count("annotations pasted whole", len(proven))
    verdict.count("annotations covered", len(touched))
    verdict.count("annotations without pixels", len(annotations) - len(ids))
    # A crowd is never pasted.
    form = {one["id"]: one["form"] for one in annotations}
    untried = {form[id] for id in ids - crowds} - {form[id] for id in proven}
    verdict.hold(not untried, f"none was pasted whole: {untried}")
    verdict.hold(touched == ids, f"never covered: {sorted(ids - touched)}")


def load_dataset(data):
    with contextlib.redirect_stdout(None):
        tool = COCO()
        tool.dataset = data
        tool.createIndex()
    return tool


def every_form(rng, width, height):
    """Masks of an image in every form, with their names: twice at random each."""

    def star(corners, reach, centre=None):
        x, y = centre or (rng.uniform(0, width), rng.uniform(0, height))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(0.3, 1, corners) * reach
        return np.stack((x + radii * np.cos(angles), y + radii * np.sin(angles)), axis=-1).round(2).ravel().tolist()

    def blob():
        """A disc with a hole, and a part of its own."""
        y, x = np.mgrid[:height, :width]
        cx, cy = rng.integers(15, width - 15), rng.integers(15, height - 15)
        distance = np.hypot(x - cx, y - cy)
        mask = (distance < 12) & (distance > rng.integers(3, 8))
        px, py = rng.integers(0, width - 4), rng.integers(0, height - 4)
        mask[py : py + 4, px : px + 4] = True
        return mask

    def counts(mask):
        flat = mask.ravel(order="F").astype(np.int8)
        edges = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff([0, *edges, flat.size]).tolist()
        return {"size": [height, width], "counts": [0, *runs] if flat[0] else runs}

    def packed(mask):
        one = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
        return {"size": one["size"], "counts": one["counts"].decode()}

    corner = np.zeros((height, width), bool)
    corner[:9, :7] = corner[-6:, -8:] = True
    stripes = np.zeros((height, width), bool)
    stripes[:, ::3] = True
    stripes[: height // 2] = False
    for _ in range(2):
        middle = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6))
        yield "polygon", [star(9, 25, middle)], 0
        yield "many corners", [star(150, 30, middle)], 0
        yield "triangle", [star(3, 20, middle)], 0
        yield "whole numbers", [np.round(star(8, 25, middle)).tolist()], 0
        yield "halves", [(np.round(star(8, 25, middle)) + 0.5).tolist()], 0
        yield "crosses itself", [rng.uniform(20, 70, 14).round(1).tolist()], 0
        yield "several parts", [star(7, 12) for _ in range(3)], 0
        yield "parts that overlap", [star(7, 20, middle), star(7, 20, middle)], 0
        yield "thin", [[20.2, 20.2, 60.7, 21.1, 60.7, 21.4, 20.2, 20.6]], 0
        yield "leaves the image", [star(9, 60, (2, 2)), star(9, 60, (width - 1, height / 2))], 0
        yield "larger than the image", [[-50, -50, width + 50, -50, width + 50, height + 50, -50, height + 50.5]], 0
        yield "a corner twice", [[30, 30, 50, 30, 50, 30, 50, 50, 30, 50, 30, 30]], 0
        yield "a part of two corners", [star(6, 15, middle), [1, 1, 5, 5]], 0
        yield "many digits", [[value + rng.random() / 100 for value in star(9, 25, middle)]], 0
        yield "no pixels", [[10.1, 10.1, 10.2, 10.1, 10.2, 10.2]], 0
        yield "run lengths", counts(blob()), 0
        yield "run lengths of a crowd", counts(blob()), 1
        yield "packed run lengths", packed(blob()), 0
        yield "run lengths from the first pixel to the last", counts(corner), 0
        yield "packed from the first pixel to the last", packed(corner), 0
        yield "stripes", packed(stripes), 0
        yield "one pixel", packed(np.eye(height, width, int(rng.integers(1, 40)), dtype=bool) & (np.arange(width) == 50)), 0


def datumaro(folder, verdict):
    """Datumaro finds the images, masks and labels that pycocotools does."""
    manifest, _ = augment(fixtures / "coco", folder / "out", "-p", "1", "--copies", "2", "--include-originals", "--truncated", "keep")
    # It looks for images below `images`.
    (folder / "out/images").mkdir()
    os.rename(folder / "out/train", folder / "out/images/train")
    found = imported(folder / "out", "coco_instances")
    tool = load(folder / "out" / document)
    verdict.hold(len(found) == len(manifest["records"]), f"{len(found)} items, not {len(manifest['records'])}")
    categories = {category["id"]: n for n, category in enumerate(tool.dataset["categories"])}
    for image in tool.dataset["images"]:
        size, masks = found[("train", image["file_name"].rsplit(".", 1)[0])]
        verdict.hold(size == (image["height"], image["width"]), f"{image['file_name']} is of another size")
        # Polygons of several parts are as many annotations there, of one group.
        expected = [one for one in tool.imgToAnns[image["id"]] if isinstance(one["segmentation"], dict)]
        verdict.count("items")
        verdict.count("masks", len(masks))
        verdict.hold(len(masks) == len(expected), f"{image['file_name']}: {len(masks)} masks, not {len(expected)}")
        for one, (label, _, mask) in zip(sorted(expected, key=lambda one: one["id"]), sorted(masks, key=lambda one: one[1])):
            same_mask = label == categories[one["category_id"]] and (mask == tool.annToMask(one)).all()
            verdict.hold(same_mask, f"{image['file_name']}: annotation {one['id']} is another there")


def large(folder, verdict):
    """A document of 100,000 annotations, in bounded memory."""
    rng = np.random.default_rng(3)
    width, height, per_image, count = 96, 64, 50, 2000
    scenes(folder / "in/train", {"0.png": (width, height)}, seed=4)
    (folder / "in/annotations").mkdir()
    images, annotations = [], []
    for n in range(count):
        if n > 0:
            os.link(folder / "in/train/0.png", folder / f"in/train/{n}.png")
        images.append({"id": n, "file_name": f"{n}.png", "width": width, "height": height})
        for _ in range(per_image):
            x, y = rng.uniform(0, width - 12), rng.uniform(0, height - 12)
            corners = (np.array([0, 2, 8, 0, 11, 5, 9, 11, 3, 9, 1, 5]) + np.tile([x, y], 6)).round(2).tolist()
            area, box = 80.0, [x, y, 11, 11]
            one = {"id": len(annotations) + 1, "image_id": n, "category_id": int(rng.integers(1, 81)), "iscrowd": 0}
            annotations.append({**one, "segmentation": [corners], "area": area, "bbox": box})
    categories = [{"id": n, "name": str(n)} for n in range(1, 81)]
    (folder / "in" / document).write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    manifest, memory = augment(folder / "in", folder / "out", "-p", "0.5")
    verdict.count("MB at most in use", memory // 2**20)
    verdict.hold(memory < 512 * 2**20, f"{memory / 2**20:.0f} MB were in use")
    judge(folder / "in", folder / "out", manifest, verdict)
