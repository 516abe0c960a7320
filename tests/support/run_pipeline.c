#include "support/run_pipeline.h"

#include "base/atomic_file.h"
#include "tasks/tasks.h"

#include <stdio.h>

void test_run_init(test_run *run, const char *name, pipeline_mode mode, const char *table,
                   const char *ecg_signals_path) {
  *run = (test_run){0};
  snprintf(run->root, sizeof run->root, "%s/%s", DEEPECG_TEST_TMP, name);
  snprintf(run->outputs, sizeof run->outputs, "%s/outputs", run->root);
  snprintf(run->preprocessed, sizeof run->preprocessed, "%s/preprocessing", run->root);
  remove_tree(run->root);
  make_folders(run->root, NULL);
  run->options = (pipeline_options){.mode = mode,
                                    .data_path = table,
                                    .csv_file_name = "",
                                    .ecg_signals_path = ecg_signals_path,
                                    .preprocessing_folder = run->preprocessed,
                                    .output_folder = run->outputs,
                                    .weights_folder = DEEPECG_TEST_DATA "/golden/analysis/models",
                                    .bert_model = bert_models[0],
                                    .use_efficientnet = true,
                                    .use_wcr = true,
                                    .batch_size = 8,
                                    .threads = 2,
                                    .preprocessing_n_workers = 16,
                                    .batch_records = 10000};
}

void test_run_go(test_run *run) {
  error_list_free(&run->errors);
  pipeline_run(&run->options, NULL, &run->errors, &run->summary);
}

void test_run_free(test_run *run) {
  error_list_free(&run->errors);
}

void test_run_output(const test_run *run, const char *model, const char *rest,
                     char path[2 * TEST_PATH_SIZE]) {
  snprintf(path, 2 * TEST_PATH_SIZE, "%s/%s_%s_%s", run->outputs, model, run->summary.stamp, rest);
}
