/* What a perfect electrocardiograph would measure: intervals, amplitudes and axes of the dominant beat
 * without any noise, on a grid of 1 ms whatever the file's sampling rate. Findings, statements and labels are
 * read from these numbers, so that what is written about a record is true of its signal. */
#ifndef DEEPECG_SYNTH_MEASURE_H
#define DEEPECG_SYNTH_MEASURE_H

#include "ecg/record.h"
#include "synth/schedule.h"

/* Sizes are in millivolts and never negative unless said otherwise; a deflection that is not there is 0. */
typedef struct lead_measurement {
  double q_mv, q_s; /* first deflection down, before any R; a QS complex is a Q without an R */
  double r_mv, s_mv, r_prime_mv;
  double qrs_area; /* signed, mV s */
  double st_mv;    /* signed, 60 ms after the end of the QRS */
  double st_slope; /* signed, mV/s, from 20 to 80 ms after it */
  double t_mv;     /* signed, the larger of peak and trough */
  double p_mv;     /* signed, likewise */
  double p_force;  /* depth times duration of the P's final dip, mV s */
} lead_measurement;

typedef struct heart_measurements {
  lead_measurement leads[ECG_LEADS];
  bool p_present, p_conducted; /* a P wave exists; it leads to the QRS (so that PR has a meaning) */
  double p_s, pr_s, qrs_s, qt_s;
  double qtc_s;                                            /* Framingham */
  double qtc_bazett_s;                                     /* QT / sqrt(RR), what the machines print */
  double p_axis_degrees, qrs_axis_degrees, t_axis_degrees; /* (-180, 180] */
  double rate_bpm, atrial_rate_bpm;                        /* the latter 0 where there is no P wave */
  double rr_s;                                             /* mean */
  double rr_variation;                                     /* standard deviation / mean */
  unsigned beats, premature_atrial, premature_ventricular; /* inside the record */
  bool two_ectopic_shapes;
  bool ectopy_every_other, ectopy_every_third; /* throughout: bigeminy, trigeminy */
} heart_measurements;

heart_measurements heart_measure(const heart *h, const heart_patient *patient,
                                 const heart_schedule *schedule);

/* A lead's axis formula, for areas or amplitudes: degrees of the frontal vector seen by leads I and II. */
double frontal_axis_degrees(double lead_i, double lead_ii);

#endif
