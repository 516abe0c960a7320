#include "pipeline/pass_records.h"

#include "base/string_map.h"
#include "pipeline/pass.h"

static bool place_signals(pass_records *records, string_map *known, const task_rows *rows, size_t member,
                          error *err) {
  size_t *place = records->place[member] =
      arena_alloc_array(records->memory, rows->signal_count, sizeof *place, err);
  if (!place)
    return false;
  for (size_t i = 0; i < rows->signal_count; i++) {
    const char *path = rows->signals[i].path;
    if (!string_map_add(known, path, records->count, &place[i], err))
      return false;
    if (place[i] == records->count)
      records->paths[records->count++] = path;
  }
  return true;
}

static bool number_own(pass_records *records, size_t signals, size_t member, error *err) {
  ptrdiff_t *own = records->own[member] =
      arena_alloc_array(records->memory, records->count, sizeof *own, err);
  if (!own)
    return false;
  for (size_t i = 0; i < records->count; i++)
    own[i] = NOT_WANTED;
  for (size_t i = 0; i < signals; i++)
    own[records->place[member][i]] = (ptrdiff_t)i;
  return true;
}

bool pass_records_make(pass_records *records, const task_rows *const *rows, size_t members, error *err) {
  *records = (pass_records){.memory = arena_create(err)};
  size_t most = 0;
  for (size_t m = 0; m < members; m++)
    most += rows[m]->signal_count;
  if (!records->memory ||
      !(records->paths = arena_alloc_array(records->memory, most, sizeof *records->paths, err)))
    return false;
  string_map known = {0};
  bool ok = true;
  for (size_t m = 0; ok && m < members; m++)
    ok = place_signals(records, &known, rows[m], m, err);
  string_map_free(&known);
  for (size_t m = 0; ok && m < members; m++)
    ok = number_own(records, rows[m]->signal_count, m, err);
  return ok;
}

void pass_records_free(pass_records *records) {
  arena_destroy(records->memory);
  *records = (pass_records){0};
}
