/* What users find beside the program: manual pages and shell completion, made from the option tables. */
#ifndef DEEPECG_CLI_MANUAL_MANUAL_H
#define DEEPECG_CLI_MANUAL_MANUAL_H

#include "cli/commands/command.h"

#include <stdio.h>

/* The page of a command, in man(7)'s language: deepecg(1) for the pipeline, deepecg-NAME(1) for the others.
 */
void man_page_write(const command *c, FILE *out);

void completion_bash_write(FILE *out);
void completion_zsh_write(FILE *out);
void completion_fish_write(FILE *out);

/* The values that an option takes as text: its choices, True and False, or NULL where anything goes. */
const char *const *option_values(const option_spec *spec);

/* Does the option's value name a file or a folder? */
bool option_wants_path(const option_spec *spec);

#endif
