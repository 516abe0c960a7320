/* What is said where weights_folder holds none of the models. */
#ifndef DEEPECG_CLI_COMMANDS_NO_MODELS_H
#define DEEPECG_CLI_COMMANDS_NO_MODELS_H

/* One line on standard error, which names the folder, what is wrong with it if anything is, and the models
 * that could be there. `title`: "deepecg predict". Returns EXIT_MODEL_MISSING. */
int say_no_models(const char *title, const char *weights_folder);

#endif
