/* From a tree of DICOM files to arrays and a table, as DeepECG_Docker's extract_metadata_from_dicoms.py does.
 */
#ifndef DEEPECG_PIPELINE_EXTRACT_H
#define DEEPECG_PIPELINE_EXTRACT_H

#include "base/error.h"
#include "base/reporter.h"

#include <signal.h>
#include <stddef.h>

typedef struct extract_options {
  const char *dicom_folder, *out_folder;
  int threads;
  /* Set by a signal handler to stop between two files; may be NULL. Arrays that are written by then are
   * whole, and there is no table. */
  const volatile sig_atomic_t *cancelled;
} extract_options;

typedef struct extract_summary {
  size_t files;         /* looked at */
  size_t not_dicom;     /* of these, skipped */
  size_t other_objects; /* DICOM, but no waveforms: skipped too */
  size_t extracted, failed;
  size_t warnings;           /* extracted, but with something to know */
  size_t without_statements; /* extracted, with an empty diagnosis */
} extract_summary;

extern const char extract_table_name[], extract_report_name[]; /* "table.csv", "extract_report.csv" */

/* Look at every file below dicom_folder (see file_tree.h) and write into out_folder, which is made where
 * needed:
 *
 * - ecg_signal_{i}.npy for the i-th DICOM waveform in the tree's order (from 0; none for one that fails): the
 *   first 10 s, float32 (N, 12), microvolts / 4.88; N = 10 s at the file's own rate where that is a multiple
 *   of 250 Hz, 2500 where the file had to be resampled. The pipeline gives the same cleaned bits from it as
 *   from the DICOM file.
 * - table.csv: columns 77_classes_ecg_file_name and ecg_machine_diagnosis, a row for each array, in order.
 * - extract_report.csv: dicom_path, 77_classes_ecg_file_name, status (Success or Failed) and message, a row
 * for each DICOM waveform and for each file or folder that could not be read.
 *
 * A file that fails, fails alone. The result doesn't depend on the number of threads. False: a folder or
 * table that cannot be read or written, out of memory, cancelled. */
bool extract_run(const extract_options *options, const reporter *r, extract_summary *summary, error *err);

#endif
