/* deepecg bench: how fast models run on this machine. */
#include "base/clock.h"
#include "cli/commands/command.h"
#include "model/model.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_SAMPLES = 1000, LEADS = 12, LEAD_SAMPLES = 2500 };

typedef struct bench_settings {
  long batch, threads;
  double seconds;
  bool json;
} bench_settings;

#define FIELD(name) #name, .offset = offsetof(bench_settings, name)

static const option_spec bench_specs[] = {
    {FIELD(batch), .kind = OPTION_INTEGER, .default_text = "8", .minimum = 1, .maximum = 4096,
     .value_name = "N", .help = "ECGs in one call"},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "1", .minimum = 1, .maximum = 1024,
     .value_name = "N", .help = "threads"},
    {FIELD(seconds), .kind = OPTION_NUMBER, .default_text = "3", .minimum = 0.01, .maximum = 3600,
     .value_name = "S", .help = "how long each model is run"},
    {FIELD(json), .kind = OPTION_FLAG, .default_text = "False", .help = "one line of JSON for each model"},
    {0}};

static const option_table bench_options = {bench_specs, NULL, NULL};

/* One timed call, and the multiply-add units' speed right after it: clocks move. */
typedef struct sample {
  double wall_ms, processor_ms; /* per ECG; the latter summed over threads */
  double peak;                  /* operations per second of one thread */
  double share;                 /* of the peak, while a processor was ours */
} sample;

typedef struct sample_list {
  sample items[MAX_SAMPLES];
  size_t count;
} sample_list;

typedef struct range {
  double median, least, most;
} range;

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static range range_of(const sample_list *list, size_t field) {
  double values[MAX_SAMPLES];
  for (size_t i = 0; i < list->count; i++)
    values[i] = *(const double *)((const char *)&list->items[i] + field);
  qsort(values, list->count, sizeof *values, compare);
  return (range){values[list->count / 2], values[0], values[list->count - 1]};
}

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool take_sample(model *m, const bench_settings *s, const float *signals, float *logits,
                        sample *result, error *err) {
  double wall = clock_seconds(), processor = processor_seconds();
  if (!model_predict(m, signals, (size_t)s->batch, logits, err))
    return false;
  processor = processor_seconds() - processor;
  wall = clock_seconds() - wall;
  double operations = model_cost_of(m).operations * (double)s->batch;
  result->wall_ms = 1e3 * wall / (double)s->batch;
  result->processor_ms = 1e3 * processor / (double)s->batch;
  result->peak = model_probe_peak(m);
  result->share = 100 * operations / processor / result->peak;
  return true;
}

static bool take_samples(model *m, const bench_settings *s, const float *signals, float *logits,
                         sample_list *list, error *err) {
  sample warm_up;
  if (!take_sample(m, s, signals, logits, &warm_up, err))
    return false;
  double end = clock_seconds() + s->seconds;
  do {
    if (!take_sample(m, s, signals, logits, &list->items[list->count], err))
      return false;
    list->count++;
  } while (clock_seconds() < end && list->count < MAX_SAMPLES);
  return true;
}

static json_t *range_json(range r) {
  return json_pack("{s:f, s:f, s:f}", "median", r.median, "min", r.least, "max", r.most);
}

static void print_json(const model *m, const bench_settings *s, const sample_list *list) {
  model_cost cost = model_cost_of(m);
  json_t *line = json_pack(
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:I}", "file", model_path(m), "kind",
      model_kind(m), "variant", model_variant(m), "batch", (json_int_t)s->batch, "threads",
      (json_int_t)s->threads, "samples", (json_int_t)list->count, "gflop_per_ecg", cost.operations / 1e9,
      "ms_per_ecg", range_json(range_of(list, offsetof(sample, wall_ms))), "processor_ms_per_ecg",
      range_json(range_of(list, offsetof(sample, processor_ms))), "peak_flops_per_thread",
      range_json(range_of(list, offsetof(sample, peak))), "percent_of_peak_per_processor_time",
      range_json(range_of(list, offsetof(sample, share))), "bytes", (json_int_t)cost.bytes);
  json_dumpf(line, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(line);
}

static void print_text(const model *m, const bench_settings *s, const sample_list *list) {
  model_cost cost = model_cost_of(m);
  range wall = range_of(list, offsetof(sample, wall_ms));
  range processor = range_of(list, offsetof(sample, processor_ms));
  range peak = range_of(list, offsetof(sample, peak)), share = range_of(list, offsetof(sample, share));
  double rate = cost.operations / wall.median * 1e-6;
  printf("%s (%s, %s kernels), batch %ld, threads %ld, %zu samples\n", model_path(m), model_kind(m),
         model_variant(m), s->batch, s->threads, list->count);
  printf("  ms per ECG            %.3f (%.3f-%.3f)\n", wall.median, wall.least, wall.most);
  printf("  processor ms per ECG  %.3f (%.3f-%.3f)\n", processor.median, processor.least, processor.most);
  printf("  GFLOP/s               %.1f: %.4g GFLOP per ECG, %.0f %% of the peak of %ld x %.1f\n", rate,
         cost.operations / 1e9, 1e11 * rate / (peak.median * (double)s->threads), s->threads,
         peak.median / 1e9);
  printf("  per processor time    %.1f %% of peak (%.1f-%.1f)\n", share.median, share.least, share.most);
  printf("  memory                %.1f MB: packed weights and activations\n", (double)cost.bytes / 1e6);
}

/* Signals like ECGs in size; a network's speed depends on nothing else of them. */
static void fill_signals(float *signals, size_t count) {
  uint32_t state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    signals[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
}

static bool bench_model(const char *path, const bench_settings *s, error *err) {
  model_options options = {.backend = "cpu", .threads = (int)s->threads};
  model *m = model_open(path, &options, NULL, err);
  if (!m)
    return false;
  size_t count = (size_t)s->batch * LEADS * LEAD_SAMPLES;
  float *signals = malloc(count * sizeof *signals);
  float *logits = malloc((size_t)s->batch * model_output_count(m) * sizeof *logits);
  sample_list *list = calloc(1, sizeof *list);
  bool ok = signals && logits && list ? true : error_out_of_memory(err);
  if (ok) {
    fill_signals(signals, count);
    ok = take_samples(m, s, signals, logits, list, err);
  }
  if (ok)
    (s->json ? print_json : print_text)(m, s, list);
  free(signals);
  free(logits);
  free(list);
  model_close(m);
  return ok;
}

static int run(const void *settings, const operand_list *files) {
  size_t failed = 0;
  for (size_t i = 0; i < files->count; i++) {
    error err;
    if (!bench_model(files->items[i], settings, &err)) {
      fprintf(stderr, "deepecg bench: %s\n", err.message);
      failed++;
    }
  }
  return failed == 0 ? EXIT_OK : failed == files->count ? EXIT_NOTHING_SUCCEEDED : EXIT_SOME_FAILED;
}

const command command_bench = {
    .name = "bench",
    .title = "deepecg bench",
    .summary = "how fast models run on this machine",
    .usage =
        "usage: deepecg bench [--batch N] [--threads N] [--seconds S] [--json] MODEL ...\n\n"
        "Times models on made-up signals: median, least and most of milliseconds per ECG, and the share of\n"
        "what the multiply-add units can do, which is measured between the samples.\n",
    .notes = "Processor time leaves out what other programs took; ms per ECG doesn't.\n"
             "DEEPECG_CPU=generic, avx2 or avx512 in the environment chooses the kernels.",
    .options = &bench_options,
    .settings_size = sizeof(bench_settings),
    .operand_name = "a model file or folder",
    .run = run,
};
