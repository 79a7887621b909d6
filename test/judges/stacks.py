"""CVAT's and Datumaro's own documents, as Datumaro imports them: shapes one over the other, some of them one instance."""

import re
import shutil

import numpy as np
from pycocotools import mask as rle

from tool import augment, fixtures

flags = ["-p", "1", "--copies", "4", "--include-originals", "--truncated", "keep"]


def cvat(folder, verdict):
    """Datumaro reads no ellipses of CVAT's."""
    shutil.copytree(fixtures / "cvat", folder / "in")
    document = folder / "in/annotations.xml"
    document.write_text(re.sub(r" *<ellipse .*?</ellipse>\n", "", document.read_text(), flags=re.DOTALL))
    judge(folder, "cvat", "", verdict)


def cvat_project(folder, verdict):
    """Two subsets in one document, as CVAT exports a project: the one passes through, the other is augmented."""
    shutil.copytree(fixtures / "cvat", folder / "in")
    document = folder / "in/annotations.xml"
    text = re.sub(r" *<ellipse .*?</ellipse>\n", "", document.read_text(), flags=re.DOTALL).replace("task>", "project>")
    text = text.replace("<subset>default</subset>", "<subsets>\n<subset>Train</subset>\n<subset>Validation</subset>\n</subsets>")
    for split, names in {"Train": ["2011_000003", "2011_000006"], "Validation": ["2011_000025"]}.items():
        (folder / "in/images" / split).mkdir()
        for name in names:
            (folder / f"in/images/{name}.jpg").rename(folder / f"in/images/{split}/{name}.jpg")
            text = text.replace(f'name="{name}.jpg"', f'name="{name}.jpg" subset="{split}"')
    document.write_text(text)
    judge(folder, "cvat", "Train/", verdict)


def datumaro(folder, verdict):
    shutil.copytree(fixtures / "datumaro", folder / "in")
    judge(folder, "datumaro", "train/", verdict)


def judge(folder, form, prefix, verdict):
    for name, more in {"masks": [], "polygons": ["--polygons"]}.items():
        manifest, _ = augment(folder / "in", folder / name, *flags, *more)
        before, after = (load(folder / at, form) for at in ("in", name))
        records = {record["files"]["image"]["path"].rsplit("/", 1)[-1].rsplit(".", 1)[0]: record for record in manifest["records"]}
        verdict.hold(records.keys() == after.keys(), f"has {sorted(after)}, not {sorted(records)}")
        for stem, (size, annotations) in after.items():
            record = records[stem]
            original = record["id"].rsplit("/", 1)[-1]
            verdict.count("items")
            if record["status"] == "unchanged":
                verdict.hold(annotations == before[original][1], f"{stem}: is not as it was")
            else:
                verdict.hold(record["id"].startswith(prefix), f"{stem}: is of a split that passes through")
                pastes(f"{name}/{stem}", before[original], size, annotations, record, verdict)


def load(folder, form):
    """Size and annotations of each item by its id."""
    # It takes seconds to load, which cases without it need not wait for.
    from datumaro.components.dataset import Dataset

    return {item.id: (tuple(item.media.size), item.annotations) for item in Dataset.import_from(str(folder), form)}


def pastes(what, source, size, annotations, record, verdict):
    verdict.hold(size == source[0], f"{what}: is of another size")
    is_paste = [one.attributes.get("copypaste") is not None for one in annotations]
    added = [mask_of(one, size) for one, pasted in zip(annotations, is_paste) if pasted]
    labels = [one.label for one, pasted in zip(annotations, is_paste) if pasted]
    showing = [one for one in record["placements"] if one["visible"] > 0]
    verdict.count("pastes", len(added))
    verdict.hold([mask.sum() for mask in added] == [one["visible"] for one in showing], f"{what}: pastes have other pixels")
    verdict.hold(labels == [one["classId"] for one in showing], f"{what}: pastes have other labels")
    cover = np.zeros(size, bool)
    for mask in added:
        verdict.hold(not (mask & cover).any(), f"{what}: pastes share pixels")
        cover |= mask
    was = instances(source[1], size)
    now = instances([one for one, pasted in zip(annotations, is_paste) if not pasted], size)
    said = {one["object"]: one for one in record["covered"]}
    left = [(first, one) for first, one in was.items() if not said.get(first, {}).get("dropped")]
    verdict.hold(len(left) == len(now), f"{what}: {len(now)} shapes are left, not {len(left)}")
    for (first, (members, mask)), (others, mask_now) in zip(left, now.values()):
        verdict.hold(members[0].label == others[0].label, f"{what}: element {first} has another label")
        if first not in said:
            verdict.hold(members == others and (mask is None or not (mask & cover).any()), f"{what}: element {first} is not as it was")
            continue
        verdict.count("survivors")
        verdict.hold(mask_now.sum() == said[first]["after"], f"{what}: element {first} has {mask_now.sum()} pixels")
        verdict.hold((mask_now == (mask & ~cover)).all(), f"{what}: element {first} is not what pastes left of it")


def instances(annotations, size):
    """What is one instance, by the number of its first element: its members, and those of their pixels that none above has."""
    groups, shown = {}, {}
    # The number of an element is its place among all: tags have one too, and are no instance.
    placed = [(n, one) for n, one in enumerate(annotations) if one.type.name not in ("label", "caption")]
    masks = {n: mask_of(one, size) for n, one in placed}
    for n, one in placed:
        filled = masks[n] is not None
        joins = one.group and (filled or one.type.name == "bbox")
        groups.setdefault((one.group, one.label) if joins else n, []).append(n)
        if filled:
            above = [masks[m] for m, other in placed if masks[m] is not None and other.z_order > one.z_order]
            shown[n] = masks[n] & ~np.logical_or.reduce([*above, np.zeros(size, bool)])
    found = {}
    for numbers in groups.values():
        own = [shown[n] for n in numbers if n in shown]
        found[numbers[0]] = ([annotations[n] for n in numbers], np.logical_or.reduce(own) if own else None)
    return found


def mask_of(annotation, size):
    if annotation.type.name == "polygon":
        return rle.decode(rle.frPyObjects([annotation.points], *size))[..., 0].astype(bool)
    return np.asarray(annotation.image, dtype=bool) if annotation.type.name == "mask" else None
