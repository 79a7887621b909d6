"""Ultralytics: CopyPaste in its default mode, which mirrors the image's own objects and so needs no other sample."""

import cv2
import numpy as np
from common import components, main, read, write
from ultralytics.data.augment import CopyPaste
from ultralytics.utils.instance import Instances
from ultralytics.utils.ops import resample_segments

transform = CopyPaste(p=0.5)


def work(out, pairs):
    for pair in pairs:
        image, mask = read(pair)
        instances = components(mask)
        outlines = [
            max(cv2.findContours(one, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], key=len)[:, 0].astype(np.float32)
            for *_, one in instances
        ]
        if not instances:
            write(out, pair, image, mask)
            continue
        boxes = np.array([[x, y, x + w, y + h] for _, x, y, w, h, _ in instances], np.float32)
        segments = np.stack(resample_segments(outlines, 100))
        labels = {
            "img": image,
            "cls": np.array([[label] for label, *_ in instances]),
            "instances": Instances(boxes, segments, bbox_format="xyxy", normalized=False),
            "semantic_mask": mask,
        }
        pasted = transform(labels)
        write(out, pair, pasted["img"], pasted["semantic_mask"])


if __name__ == "__main__":
    main(work, batch=8)
