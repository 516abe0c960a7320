#!/bin/sh
# Every C file is as clang-format 14 leaves it (other versions differ in details). Exit status 77 (skipped) without that
# version. Usage: check_format.sh SOURCE_FOLDER
set -eu
cd "$1"
program=
for candidate in clang-format-14 clang-format; do
  if "$candidate" --version 2>/dev/null | grep -q 'version 14\.'; then
    program=$candidate
    break
  fi
done
if [ -z "$program" ]; then
  echo "no clang-format 14"
  exit 77
fi
folders=
for folder in src include tests bench fuzz; do
  [ -d "$folder" ] && folders="$folders $folder"
done
# shellcheck disable=SC2086
find $folders \( -name '*.c' -o -name '*.h' \) -exec "$program" --dry-run --Werror --ferror-limit=1 {} +
