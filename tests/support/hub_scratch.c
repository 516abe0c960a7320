#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/hub_scratch.h"

#include "base/atomic_file.h"
#include "support/run_pipeline.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void hear(void *context, report_level level, const char *text) {
  (void)level;
  hub_scratch *s = context;
  size_t used = strlen(s->said);
  snprintf(s->said + used, sizeof s->said - used, "%s\n", text);
}

void hub_scratch_begin(hub_scratch *s, const char *name) {
  *s = (hub_scratch){0};
  snprintf(s->root, sizeof s->root, "%s/hub_%s", DEEPECG_TEST_TMP, name);
  snprintf(s->weights, sizeof s->weights, "%s/weights", s->root);
  remove_tree(s->root);
  assert_true(make_folders(s->root, NULL));
  s->server = fake_hub_start();
  s->reporter = (reporter){s, hear, NULL};
  s->settings = (hub_settings){.endpoint = fake_hub_url(s->server),
                               .revision = "main",
                               .token = "hf_secret",
                               .token_source = "HF_TOKEN",
                               .patience = {.tries = 5,
                                            .first_wait = 0.005,
                                            .longest_wait = 0.05,
                                            .connect_seconds = 5,
                                            .stalled_seconds = 20,
                                            .largest_repeat = 1 << 20}};
}

void hub_scratch_end(hub_scratch *s) {
  fake_hub_stop(s->server);
  /* Whatever happened: nobody may hear the token. */
  assert_null(strstr(s->said, "hf_secret"));
  assert_null(strstr(s->err.message, "hf_secret"));
}

hub_outcome hub_scratch_ensure(hub_scratch *s, const char *model, folder_check check) {
  hub *h = hub_open(&s->settings, s->weights, &s->reporter, &s->err);
  assert_non_null(h);
  hub_outcome outcome = hub_ensure(h, model, check, false, &s->bytes, &s->err);
  hub_close(h);
  return outcome;
}

const char *scratch_path(const hub_scratch *s, const char *name) {
  static char paths[8][2 * SCRATCH_PATH];
  static size_t next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof *paths, "%s/%s", s->root, name);
  return path;
}

void scratch_write(const hub_scratch *s, const char *name, const void *bytes, size_t size) {
  char path[2 * SCRATCH_PATH], folder[2 * SCRATCH_PATH];
  snprintf(path, sizeof path, "%s/%s", s->root, name);
  snprintf(folder, sizeof folder, "%s", path);
  *strrchr(folder, '/') = '\0';
  assert_true(make_folders(folder, NULL));
  assert_true(atomic_file_save(path, ATOMIC_FILE_REPLACE, false, bytes, size, NULL));
}

bool scratch_holds(const hub_scratch *s, const char *name, const void *bytes, size_t size) {
  FILE *file = fopen(scratch_path(s, name), "rb");
  if (!file)
    return false;
  uint8_t *found = malloc(size + 1);
  size_t got = fread(found, 1, size + 1, file);
  fclose(file);
  bool same = got == size && memcmp(found, bytes, size) == 0;
  free(found);
  return same;
}

size_t scratch_count(const hub_scratch *s, const char *name) {
  DIR *directory = opendir(scratch_path(s, name));
  if (!directory)
    return 0;
  size_t count = 0;
  for (const struct dirent *entry; (entry = readdir(directory));)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(directory);
  return count;
}

void scratch_find(const hub_scratch *s, const char *folder, const char *ending, char found[SCRATCH_PATH]) {
  DIR *directory = opendir(scratch_path(s, folder));
  assert_non_null(directory);
  *found = '\0';
  for (const struct dirent *entry; (entry = readdir(directory));) {
    size_t length = strlen(entry->d_name), end = strlen(ending);
    if (length >= end && strcmp(entry->d_name + length - end, ending) == 0)
      snprintf(found, SCRATCH_PATH, "%.200s/%.255s", folder, entry->d_name);
  }
  closedir(directory);
  assert_true(*found != '\0');
}

void scratch_wait_for_part(const hub_scratch *s, const char *folder, size_t size) {
  for (int i = 0; i < 1000; i++) {
    DIR *directory = opendir(scratch_path(s, folder));
    bool there = false;
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
      char path[SCRATCH_PATH];
      struct stat status;
      snprintf(path, sizeof path, "%.200s/%.255s", folder, entry->d_name);
      there = there || (strstr(entry->d_name, ".part") && stat(scratch_path(s, path), &status) == 0 &&
                        (size_t)status.st_size >= size);
    }
    if (directory)
      closedir(directory);
    if (there)
      return;
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
}

uint8_t *scratch_bytes(size_t size, unsigned seed) {
  uint8_t *bytes = malloc(size + 1);
  assert_non_null(bytes);
  uint32_t x = seed * 2654435761U + 1;
  for (size_t i = 0; i < size; i++) {
    x = x * 1664525U + 1013904223U;
    bytes[i] = (uint8_t)(x >> 24);
  }
  return bytes;
}
