/* The electrical heart of one patient: every beat is a sum of bell-shaped waves, each a vector in space, so
 * that the heart is one moving dipole; eight leads are projections of it.
 *
 * Sources. The projection: G. E. Dower, "A lead synthesizer for the Frank system to simulate the standard
 * 12-lead electrocardiogram", J Electrocardiol 1968. Waves as Gaussians: McSharry et al., "A dynamical model
 * for generating synthetic electrocardiogram signals", IEEE Trans Biomed Eng 2003. Sizes and directions of
 * the waves are this project's own, set so that the twelve leads look as the textbooks describe each
 * condition. */
#ifndef DEEPECG_SYNTH_HEART_H
#define DEEPECG_SYNTH_HEART_H

#include "synth/patient.h"
#include "synth/random.h"
#include "synth/vector.h"

#include <stddef.h>

/* The leads that are not combinations of others. */
typedef enum independent_lead {
  INDEPENDENT_I,
  INDEPENDENT_II,
  INDEPENDENT_V1,
  INDEPENDENT_V2,
  INDEPENDENT_V3,
  INDEPENDENT_V4,
  INDEPENDENT_V5,
  INDEPENDENT_V6,
  INDEPENDENT_LEADS
} independent_lead;

typedef enum wave_part { PART_P, PART_SPIKE, PART_QRS, PART_ST, PART_T, PART_U } wave_part;

/* A bell whose two flanks may differ. P, SPIKE and QRS: centre and flanks (standard deviations) in seconds
 * from the onset of the P or the QRS. ST, T and U: in fractions of the time from the end of the QRS to the
 * end of the T, which shrinks as the heart beats faster. */
typedef struct heart_wave {
  wave_part part;
  double centre, rise, fall;
  vector dipole_mv;
} heart_wave;

enum { BEAT_WAVES = 14 };

typedef struct beat_shape {
  heart_wave waves[BEAT_WAVES];
  size_t wave_count;
  double qrs_s; /* nominal; 0 for an atrial shape */
} beat_shape;

typedef enum atrial_shape { ATRIAL_DOMINANT, ATRIAL_PREMATURE, ATRIAL_SHAPES } atrial_shape;
typedef enum ventricular_shape {
  VENTRICULAR_DOMINANT,
  VENTRICULAR_ECTOPIC,
  VENTRICULAR_OTHER_ECTOPIC,
  VENTRICULAR_SHAPES
} ventricular_shape;

/* Atrial activity without P waves, after Stridh and Soernmo (IEEE Trans Biomed Eng 2001): a sawtooth of three
 * harmonics whose size and frequency drift. Fibrillation is two of them, in different directions and out of
 * step; flutter is one, steady. */
typedef struct atrial_saw {
  vector direction_mv;
  double rate_hz, phase_turns;  /* rate 0: none */
  double second, third;         /* size of the harmonics, that of the first being 1 */
  double drift_hz, drift_turns; /* how fast and how far the phase swings */
  double swell_hz, swell;       /* the same for the size */
} atrial_saw;

enum { ATRIAL_SAWS = 2 };

typedef struct heart {
  beat_shape atrial[ATRIAL_SHAPES];
  beat_shape ventricular[VENTRICULAR_SHAPES];
  atrial_saw saws[ATRIAL_SAWS];
  vector projection[INDEPENDENT_LEADS]; /* millivolts on the lead per millivolt of dipole, for this torso */
  double qtc_s;
  double breath_hz, breath_turns; /* breathing moves the rate, the size of the beats and the baseline */
  double breath_gain;             /* relative change of size */
} heart;

/* Do the ventricles beat (or get paced) on their own, so that the QRS says nothing of the bundles? */
bool heart_beats_are_ventricular(const heart_patient *patient);

heart heart_of_patient(const heart_patient *patient, random_stream *random);

/* QT interval in seconds of a ventricular beat of that shape which follows the previous one by rr_s:
 * Framingham's QT = QTc + 0.154 (RR - 1), plus 0.7 s for each second by which its QRS is wider than 0.1 s. */
double heart_qt(const heart *h, const beat_shape *shape, double rr_s);

#endif
