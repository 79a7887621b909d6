"""Images of 8 and 16 bits a channel in PNG and TIFF, written, read and pasted by OpenCV and numpy, to the last bit."""

import math

import cv2
import numpy as np
from PIL import Image

from tool import augment

kinds = {
    "grey": (np.uint16, 1),
    "rgb": (np.uint16, 3),
    "rgba": (np.uint16, 4),
    "rgb8": (np.uint8, 3),
    "rgba8": (np.uint8, 4),
    "mixed": (None, 3),
}


def png(folder, verdict):
    """PNG, with masks in PNG."""
    judge(folder, verdict, "png", "png")


def tiff(folder, verdict):
    """TIFF, with masks in TIFF."""
    judge(folder, verdict, "tif", "tif")


def bmp(folder, verdict):
    """BMP of 8 bits a channel, with masks in BMP, as Pillow and OpenCV both read them."""
    judge(folder, verdict, "bmp", "bmp", kinds={"grey8": (np.uint8, 1), "rgb8": (np.uint8, 3), "rgba8": (np.uint8, 4)})


def arrays(folder, verdict):
    """PNG, with masks in NumPy's arrays of every type and order, which stay what they are."""
    judge(folder, verdict, "png", "npy", kinds={"rgb8": (np.uint8, 3)})
    judge(folder, verdict, "png", "npz", kinds={"grey8": (np.uint8, 1)})


def tiff_from_png(folder, verdict):
    """PNGs that are written as TIFFs."""
    judge(folder, verdict, "png", "png", "--image-format", "tiff")


def styled(folder, verdict):
    """Turned, toned and blended pastes."""
    judge(folder, verdict, "png", "png", "--turns", "--tone", "0.3", "--blend", "antialias")


def toned_only(folder, verdict):
    """Toned pastes with hard edges."""
    judge(folder, verdict, "png", "png", "--tone", "1")


def judge(folder, verdict, image_type, mask_type, *flags, kinds=kinds):
    for kind, (depth, channels) in kinds.items():
        source, out = folder / kind, folder / f"{kind}-out"
        images, masks = write(source, depth, channels, image_type, mask_type)
        manifest, _ = augment(source, out, "-p", "1", "--min-area", "1px", "--truncated", "keep", "--copies", "2", *flags)
        for record in manifest["records"]:
            if record["status"] != "augmented":
                continue
            target, other = record["id"], record["source"]
            image = read(out / record["files"]["image"]["path"])
            mask = read_mask(out / record["files"]["mask"]["path"])
            expected, ids, areas = render(record, images[target], masks[target], images[other], masks[other], "--blend" in flags)
            path = f"{kind}/{record['files']['image']['path']}"
            verdict.count("images")
            verdict.count("pastes", len(areas))
            verdict.hold([one["area"] for one in record["placements"]] == areas, f"{path}: areas are not {areas}")
            verdict.hold(mask.dtype == masks[target].dtype and np.array_equal(mask, ids), f"{path}: its mask is another")
            verdict.hold(mask.flags.f_contiguous == masks[target].flags.f_contiguous, f"{path}: its mask is in another order")
            verdict.hold(image.dtype == expected.dtype, f"{path}: is {image.dtype}, not {expected.dtype}")
            verdict.hold(np.array_equal(image, expected), f"{path}: {np.count_nonzero(image != expected)} values differ")


# Types and versions of the masks of six samples, and another array beside a mask.
types = ("|u1", "<i8", ">u2", "<i4", ">i2", "<u4")
versions = ((1, 0), (1, 0), (2, 0), (3, 0), (1, 0), (2, 0))
scale = np.array([0.5, 2.0])


def read(path):
    """An image as OpenCV gives it; what 8-bit TIFFs say is alpha it would multiply colours by, so that Pillow reads these."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if path.suffix == ".bmp":
        with Image.open(path) as other:
            shown = np.array(other)
        assert np.array_equal(shown, image if image.ndim == 2 else image[:, :, [2, 1, 0, 3][: image.shape[2]]])
    if path.suffix == ".tif" and image.dtype == np.uint8:
        with Image.open(path) as tiff:
            if tiff.tag_v2.get(338) == (2,):
                return cv2.cvtColor(np.array(tiff), cv2.COLOR_RGBA2BGRA)
    return image


def read_mask(path):
    """Ids of a mask; Pillow reads those of a BMP, of which OpenCV gives colours."""
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            assert np.array_equal(archive["scale"], scale)
            return archive["mask"]
    if path.suffix != ".bmp":
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    with Image.open(path) as mask:
        return np.array(mask).astype(np.uint8)


def write_mask(path, mask, n):
    """Writes a mask: in BMP as grey or as indices of a palette, in arrays in the n-th type and order."""
    if path.suffix in (".npy", ".npz"):
        mask = (np.asfortranarray if n % 4 == 3 else np.ascontiguousarray)(mask.astype(types[n]))
        if path.suffix == ".npy":
            with open(path, "wb") as file:
                np.lib.format.write_array(file, mask, version=versions[n], allow_pickle=False)
        else:
            (np.savez, np.savez_compressed)[n % 2](path, mask=mask, scale=scale)
        return mask
    if path.suffix != ".bmp":
        assert cv2.imwrite(str(path), mask)
        return mask
    own = Image.fromarray(mask)
    if n % 3 == 1:
        own.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    own.save(path)
    return mask


def write(folder, depth, channels, image_type, mask_type):
    """Six samples with two instances each, by id."""
    rng = np.random.default_rng(channels)
    images, masks = {}, {}
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for n in range(6):
        height, width = (int(side) for side in rng.integers(40, 90, 2))
        own = depth or (np.uint8, np.uint16)[n % 2]
        # A slope, that resampling keeps, under noise in the low bits, that it has to round.
        slope = np.linspace(0, 0.9, width)[None, :, None] * np.linspace(0.2, 1, height)[:, None, None]
        noise = rng.random((height, width, channels)) * 0.1
        image = ((slope + noise) * np.iinfo(own).max).astype(own)
        mask = np.zeros((height, width), np.uint8 if mask_type == "bmp" else (np.uint8, np.uint16)[n % 2])
        for id in (1, 2):
            centre = (int(rng.integers(10, width - 10)), int(rng.integers(10, height - 10)))
            cv2.ellipse(mask, centre, (9, 6), float(rng.integers(180)), 0, 360, id, -1)
        images[str(n)] = image[:, :, 0] if channels == 1 else image
        masks[str(n)] = write_mask(folder / "masks" / f"{n}.{mask_type}", mask, n)
        assert cv2.imwrite(str(folder / "images" / f"{n}.{image_type}"), images[str(n)])
    return images, masks


def render(record, target, target_mask, source, source_mask, blend):
    """What the method's definition gives, in integers of 64 bits."""
    if target.dtype != source.dtype:
        source = source.astype(np.int64)
        source = source * 257 if target.dtype == np.uint16 else (source + 128) // 257
    planes, image, ids, areas = colours(source), colours(target), target_mask.copy(), []
    for placement in record["placements"]:
        own, instance = planes, np.zeros(source_mask.shape, np.int64)
        instance[component(source_mask, placement)] = 1
        x0, y0, x1, y1 = placement["sourceBox"]
        if placement.get("transpose"):
            own, instance = own.transpose(1, 0, 2), instance.T
            x0, y0, x1, y1 = y0, x0, y1, x1
        left, top, right, bottom = placement["targetBox"]
        across, before, after = weights(x0, x1 - x0, own.shape[1], right - left, placement["flip"], blend)
        left, right = left - before, right + after
        down, before, after = weights(y0, y1 - y0, own.shape[0], bottom - top, placement.get("flipY", False), blend)
        top, bottom = top - before, bottom + after
        coverage = down @ instance @ across.T
        # Of the instance alone; where there is nothing of it, nothing is taken.
        whole = np.maximum(coverage, 1)
        sums = [down @ (own[:, :, c] * instance) @ across.T for c in range(own.shape[2])]
        over = np.stack([(plane + coverage // 2) // whole for plane in sums], axis=-1)
        if "tone" in placement:
            over = toned(over, placement["tone"], target.dtype)
        # The part of the box that lies in the frame.
        rows = slice(max(0, -top), max(0, min(bottom, image.shape[0]) - top))
        columns = slice(max(0, -left), max(0, min(right, image.shape[1]) - left))
        place = (slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop))
        over, coverage = over[rows, columns], coverage[rows, columns]
        covered = coverage >= 32768
        areas.append(int(covered.sum()))
        if blend:
            share = coverage[:, :, None]
            image[place] = (share * over + (65536 - share) * image[place] + 32768) >> 16
        else:
            image[place][covered] = over[covered]
        ids[place][covered] = placement["classId"]
    if target.ndim == 2:
        image = (29 * image[:, :, 0] + 150 * image[:, :, 1] + 77 * image[:, :, 2] + 128) >> 8
    return image.astype(target.dtype), ids, areas


def colours(image):
    """Channels of 64 bits in OpenCV's order, blue first; grey becomes three of them."""
    return (np.stack([image] * 3, axis=-1) if image.ndim == 2 else image).astype(np.int64)


def toned(values, tone, depth):
    """Values with the gain and the offset of each colour, as tables would give them."""
    white, scale = np.iinfo(depth).max, 257 if depth == np.uint16 else 1
    result = values.copy()
    for plane, gain, offset in zip((2, 1, 0), tone["gain"], tone["offset"]):
        table = (np.arange(white + 1) * gain + offset * scale + 128) >> 8
        result[:, :, plane] = np.clip(table, 0, white)[values[:, :, plane]]
    return result


def component(mask, placement):
    """The pixels of the instance: the one that fills its box, of 8-connected ones of its class."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((mask == placement["classId"]).astype(np.uint8), connectivity=8)
    x0, y0, x1, y1 = placement["sourceBox"]
    label = next(n for n in range(1, len(stats)) if list(stats[n][:4]) == [x0, y0, x1 - x0, y1 - y0])
    return labels == label


def weights(start, length, limit, target, flip, blend):
    """
    For each target pixel the integer weights of all source pixels of an axis, which sum to 256, and the number of target pixels before and
    after the box, for edges that are blended. Beside a border of the source there are none.
    """
    ratio = length / target
    radius = max(1.0, ratio)
    reach = math.ceil(max(1, target / length)) if blend else 0
    low, high = (reach if start > 0 else 0), (reach if start + length < limit else 0)
    if flip:
        low, high = high, low
    table = np.zeros((low + target + high, limit), np.int64)
    for row, i in enumerate(range(-low, target + high)):
        centre = ((target - 1 - i if flip else i) + 0.5) * ratio - 0.5
        taps = range(math.floor(centre - radius) + 1, math.ceil(centre + radius))
        triangle = [1 - abs(tap - centre) / radius for tap in taps]
        total, running, before = sum(triangle), 0.0, 0
        for tap, weight in zip(taps, triangle):
            running += weight
            now = 256 if tap == taps[-1] else math.floor(256 * running / total + 0.5)
            table[row, min(max(start + tap, 0), limit - 1)] += now - before
            before = now
    return table, low, high
