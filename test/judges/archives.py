"""Tars and Parquet files: WebDataset and Hugging Face's datasets read what `pack` writes, and their writers' files are read by the tool."""

import json
import os
import subprocess

import numpy as np
from pycocotools import mask as rle

from tool import augment, fixtures, pixels, root

os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"


def pack(form, source, out, *flags):
    command = ["node", str(root / "bin/copypaste.cjs"), "pack", form, str(source), "--out", str(out), "--quiet", *flags]
    subprocess.run(command, check=True, capture_output=True, text=True)


def files_of(data):
    """Images and masks of a data set in CamVid's layout, by the name of the sample."""
    images = sorted((data / "train").iterdir())
    return {image.stem: (image, next((data / "trainannot").glob(f"{image.stem}.*"))) for image in images}


def objects_of(document):
    """Objects of each image of a COCO document, by the name of the image: class, area, box and pixels."""
    images = {image["id"]: image for image in document["images"]}
    found = {image["file_name"].rsplit(".")[0]: {} for image in images.values()}
    for one in document["annotations"]:
        image = images[one["image_id"]]
        shape = one["segmentation"]
        size = (image["height"], image["width"])
        counts = rle.merge(rle.frPyObjects(shape, *size)) if isinstance(shape, list) else shape
        counts = rle.frPyObjects(counts, *size) if isinstance(counts["counts"], list) else counts
        found[image["file_name"].rsplit(".")[0]][one["id"]] = (one["category_id"], rle.decode(counts))
    return found


def judge_objects(found, expected, key, verdict):
    """Compares objects of `pack`, a list of dictionaries, with those of COCO."""
    verdict.hold({one["id"] for one in found} == set(expected), f"{key}: other objects")
    for one in found:
        category, mask = expected[one["id"]]
        own = rle.decode({"size": list(one["segmentation"]["size"]), "counts": one["segmentation"]["counts"].encode()})
        ys, xs = np.nonzero(mask)
        box = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        verdict.hold(one["category_id"] == category, f"{key}: {one['id']} has another class")
        verdict.hold(np.array_equal(own, mask), f"{key}: {one['id']} has other pixels")
        verdict.hold(list(one["bbox"]) == box and one["area"] == mask.sum(), f"{key}: {one['id']} has another box or area")
        verdict.count("objects")


def samples_of(tars):
    """Samples of tars, as WebDataset reads them in one process."""
    import webdataset

    # Another judge replaces PyTorch, which is asked for the number of workers.
    return webdataset.WebDataset(tars, shardshuffle=False, nodesplitter=lambda urls: urls, workersplitter=lambda urls: urls)


def webdataset_out(folder, verdict):
    """WebDataset finds all samples in order, with the pixels of their files, and the objects of COCO."""
    augment(fixtures / "camvid", folder / "aug", "-p", "1", "--copies", "2", "--only-split")
    pack("webdataset", folder / "aug", folder / "tars", "--samples-per-file", "3")
    expected = files_of(folder / "aug")
    tars = sorted(str(path) for path in (folder / "tars").glob("train-*.tar"))
    keys = []
    for sample in samples_of(tars):
        keys.append(sample["__key__"])
        image, mask = expected[sample["__key__"]]
        verdict.hold(sample[image.suffix[1:]] == image.read_bytes(), f"{image.name}: other bytes")
        verdict.hold(sample["mask.png"] == mask.read_bytes(), f"{mask.name}: other bytes")
    for sample in samples_of(tars).decode("pil"):
        image, mask = expected[sample["__key__"]]
        decoded = np.array(sample[image.suffix[1:]])
        verdict.hold(np.array_equal(decoded, pixels(image)), f"{image.name}: other pixels")
        verdict.count("samples")
    verdict.hold(keys == sorted(expected), "samples are missing or in another order")
    pack("webdataset", fixtures / "coco", folder / "coco")
    document = json.loads(next((fixtures / "coco/annotations").glob("instances_*.json")).read_text())
    objects = objects_of(document)
    tars = sorted(str(path) for path in (folder / "coco").glob("*.tar"))
    for sample in samples_of(tars).decode("pil"):
        judge_objects(sample["json"]["annotations"], objects[sample["__key__"]], sample["__key__"], verdict)


def parquet_out(folder, verdict):
    """Hugging Face's datasets finds all samples with the pixels of their files, and the objects of COCO with the names of their classes."""
    from datasets import ClassLabel, Image, load_dataset

    augment(fixtures / "camvid", folder / "aug", "-p", "1", "--copies", "2")
    pack("parquet", folder / "aug", folder / "rows", "--samples-per-file", "3")
    expected = files_of(folder / "aug")
    sets = load_dataset("parquet", data_dir=str(folder / "rows/data"), cache_dir=str(folder / "cache"))
    verdict.hold(sets["train"]["key"][:] == sorted(expected), "samples are missing or in another order")
    verdict.hold(all(isinstance(sets["train"].features[name], Image) for name in ("image", "mask")), "columns are no images")
    for row in sets["train"]:
        image, mask = expected[row["key"]]
        verdict.hold(np.array_equal(np.array(row["image"]), pixels(image)), f"{image.name}: other pixels")
        verdict.hold(np.array_equal(np.array(row["mask"]), pixels(mask)), f"{mask.name}: other ids")
        verdict.count("samples")
    pack("parquet", fixtures / "coco", folder / "coco")
    document = json.loads(next((fixtures / "coco/annotations").glob("instances_*.json")).read_text())
    names = {one["id"]: one["name"] for one in document["categories"]}
    objects = objects_of(document)
    for part in load_dataset("parquet", data_dir=str(folder / "coco/data"), cache_dir=str(folder / "cache")).values():
        label = part.features["objects"]["category"].feature
        verdict.hold(isinstance(label, ClassLabel), "classes have no names")
        for row in part:
            lists = row["objects"]
            found = [{key: values[n] for key, values in lists.items()} for n in range(len(lists["id"]))]
            judge_objects(found, objects[row["key"]], row["key"], verdict)
            for one in found:
                verdict.hold(label.int2str(one["category"]) == names[one["category_id"]], f"{row['key']}: another name of a class")


def compare(folder, archives, folders, flags, verdict):
    """The output of archives has the files of that of folders with their names and files."""
    augment(archives, folder / "a", "-p", "1", *flags)
    augment(folders, folder / "b", "-p", "1", *flags)
    written = {path.relative_to(folder / "b") for path in (folder / "b").rglob("*") if path.is_file() and path.name != "manifest.json"}
    for path in written:
        verdict.hold((folder / "a" / path).read_bytes() == (folder / "b" / path).read_bytes(), f"{path}: other bytes")
        verdict.count("files")


def webdataset_in(folder, verdict):
    """Tars of WebDataset's own writer are augmented as folders."""
    from webdataset import TarWriter

    (folder / "tars").mkdir()
    inside = folder / "folders/train-000000.tar"
    inside.mkdir(parents=True)
    with TarWriter(str(folder / "tars/train-000000.tar")) as writer:
        for name, (image, mask) in files_of(fixtures / "camvid").items():
            writer.write({"__key__": name, image.suffix[1:]: image.read_bytes(), "seg.png": mask.read_bytes(), "cls": 3})
            (inside / image.name).write_bytes(image.read_bytes())
            (inside / f"{name}.seg.png").write_bytes(mask.read_bytes())
    compare(folder, folder / "tars", folder / "folders", ["--background", "none", "--ignore", "11"], verdict)


def parquet_in(folder, verdict):
    """Parquet files of Hugging Face's datasets are augmented as folders."""
    from datasets import ClassLabel, Dataset, Features, Image

    name = "train-00000-of-00001.parquet"
    inside = folder / "folders" / name
    inside.mkdir(parents=True)
    (folder / "rows").mkdir()
    pairs = files_of(fixtures / "camvid").values()
    columns = {
        "image": [{"bytes": image.read_bytes(), "path": image.name} for image, _ in pairs],
        "annotation": [{"bytes": mask.read_bytes(), "path": mask.name} for _, mask in pairs],
        "scene": [0 for _ in pairs],
    }
    features = Features({"image": Image(), "annotation": Image(), "scene": ClassLabel(names=["street"])})
    Dataset.from_dict(columns, features=features).to_parquet(folder / "rows" / name)
    for image, mask in pairs:
        (inside / image.name).write_bytes(image.read_bytes())
        (inside / f"{image.stem}.annotation{mask.suffix}").write_bytes(mask.read_bytes())
    compare(folder, folder / "rows", folder / "folders", ["--background", "none", "--ignore", "11"], verdict)
