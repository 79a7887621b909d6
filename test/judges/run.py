"""Runs each case in a folder of its own, and prints its verdict. Exits with 1 if a judge finds anything wrong."""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

import archives
import cityscapes
import coco
import images
import instance_files
import label_studio
import labelme_files
import masks
import panoptic
import scenes
import segment_anything
import stacks
import supervisely_project
import via_regions
import yolo
from tool import Verdict

cases = {
    "coco-same": coco.same,
    "coco-pasted": coco.pasted,
    "coco-forms": coco.forms,
    "coco-datumaro": coco.datumaro,
    "panoptic": panoptic.segments,
    "voc": masks.voc,
    "voc-short-palettes": masks.voc_short_palettes,
    "voc-colours": masks.voc_colours,
    "camvid": masks.camvid,
    "images-png": images.png,
    "images-styled": images.styled,
    "images-tiff": images.tiff,
    "images-bmp": images.bmp,
    "images-arrays": images.arrays,
    "images-tiff-from-png": images.tiff_from_png,
    "images-toned": images.toned_only,
    "archives-webdataset-out": archives.webdataset_out,
    "archives-parquet-out": archives.parquet_out,
    "archives-webdataset-in": archives.webdataset_in,
    "archives-parquet-in": archives.parquet_in,
    "cityscapes": cityscapes.all_files,
    "cityscapes-train-ids": cityscapes.train_ids_alone,
    "kitti": scenes.kitti,
    "mapillary": scenes.mapillary,
    "ade20k": scenes.ade20k,
    "mmsegmentation": scenes.mmsegmentation,
    "label-studio": label_studio.tasks,
    "labelme": labelme_files.files,
    "supervisely": supervisely_project.project,
    "segment-anything": segment_anything.files,
    "via-export": via_regions.export,
    "via-project": via_regions.project,
    "instance-files-folders": instance_files.folders,
    "instance-files-names": instance_files.names,
    "yolo-lines": yolo.lines,
    "yolo-boxes": yolo.boxes,
    "yolo-splits": yolo.splits,
    "yolo-oriented": yolo.oriented,
    "yolo-semantic": yolo.semantic,
    "cvat": stacks.cvat,
    "cvat-project": stacks.cvat_project,
    "datumaro": stacks.datumaro,
}
long_cases = {"coco-large": coco.large}

parser = argparse.ArgumentParser()
parser.add_argument("--long", action="store_true")
parser.add_argument("--only", default="")
arguments = parser.parse_args()
chosen = {name: case for name, case in {**cases, **(long_cases if arguments.long else {})}.items() if name.startswith(arguments.only)}
if not chosen:
    sys.exit(f"--only {arguments.only}: no case begins so")

failed = False
for name, case in chosen.items():
    began = time.monotonic()
    verdict = Verdict()
    with tempfile.TemporaryDirectory(prefix="copypaste-judges-") as folder:
        try:
            case(Path(folder), verdict)
        except Exception:
            # Output that a judge cannot read is wrong.
            verdict.hold(False, traceback.format_exc())
    verdict.hold(verdict.counts, "nothing was judged")
    judged = ", ".join(f"{count} {what}" for what, count in verdict.counts.items())
    failed |= bool(verdict.faults)
    print(f"{'WRONG' if verdict.faults else 'right'}  {name}: {judged} ({time.monotonic() - began:.0f} s)", flush=True)
    for fault in verdict.faults[:5]:
        print(f"       {fault}")
    if len(verdict.faults) > 5:
        print(f"       and {len(verdict.faults) - 5} more")
sys.exit(1 if failed else 0)
