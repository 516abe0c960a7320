/* The small text that a clone without Git LFS leaves in place of a model file. */
#ifndef DEEPECG_CONTAINER_LFS_POINTER_H
#define DEEPECG_CONTAINER_LFS_POINTER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool is_lfs_pointer(const uint8_t *data, size_t size) {
  static const char start[] = "version https://git-lfs";
  return size >= sizeof start - 1 && memcmp(data, start, sizeof start - 1) == 0;
}

static inline bool refuse_lfs_pointer(error *err) {
  return error_set(err, ERROR_FORMAT, "a Git LFS pointer, not the file itself; fetch it with: git lfs pull");
}

#endif
