"""Masks of class and object ids in palettes and grey, as Datumaro imports them."""

import shutil

import numpy as np
from PIL import Image

from tool import augment, fixtures, imported, pixels


def voc(folder, verdict):
    """Pascal VOC: every object has the class and the pixels that the manifest says, by the colours of its palettes."""
    judge_voc(fixtures / "voc", folder / "out", verdict)


def voc_short_palettes(folder, verdict):
    """The same where palettes have no more colours than ids: pasted ids need colours of their own."""
    shutil.copytree(fixtures / "voc", folder / "in")
    for path in folder.glob("in/Segmentation*/*.png"):
        with Image.open(path) as image:
            ids, palette = np.array(image), image.getpalette()
        ids[ids == 255] = 0
        short = Image.fromarray(ids)
        short.putpalette(palette[: 3 * (int(ids.max()) + 1)])
        short.save(path)
    judge_voc(folder / "in", folder / "out", verdict)


def voc_colours(folder, verdict):
    """The same in colours, for classes and objects, as Datumaro and CVAT export it; and it stays so."""
    from datumaro.components.dataset import Dataset

    data = Dataset.import_from(str(fixtures / "voc"), "voc_instance_segmentation")
    data.export(str(folder / "in"), "voc_instance_segmentation", save_media=True)
    manifest = judge_voc(folder / "in", folder / "out", verdict)
    for path in folder.glob("out/Segmentation*/*.png"):
        with Image.open(path) as image:
            verdict.hold(image.mode == "RGB", f"{path.name}: is {image.mode}, not in colours")
    lines = (folder / "out/labelmap.txt").read_text().splitlines()[1:]
    colours = [tuple(int(value) for value in line.split(":")[1].split(",")) for line in lines]
    for record in manifest["records"]:
        path = record["files"]["mask"]["path"]
        mask = pixels(folder / "out" / path).reshape(-1, 3)
        ids = {id: int((mask == colour).all(axis=1).sum()) for id, colour in enumerate(colours)}
        verdict.hold(sum(ids.values()) == len(mask), f"{path}: has colours of no class")
        said = {int(id): now for id, (_, now) in record.get("pixels", {}).items()}
        verdict.hold({id: ids[id] for id in said} == said, f"{path}: has {ids}, not {said}")
    same = (folder / "out/labelmap.txt").read_bytes() == (folder / "in/labelmap.txt").read_bytes()
    verdict.hold(same, "labelmap.txt is another")


def judge_voc(source, out, verdict):
    flags = ["-p", "1", "--copies", "3", "--include-originals", "--instances", "object", "--truncated", "keep"]
    manifest, _ = augment(source, out, *flags)
    before = imported(source, "voc_instance_segmentation")
    after = imported(out, "voc_instance_segmentation")
    verdict.hold(len(after) == len(manifest["records"]), f"{len(after)} items, not {len(manifest['records'])}")

    def objects(items, path):
        _, masks = items[("trainval", path.removeprefix("JPEGImages/").rsplit(".", 1)[0])]
        return {group: (label, int(mask.sum())) for label, group, mask in masks}

    for record in manifest["records"]:
        path = record["files"]["image"]["path"]
        expected = objects(before, record["inputs"]["image"]["path"])
        left = 0
        for one in record.get("covered", []):
            if one["dropped"]:
                expected.pop(one["object"])
                left += one["after"]
            else:
                expected[one["object"]] = (expected[one["object"]][0], one["after"])
        for placement in record.get("placements", []):
            if placement["visible"] > 0:
                expected[placement["object"]] = (placement["classId"], placement["visible"])
                verdict.count("pastes")
        found = objects(after, path)
        # The last pixels of objects that were given up are void there, and keep their class.
        _, void = found.pop(255, (None, 0))
        verdict.hold(void == left, f"{path}: {void} pixels are void in the object mask alone, not {left}")
        verdict.count("items")
        verdict.count("objects", len(found))
        verdict.hold(found == expected, f"{path}: has objects {found}, not {expected}")
    return manifest


def camvid(folder, verdict):
    """CamVid: every class has the pixels that the manifest says."""
    manifest, _ = augment(fixtures / "camvid", folder / "out", "-p", "1", "--copies", "2", "--include-originals")
    # Datumaro wants lists of images and masks, and names of classes, the first of which is black.
    names = "sky building pole road pavement tree sign fence car pedestrian bicyclist unlabelled".split()
    (folder / "out/label_colors.txt").write_text("".join(f"{n} {n} {n} {name}\n" for n, name in enumerate(names)))
    for split in ("train", "val"):
        files = [record["files"] for record in manifest["records"] if record["split"] == split]
        lines = [f"/{one['image']['path']} {one['mask']['path']}\n" for one in files]
        (folder / "out" / f"{split}.txt").write_text("".join(lines))
    found = imported(folder / "out", "camvid")
    verdict.hold(len(found) == len(manifest["records"]), f"{len(found)} items, not {len(manifest['records'])}")
    for record in manifest["records"]:
        path = record["files"]["image"]["path"]
        key = (record["split"], path.rsplit("/", 1)[1].rsplit(".", 1)[0])
        if key not in found:
            verdict.hold(False, f"{path}: is no item")
            continue
        size, masks = found[key]
        verdict.count("items")
        verdict.count("masks", len(masks))
        original = pixels(fixtures / "camvid" / record["inputs"]["mask"]["path"])
        expected = {int(id): int((original == id).sum()) for id in np.unique(original)}
        for id, (was, now) in record.get("pixels", {}).items():
            verdict.hold(expected.get(int(id), 0) == was, f"{path}: class {id} had {expected.get(int(id), 0)} pixels, not {was}")
            expected[int(id)] = now
        got = {label: int(mask.sum()) for label, _, mask in masks}
        verdict.hold(got == {id: count for id, count in expected.items() if count > 0}, f"{path}: has {got}, not {expected}")
        verdict.hold(size == original.shape, f"{path}: is of another size")
