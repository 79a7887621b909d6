"""Class and instance masks of street scenes: KITTI and Mapillary Vistas, as Datumaro imports them; ADE20K and MMSegmentation by their own rules."""

import json

import cv2
import numpy as np
from cityscapesscripts.helpers.labels import id2label
from cityscapesscripts.helpers.labels import labels as cityscapes
from PIL import Image

from tool import augment, imported, pixels, scenes

width, height = 192, 96
flags = ["-p", "1", "--copies", "3", "--include-originals", "--truncated", "keep", "--min-area", "20px"]


def draw(seed, stuff, things, per_class):
    """A class mask of stuff in bands with things on it, and its instance mask: class times a number, plus one from 1 for each thing."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(rng.choice(stuff, 6), height // 6)[:, None] * np.ones(width, int)
    objects = ids * per_class
    for n, thing in enumerate(rng.choice(things, 9), 1):
        x, y = rng.integers(0, [width - 30, height - 20])
        rows, columns = np.ogrid[:height, :width]
        inside = ((columns - x - 14) / 14) ** 2 + ((rows - y - 9) / 9) ** 2 < 1
        ids[inside], objects[inside] = thing, thing * per_class + n
    return ids, objects


def objects_of(masks):
    """Instances by class and number; regions without one have the number 0."""
    return {(label, number): int(mask.sum()) for label, number, mask in masks}


def judge_objects(path, before, after, record, verdict):
    """Instances are those of the input, less what the manifest says is covered, and what it says is pasted; numbers from 1."""
    expected = {key: count for key, count in before.items() if key[1] > 0}
    for one in record.get("covered", []):
        key = (one["object"] // 256, one["object"] % 256)
        if key[1] == 0:
            continue
        if one["dropped"]:
            expected.pop(key)
        else:
            expected[key] = one["after"]
    for one in record.get("placements", []):
        if one["visible"] > 0 and "object" in one:
            verdict.count("pastes")
            verdict.hold(one["object"] // 256 == one["classId"], f"{path}: a paste's id says another class")
            expected[(one["classId"], one["object"] % 256)] = one["visible"]
    found = {key: count for key, count in after.items() if key[1] > 0}
    verdict.count("instances", len(found))
    unlike = {key: (found.get(key), expected.get(key)) for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
    verdict.hold(not unlike, f"{path}: (is, should be) of instances: {unlike}")


def kitti(folder, verdict):
    """KITTI's semantic benchmark: ids, instances and colours say the same, as Datumaro and the Cityscapes scripts have them."""
    things = [label.id for label in cityscapes if label.hasInstances and label.id >= 0]
    colours = np.array([id2label[id].color for id in range(34)], np.uint8)
    root = folder / "in/training"
    for kind in ("semantic", "instance", "semantic_rgb"):
        (root / kind).mkdir(parents=True)
    scenes(root / "image_2", {f"{n:06}_10.png": (width, height) for n in range(6)}, seed=1)
    for n in range(6):
        ids, objects = draw(n, [7, 8, 11, 21, 23, 4], things, 256)
        Image.fromarray(ids.astype(np.uint8)).save(root / f"semantic/{n:06}_10.png")
        Image.fromarray(objects.astype(np.uint16)).save(root / f"instance/{n:06}_10.png")
        Image.fromarray(colours[ids]).save(root / f"semantic_rgb/{n:06}_10.png")
    manifest, _ = augment(folder / "in", folder / "out", *flags, "--instances", "object")
    before, after = (imported(folder / one, "kitti_segmentation") for one in ("in", "out"))
    verdict.hold(len(after) == len(manifest["records"]), f"{len(after)} items, not {len(manifest['records'])}")
    for record in manifest["records"]:
        output = record["files"]
        key, source = (("training", record[one]["image"]["path"].rsplit("/", 1)[1][:-4]) for one in ("files", "inputs"))
        judge_objects(key[1], objects_of(before[source][1]), objects_of(after[key][1]), record, verdict)
        ids, objects = (pixels(folder / "out" / output[one]["path"]) for one in ("mask", "objects"))
        shown = pixels(folder / "out" / output["views"][0]["path"])
        verdict.count("items")
        verdict.hold((objects // 256 == ids).all(), f"{key[1]}: instances and ids are of different classes")
        verdict.hold(shown.shape == (height, width, 3) and (shown == colours[ids]).all(), f"{key[1]}: colours are not those of the ids")


def mapillary(folder, verdict):
    """Mapillary Vistas in both versions: palettes and instances, with the configuration that Datumaro reads its classes from."""
    for version, number in (("v1.2", 66), ("v2.0", 124)):
        source, out = folder / version, folder / f"out-{version}"
        labels = [
            {"name": f"class--{id}", "readable": f"Class {id}", "color": [id, 255 - id, 7 * id % 256], "instances": id >= 40, "evaluate": True}
            for id in range(number)
        ]
        labels[-1].update(name="void--unlabeled", instances=False)
        root = source / "training"
        for kind in ("labels", "instances"):
            (root / version / kind).mkdir(parents=True)
        (source / f"config_{version}.json").write_text(json.dumps({"labels": labels}))
        scenes(root / "images", {f"{n}.jpg": (width, height) for n in range(6)}, seed=2)
        for n in range(6):
            ids, objects = draw(n, [2, 13, 15, 27, 30, number - 1], range(40, number - 1), 256)
            mask = Image.fromarray(ids.astype(np.uint8))
            mask.putpalette([value for label in labels for value in label["color"]])
            mask.save(root / version / f"labels/{n}.png")
            Image.fromarray(objects.astype(np.uint16)).save(root / version / f"instances/{n}.png")
        manifest, _ = augment(source, out, *flags)
        before, after = (imported(one, "mapillary_vistas_instances", format_version=version) for one in (source, out))
        verdict.hold(len(after) == len(manifest["records"]), f"{version}: {len(after)} items, not {len(manifest['records'])}")
        colours = np.array([label["color"] for label in labels], np.uint8)
        for record in manifest["records"]:
            output = record["files"]
            key, origin = (("training", record[one]["image"]["path"].rsplit("/", 1)[1][:-4]) for one in ("files", "inputs"))
            judge_objects(key[1], objects_of(before[origin][1]), objects_of(after[key][1]), record, verdict)
            ids, objects = (pixels(out / output[one]["path"]) for one in ("mask", "objects"))
            verdict.count("items")
            verdict.hold((objects // 256 == ids).all(), f"{key[1]}: instances and ids are of different classes")
            numbered = np.unique(objects[objects % 256 > 0] // 256)
            verdict.hold((numbered >= 40).all() and number - 1 not in numbered, f"{key[1]}: what has no instances has some")
            with Image.open(out / output["mask"]["path"]) as image:
                shown = np.array(image.convert("RGB"))
            verdict.hold((shown == colours[ids]).all(), f"{key[1]}: colours of the palette are not those of the classes")


def ade20k(folder, verdict):
    """ADE20K, of which loaders take 1 off every label, so that 0 is void (`reduce_zero_label`)."""

    def reduced(mask):
        mask = mask.copy()
        mask[mask == 0] = 255
        mask = mask - 1
        mask[mask == 254] = 255
        return mask

    judge_semantic(folder, ("images", "annotations"), ("training", "validation"), range(151), reduced, ["--split", "training"], verdict)


def mmsegmentation(folder, verdict):
    """MMSegmentation's folders, in which labels are as they are."""
    judge_semantic(folder, ("img_dir", "ann_dir"), ("train", "val"), [*range(19), 255], lambda mask: mask, [], verdict)


def judge_semantic(folder, kinds, splits, ids, prepared, more, verdict):
    """Every image has its label map by name and size; labels as a loader prepares them are what the manifest says, and elsewhere as before."""
    images, masks = kinds
    for split, number in zip(splits, (6, 2)):
        scenes(folder / "in" / images / split, {f"{n}.jpg": (width, height) for n in range(number)}, seed=4)
        (folder / "in" / masks / split).mkdir(parents=True)
        for n in range(number):
            mask, _ = draw(n, list(ids), list(ids), 1)
            Image.fromarray(mask.astype(np.uint8)).save(folder / "in" / masks / split / f"{n}.png")
    manifest, _ = augment(folder / "in", folder / "out", *flags, *more)
    for split in splits:
        found = {path.stem: path for path in (folder / "out" / images / split).iterdir()}
        maps = {path.stem: path for path in (folder / "out" / masks / split).iterdir()}
        verdict.hold(found.keys() == maps.keys(), f"{split}: images and label maps are not of the same names")
        records = {record["files"]["image"]["path"].rsplit("/", 1)[1][:-4]: record for record in manifest["records"] if record["split"] == split}
        verdict.hold(found.keys() == records.keys(), f"{split}: other samples than the manifest says")
        for name, record in records.items():
            mask = cv2.imread(str(maps[name]), cv2.IMREAD_UNCHANGED)
            before = cv2.imread(str(folder / "in" / record["inputs"]["mask"]["path"]), cv2.IMREAD_UNCHANGED)
            verdict.count("label maps")
            verdict.hold(mask.ndim == 2 and mask.dtype == np.uint8, f"{name}: is no map of 8-bit labels")
            verdict.hold(cv2.imread(str(found[name])).shape[:2] == mask.shape == before.shape, f"{name}: is of another size")
            labels, origin = prepared(mask), prepared(before)
            covered = np.zeros(mask.shape, bool)
            for one in record.get("placements", []):
                x0, y0, x1, y1 = one["targetBox"]
                covered[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = True
                verdict.count("pastes", one["visible"] > 0)
            verdict.hold((labels == origin)[~covered].all(), f"{name}: labels change outside of pastes")
            expected = {int(id): int((before == id).sum()) for id in np.unique(before)}
            expected.update({int(id): now for id, (_, now) in record.get("pixels", {}).items()})
            expected = {int(prepared(np.array([[id]], np.uint8))[0, 0]): count for id, count in expected.items() if count > 0}
            got = {int(id): int((labels == id).sum()) for id in np.unique(labels)}
            verdict.hold(got == expected, f"{name}: has {got}, not {expected}")
            # Ignored pixels are never pasted.
            grown = [id for id in (255,) if (labels == id).sum() > (origin == id).sum()]
            verdict.hold(not grown, f"{name}: ignored pixels have grown")
