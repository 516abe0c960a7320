/* deepecg plot: the standard 12-lead sheet of an ECG file. */
#include "base/atomic_file.h"
#include "cleaning/cleaning.h"
#include "cli/commands/command.h"
#include "ecg/conform.h"
#include "ecg/formats/format.h"
#include "plot/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct plot_settings {
  const char *out;
  double microvolts_per_unit;
  bool cleaned;
} plot_settings;

#define FIELD(name) #name, .offset = offsetof(plot_settings, name)

static const option_spec plot_specs[] = {
    {FIELD(out), .kind = OPTION_TEXT, .default_text = "", .value_name = "FILE", .letter = 'o',
     .help = "the picture: its name ends in .svg, .pdf or .png"},
    {FIELD(cleaned), .kind = OPTION_FLAG, .default_text = "False",
     .help = "the cleaned signal, over the signal as it was (pale)"},
    {FIELD(microvolts_per_unit), .kind = OPTION_NUMBER, .default_text = "4.88", .minimum = 1e-6,
     .maximum = 1e6, .value_name = "UV", .help = "microvolts per unit of a file that doesn't declare it"},
    {0}};

static const option_table plot_options = {plot_specs, NULL, NULL, NULL};

static bool format_of(const char *path, sheet_format *format) {
  const char *ending = strrchr(path, '.');
  for (int f = 0; ending && f < SHEET_FORMAT_COUNT; f++)
    if (strcasecmp(ending + 1, sheet_format_names[f]) == 0) {
      *format = (sheet_format)f;
      return true;
    }
  return false;
}

static bool check(const void *settings, error *err) {
  const plot_settings *s = settings;
  sheet_format format;
  if (!*s->out)
    return error_set(err, ERROR_USAGE, "--out: wanted, the picture to write (.svg, .pdf or .png)");
  return format_of(s->out, &format) ||
         error_set(err, ERROR_USAGE, "--out: '%s' is not allowed; its ending must be .svg, .pdf or .png",
                   s->out);
}

/* What is drawn of a record, and the memory behind it. */
typedef struct picture {
  ecg_record record;
  float *cleaned; /* 12 leads of ECG_SAMPLES values, lead by lead; NULL without --cleaned */
  sheet_trace raw, clean;
  char notes[3][256];
} picture;

static void picture_clear(picture *p) {
  ecg_record_clear(&p->record);
  free(p->cleaned);
}

static void describe(picture *p, const plot_settings *s) {
  const ecg_record *r = &p->record;
  char rate[64] = "rate not declared, 250 Hz or its multiple assumed", unit[64];
  if (r->sampling_rate_hz > 0)
    snprintf(rate, sizeof rate, "%g Hz", r->sampling_rate_hz);
  if (r->microvolts_per_unit > 0)
    snprintf(unit, sizeof unit, "%g uV per unit", r->microvolts_per_unit);
  else
    snprintf(unit, sizeof unit, "unit not declared, %g uV assumed", s->microvolts_per_unit);
  snprintf(p->notes[0], sizeof p->notes[0], "%s%s%s   %s   %s", ecg_format_name(r->format),
           *r->device ? "   " : "", r->device, rate, unit);
  snprintf(p->notes[1], sizeof p->notes[1], "%s%s", *r->statements ? "Machine's statement: " : "",
           r->statements);
  snprintf(p->notes[2], sizeof p->notes[2], "%s",
           s->cleaned ? "Cleaned as published, alone (dark), over the signal as it was (pale)" : "");
}

static sheet_trace raw_trace(const ecg_record *r, const plot_settings *s) {
  sheet_trace trace = {.samples = r->samples,
                       .sampling_rate_hz = r->sampling_rate_hz,
                       .microvolts_per_unit =
                           r->microvolts_per_unit > 0 ? r->microvolts_per_unit : s->microvolts_per_unit};
  if (!(trace.sampling_rate_hz > 0)) /* such a record is taken for one of 10 s, as the pipeline does */
    trace.sampling_rate_hz = fmax(1, floor((double)r->samples / ECG_SAMPLES)) * ECG_RATE_HZ;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    trace.leads[lead] = r->leads[lead];
  return trace;
}

/* The cleaning of this record as a batch of one; its common scale is undone, so that both traces have one
 * unit. */
static bool clean(picture *p, error *err) {
  enum { VALUES = ECG_SAMPLES * ECG_LEADS };
  float *signal = malloc(VALUES * sizeof *signal);
  spectrum_sum *sum = calloc(1, sizeof *sum);
  cleaning_workspace *workspace = cleaning_workspace_create(err);
  cleaning_plan *plan = NULL;
  p->cleaned = malloc(VALUES * sizeof *p->cleaned);
  if (workspace && (!signal || !sum || !p->cleaned))
    error_out_of_memory(err);
  else if (workspace && ecg_conform(&p->record, ECG_UNITS_STORED, signal, NULL, 0, err)) {
    spectrum_sum_add(sum, signal, workspace);
    plan = cleaning_plan_create(sum, err);
  }
  if (plan) {
    cleaning_apply(plan, signal, signal, workspace);
    for (size_t i = 0; i < VALUES; i++)
      p->cleaned[i % ECG_LEADS * ECG_SAMPLES + i / ECG_LEADS] = (float)((double)signal[i] / plan->factor);
  }
  bool ok = plan != NULL;
  cleaning_plan_destroy(plan);
  cleaning_workspace_destroy(workspace);
  free(sum);
  free(signal);
  return ok;
}

static void set_clean_trace(picture *p) {
  double unit = ecg_conformed_unit(&p->record, ECG_UNITS_STORED);
  p->clean = (sheet_trace){.samples = ECG_SAMPLES,
                           .sampling_rate_hz = ECG_RATE_HZ,
                           .microvolts_per_unit = unit > 0 ? unit : p->raw.microvolts_per_unit};
  for (int lead = 0; lead < ECG_LEADS; lead++)
    p->clean.leads[lead] = p->cleaned + (size_t)lead * ECG_SAMPLES;
}

static bool plot(picture *p, const char *path, const plot_settings *s, error *err) {
  if (!ecg_read_file(path, &p->record, NULL, err))
    return false;
  describe(p, s);
  p->raw = raw_trace(&p->record, s);
  if (s->cleaned) {
    if (!clean(p, err))
      return error_prefix(err, "%s", path);
    set_clean_trace(p);
  }
  const char *slash = strrchr(path, '/');
  sheet page = {.trace = s->cleaned ? p->clean : p->raw,
                .before = s->cleaned ? &p->raw : NULL,
                .title = slash ? slash + 1 : path,
                .notes = {p->notes[0], p->notes[1], p->notes[2]},
                .footer = "deepecg " DEEPECG_VERSION "   for research, not a medical device"};
  sheet_format format = SHEET_SVG;
  format_of(s->out, &format);
  buffer file = {0};
  bool ok = sheet_draw(&page, format, &file, err) &&
            atomic_file_save(s->out, ATOMIC_FILE_REPLACE, true, file.data, file.size, err);
  buffer_free(&file);
  return ok;
}

static int run(const void *settings, const operand_list *files) {
  if (files->count > 1) {
    fprintf(stderr, "deepecg plot: one ECG file is wanted, not %zu\n", files->count);
    return EXIT_USAGE;
  }
  picture p = {0};
  error err;
  bool ok = plot(&p, files->items[0], settings, &err);
  picture_clear(&p);
  if (!ok)
    fprintf(stderr, "deepecg plot: %s\n", err.message);
  return ok ? EXIT_OK : EXIT_NOTHING_SUCCEEDED;
}

const command command_plot = {
    .name = "plot",
    .title = "deepecg plot",
    .summary = "the standard 12-lead sheet of an ECG file, as SVG, PDF or PNG",
    .usage = "usage: deepecg plot ECG-FILE -o PICTURE.svg|pdf|png [--cleaned]\n\n"
             "Draws 3 x 4 leads and a rhythm strip at 25 mm/s and 10 mm/mV on A4. Each lead is shown about "
             "its median.\n",
    .notes = "The sheet shows the file's name and the machine's statement, and no patient's name or number "
             "from within the file.",
    .options = &plot_options,
    .settings_size = sizeof(plot_settings),
    .operand_name = "an ECG file",
    .check = check,
    .run = run,
};
