#!/usr/bin/env bash
# Second stage of the image: install the package that lies beside this script, make the user and the folders of /app, leave nothing behind.
set -euo pipefail
package=$(dirname "$0")
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# Of what it recommends, what deepecg download needs.
apt-get install -q -y --no-install-recommends "$package"/deepecg_*.deb libcurl4 ca-certificates
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log "$package"
useradd --create-home --shell /bin/bash deepecg
mkdir -p /app/outputs /app/preprocessing /app/weights
chown -R deepecg: /app
