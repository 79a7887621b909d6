"""AlbumentationsX: CopyAndPaste, with the sample before as the donor, so that nothing is decoded twice."""

import albumentations as A
import cv2
import numpy as np
from common import components, draw, main, read, write

transform = A.Compose([A.CopyAndPaste(scale_range=(0.5, 1.0), p=1)])


def work(out, pairs):
    rng = np.random.default_rng(0)
    donor = read(pairs[-1])
    for pair in pairs:
        image, mask = sample = read(pair)
        source, labels = donor
        flip = rng.random() < 0.5
        objects = [
            {
                "image": cv2.flip(source, 1) if flip else source,
                "mask": cv2.flip(instance, 1) if flip else instance,
                "semantic_mask": cv2.flip(labels, 1) if flip else labels,
            }
            for *_, instance in draw(rng, components(labels))
        ]
        pasted = transform(image=image, mask=mask, copy_paste_metadata=objects)
        write(out, pair, pasted["image"], pasted["mask"])
        donor = sample


if __name__ == "__main__":
    main(work, batch=8)
