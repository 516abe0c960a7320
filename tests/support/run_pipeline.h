/* Run the pipeline from a test, in folders of its own. */
#ifndef DEEPECG_TESTS_RUN_PIPELINE_H
#define DEEPECG_TESTS_RUN_PIPELINE_H

#include "pipeline/pipeline.h"
#include "support/folders.h"

enum { TEST_PATH_SIZE = 600 };

typedef struct test_run {
  char root[TEST_PATH_SIZE]; /* emptied before the run */
  char outputs[TEST_PATH_SIZE + 16], preprocessed[TEST_PATH_SIZE + 16];
  pipeline_options options; /* set by test_run_init; change before test_run_go */
  error_list errors;
  run_summary summary;
} test_run;

/* Folders under the test's scratch folder; mode, table and everything else at sensible values. */
void test_run_init(test_run *run, const char *name, pipeline_mode mode, const char *table,
                   const char *ecg_signals_path);
void test_run_go(test_run *run);
void test_run_free(test_run *run);

/* The result file of a model, {outputs}/{model}_{stamp}_{rest}. */
void test_run_output(const test_run *run, const char *model, const char *rest, char path[2 * TEST_PATH_SIZE]);

#endif
