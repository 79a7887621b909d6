#!/bin/sh
# Builds the native part of @tensorflow/tfjs-node-gpu without the download of its installer: TensorFlow's libraries
# come from its wheel on PyPI, and the binding is compiled from the source in the npm package. Linux x64; needs g++ and
# python3 with pip. The result is kept in the user's cache, so that another run takes a second.
#
#   npm run setup:tensorflow              for the CPU
#   npm run setup:tensorflow -- --gpu     with CUDA's libraries, about 2 GB
#   npm run setup:tensorflow -- --again   repeats the last setup, if any, since npm ci removes it from node_modules
set -eu
cd "$(dirname "$0")/.."

# The smallest TensorFlow that passes TensorFlow.js 4.22's own tests; from 2.18 on its `round` differs.
version=2.15.1
wheel=tensorflow-cpu
[ "${1:-}" != --gpu ] || wheel=tensorflow
package=node_modules/@tensorflow/tfjs-node-gpu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/copypaste/$wheel-$version
last=.setup-tensorflow
[ "${1:-}" != --again ] || cache=$(cat $last 2>/dev/null) || exit 0
built=$cache/lib/napi-v8/tfjs_binding.node
if [ "${1:-}" = --again ] && { [ ! -f "$built" ] || [ ! -d $package ] || [ -e $package/lib ]; }; then exit; fi

fail() {
  echo "setup:tensorflow: $1" >&2
  exit 1
}
[ "$(uname -sm)" = 'Linux x86_64' ] || fail 'this script needs Linux on x64; elsewhere run npm rebuild @tensorflow/tfjs-node-gpu'
for tool in g++ python3; do command -v $tool >/dev/null || fail "$tool is missing; install it"; done
[ -d $package ] || fail "$package is missing; run npm ci --ignore-scripts"

if [ ! -f "$built" ]; then
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  fetch() {
    python3 -m pip download --quiet --no-deps --no-cache-dir --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 \
      --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform manylinux1_x86_64 --dest "$work/wheels" "$@"
  }
  unpack() { for file in "$work"/wheels/$1*.whl; do python3 -m zipfile -e "$file" "$work/files"; done; }
  echo "downloading $wheel $version" >&2
  fetch "$wheel==$version"
  unpack tensorflow
  mkdir -p "$work/built/deps/lib" "$work/built/lib/napi-v8"
  mv "$work"/files/tensorflow/libtensorflow_* "$work/built/deps/lib"
  if [ $wheel = tensorflow ]; then
    echo "downloading CUDA's libraries" >&2
    fetch $(sed -n "s/^Requires-Dist: \(nvidia-[a-z0-9-]*\) *(*\(==[0-9.]*\))* *; extra == .and-cuda.*/\1\2/p" "$work"/files/tensorflow-*.dist-info/METADATA)
    unpack nvidia
    mv "$work"/files/nvidia/*/lib/*.so* "$work/built/deps/lib"
  fi
  echo 'compiling the binding' >&2
  libraries=$work/built/deps/lib
  g++ -std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 -I"$work/files/tensorflow/include" -Inode_modules/node-api-headers/include \
    $package/binding/*.cc "$libraries/libtensorflow_cc.so.2" "$libraries/libtensorflow_framework.so.2" \
    -Wl,-rpath,'$ORIGIN/../../deps/lib' -o "$work/built/lib/napi-v8/tfjs_binding.node"
  # Another run may have finished first.
  mv -T "$work/built" "$cache" || [ -f "$built" ] || fail "$cache is in the way; remove it"
fi
for part in deps lib; do
  rm -rf "${package:?}/$part"
  ln -s "$cache/$part" "$package/$part"
done
echo "$cache" >$last
echo "TensorFlow is set up ($(basename "$cache"))" >&2
