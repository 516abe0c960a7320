#include "selftest/selftest.h"

#include "selftest/stages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
  const char *name;
  selftest_stage *run;
} stages[] = {{"synthetic ECGs, byte for byte", selftest_generator},
              {"readers", selftest_readers},
              {"cleaning", selftest_cleaning},
              {"network kernels", selftest_network},
              {"network in bfloat16", selftest_network_bf16},
              {"metrics", selftest_metrics}};

static bool make_scratch(selftest_state *state, error *err) {
  const char *parent = getenv("TMPDIR");
  int length = snprintf(state->folder, sizeof state->folder, "%s/deepecg-selftest-XXXXXX",
                        parent && *parent ? parent : "/tmp");
  if (length < 0 || (size_t)length >= sizeof state->folder)
    return error_set(err, ERROR_USAGE, "TMPDIR is too long a path");
  return mkdtemp(state->folder) || error_set_errno(err, errno, "%s", state->folder);
}

static void remove_scratch(const selftest_state *state) {
  char path[640], name[32];
  for (size_t i = 0; i <= SELFTEST_ECGS; i++) {
    selftest_file_name(i, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", state->folder, i < SELFTEST_ECGS ? name : "table.csv");
    unlink(path);
  }
  rmdir(state->folder);
}

static bool run_stage(size_t index, selftest_state *state, selftest_result *result) {
  error reason = {0};
  *result = (selftest_result){.stage = stages[index].name};
  result->passed = stages[index].run(state, result->detail, &reason);
  if (!result->passed && reason.code != ERROR_NONE)
    snprintf(result->detail, sizeof result->detail, "%.*s", SELFTEST_DETAIL - 1, reason.message);
  return result->passed;
}

size_t selftest_run(int threads, selftest_report report, void *context) {
  selftest_state state = {.threads = threads};
  selftest_result result = {.stage = "scratch folder"};
  error reason;
  if (!make_scratch(&state, &reason)) {
    snprintf(result.detail, sizeof result.detail, "%.*s", SELFTEST_DETAIL - 1, reason.message);
    report(context, &result);
    return 1;
  }
  size_t failed = 0;
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    failed += !run_stage(i, &state, &result);
    report(context, &result);
  }
  free(state.signals);
  remove_scratch(&state);
  return failed;
}
