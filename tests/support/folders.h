/* Folders of a test's own, with copies of fixtures in them. Whatever goes wrong fails the running test. */
#ifndef DEEPECG_TESTS_FOLDERS_H
#define DEEPECG_TESTS_FOLDERS_H

#include <stddef.h>

enum { FOLDER_PATH_SIZE = 600 };

/* An empty folder of this name under the tests' scratch folder. */
void folder_make(char path[FOLDER_PATH_SIZE], const char *name);

/* A copy of a file, under another name. */
void folder_copy(const char *folder, const char *name, const char *from);

/* A file with this text. */
void folder_write(const char *folder, const char *name, const char *text);

/* Change bytes of a file from `offset` on; a negative one counts from the end. */
void folder_set_bytes(const char *folder, const char *name, long offset, const void *bytes, size_t size);

/* "rm -r". */
void remove_tree(const char *path);

#endif
