#include "pipeline/pipeline.h"

#include "base/arena.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/leftovers.h"
#include "pipeline/analysis.h"
#include "pipeline/demo_notice.h"
#include "pipeline/input_table.h"
#include "pipeline/lost_files.h"
#include "pipeline/model_folders.h"
#include "pipeline/paths.h"
#include "pipeline/preprocessing.h"
#include "pipeline/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *const pipeline_mode_names[] = {"full_run", "preprocessing", "analysis", NULL};

/* A run owns its stamp through a file, which it holds, so that two runs in one second don't write to the same
 * names. */
typedef struct stamp_claim {
  char *path;
  int fd;
} stamp_claim;

static void give_up_claim(const stamp_claim *claim) {
  unlink(claim->path);
  close(claim->fd);
}

static bool claim_stamp(arena *memory, const pipeline_options *options, run_summary *summary,
                        stamp_claim *claim, error *err) {
  enum { TRIES = 600 };
  for (int i = 0; i < TRIES; i++) {
    memcpy(summary->stamp, time_stamp_now().text, sizeof summary->stamp);
    char *done = arena_printf(memory, err, "%s/%s_run.json", options->output_folder, summary->stamp);
    claim->path =
        arena_printf(memory, err, "%s/" LEFTOVER_PREFIX "%s.run", options->output_folder, summary->stamp);
    if (!done || !claim->path)
      return false;
    claim->fd = open(claim->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (claim->fd >= 0) {
      if (!leftover_hold(claim->fd, claim->path)) {
        close(claim->fd); /* another run is just tidying up */
        continue;
      }
      if (!path_exists(done))
        return true;
      give_up_claim(claim); /* an earlier run of this second has finished already */
    } else if (errno != EEXIST) {
      return error_set_errno(err, errno, "%s: cannot be written to", options->output_folder);
    }
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  return error_set(err, ERROR_IO, "%s: every time stamp of the last minute is taken", options->output_folder);
}

/* The table itself, or the folder that holds csv_file_name (beside data_path where that is a file). */
static char *table_path(arena *memory, const pipeline_options *options, error *err) {
  const char *path = options->data_path;
  struct stat status;
  bool folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
  if (!*options->csv_file_name) {
    if (!folder)
      return arena_strdup(memory, path, err);
    error_set(err, ERROR_USAGE, "%s is a folder; name the table in it with --csv_file_name", path);
    return NULL;
  }
  if (folder || !*path)
    return path_join(memory, path, options->csv_file_name, err);
  const char *slash = strrchr(path, '/');
  char *parent = arena_strndup(memory, path, slash ? (size_t)(slash - path) + 1 : 0, err);
  return parent ? path_join(memory, parent, options->csv_file_name, err) : NULL;
}

static bool clean(const input_table *table, const pipeline_options *options, const reporter *r,
                  error_list *errors, run_summary *summary, lost_files *lost, error *err) {
  if (options->mode == MODE_ANALYSIS)
    return lost_files_of_table(lost, table, options->ecg_signals_path, err);
  double start = clock_seconds();
  if (!preprocessing_run(table, options, r, errors, summary, lost, err))
    return false;
  summary_add_stage(summary, clock_seconds() - start, "preprocessing");
  return true;
}

static void analyse(analysis *a, const lost_files *lost, const pipeline_options *options, const reporter *r,
                    error_list *errors, run_summary *summary) {
  double start = clock_seconds();
  size_t before = errors->count;
  analysis_run(a, lost, r, errors, summary);
  summary_add_stage(summary, clock_seconds() - start, "analysis");
  /* Between two models an interruption leaves no other trace than results that are not there. */
  if (options->cancelled && *options->cancelled && errors->count == before)
    error_list_add(errors, "analysis", "stopped", "interrupted");
}

/* False and *err: stopped before the analysis. */
static bool clean_and_analyse(const input_table *table, const pipeline_options *options, const reporter *r,
                              error_list *errors, run_summary *summary, error *err) {
  lost_files lost = {0};
  /* Its first models are opened while ECGs are cleaned. */
  analysis *a = options->mode == MODE_PREPROCESSING ? NULL : analysis_begin(table, options, err);
  bool ok =
      (a || options->mode == MODE_PREPROCESSING) && clean(table, options, r, errors, summary, &lost, err);
  if (ok && a)
    analyse(a, &lost, options, r, errors, summary);
  analysis_end(a);
  lost_files_free(&lost);
  return ok;
}

static void run_steps(const input_table *table, const pipeline_options *options, const reporter *r,
                      error_list *errors, run_summary *summary) {
  error reason;
  if (!clean_and_analyse(table, options, r, errors, summary, &reason))
    error_list_add(errors, options->mode == MODE_ANALYSIS ? "analysis" : "preprocessing", "stopped",
                   reason.message);
}

/* A run that ends well and has predicted nothing has been asked for nothing, most likely by mistake. */
static void list_nothing_predicted(const pipeline_options *options, const run_summary *s,
                                   error_list *errors) {
  error reason;
  if (options->mode == MODE_PREPROCESSING || errors->count || s->rows_predicted)
    return;
  if (!options->use_wcr && !options->use_efficientnet)
    error_set(&reason, ERROR_DATA, "both families of models are off (--mode preprocessing only cleans ECGs)");
  else
    error_set(&reason, ERROR_DATA, "no row of the table has %sa file name and a cleaned ECG in %s",
              options->predictions_only ? "" : "a label, ", options->preprocessing_folder);
  error_list_add(errors, "analysis", "nothing was predicted", reason.message);
}

static bool prepare_models(arena *memory, const input_table *table, const pipeline_options *options,
                           const reporter *r, error_list *errors, error *err) {
  if (!demo_notice_copy(memory, options->weights_folder, options->output_folder, r, err))
    return false;
  model_folders_ensure(table, options, r, errors);
  return true;
}

static bool finish_summary(const pipeline_options *options, const error_list *errors, run_summary *summary,
                           error *err) {
  double start = clock_seconds();
  summary_finish(summary, options->cancelled && *options->cancelled);
  if (summary->model_count)
    summary_add_stage(summary, clock_seconds() - start, "checksums of models");
  return summary_write(summary, options, errors, err);
}

static bool run_in_folder(arena *memory, const pipeline_options *options, const reporter *r,
                          error_list *errors, run_summary *summary, error *err) {
  double start = clock_seconds();
  input_table table;
  char *path = table_path(memory, options, err);
  if (!path)
    return false;
  if (!input_table_open(&table, path, options->predictions_only, err)) {
    input_table_close(&table);
    return false;
  }
  stamp_claim claim;
  bool ok = make_folders(options->output_folder, err) && claim_stamp(memory, options, summary, &claim, err);
  if (!ok)
    *summary->stamp = '\0';
  if (ok) {
    leftovers_remove(options->output_folder);
    summary_add_stage(summary, clock_seconds() - start, "read table");
    ok = options->mode == MODE_PREPROCESSING || prepare_models(memory, &table, options, r, errors, err);
    if (ok) {
      run_steps(&table, options, r, errors, summary);
      list_nothing_predicted(options, summary, errors);
      ok = finish_summary(options, errors, summary, err);
    }
    give_up_claim(&claim);
  }
  input_table_close(&table);
  return ok;
}

void pipeline_run(const pipeline_options *options, const reporter *r, error_list *errors,
                  run_summary *summary) {
  *summary = (run_summary){0};
  error reason;
  arena *memory = arena_create(&reason);
  if (!memory || !run_in_folder(memory, options, r, errors, summary, &reason))
    error_list_add(errors, pipeline_mode_names[options->mode], "stopped", reason.message);
  arena_destroy(memory);
}
