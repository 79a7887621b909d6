"""The form that MosaicML described for Composer: tensors of the whole frame for each instance of a batch, in PyTorch."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from common import UNLABELLED, draw, main, read, write

torch.set_num_threads(1)


def jitter(rng, image, mask):
    """Flips, rescales and moves an image and the mask of one instance, both of the whole frame."""
    _, height, width = image.shape
    if rng.random() < 0.5:
        image, mask = image.flip(-1), mask.flip(-1)
    scale = rng.uniform(0.5, 2)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    image = F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    mask = F.interpolate(mask[None], size, mode="nearest")[0]
    top, left = rng.integers(-height // 2, height // 2), rng.integers(-width // 2, width // 2)
    # Padding that is negative crops.
    padding = [left, width - size[1] - left, top, height - size[0] - top]
    return F.pad(image, padding), F.pad(mask, padding)


def work(out, pairs):
    rng = np.random.default_rng(0)
    samples = [read(pair) for pair in pairs]
    images = torch.stack([torch.from_numpy(image).permute(2, 0, 1).float() for image, _ in samples])
    masks = torch.stack([torch.from_numpy(mask)[None].float() for _, mask in samples])
    pasted_images, pasted_masks = images.clone(), masks.clone()
    for target in range(len(pairs)):
        source = rng.integers(len(pairs))
        ids = [label for label in masks[source].unique().tolist() if label != UNLABELLED]
        for label in draw(rng, ids):
            image, alpha = jitter(rng, images[source], (masks[source] == label).float())
            pasted_images[target] = torch.where(alpha > 0, image, pasted_images[target])
            pasted_masks[target] = torch.where(alpha > 0, torch.full_like(alpha, label), pasted_masks[target])
    images = pasted_images.round().clamp(0, 255).byte().permute(0, 2, 3, 1)
    for pair, image, mask in zip(pairs, images, pasted_masks.byte()):
        write(out, pair, np.ascontiguousarray(image.numpy()), mask[0].numpy())


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main(work, batch=8)
