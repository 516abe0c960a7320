/* Every file below a folder. */
#ifndef DEEPECG_PIPELINE_FILE_TREE_H
#define DEEPECG_PIPELINE_FILE_TREE_H

#include "base/arena.h"

enum { FILE_TREE_MAX_DEPTH = 64, FILE_TREE_MAX_FILES = 10000000 };

typedef struct file_tree_entry {
  const char *path;    /* below the root, "ward/ecg.dcm" */
  const char *problem; /* NULL, or why this folder could not be read */
} file_tree_entry;

typedef struct file_tree {
  arena *memory;
  file_tree_entry *entries;
  size_t count, capacity;
} file_tree;

/* List regular files, and links to such, folder by folder in the order of the names' bytes: the same order
 * wherever the files lie. Links to folders are not followed, so that nothing goes in circles. A folder that
 * cannot be read is an entry with a problem. False: the root cannot be read, too deep, too many files, out of
 * memory. Free with file_tree_free (also after a failure). */
bool file_tree_list(file_tree *tree, const char *root, error *err);
void file_tree_free(file_tree *tree);

#endif
