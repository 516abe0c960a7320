/* DICOM data elements (PS3.5 section 7) as a walk through known ones: what DICOM objects are read with.
 *
 * A format names the elements that it wants in a table of rules; everything else is skipped, by its declared
 * length where it has one. Explicit and implicit value representations, little- and big-endian, sequences and
 * items of defined and of undefined length, sequences sent as UN. Files are foreign: every length is checked
 * against what encloses it, depth and number of elements are bounded. */
#ifndef DEEPECG_ECG_FORMATS_DICOM_ELEMENTS_H
#define DEEPECG_ECG_FORMATS_DICOM_ELEMENTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
  DICOM_DATA_SET = 0, /* the parent of the outermost elements */
  DICOM_MAX_DEPTH = 32,
  DICOM_MAX_ELEMENTS = 1000000
};

/* (gggg,eeee) as one number, in the standard's order. */
#define DICOM_TAG(group, element) ((uint32_t)(group) << 16 | (element))

typedef struct dicom_syntax {
  bool implicit_vr, big_endian;
} dicom_syntax;

/* A value as it lies in the data set; bytes live as long as that. */
typedef struct dicom_value {
  const uint8_t *bytes;
  size_t length;
  char vr[2]; /* "\0" where implicit */
  bool big_endian;
} dicom_value;

/* Inside `parent`, the element `tag` is `element`, a number above 0 that the format chooses. A sequence's
 * number is the parent of the elements in its items. */
typedef struct dicom_rule {
  int parent;
  uint32_t tag;
  int element;
  bool sequence;
} dicom_rule;

/* Callbacks for what a rule names; false with *err set stops the walk. */
typedef struct dicom_walk {
  const dicom_rule *rules;
  size_t rule_count;
  bool (*item_start)(void *context, int sequence, error *err);
  bool (*item_end)(void *context, int sequence, error *err);
  bool (*value)(void *context, int element, const dicom_value *value, error *err);
} dicom_walk;

/* Walk through a data set; messages give offsets from its first byte, and never a value. Up to 7 zero bytes
 * after the last element are passed over. Thread-safe. */
bool dicom_read(const uint8_t *data, size_t size, dicom_syntax syntax, const dicom_walk *walk, void *context,
                error *err);

/* One element's header, for those who look at the first elements only: false where none begins at
 * data[*offset]. On success *offset is where the value begins, which may end beyond `size`. A length of
 * UINT32_MAX is undefined. */
typedef struct dicom_header {
  uint32_t tag, length;
  char vr[2];
} dicom_header;

bool dicom_read_header(const uint8_t *data, size_t size, dicom_syntax syntax, size_t *offset,
                       dicom_header *header);

/* Does data[offset] begin like an element with an explicit value representation? */
bool dicom_is_explicit(const uint8_t *data, size_t size, size_t offset);

/* ---- Values; false where the value is not what is asked for ---- */

/* The first of the values, without the padding (blanks, NULs) around it. */
void dicom_text(const dicom_value *value, const char **text, size_t *length);
/* Is the first value, padding aside, `word` in any case? */
bool dicom_text_is(const dicom_value *value, const char *word);
/* A decimal string (DS, IS) that is a finite number. */
bool dicom_decimal(const dicom_value *value, double *number);
/* US and UL: 2 or 4 bytes. */
bool dicom_unsigned(const dicom_value *value, uint32_t *number);

#endif
