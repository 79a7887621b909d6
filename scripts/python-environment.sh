#!/bin/sh
# Prints the Python of an environment with the packages of some files, in the user's cache. Needs Python 3.11 or later with pip.
# Packages of files named alone.txt are installed without what they need.
#
#   sh scripts/python-environment.sh NAME REQUIREMENTS...
set -eu
name=$1
shift

fail() {
  echo "$name: $1" >&2
  exit 1
}
command -v python3 >/dev/null || fail 'python3 is missing; install Python 3.11 or later'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$(python3 --version) is too old; install Python 3.11 or later"

# Each set of pinned versions and each Python has an environment of its own.
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${XDG_CACHE_HOME:-$HOME/.cache}/copypaste/$name-$version-$(cat "$@" | cksum | cut -d ' ' -f 1)
if [ ! -x "$cache/bin/python" ]; then
  python3 -m pip --version >/dev/null 2>&1 || fail 'pip is missing; install pip for python3'
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "installing the packages of $name" >&2
  # The system's pip installs the packages, since some systems have venv without pip.
  python3 -m venv --without-pip "$work/built"
  for file in "$@"; do
    case $file in *alone.txt) flag=--no-deps ;; *) flag= ;; esac
    python3 -m pip --python "$work/built/bin/python" install --quiet --disable-pip-version-check $flag -r "$file"
  done
  # Another run may have created the environment meanwhile.
  mv -T "$work/built" "$cache" || [ -x "$cache/bin/python" ] || fail "$cache exists but is not an environment; remove it"
fi
echo "$cache/bin/python"
