#!/usr/bin/env bash
# bash run_pipeline.bash --mode full_run --csv_file_name data_rows_template.csv
# The settings of heartwise.config, with the command line's on top.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
program=build/release/deepecg
[ -x "$program" ] || program=deepecg
exec "$program" "$@"
