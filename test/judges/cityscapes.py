"""Cityscapes: data made from polygons by its own scripts, output read by them and by Datumaro."""

import contextlib
import json
import os

import numpy as np
from cityscapesscripts.evaluation.instances2dict import instances2dict
from cityscapesscripts.helpers.labels import id2label, labels
from cityscapesscripts.preparation.json2instanceImg import json2instanceImg
from cityscapesscripts.preparation.json2labelImg import json2labelImg

from tool import augment, imported, pixels, scenes

width, height = 256, 128


def make(root, train_ids_alone=False):
    """Six scenes of two cities: stuff, and things alone, in groups, overlapping, of all classes, as polygons; then the scripts' images."""
    rng = np.random.default_rng(5)
    things = [label.name for label in labels if label.hasInstances and label.id >= 0]
    for n in range(6):
        split, city = ("train", ["bonn", "ulm"][n % 2]) if n < 5 else ("val", "jena")
        stem = f"{city}_{n:06}_000019"
        scenes(root / "leftImg8bit" / split / city, {f"{stem}_leftImg8bit.png": (width, height)}, seed=n)

        def box(label, x0, y0, x1, y1):
            return {"label": label, "polygon": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]}

        objects = [box("sky", 0, 0, width, 40), box("building", 0, 20, width, 70), box("vegetation", 90, 10, 150, 60)]
        objects += [box("road", 0, 70, width, height), box("parking", 200, 90, width, height), box("terrain", 0, 100, 40, height)]
        for name in [*things, *rng.choice(things, 6), "cargroup", "persongroup", "license plate", "traffic light", "pole"]:
            x, y = rng.integers(10, width - 40), rng.integers(30, height - 40)
            corners = np.sort(rng.uniform(0, 2 * np.pi, 7))
            polygon = [[int(x + 15 + 14 * np.cos(a)), int(y + 15 + 14 * np.sin(a))] for a in corners]
            objects.append({"label": str(name), "polygon": polygon})
        objects += [box("out of roi", 0, 0, 3, height), box("ego vehicle", 60, height - 8, 200, height)]
        folder = root / "gtFine" / split / city
        folder.mkdir(parents=True, exist_ok=True)
        base = folder / f"{stem}_gtFine"
        polygons = f"{base}_polygons.json"
        with open(polygons, "w") as file:
            json.dump({"imgWidth": width, "imgHeight": height, "objects": objects}, file)
        json2labelImg(polygons, f"{base}_labelTrainIds.png", "trainIds")
        if not train_ids_alone:
            json2labelImg(polygons, f"{base}_labelIds.png", "ids")
            json2labelImg(polygons, f"{base}_color.png", "color")
            json2instanceImg(polygons, f"{base}_instanceIds.png", "ids")
        else:
            os.remove(polygons)


def table(value):
    """Value that replaces each label id."""
    values = np.zeros((256, *np.shape(value(labels[0]))), np.uint8)
    for label in labels:
        if label.id >= 0:
            values[label.id] = value(label)
    return values


train_ids = table(lambda label: label.trainId)
colours = table(lambda label: label.color)


def instances(path):
    """Instances by their ids, as the scripts see them: class, and pixels."""
    (by_class,) = instances2dict(str(path)).values()
    return {one["instID"]: (one["labelID"], one["pixelCount"]) for found in by_class.values() for one in found}


def all_files(folder, verdict):
    """All files of a sample agree with each other and with the manifest."""
    make(folder / "in")
    flags = ["-p", "1", "--copies", "3", "--include-originals", "--instances", "object", "--min-area", "20px", "--truncated", "keep"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    # Polygons would no longer match the masks.
    verdict.hold(not list((folder / "out").rglob("*_polygons.json")), "polygons are in the output")
    for record in manifest["records"]:
        path = record["files"]["image"]["path"]
        base = folder / "out" / record["files"]["mask"]["path"].removesuffix("_labelIds.png")
        ids, objects = pixels(f"{base}_labelIds.png"), pixels(f"{base}_instanceIds.png")
        verdict.count("samples")
        verdict.hold((pixels(f"{base}_labelTrainIds.png") == train_ids[ids]).all(), f"{path}: training ids do not match the label ids")
        colour = pixels(f"{base}_color.png")[..., :3]
        verdict.hold((colour == colours[ids]).all(), f"{path}: colours do not match the label ids")
        found = instances(f"{base}_instanceIds.png")
        for object_id, (label, count) in found.items():
            verdict.count("instances" if object_id >= 1000 else "regions without instances")
            verdict.hold((ids[objects == object_id] == label).all(), f"{path}: instance {object_id} has pixels of other classes")
            verdict.hold(object_id < 1000 or id2label[label].hasInstances, f"{path}: instance {object_id} belongs to a class without instances")
            verdict.hold((objects == object_id).sum() == count, f"{path}: instance {object_id} has a different pixel count")
        expected = instances(folder / "in" / record["inputs"]["objects"]["path"])
        expected = {id: one for id, one in expected.items() if id >= 1000}
        for one in record.get("covered", []):
            if one["object"] < 1000:
                continue
            if one["dropped"]:
                expected.pop(one["object"])
            else:
                expected[one["object"]] = (expected[one["object"]][0], one["after"])
        for placement in record.get("placements", []):
            if placement["visible"] > 0 and "object" in placement:
                expected[placement["object"]] = (placement["classId"], placement["visible"])
                verdict.count("pastes")
        found = {id: one for id, one in found.items() if id >= 1000}
        unlike = {id: (found.get(id), expected.get(id)) for id in found.keys() | expected.keys() if found.get(id) != expected.get(id)}
        verdict.hold(not unlike, f"{path}: (is, should be) of instances: {unlike}")
    judge_train_ids(folder, manifest, verdict, lambda record: record["files"]["views"][0]["path"])


def train_ids_alone(folder, verdict):
    """The layout that has only masks of training ids."""
    make(folder / "in", train_ids_alone=True)
    flags = ["-p", "1", "--copies", "3", "--include-originals", "--min-area", "20px", "--truncated", "keep"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    verdict.hold(manifest["layout"]["name"] == "cityscapes-train-ids", f"is read as {manifest['layout']['name']}")
    for record in manifest["records"]:
        ids = pixels(folder / "out" / record["files"]["mask"]["path"])
        for id, (_, now) in record.get("pixels", {}).items():
            verdict.count("classes of samples")
            verdict.hold((ids == int(id)).sum() == now, f"{record['id']}: class {id} has {(ids == int(id)).sum()} pixels, not {now}")
    judge_train_ids(folder, manifest, verdict, lambda record: record["files"]["mask"]["path"])


def judge_train_ids(folder, manifest, verdict, path_of):
    """Datumaro takes its masks from training ids."""
    with contextlib.redirect_stdout(None):
        found = imported(folder / "out", "cityscapes")
    verdict.hold(len(found) == len(manifest["records"]), f"{len(found)} items, not {len(manifest['records'])}")
    for record in manifest["records"]:
        image = record["files"]["image"]["path"]
        name = image.removeprefix(f"leftImg8bit/{record['split']}/").removesuffix("_leftImg8bit.png")
        size, masks = found[(record["split"], name)]
        ids = pixels(folder / "out" / path_of(record))
        verdict.count("items")
        verdict.count("masks", len(masks))
        verdict.hold(size == ids.shape, f"{image}: is of another size")
        # It leaves out the first label, which is the road.
        verdict.hold({label for label, _, _ in masks} == set(np.unique(ids).tolist()) - {0, 255}, f"{image}: labels differ")
        for label, _, mask in masks:
            verdict.hold((mask == (ids == label)).all(), f"{image}: label {label} has other pixels")
