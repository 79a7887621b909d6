"""Documents of VIA. Nothing but VIA itself reads them, so regions are judged by its documentation, drawn by pycocotools and OpenCV."""

import json

import cv2
import numpy as np
from pycocotools import mask as rle

from tool import augment, scenes

width, height = 160, 120
areas = ("polygon", "circle", "ellipse")


def make(root, project):
    """A project, or an export of VIA 1, with regions of every shape."""
    rng = np.random.default_rng(22)
    scenes(root, {f"v{n}.png": (width, height) for n in range(8)}, seed=5)
    images = {}
    for n in range(8):
        regions = []
        for i in range(12):
            cx, cy = (float(v) for v in np.round(rng.uniform(10, [width - 10, height - 10]), i % 3))
            name = ["polygon", "ellipse", "circle", "rect", "polyline", "point", "polygon"][i % 7]
            shape = {"name": name}
            if name in ("polygon", "polyline"):
                angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
                radii = rng.uniform(6, 26, 7)
                shape["all_points_x"] = np.round(cx + radii * np.cos(angles), i % 2).tolist()
                shape["all_points_y"] = np.round(cy + radii * np.sin(angles), i % 2).tolist()
            elif name == "rect":
                shape.update(x=cx, y=cy, width=20, height=12)
            else:
                shape.update(cx=cx, cy=cy)
            if name == "circle":
                shape["r"] = float(rng.integers(5, 25))
            if name == "ellipse":
                shape.update(rx=float(rng.integers(8, 30)), ry=float(rng.integers(4, 12)), theta=round(float(rng.uniform(-1.5, 1.5)), 3))
            regions.append({"shape_attributes": shape, "region_attributes": {"class": f"c{i % 2}", "note": f"{n}.{i}"}})
        size = (root / f"v{n}.png").stat().st_size
        own = regions if project else {str(i): one for i, one in enumerate(regions)}
        images[f"v{n}.png{size}"] = {"filename": f"v{n}.png", "size": size, "regions": own, "file_attributes": {}}
    whole = {"_via_settings": {}, "_via_img_metadata": images, "_via_attributes": {"region": {}, "file": {}}, "_via_image_id_list": list(images)}
    (root / "via_region_data.json").write_text(json.dumps(whole if project else images))


def images_in(folder):
    document = json.loads((folder / "via_region_data.json").read_text())
    images = document.get("_via_img_metadata", document)
    return document, images, {one["filename"]: one for one in images.values()}


def regions_of(image):
    return list(image["regions"].values()) if isinstance(image["regions"], dict) else image["regions"]


def mask_of(region):
    """Pixels of a region; an ellipse has theta in radians, clockwise."""
    shape = region["shape_attributes"]
    if shape["name"] == "polygon":
        points = np.stack([shape["all_points_x"], shape["all_points_y"]], axis=1)
    elif shape["name"] in areas:
        rx, ry, theta = shape.get("rx", shape.get("r")), shape.get("ry", shape.get("r")), shape.get("theta", 0)
        t = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        x, y = rx * np.cos(t), ry * np.sin(t)
        cos, sin = np.cos(theta), np.sin(theta)
        points = np.stack([shape["cx"] + x * cos - y * sin, shape["cy"] + x * sin + y * cos], axis=1)
    else:
        return None
    return rle.decode(rle.frPyObjects([points.ravel().tolist()], height, width))[..., 0].astype(bool)


def export(folder, verdict):
    regions(folder, verdict, False)


def project(folder, verdict):
    regions(folder, verdict, True)


def regions(folder, verdict, project):
    """Other regions are equal, survivors have one region for each part, and pastes have the pixels that the manifest says."""
    make(folder / "in", project)
    flags = ["-p", "0.8", "--copies", "3", "--include-originals", "--truncated", "keep", "--min-area", "20px"]
    manifest, _ = augment(folder / "in", folder / "out", *flags)
    _, _, before = images_in(folder / "in")
    document, after_by_id, after = images_in(folder / "out")
    verdict.hold(all(key == f"{one['filename']}{one['size']}" for key, one in after_by_id.items()), "a key is not name and size")
    if project:
        verdict.hold(sorted(document["_via_image_id_list"]) == sorted(after_by_id), "the list of images is another")
    for record in manifest["records"]:
        name = record["files"]["image"]["path"]
        image = after[name]
        verdict.count("images")
        verdict.hold(isinstance(image["regions"], list) == project, f"{name}: regions have another form")
        was, found = regions_of(before[record["inputs"]["image"]["path"]]), regions_of(image)
        verdict.count("regions", len(found))
        if record["status"] == "unchanged":
            verdict.hold(found == was and image["size"] == (folder / "out" / name).stat().st_size, f"{name}: changed without pastes")
            continue
        verdict.hold(image["size"] == -1, f"{name}: states a size")
        pasted = [one for one in found if "copypaste" in one["region_attributes"]]
        cover = np.zeros((height, width), bool)
        for n, placement in enumerate(record["placements"], 1):
            own = [mask_of(one) for one in pasted if json.loads(one["region_attributes"]["copypaste"])["placement"] == n]
            mask = np.logical_or.reduce([*own, np.zeros_like(cover)])
            verdict.hold(mask.sum() == placement["visible"], f"{name}: placement {n} has {mask.sum()} pixels")
            verdict.hold(len(own) == parts_of(mask), f"{name}: placement {n} has {len(own)} regions")
            verdict.count("pastes", len(own) > 0)
            cover |= mask
        said = {one["object"]: one for one in record["covered"]}
        rest = found[: len(found) - len(pasted)]
        # The shapes with an area are numbered among themselves.
        for n, one in enumerate(was):
            number = said.get(n)
            if number is None:
                verdict.hold(rest[:1] == [one], f"{name}: region {n} is not as it was")
                rest = rest[1:]
            elif not number["dropped"]:
                left = mask_of(one) & ~cover
                own = []
                while rest and rest[0]["region_attributes"] == one["region_attributes"]:
                    own.append(rest.pop(0))
                mask = np.logical_or.reduce([mask_of(part) for part in own])
                # Ellipses have more corners here, which move an edge by less than a tenth of a pixel.
                wrong = int((mask != left).sum())
                verdict.hold(wrong <= (0 if one["shape_attributes"]["name"] == "polygon" else 10), f"{name}: region {n} differs in {wrong} pixels")
                verdict.hold(len(own) == parts_of(mask), f"{name}: region {n} has {len(own)} regions")
                verdict.count("survivors")
        verdict.hold(rest == [], f"{name}: has {len(rest)} regions more")


def parts_of(mask):
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
