"""Ultralytics' own reading of a label file. Its package is installed without PyTorch, which has no part in files."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from unittest.mock import MagicMock

# What is run as it is; all else of Ultralytics and PyTorch stands in for itself.
wanted = {"ultralytics.data.utils", "ultralytics.utils.ops"}


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

from ultralytics.data.utils import verify_image_label  # noqa: E402


def load(image, labels, classes):
    """Class ids and outlines of a label file, which is empty or absent where an image has none; its complaint where it has one."""
    _, rows, _, outlines, _, missing, found, empty, corrupt, message = verify_image_label(
        (str(image), str(labels), "", False, classes, 0, 0, False)
    )
    if corrupt or message:
        return None, message
    return ([int(row[0]) for row in rows], outlines), ""
