"""Ultralytics' own reading of a data set. Its package is installed without PyTorch, which has no part in files."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import yaml

# What is run as it is; all else of Ultralytics and PyTorch stands in for itself.
wanted = {"ultralytics.data.base", "ultralytics.data.utils", "ultralytics.utils.ops"}


class Absent(ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        # A name that begins so is a class, which `isinstance` looks at.
        return type(name, (), {}) if name[0].isupper() and not name.isupper() else MagicMock(name=name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, root):
        self.folders = {"ultralytics": root, "ultralytics.data": f"{root}/data", "ultralytics.utils": f"{root}/utils"}

    def find_spec(self, name, path, target=None):
        if name in wanted or name.split(".")[0] not in ("ultralytics", "torch", "torchvision"):
            return None
        spec = importlib.machinery.ModuleSpec(name, self, is_package=True)
        spec.submodule_search_locations = [self.folders[name]] if name in self.folders else []
        return spec

    def create_module(self, spec):
        return Absent(spec.name)

    def exec_module(self, module):
        pass


(root,) = importlib.util.find_spec("ultralytics").submodule_search_locations
sys.meta_path.insert(0, Finder(root))

from ultralytics.data.base import BaseDataset  # noqa: E402
from ultralytics.data.utils import img2label_paths, verify_image_label, verify_image_mask  # noqa: E402


def load(image, labels, classes):
    """Class ids and outlines of a label file, which is empty or absent where an image has none; its complaint where it has one."""
    _, rows, _, outlines, _, missing, found, empty, corrupt, message = verify_image_label(
        (str(image), str(labels), "", False, classes, 0, 0, False)
    )
    if corrupt or message:
        return None, message
    return ([int(row[0]) for row in rows], outlines), ""


def images(folder, split):
    """Images of a split, as `data.yaml` names them. Paths of lists that do not begin with ./ are relative to the working directory."""
    config = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8-sig"))
    values = config[split] if isinstance(config[split], list) else [config[split]]
    # As `check_det_dataset` resolves them, which may download data and therefore is not run.
    roots = [folder / (config.get("path") or ".") / value.removeprefix("../") for value in values]
    here = os.getcwd()
    os.chdir(folder)
    try:
        found = BaseDataset.get_img_files(SimpleNamespace(prefix="", fraction=1.0), [str(root) for root in roots])
    finally:
        os.chdir(here)
    return [(folder / name).resolve() for name in found], config


def load_all(folder, split):
    """Reads every image of a split with its labels or its mask. Returns the number of images, and the complaints."""
    found, config = images(folder, split)
    masks = config.get("masks_dir")
    complaints = []
    for image, path in zip(found, img2label_paths(found, masks or "labels", ".png" if masks else ".txt")):
        if masks:
            invalid = np.ones(256, np.uint8)
            invalid[[*range(max(len(config["names"]), 2)), 255]] = 0
            *_, missing, read, corrupt, message = verify_image_mask((str(image), path, "", invalid))
            bad = missing or corrupt
        else:
            _, message = load(image, path, len(config["names"]))
            bad = bool(message)
        if bad:
            complaints.append(f"{image.name}: {message}")
    return len(found), complaints
