#!/usr/bin/env bash
# Install what the build needs and build the program; silent unless something is missing or fails.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install_packages.sh gcc libc6-dev cmake ninja-build pkg-config ca-certificates \
  libcairo2-dev libcurl4-openssl-dev libdeflate-dev libexpat1-dev libjansson-dev libutf8proc-dev nettle-dev

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset release && cmake --build --preset release; } >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
