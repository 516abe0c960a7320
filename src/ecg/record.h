/* One 12-lead ECG as a file delivered it. */
#ifndef DEEPECG_ECG_RECORD_H
#define DEEPECG_ECG_RECORD_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { ECG_LEADS = 12 };

typedef enum ecg_lead {
  LEAD_I,
  LEAD_II,
  LEAD_III,
  LEAD_AVR,
  LEAD_AVL,
  LEAD_AVF,
  LEAD_V1,
  LEAD_V2,
  LEAD_V3,
  LEAD_V4,
  LEAD_V5,
  LEAD_V6
} ecg_lead;

/* "I" ... "V6", in the order of the enumeration. */
extern const char *const ecg_lead_names[ECG_LEADS];

/* The lead that a name of a file means, or -1 (also for leads beyond the twelve, as V3R, and for -aVR, which
 * has the other sign). Case and decoration are ignored ("AVR", "Lead aVR", "MDC_ECG_LEAD_AVR", "ECG I", "aVL,
 * augmented voltage, left"). `length` bytes, no NUL needed. */
int ecg_lead_from_name(const char *name, size_t length);

/* Where a record's twelve leads come from. */
typedef enum ecg_lead_source { LEAD_MISSING, LEAD_STORED, LEAD_DERIVED } ecg_lead_source;

/* Checksums of the samples in the file itself. */
typedef enum ecg_checksum { CHECKSUM_NONE, CHECKSUM_MATCHES, CHECKSUM_DIFFERS } ecg_checksum;

/* A record owns its arena; every pointer in it points into the arena or to a constant. Samples are in the
 * file's own unit. */
typedef struct ecg_record {
  arena *memory;
  const char *format;      /* what the reports call it: "MHI", "CLSA", "NPY"; a constant */
  bool in_reference;       /* the reference reads this format too: its stored numbers count as they are */
  size_t samples;          /* per lead */
  float *leads[ECG_LEADS]; /* leads[lead][sample]; NULL where LEAD_MISSING */
  ecg_lead_source source[ECG_LEADS];
  double sampling_rate_hz;      /* 0 where the file doesn't declare it */
  double microvolts_per_unit;   /* 0 where the file doesn't declare it */
  const char *device;           /* "" where unknown */
  const char *acquisition_time; /* as the file spells it, "" where unknown */
  const char *statements; /* the machine's diagnosis, joined as the format's reader documents; "" if none */
  size_t statement_count; /* texts that were joined */
  ecg_checksum checksum;
  const char *warning; /* what the reader found odd (a CRC that doesn't match, ...), "" if nothing */
} ecg_record;

/* An empty record with its arena. Destroy with ecg_record_clear (safe on a zeroed struct, and twice). */
bool ecg_record_init(ecg_record *record, error *err);
void ecg_record_clear(ecg_record *record);

/* Room for one stored lead of record->samples values, which the caller fills. A lead that is there already is
 * an error. */
float *ecg_record_add_lead(ecg_record *record, ecg_lead lead, error *err);

/* How the other limb leads follow from I and II: lead = a*I + b*II, in float32. */
typedef struct ecg_limb_rule {
  ecg_lead lead;
  float a, b;
} ecg_limb_rule;

enum { ECG_LIMB_RULES = 4 };
extern const ecg_limb_rule ecg_limb_rules[ECG_LIMB_RULES];

/* Fill in III, aVR, aVL and aVF where absent: III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II -
 * I/2. Other missing leads ("Missing leads V3, V4"), values that are not finite, and values beyond 1e12 are
 * an error that names the leads. */
bool ecg_record_complete(ecg_record *record, error *err);

#endif
