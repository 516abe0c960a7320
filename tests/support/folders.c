#include "support/folders.h"

#include "base/atomic_file.h"
#include "base/mapped_file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

void remove_tree(const char *path) {
  nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void folder_make(char path[FOLDER_PATH_SIZE], const char *name) {
  error err = {0};
  snprintf(path, FOLDER_PATH_SIZE, "%s/%s", DEEPECG_TEST_TMP, name);
  remove_tree(path);
  if (!make_folders(path, &err))
    fail_msg("%s", err.message);
}

static void save(const char *folder, const char *name, const void *bytes, size_t size) {
  char path[FOLDER_PATH_SIZE + 256];
  error err = {0};
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (!atomic_file_save(path, ATOMIC_FILE_REPLACE, false, bytes, size, &err))
    fail_msg("%s", err.message);
}

static mapped_file map(const char *path) {
  mapped_file file;
  error err = {0};
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  return file;
}

void folder_copy(const char *folder, const char *name, const char *from) {
  mapped_file file = map(from);
  save(folder, name, file.data, file.size);
  mapped_file_close(&file);
}

void folder_write(const char *folder, const char *name, const char *text) {
  save(folder, name, text, strlen(text));
}

void folder_set_bytes(const char *folder, const char *name, long offset, const void *bytes, size_t size) {
  char path[FOLDER_PATH_SIZE + 256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  mapped_file file = map(path);
  size_t at = offset < 0 ? file.size - (size_t)-offset : (size_t)offset;
  uint8_t *copy = malloc(file.size);
  assert_true(copy && at + size <= file.size);
  memcpy(copy, file.data, file.size);
  memcpy(copy + at, bytes, size);
  save(folder, name, copy, file.size);
  free(copy);
  mapped_file_close(&file);
}
