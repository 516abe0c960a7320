/* ECG files, read and cleaned: what every model is asked about. */
#ifndef DEEPECG_PREDICTION_CLEANED_SIGNALS_H
#define DEEPECG_PREDICTION_CLEANED_SIGNALS_H

#include "prediction/prediction.h"

enum {
  SIGNAL_VALUES = ECG_SAMPLES * ECG_LEADS,
  FEW_RECORDS = 8 /* up to so many records models are opened for a few runs */
};

typedef struct cleaned_signals {
  float *values;   /* (count, 12 leads, 2500 samples), of the files that could be read: 120 kB each */
  size_t *numbers; /* which file each is of */
  size_t count, room;
} cleaned_signals;

/* Files that are cleaned together. */
typedef struct file_batch {
  const char *const *paths;
  size_t count;
  size_t first, total; /* the first one's number, and how many there are in all */
} file_batch;

/* Room for so many signals. Free with cleaned_signals_free (also after a failure). */
bool cleaned_signals_create(cleaned_signals *s, size_t room, error *err);
void cleaned_signals_free(cleaned_signals *s);

/* Read the batch, clean it, and add its signals to those before. answers[0..count) say what is known of each
 * file; their texts live in `memory`. A file that fails is named in its answer and costs the others nothing.
 * False and *err when nothing can be done at all (memory), or when cancelled: "interrupted". */
bool cleaned_signals_read(cleaned_signals *s, const file_batch *batch, const prediction_options *options,
                          const reporter *r, ecg_answer *answers, arena *memory, error *err);

/* Was it cancelled? Then *err says "interrupted". */
bool prediction_interrupted(const prediction_options *options, error *err);

#endif
