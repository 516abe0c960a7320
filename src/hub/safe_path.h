/* Names of files that come from a hub or an archive, before anything is written under them. */
#ifndef DEEPECG_HUB_SAFE_PATH_H
#define DEEPECG_HUB_SAFE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Does path[0..length) stay inside the folder that it is joined to, on every system: UTF-8 without control
 * characters, relative, no empty, "." or ".." component, no backslash, at most 1000 bytes? */
bool path_is_safe(const char *path, size_t length);

#endif
