/* deepecg bench: how fast models run on this machine. */
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/mapped_file.h"
#include "cli/commands/bench_subject.h"
#include "cli/commands/bench_tokens.h"
#include "cli/commands/command.h"
#include "cli/commands/precision_option.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SAMPLES = 1000 };

typedef struct bench_settings {
  long batch, threads;
  const char *tokens;
  int precision;
  double seconds;
  const char *input, *output;
  bool once, json;
} bench_settings;

#define FIELD(name) #name, .offset = offsetof(bench_settings, name)

static const option_spec bench_specs[] = {
    {FIELD(batch), .kind = OPTION_INTEGER, .default_text = "8", .minimum = 1, .maximum = 4096,
     .value_name = "N", .help = "ECGs or texts in one call"},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "1", .minimum = 1, .maximum = 1024,
     .value_name = "N", .help = "threads"},
    {FIELD(tokens), .kind = OPTION_TEXT, .default_text = "20", .value_name = "N",
     .help = "length of a text, for text models; a list or a range (12,20,33 or 12-48): of the batch's texts "
             "in turn"},
    {FIELD(precision), PRECISION_OPTION},
    {FIELD(seconds), .kind = OPTION_NUMBER, .default_text = "3", .minimum = 0.01, .maximum = 3600,
     .value_name = "S", .help = "how long each model is run"},
    {FIELD(once), .kind = OPTION_FLAG, .default_text = "False",
     .help = "one call, to time a whole process, cold start included; figures only with --json"},
    {FIELD(input), .kind = OPTION_TEXT, .default_text = "", .value_name = "FILE",
     .help = "what to run instead of made-up input: raw float32 (batch, 12, 2500), or a text per line"},
    {FIELD(output), .kind = OPTION_TEXT, .default_text = "", .value_name = "FILE",
     .help = "write the logits there, raw float32 (batch, logits)"},
    {FIELD(json), .kind = OPTION_FLAG, .default_text = "False", .help = "one line of JSON for each model"},
    {0}};

static const option_table bench_options = {bench_specs, NULL, NULL, NULL};

/* One timed call, and the multiply-add units' speed right after it: clocks move. */
typedef struct sample {
  double wall_ms, processor_ms; /* per ECG; the latter summed over threads */
  double peak;                  /* operations per second of one thread */
  double share;                 /* of the peak, while a processor was ours */
} sample;

typedef struct sample_list {
  sample items[MAX_SAMPLES];
  size_t count;
  double others; /* processors that other programs kept busy meanwhile */
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

/* Processor time that everybody has used since the machine started; 0 where the system doesn't tell. */
static double busy_seconds(void) {
  double fields[7] = {0};
  FILE *file = fopen("/proc/stat", "r");
  if (!file)
    return 0;
  int read = fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf", &fields[0], &fields[1], &fields[2], &fields[3],
                    &fields[4], &fields[5], &fields[6]);
  fclose(file);
  return read == 7
             ? (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / (double)sysconf(_SC_CLK_TCK)
             : 0;
}

/* The most memory that this process had at a time, in bytes; 0 where the system doesn't tell. */
static json_int_t peak_memory(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long kilobytes = 0;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
      break;
  if (file)
    fclose(file);
  return (json_int_t)kilobytes * 1024;
}

static bool take_sample(bench_subject *b, const bench_settings *s, sample *result, error *err) {
  double wall = clock_seconds(), processor = processor_seconds();
  if (!bench_subject_run(b, err))
    return false;
  processor = processor_seconds() - processor;
  wall = clock_seconds() - wall;
  double operations = bench_subject_cost(b).operations * (double)s->batch;
  result->wall_ms = 1e3 * wall / (double)s->batch;
  result->processor_ms = 1e3 * processor / (double)s->batch;
  result->peak = bench_subject_peak(b);
  result->share = 100 * operations / processor / result->peak;
  return true;
}

static bool take_samples(bench_subject *b, const bench_settings *s, sample_list *list, error *err) {
  sample warm_up;
  if (!take_sample(b, s, &warm_up, err))
    return false;
  double start = clock_seconds(), end = start + s->seconds;
  double busy = busy_seconds(), own = processor_seconds();
  do {
    if (!take_sample(b, s, &list->items[list->count], err))
      return false;
    list->count++;
  } while (clock_seconds() < end && list->count < MAX_SAMPLES);
  list->others = ((busy_seconds() - busy) - (processor_seconds() - own)) / (clock_seconds() - start);
  if (list->others < 0)
    list->others = 0;
  return true;
}

static json_t *range_json(range r) {
  return json_pack("{s:f, s:f, s:f}", "median", r.median, "min", r.least, "max", r.most);
}

static void print_json(const bench_subject *b, const bench_settings *s, const sample_list *list) {
  model_cost cost = bench_subject_cost(b);
  json_t *line = json_pack(
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:f, s:I, s:I}", "file", bench_subject_path(b),
      "kind", bench_subject_kind(b), "variant", bench_subject_variant(b), "batch", (json_int_t)s->batch,
      "threads", (json_int_t)s->threads, "samples", (json_int_t)list->count, "gflop", cost.operations / 1e9,
      "ms", range_json(range_of(list, offsetof(sample, wall_ms))), "processor_ms",
      range_json(range_of(list, offsetof(sample, processor_ms))), "peak_flops_per_thread",
      range_json(range_of(list, offsetof(sample, peak))), "percent_of_peak_per_processor_time",
      range_json(range_of(list, offsetof(sample, share))), "other_programs", list->others, "bytes",
      (json_int_t)cost.bytes, "peak_bytes", peak_memory());
  json_dumpf(line, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(line);
}

static void print_text(const bench_subject *b, const bench_settings *s, const sample_list *list) {
  model_cost cost = bench_subject_cost(b);
  range wall = range_of(list, offsetof(sample, wall_ms));
  range processor = range_of(list, offsetof(sample, processor_ms));
  range peak = range_of(list, offsetof(sample, peak)), share = range_of(list, offsetof(sample, share));
  double rate = cost.operations / wall.median * 1e-6;
  const char *unit = bench_subject_unit(b);
  printf("%s (%s, %s kernels), batch %ld, threads %ld, %zu samples\n", bench_subject_path(b),
         bench_subject_kind(b), bench_subject_variant(b), s->batch, s->threads, list->count);
  printf("  ms per %-14s %.3f (%.3f-%.3f)\n", unit, wall.median, wall.least, wall.most);
  printf("  processor ms per %-4s %.3f (%.3f-%.3f)\n", unit, processor.median, processor.least,
         processor.most);
  printf("  GFLOP/s               %.1f: %.4g GFLOP per %s, %.0f %% of the peak of %ld x %.1f\n", rate,
         cost.operations / 1e9, unit, 1e11 * rate / (peak.median * (double)s->threads), s->threads,
         peak.median / 1e9);
  printf("  per processor time    %.1f %% of peak (%.1f-%.1f)\n", share.median, share.least, share.most);
  printf("  memory                %.1f MB: packed weights and activations", (double)cost.bytes / 1e6);
  printf("; the process had %.1f MB at most\n", (double)peak_memory() / 1e6);
  if (list->others > 0.12)
    printf("  disturbed: other programs kept %.1f processors busy meanwhile\n", list->others);
}

static bool write_logits(const bench_subject *b, const bench_settings *s, error *err) {
  size_t count;
  const float *logits = bench_subject_logits(b, &count);
  return !*s->output ||
         atomic_file_save(s->output, ATOMIC_FILE_REPLACE, false, logits, count * sizeof *logits, err);
}

static bool measure(bench_subject *b, const bench_settings *s, error *err) {
  sample_list *list = calloc(1, sizeof *list);
  bool ok = (list || error_out_of_memory(err)) && take_samples(b, s, list, err);
  if (ok)
    (s->json ? print_json : print_text)(b, s, list);
  free(list);
  return ok;
}

/* Seconds from the start of opening; what came before is the process's own start. */
static bool run_once(bench_subject *b, const bench_settings *s, double start, error *err) {
  double opened = clock_seconds();
  if (!bench_subject_run(b, err))
    return false;
  if (s->json) {
    json_t *line = json_pack("{s:s, s:s, s:f, s:f, s:I}", "file", bench_subject_path(b), "variant",
                             bench_subject_variant(b), "open_seconds", opened - start, "run_seconds",
                             clock_seconds() - opened, "peak_bytes", peak_memory());
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
  }
  return true;
}

static bool bench_model(const char *path, const bench_settings *s, error *err) {
  token_lengths tokens;
  const bench_input input = {.file = s->input, .batch = (size_t)s->batch, .tokens = &tokens};
  if (!token_lengths_parse(s->tokens, &tokens, err))
    return false;
  double start = clock_seconds();
  const model_options options = {
      .backend = "cpu", .threads = (int)s->threads, .precision = (precision)s->precision, .brief = s->once};
  bench_subject *b = bench_subject_open(path, &options, &input, err);
  bool ok = b && (s->once ? run_once(b, s, start, err) : measure(b, s, err)) && write_logits(b, s, err);
  bench_subject_close(b);
  return ok;
}

static bool check(const void *settings, error *err) {
  const bench_settings *s = settings;
  token_lengths tokens;
  return precision_option_check(s->precision, err) && token_lengths_parse(s->tokens, &tokens, err);
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
    .usage = "usage: deepecg bench [--batch N] [--threads N] [--seconds S] [--json] MODEL ...\n\n"
             "Times models on made-up input: median, least and most of milliseconds per ECG or text, and the "
             "share of\n"
             "what the multiply-add units can do, which is measured between the samples.\n",
    .notes = "Processor time leaves out what other programs took; ms per ECG doesn't.\n"
             "DEEPECG_CPU=generic, avx2 or avx512 in the environment chooses the kernels.",
    .options = &bench_options,
    .settings_size = sizeof(bench_settings),
    .operand_name = "a model file or folder",
    .check = check,
    .run = run,
};
