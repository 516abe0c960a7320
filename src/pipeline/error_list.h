/* The lines under "Errors encountered:": one per step that failed. */
#ifndef DEEPECG_PIPELINE_ERROR_LIST_H
#define DEEPECG_PIPELINE_ERROR_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct error_list {
  char **lines;
  size_t count, capacity;
} error_list; /* zero-initialise; free with error_list_free */

/* Add "[source] message — detail" (without the last part where detail is empty). Being out of memory loses
 * the text, not the fact: count still grows. */
void error_list_add(error_list *list, const char *source, const char *message, const char *detail);
void error_list_free(error_list *list);

#endif
