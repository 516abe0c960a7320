#include "cli/commands/command.h"

const command *const commands[] = {
    &command_run,     &command_predict, &command_check,   &command_drift, &command_download, &command_bundle,
    &command_inspect, &command_plot,    &command_extract, &command_synth, &command_selftest, &command_bench,
};
const size_t command_count = sizeof commands / sizeof *commands;
