"""One run: augments a part of a training set with the tool, trains on the files, and prints a row of `results.csv`."""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from runs import Online, arms, sets
from scipy import ndimage

here = Path(__file__).resolve().parent
root = here.parents[1]
sys.path.append(str(root / "examples/train"))
import train


def drawn(of, data, percent, seed):
    """Training samples of a run: the same ones for every arm, and those of a smaller share among those of a larger one."""
    folder = data / "train"
    names = sorted(path.name for path in folder.iterdir())
    order = np.random.default_rng(seed).permutation(len(names))
    return [names[n] for n in sorted(order[: round(len(names) * percent / 100)])]


def copy(of, data, names, to):
    """Copies training samples in the layout of their data set."""
    if of.name == "nuclei":
        for name in names:
            shutil.copytree(data / "train" / name, to / "train" / name)
        return
    for pair in train.pairs(data / "train", data / "trainannot"):
        for path in pair if pair[0].name in names else ():
            (to / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to / path.parent.name)


def load(of, data, split):
    """Images and masks of a split, in the size of the training."""
    if of.name != "nuclei":
        return train.load(train.pairs(data / split, data / f"{split}annot"), of.size)
    samples = sorted((data / split).iterdir())
    images = [Image.open(next((one / "images").iterdir())).convert("RGB").resize(of.size, Image.Resampling.BOX) for one in samples]
    return np.stack([np.asarray(image) for image in images]), np.stack([foreground(one, of.size) for one in samples])


def foreground(sample, size):
    """Mask of all nuclei of a sample: 1 where one of its PNGs is set."""
    masks = [np.asarray(Image.open(path).convert("L")) > 0 for path in sorted((sample / "masks").iterdir())]
    return np.asarray(Image.fromarray(np.any(masks, axis=0).astype(np.uint8)).resize(size, Image.Resampling.NEAREST))


def objects(data, split, size):
    """Object ids of each sample of a split of nuclei, int32 `[N, H, W]`."""
    found = []
    for sample in sorted((data / split).iterdir()):
        ids = np.zeros((size[1], size[0]), np.int32)
        for n, path in enumerate(sorted((sample / "masks").iterdir()), 1):
            mask = Image.open(path).convert("L").resize(size, Image.Resampling.NEAREST)
            ids[np.asarray(mask) > 0] = n
        found.append(ids)
    return np.stack(found)


def precision(predicted, ids):
    """Average precision at IoU 0.5: hits / (hits + false alarms + misses), the mean over images; objects are connected components."""
    scores = []
    for mask, truth in zip(predicted, ids):
        labels, number = ndimage.label(mask)
        pairs = np.bincount(labels.ravel() * (truth.max() + 1) + truth.ravel(), minlength=(number + 1) * (truth.max() + 1))
        pairs = pairs.reshape(number + 1, truth.max() + 1)
        union = pairs.sum(1, keepdims=True) + pairs.sum(0, keepdims=True) - pairs
        hits = int((pairs[1:, 1:] > 0.5 * union[1:, 1:]).sum())
        wanted = len(np.unique(truth)) - 1
        scores.append(hits / max(1, number + wanted - hits))
    return float(np.mean(scores))


def pasted_online(images, masks, size, seed, online):
    """Endless batches, drawn and jittered as in `train.batches_of`, into which the `CopyPaste` of the library pastes first."""
    rng = np.random.default_rng(seed)
    shape = (size, *images.shape[1:3])
    options = {**online.options, "shape": shape, "seed": seed}
    node = subprocess.Popen(["node", here / "online.js", json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pixels = int(np.prod(shape))
    while True:
        drawn = rng.integers(len(images), size=size)
        node.stdin.write(images[drawn].tobytes() + masks[drawn].tobytes())
        node.stdin.flush()
        reply = node.stdout.read(5 * pixels + 4 * size)
        planes = np.frombuffer(reply, np.uint8, 5 * pixels).reshape(5, *shape)
        pasted = planes[:3].reshape(*shape, 3)
        area = np.frombuffer(reply, np.float32, size, 5 * pixels)
        moved, labels = train.jitter(rng, pasted, planes[3:] if online.interpolated else planes[3:4], 255)
        weights = (area, 1 - area) if online.interpolated else (np.ones(size, np.float32),)
        yield moved, list(zip(labels, weights))


def cross_entropy(labels, logits):
    """Cross-entropy of each pixel. The op of TensorFlow takes three times as long on a core."""
    flat = tf.reshape(logits, (-1, logits.shape[-1]))
    flat -= tf.stop_gradient(tf.reduce_max(flat, -1, keepdims=True))
    ones = tf.ones((logits.shape[-1], 1))
    own = tf.reshape(tf.one_hot(labels, logits.shape[-1]), tf.shape(flat))
    return tf.reshape(tf.math.log(tf.exp(flat) @ ones) - (flat * own) @ ones, tf.shape(labels))


class FastConvolution(tf.keras.layers.Conv2D):
    """Convolution in bfloat16, with weights and activations in float32: a third of the time on a core with matrix instructions (AMX)."""

    def call(self, x):
        half = tf.bfloat16
        x = tf.nn.conv2d(tf.cast(x, half), tf.cast(self.kernel, half), self.strides, self.padding.upper())
        x = tf.cast(x, tf.float32)
        return x + self.bias if self.use_bias else x


class FusedNormalization(tf.keras.layers.Layer):
    """Batch normalization in one op of TensorFlow, which takes a fifth off the time of a step on a core; Keras computes it in six."""

    def __init__(self, momentum):
        super().__init__()
        self.momentum = momentum

    def build(self, shape):
        shape = shape[-1:]
        self.scale = self.add_weight(shape=shape, initializer="ones")
        self.offset = self.add_weight(shape=shape, initializer="zeros")
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=shape, initializer="ones", trainable=False)

    def call(self, x, training=False):
        normalize = tf.compat.v1.nn.fused_batch_norm
        if not training:
            return normalize(x, self.scale, self.offset, self.mean, self.variance, is_training=False)[0]
        x, *batch = normalize(x, self.scale, self.offset)
        for kept, new in zip((self.mean, self.variance), batch):
            kept.assign(kept * self.momentum + new * (1 - self.momentum))
        return x


def main():
    args = argparse.ArgumentParser(description=__doc__)
    for name, kind in {"data": Path, "work": Path, "set": str, "percent": int, "arm": str, "seed": int}.items():
        args.add_argument(name, type=kind)
    args.add_argument("--steps", type=int)
    given = args.parse_args()
    of = sets[given.set]
    steps = given.steps or of.steps
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(given.seed)
    copy(of, given.data, drawn(of, given.data, given.percent, given.seed), given.work / "data")
    files = given.work / "data"
    arm = arms[given.arm]
    if isinstance(arm, tuple):
        tool = ["node", root / "bin/copypaste.cjs", "augment", "--in", files, "--out", given.work / "aug", "--quiet"]
        subprocess.run([*tool, "--seed", str(given.seed), *arm], check=True, stdout=sys.stderr)
        files = given.work / "aug"
    images, masks = load(of, files, "train")
    seen, truth = load(of, given.data, "val")
    half = of.name == "camvid" or given.percent == 50
    conv = FastConvolution if half and "amx_bf16" in Path("/proc/cpuinfo").read_text() else tf.keras.layers.Conv2D
    model = train.unet(of.size, of.classes, conv=conv, norm=FusedNormalization)
    curve = []

    def report(_):
        curve.append(train.ious(train.predict(model, seen), truth, of.classes))

    batches = pasted_online if isinstance(arm, Online) else train.batches_of
    drawn_batches = batches(images, masks, 4, given.seed, *([arm] if isinstance(arm, Online) else []))
    train.fit(model, drawn_batches, steps, of.classes, entropy=cross_entropy, every=steps // 20, report=report)
    ap50 = precision(train.predict(model, seen), objects(given.data, "val", of.size)) if of.name == "nuclei" else ""
    percent = [100 * one for one in curve]
    list_of = lambda values: " ".join(f"{value:.2f}" for value in values)
    main_metric = [np.nanmean(one) if of.classes > 2 else one[1] for one in percent]
    row = [of.name, given.percent, given.arm, given.seed, steps, len(images), f"{main_metric[-1]:.2f}"]
    row += [f"{np.nanmean(percent[-1][list(of.things)]):.2f}", ap50 and f"{100 * ap50:.2f}", list_of(percent[-1]), list_of(main_metric)]
    csv.writer(sys.stdout, lineterminator="\n").writerow(row)


if __name__ == "__main__":
    main()
