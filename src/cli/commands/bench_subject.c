#include "cli/commands/bench_subject.h"

#include "base/buffer.h"
#include "base/mapped_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNAL_VALUES = 12 * 2500 };

struct bench_subject {
  model *signal_model; /* one of the two */
  text_model *text_model;
  float *signals;
  char *lines; /* the texts, each ended by NUL */
  const char **texts;
  float *logits;
  size_t batch, logit_count;
};

/* Signals like ECGs in size; a network's speed depends on nothing else of them. */
static void make_signals(float *signals, size_t count) {
  uint32_t state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    signals[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
}

/* Texts of one-letter words, each text another: a model runs equal ones once. */
static bool make_texts(buffer *lines, const bench_input *input, error *err) {
  for (size_t text = 0; text < input->batch; text++) {
    size_t number = text, tokens = input->tokens->items[text % input->tokens->count];
    for (size_t word = 2; word < tokens; word++, number /= 26)
      if (!buffer_printf(lines, err, "%c%c", (char)('a' + number % 26), word + 1 < tokens ? ' ' : '\n'))
        return false;
  }
  return true;
}

static bool read_whole(const char *path, buffer *bytes, error *err) {
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return false;
  bool ok = buffer_append(bytes, file.data, file.size, err);
  mapped_file_close(&file);
  return ok;
}

static bool set_signals(bench_subject *b, const bench_input *input, error *err) {
  size_t count = input->batch * SIGNAL_VALUES;
  b->signals = malloc(count * sizeof *b->signals);
  if (!b->signals)
    return error_out_of_memory(err);
  if (!*input->file) {
    make_signals(b->signals, count);
    return true;
  }
  buffer bytes = {0};
  bool ok = read_whole(input->file, &bytes, err);
  if (ok && bytes.size != count * sizeof *b->signals)
    ok = error_set(err, ERROR_DATA, "%s: %zu bytes; float32 (%zu, 12, 2500) has %zu", input->file, bytes.size,
                   input->batch, count * sizeof *b->signals);
  if (ok)
    memcpy(b->signals, bytes.data, bytes.size);
  buffer_free(&bytes);
  return ok;
}

/* Cut the lines apart; they must be as many as the batch. */
static bool set_texts(bench_subject *b, const bench_input *input, error *err) {
  buffer lines = {0};
  bool ok = *input->file ? read_whole(input->file, &lines, err) : make_texts(&lines, input, err);
  b->lines = lines.data;
  b->texts = calloc(input->batch, sizeof *b->texts);
  if (!ok || !b->texts)
    return ok ? error_out_of_memory(err) : false;
  size_t count = 0;
  for (char *line = b->lines, *end; line && (end = strchr(line, '\n')); line = end + 1, count++) {
    *end = '\0';
    if (count < input->batch)
      b->texts[count] = line;
  }
  return count == input->batch ||
         error_set(err, ERROR_DATA, "%s: %zu lines for a batch of %zu", input->file, count, input->batch);
}

static bool open_model(bench_subject *b, const char *path, const model_options *options, error *err) {
  b->signal_model = model_open(path, options, NULL, err);
  error other;
  if (!b->signal_model && !(b->text_model = text_model_open(path, options, NULL, &other)))
    return false;
  b->logit_count = b->batch * (b->signal_model ? model_output_count(b->signal_model)
                                               : text_model_output_count(b->text_model));
  b->logits = malloc(b->logit_count * sizeof *b->logits);
  return b->logits || error_out_of_memory(err);
}

bench_subject *bench_subject_open(const char *path, const model_options *options, const bench_input *input,
                                  error *err) {
  bench_subject *b = calloc(1, sizeof *b);
  if (!b) {
    error_out_of_memory(err);
    return NULL;
  }
  b->batch = input->batch;
  if (open_model(b, path, options, err) && (b->signal_model ? set_signals : set_texts)(b, input, err))
    return b;
  bench_subject_close(b);
  return NULL;
}

void bench_subject_close(bench_subject *b) {
  if (!b)
    return;
  model_close(b->signal_model);
  text_model_close(b->text_model);
  free(b->signals);
  free(b->lines);
  free(b->texts);
  free(b->logits);
  free(b);
}

bool bench_subject_run(bench_subject *b, error *err) {
  return b->signal_model ? model_predict(b->signal_model, b->signals, b->batch, b->logits, err)
                         : text_model_predict(b->text_model, b->texts, b->batch, b->logits, NULL, err);
}

const float *bench_subject_logits(const bench_subject *b, size_t *count) {
  *count = b->logit_count;
  return b->logits;
}

const char *bench_subject_path(const bench_subject *b) {
  return b->signal_model ? model_path(b->signal_model) : text_model_path(b->text_model);
}

const char *bench_subject_kind(const bench_subject *b) {
  return b->signal_model ? model_kind(b->signal_model) : text_model_kind(b->text_model);
}

const char *bench_subject_variant(const bench_subject *b) {
  return b->signal_model ? model_variant(b->signal_model) : text_model_variant(b->text_model);
}

const char *bench_subject_unit(const bench_subject *b) {
  return b->signal_model ? "ECG" : "text";
}

model_cost bench_subject_cost(const bench_subject *b) {
  return b->signal_model ? model_cost_of(b->signal_model) : text_model_cost_of(b->text_model);
}

double bench_subject_peak(const bench_subject *b) {
  return b->signal_model ? model_probe_peak(b->signal_model) : text_model_probe_peak(b->text_model);
}
