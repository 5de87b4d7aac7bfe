#!/usr/bin/env bash
# Installs the Debian packages that the build and its tests need, if any is missing; more can be named as arguments.
set -euo pipefail

packages=(
  g++ cmake ninja-build
  libdnnl-dev           # oneDNN: matrix products
  libhwy-dev            # Highway: kernels for every instruction set
  libfmt-dev            # text
  zlib1g-dev            # data compressed by gzip, NumPy's archives
  libzstd-dev           # data compressed by zstd
  libsndfile1-dev       # sound files: WAV, FLAC, OGG, MP3
  libjpeg-dev           # pictures: libjpeg-turbo,
  libpng-dev            # PNG,
  libwebp-dev           # and WebP, which gradus can be built without
  libutf8proc-dev       # Unicode's normal form, for tokenizers that ask for it
  libxxhash-dev         # sums of checkpoints
  libtomlplusplus-dev   # configuration files
  nlohmann-json3-dev    # logs and model files
  libcli11-dev          # the command line
  libgtest-dev          # tests
  libbenchmark-dev      # micro-benchmarks
  dpkg-dev file         # the .deb
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This is not Debian or Ubuntu, so nothing is installed; the build says if a library is missing." >&2
  exit 0
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages: ${missing[*]}. Installing needs root: run 'apt-get install ${missing[*]}' as root." >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing what the build needs and is not there yet: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get -q update &&
       "${as_root[@]}" apt-get -q install -y --no-install-recommends "${missing[@]}"; }; then
  echo "apt-get could not install: ${missing[*]}. Its own message is above; install them and start again." >&2
  exit 1
fi
