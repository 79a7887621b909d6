"""One mask file for each object, read with OpenCV as trainers read the nuclei of the Data Science Bowl, and with Pillow as pycococreator does."""

import cv2
import numpy as np
from PIL import Image

from tool import augment, paste, scenes

width, height = 160, 120
flags = ["-p", "1", "--copies", "3", "--scale", "1,1", "--truncated", "keep", "--min-area", "1px", "--max-area", "1", "--min-visible", "0"]


def draw(seed, count=9):
    """Masks of ellipses, which overlap."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:height, :width]
    for _ in range(count):
        (x, y), (a, b) = rng.integers(0, [width, height]), rng.integers(4, 26, 2)
        yield ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 < 1


def coded(mask, n):
    """A mask in one of the codings that people have: grey, palettes, colours, one bit, 16 bits."""
    grey = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
    if n % 5 == 1:
        image = Image.fromarray(np.where(mask, 0, 1).astype(np.uint8))
        image.putpalette([255, 255, 255, 0, 0, 0])
        return image
    if n % 5 == 4:
        return Image.fromarray(np.where(mask, 65535, 0).astype(np.uint16))
    return grey.convert({0: "L", 2: "RGB", 3: "1"}[n % 5])


def judge(source, out, files_of, read, verdict):
    """Objects lose what pastes cover, and the files that a paste touches no pixel of are the same."""
    manifest, _ = augment(source, out, *flags)
    for record in manifest["records"]:
        pasted = record["status"] == "augmented"
        before = {path.name: read(path) for path in files_of(source, record["id"])}
        sources = [read(path) for path in files_of(source, record["source"])] if pasted else []
        owner, _ = paste(record, [mask for mask in sources if mask.any()], (height, width)) if pasted else (np.zeros((height, width)), None)
        suffix = f"_aug{record['copy'] + 1}"
        expected = {name.replace(record["id"] + "_", record["id"] + suffix + "_"): mask & (owner == 0) for name, mask in before.items()}
        expected = {name: mask for name, mask in expected.items() if mask.any()}
        after = {path.name: read(path) for path in files_of(out, record["id"] + suffix)}
        placed = {one["path"].rsplit("/", 1)[1]: one["placement"] for one in record["files"]["shapes"] if "placement" in one}
        for name, order in placed.items():
            verdict.count("pastes")
            expected[name] = owner == order
        verdict.count("files", len(after))
        verdict.hold(after.keys() == expected.keys(), f"{record['id']}: has the files {sorted(after)}, not {sorted(expected)}")
        for name in after.keys() & expected.keys():
            verdict.hold(np.array_equal(after[name], expected[name]), f"{record['id']}/{name}: has other pixels")


def folders(folder, verdict):
    """A folder for each image, as in the Bowl; its image has the name of the folder."""
    for n, name in enumerate(("5f0c", "a41b", "e7d9")):
        root = folder / "in" / name
        scenes(root / "images", {f"{name}.png": (width, height)}, seed=n)
        (root / "masks").mkdir()
        for k, mask in enumerate(draw(n)):
            Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(root / "masks" / f"{n}{k}f04b1c9e7a2d586.png")

    def files_of(root, name):
        assert cv2.imread(str(root / name / "images" / f"{name}.png")) is not None, f"{name}: has no image of its name"
        return sorted((root / name / "masks").glob("*.png"))

    judge(folder / "in", folder / "out", files_of, lambda path: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0, verdict)


def names(folder, verdict):
    """Masks that begin with the name of their image, in five codings."""
    scenes(folder / "in/images", {f"{n}.png": (width, height) for n in range(1000, 1004)}, seed=7)
    (folder / "in/annotations").mkdir()
    for n in range(1000, 1004):
        for k, mask in enumerate(draw(n)):
            coded(mask, k).save(folder / "in/annotations" / f"{n}_{('square', 'circle')[k % 2]}_{k}.png")

    def read(path):
        with Image.open(path) as image:
            return np.array(image) > 0 if image.mode.startswith("I") else np.array(image.convert("1"))

    judge(folder / "in", folder / "out", lambda root, name: sorted((root / "annotations").glob(f"{name}_*.png")), read, verdict)
