/* How answers to ECG files are shown: for people, and as JSON for programs. */
#ifndef DEEPECG_CLI_COMMANDS_PREDICT_OUTPUT_H
#define DEEPECG_CLI_COMMANDS_PREDICT_OUTPUT_H

#include "prediction/prediction.h"

typedef struct predict_view {
  bool all;   /* every label, not only what is called */
  bool style; /* bold for what is called: standard output is a terminal */
} predict_view;

void predict_print_text(const prediction *p, const prediction_options *options, const predict_view *view);

/* One object; false and *err when memory is out. */
bool predict_print_json(const prediction *p, const prediction_options *options, error *err);

/* Does the model call the label? `points` are the label's or the task's. */
bool predict_is_called(const ecg_answer *a, size_t model, const task_model *m, size_t label,
                       const operating_points *points);

#endif
