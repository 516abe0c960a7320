/* Names of models on a command line. */
#ifndef DEEPECG_CLI_COMMANDS_MODEL_OPERANDS_H
#define DEEPECG_CLI_COMMANDS_MODEL_OPERANDS_H

#include "cli/options.h"
#include "hub/model_files.h"

typedef struct model_list {
  size_t count;
  const char *ids[MAX_PUBLISHED_MODELS]; /* no id twice */
} model_list;

/* Operands, in any case, as model ids; "all" stands for the usual ones. ERROR_USAGE, with the nearest name,
 * for a name that is none. */
bool model_operands(model_list *list, const operand_list *operands, error *err);

/* Add the ids that `all` means. */
void model_list_add_usual(model_list *list);

#endif
