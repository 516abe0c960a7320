#!/usr/bin/env bash
# The image of the Dockerfile without Docker: both stages in folders made by mmdebstrap, the demo run in the second, its
# size measured. As root: packaging/image_without_docker.sh WORK_FOLDER [WEIGHTS_FOLDER_FOR_THE_DEMO]
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
work=$1
weights=${2:-$source/demo/weights}
mkdir -p "$work"
work=$(cd "$work" && pwd)

# As the slim image: no documentation, no translations. The package sources are this machine's.
slim=(--variant=minbase --include=usr-is-merged --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*'
  --dpkgopt='path-exclude=/usr/share/info/*')
base=$work/base.tar
[ -e "$base" ] || mmdebstrap "${slim[@]}" bookworm "$base"
for stage in build image; do
  rm -rf "${work:?}/$stage"
  mkdir "$work/$stage"
  tar -xf "$base" -C "$work/$stage" --exclude='./dev/*'
  cp /etc/resolv.conf "$work/$stage/etc/" 2>/dev/null || true
done

in_stage() { # in_stage STAGE COMMAND...
  local stage=$1
  shift
  unshare --mount --fork bash -c 'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$@"' \
    "$work/$stage" "$work/$stage" "$@"
}

mkdir "$work/build/src"
tar -C "$source" --exclude-from="$source/.dockerignore" -cf - . | tar -xf - -C "$work/build/src"
in_stage build bash /src/packaging/image_build.sh /src

cp -r "$work/build/src/build/release/package" "$work/image/tmp/package"
mkdir "$work/image/app"
cp -r "$source"/{inputs,ecg_signals,run_pipeline.bash,packaging/app/heartwise.config} "$work/image/app/"
in_stage image bash /tmp/package/image_install.sh
echo "Size of the image: $(du -sm --one-file-system "$work/image" | cut -f1) MB"

cp -rT "$weights" "$work/image/app/weights"
in_stage image su deepecg -c 'cd /app && bash run_pipeline.bash --mode full_run --csv_file_name data_rows_template.csv && ls outputs'
