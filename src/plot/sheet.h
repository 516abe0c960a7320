/* The standard 12-lead sheet: three rows of four leads, 2.5 s each, above a rhythm strip of lead II, on
 * millimetre paper at 25 mm/s and 10 mm/mV, with a calibration pulse of 1 mV in front of every row. A4,
 * landscape. */
#ifndef DEEPECG_PLOT_SHEET_H
#define DEEPECG_PLOT_SHEET_H

#include "base/buffer.h"
#include "ecg/record.h"

typedef enum sheet_format { SHEET_SVG, SHEET_PDF, SHEET_PNG, SHEET_FORMAT_COUNT } sheet_format;

extern const char
    *const sheet_format_names[SHEET_FORMAT_COUNT]; /* "svg", "pdf", "png": also the file endings */

/* Twelve leads of `samples` values each, in the order of ecg_lead. */
typedef struct sheet_trace {
  const float *leads[ECG_LEADS];
  size_t samples; /* per lead */
  double sampling_rate_hz;
  double microvolts_per_unit;
} sheet_trace;

enum { SHEET_NOTES = 4 };

/* What is drawn. Every lead is shown about its own median, so that an offset doesn't leave its row; samples
 * beyond the first 10 s are left out. */
typedef struct sheet {
  sheet_trace trace;
  const sheet_trace *before;      /* drawn thin and pale below the trace, to compare with; may be NULL */
  const char *title;              /* UTF-8, as all texts; cut where they are too long for the sheet */
  const char *notes[SHEET_NOTES]; /* lines below the title; NULL: none */
  const char *footer;             /* below the grid, before the scales */
} sheet;

/* Append the finished file to `out`. PNG has 200 dots per inch. Fails with ERROR_DATA for an empty trace or
 * one whose rate or unit is not positive and finite, and when memory is out. Thread-safe. */
bool sheet_draw(const sheet *s, sheet_format format, buffer *out, error *err);

#endif
