#!/bin/sh
# Checks the output with independent tools: pycocotools, Datumaro, labelme, Label Studio's converter, the Cityscapes scripts,
# Ultralytics and OpenCV. Needs Python 3.11 or later with pip; packages are kept in the user's cache.
#
#   npm run test:judges
#   npm run test:judges -- --long          also a document of 100,000 annotations
#   npm run test:judges -- --only yolo     cases whose names begin with yolo
set -eu
cd "$(dirname "$0")/../.."

fail() {
  echo "test:judges: $1" >&2
  exit 1
}
command -v python3 >/dev/null || fail 'python3 is missing; install Python 3.11 or later'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$(python3 --version) is too old; install Python 3.11 or later"

# Each set of pinned versions and each Python has an environment of its own.
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${XDG_CACHE_HOME:-$HOME/.cache}/copypaste/judges-$version-$(cat test/judges/requirements*.txt | cksum | cut -d ' ' -f 1)
if [ ! -x "$cache/bin/python" ]; then
  python3 -m pip --version >/dev/null 2>&1 || fail 'pip is missing; install pip for python3'
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo 'installing the judges' >&2
  # The system's pip installs the packages, since some systems have venv without pip.
  python3 -m venv --without-pip "$work/built"
  python3 -m pip --python "$work/built/bin/python" install --quiet --disable-pip-version-check -r test/judges/requirements.txt
  python3 -m pip --python "$work/built/bin/python" install --quiet --disable-pip-version-check --no-deps -r test/judges/requirements-alone.txt
  # Another run may have created the environment meanwhile.
  mv -T "$work/built" "$cache" || [ -x "$cache/bin/python" ] || fail "$cache exists but is not an environment; remove it"
  rm -rf "$work"
  trap - EXIT
fi
PYTHONDONTWRITEBYTECODE=1 exec "$cache/bin/python" test/judges/run.py "$@"
