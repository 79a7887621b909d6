#!/bin/sh
# Installs Chromium from Debian's packages, for the tests of the page of `report`. Prints the variable that selects it:
#
#   eval "$(npm run --silent setup:chromium)"
set -eu
if ! command -v chromium >/dev/null; then
  install() { DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 install --no-install-recommends chromium >&2; }
  install 2>/dev/null || { apt-get --quiet=2 update >&2 && install; }
fi
echo "export CHROMIUM='$(command -v chromium)'"
