/* From a heart and its schedule to clean leads. */
#ifndef DEEPECG_SYNTH_RENDER_H
#define DEEPECG_SYNTH_RENDER_H

#include "synth/schedule.h"

/* Samples of the dipole in millivolts, evenly spaced, the first one at start_s. The arrays belong to the
 * caller. */
typedef struct dipole_track {
  double *x, *y, *z;
  size_t samples;
  double start_s, rate_hz;
} dipole_track;

/* Which parts of a beat to add. */
enum {
  RENDER_P = 1 << PART_P,
  RENDER_SPIKE = 1 << PART_SPIKE,
  RENDER_QRS = 1 << PART_QRS,
  RENDER_RECOVERY = 1 << PART_ST | 1 << PART_T | 1 << PART_U,
  RENDER_ALL = RENDER_P | RENDER_SPIKE | RENDER_QRS | RENDER_RECOVERY
};

void dipole_clear(dipole_track *track);

/* Add one beat (atrial or ventricular) that begins at onset_s. qt_s is read for ST, T and U only. */
void dipole_add_beat(dipole_track *track, const beat_shape *shape, double onset_s, double qt_s, double gain,
                     unsigned parts);

/* Clear the track and add all that the heart does: scheduled beats, whose size follows the breath, and atrial
 * waves. */
void dipole_render(dipole_track *track, const heart *h, const heart_schedule *schedule);

/* One projection of the track, in microvolts. */
void dipole_project(const dipole_track *track, vector projection, double *microvolts);

#endif
