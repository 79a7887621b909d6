#!/bin/sh
# Checks the output with independent tools: pycocotools, Datumaro, labelme, Label Studio's converter, Supervisely's SDK, the Cityscapes scripts,
# Ultralytics, WebDataset, Hugging Face's datasets and OpenCV. Needs Python 3.11 or later with pip; packages are kept in the user's cache.
#
#   npm run test:judges
#   npm run test:judges -- --long          also a document of 100,000 annotations
#   npm run test:judges -- --only yolo     cases whose names begin with yolo
set -eu
cd "$(dirname "$0")/../.."

python=$(sh scripts/python-environment.sh judges test/judges/requirements.txt test/judges/requirements-alone.txt)
PYTHONDONTWRITEBYTECODE=1 exec "$python" test/judges/run.py "$@"
