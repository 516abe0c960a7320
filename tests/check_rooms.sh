#!/bin/sh
# The house rules that a machine can check. A room of src/ includes only rooms at or above its own line in
# src/CMakeLists.txt, so that nothing calls up and nothing goes in a circle; below src/cli nothing ends the program or
# prints. Usage: check_rooms.sh SOURCE_FOLDER
set -eu
cd "$1/src"
problems=$(mktemp)
trap 'rm -f "$problems"' EXIT

sed -n 's/^add_subdirectory(\([a-z_]*\)).*/\1/p' CMakeLists.txt | awk -v problems="$problems" '
  { floor[$1] = NR; names[NR] = $1 }
  END {
    for (i = 1; i <= NR; i++) check(names[i])
    while (("ls -d */" | getline folder) > 0)
      if (!(substr(folder, 1, length(folder) - 1) in floor))
        print "src/" folder " is not in src/CMakeLists.txt" > problems
  }
  function check(room,    command, line, used, parts) {
    command = "grep -rHn --include=*.c --include=*.h --include=*.cu \"^#include \\\"\" " room " || true"
    while ((command | getline line) > 0) {
      split(line, parts, "\"")
      used = parts[2]
      if (used !~ /\//) {
        if (system("test -e ../include/" used) == 0) continue # the public header
        print "src/" line "   (name the room)" > problems
        continue
      }
      sub(/\/.*/, "", used)
      if (!(used in floor)) print "src/" line "   (no such room)" > problems
      else if (floor[used] > floor[room]) print "src/" line "   (" room " may not use " used ")" > problems
    }
    close(command)
  }'

# Comments are not code; a name that ends in one of these words (buffer_printf) is another function.
find . \( -name '*.c' -o -name '*.h' -o -name '*.cu' \) ! -path './cli/*' -exec awk '
  FNR == 1 { inside = 0 }
  {
    line = $0
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
    gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
    if (inside) { if (!sub(/^.*\*\//, "", line)) next; inside = 0 }
    if (sub(/\/\*.*$/, "", line)) inside = 1
    sub(/\/\/.*$/, "", line)
    if (line ~ /(^|[^A-Za-z0-9_])(exit|_exit|_Exit|quick_exit|abort|assert|printf|fprintf|vprintf|vfprintf|puts|putchar|perror)[ ]*\(/)
      print "src/" substr(FILENAME, 3) ":" FNR ": " $0 "   (only src/cli may end the program or print)"
  }' {} + >>"$problems"

if [ -s "$problems" ]; then
  cat "$problems"
  exit 1
fi
