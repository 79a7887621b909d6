#!/bin/sh
# Installs a Vulkan driver for the webgpu backend that computes on the CPU (SwiftShader, from Debian's chromium-common), for
# tests on machines without a GPU. Prints the variables that select it:
#
#   eval "$(npm run --silent setup:vulkan)"
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/copypaste/swiftshader
driver=$cache/usr/lib/chromium
if [ ! -f "$driver/vk_swiftshader_icd.json" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  apt-get --quiet=2 download chromium-common >&2 2>/dev/null || { apt-get --quiet=2 update && apt-get --quiet=2 download chromium-common; } >&2
  mkdir -p "$cache"
  dpkg-deb --fsys-tarfile chromium-common_*.deb |
    tar -x -C "$cache" ./usr/lib/chromium/libvk_swiftshader.so ./usr/lib/chromium/libvulkan.so.1 ./usr/lib/chromium/vk_swiftshader_icd.json
fi
echo "export VK_ICD_FILENAMES='$driver/vk_swiftshader_icd.json'"
echo "export LD_LIBRARY_PATH='$driver'\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
