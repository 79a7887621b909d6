"""The runs of the experiment, as README.md registers them: what is trained on which files, in the order in which they are made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Set:
    """A data set: folders of its splits, its classes, and the schedule of its training."""

    name: str
    size: tuple[int, int]
    classes: int
    steps: int
    #: Classes whose mean IoU is the second metric.
    things: tuple[int, ...]


camvid = Set("camvid", (240, 176), 11, 8000, things=(8, 9, 10))
nuclei = Set("nuclei", (256, 256), 2, 2000, things=(1,))
sets = {one.name: one for one in (camvid, nuclei)}


@dataclass(frozen=True)
class Online:
    """Pastes by the library's `CopyPaste` within the batches of training, in place of files."""

    #: Options of `CopyPaste`.
    options: dict
    #: Whether the loss is interpolated between the labels of target and source by the area that pastes cover.
    interpolated: bool


#: Things of CamVid, as `augment` pastes them by default.
things = {"classes": [2, 6, 8, 9, 10], "background": [], "ignore": [11]}

twelve = ("--copies", "12", "-p", "0.5")

#: Options of `augment` for each arm that trains on files; without them, the training images are used as they are.
arms = {
    "none": None,
    "default": twelve,
    "all": (*twelve, "--stuff", "keep"),
    "placed": (*twelve, "--preset", "placed"),
    "composer": (*twelve, "--preset", "composer"),
    "paper": (*twelve, "--preset", "paper"),
    "balance": (*twelve, "--balance", "inverse"),
    "prior": (*twelve, "--place", "prior"),
    "antialias": (*twelve, "--blend", "antialias"),
    "1:1": ("--copies", "1", "-p", "1", "--include-originals"),
    "1:3": ("--copies", "3", "-p", "1", "--include-originals"),
    "1:10": ("--copies", "10", "-p", "1", "--include-originals"),
    "online": Online(things, interpolated=False),
    "online-interpolated": Online(things, interpolated=True),
    "overhead": (*twelve, "--preset", "overhead"),
    "overhead-max-cover": (*twelve, "--preset", "overhead", "--max-cover", "0.3"),
}


@dataclass(frozen=True)
class Run:
    """One training: a share of a set's training images, an arm, and a seed for images, pastes and weights."""

    of: Set
    percent: int
    arm: str
    seed: int

    @property
    def key(self):
        return (self.of.name, str(self.percent), self.arm, str(self.seed))


def series(of, percent, names, seeds):
    """Runs by seed first, so that an experiment that is cut short has whole pairs."""
    return [Run(of, percent, name, seed) for seed in range(seeds) for name in names]


primary = ("none", "default", "all", "placed")
parts = {
    "camvid": series(camvid, 10, primary, 5),
    "nuclei": series(nuclei, 10, ("none", "default", "overhead", "overhead-max-cover"), 5)
    + series(nuclei, 50, ("none", "default", "overhead", "overhead-max-cover"), 5),
    "variants": series(camvid, 10, ("composer", "paper", "balance", "prior", "antialias", "1:1", "1:3", "1:10"), 2),
    "online": series(camvid, 10, ("online", "online-interpolated"), 5),
    "more": series(camvid, 25, primary, 2) + series(camvid, 100, primary, 2),
}
reduced = series(camvid, 10, ("none", "placed"), 3) + series(nuclei, 10, ("none", "overhead"), 3)
