#!/usr/bin/env bash
# First stage of the image: the Debian package, and what its installation needs, in build/release/package. Usage: image_build.sh SOURCE_FOLDER
set -euo pipefail
cd "$1"
rm -rf build
tools/build.sh
tools/install_packages.sh file dpkg-dev
mkdir -p build/release/package
(cd build/release && cpack -G DEB -B package >/dev/null)
rm -rf build/release/package/_CPack_Packages
cp packaging/image_install.sh build/release/package/
