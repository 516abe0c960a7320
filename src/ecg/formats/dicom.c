#include "ecg/formats/dicom.h"

#include "base/utf8.h"
#include "ecg/formats/code_pages.h"
#include "ecg/formats/dicom_file.h"
#include "ecg/formats/dicom_group.h"
#include "ecg/formats/field_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum element {
  CHARACTER_SET = 1,
  SOP_CLASS,
  ACQUISITION_DATE,
  CONTENT_DATE,
  ACQUISITION_DATE_TIME,
  ACQUISITION_TIME,
  CONTENT_TIME,
  MANUFACTURER,
  MODEL,
  ANNOTATION,
  ANNOTATION_TEXT,
  GROUP,
  TIME_OFFSET,
  ORIGINALITY,
  CHANNEL_COUNT,
  SAMPLE_COUNT,
  SAMPLING_FREQUENCY,
  GROUP_LABEL,
  CHANNEL,
  CHANNEL_LABEL,
  SOURCE,
  SOURCE_CODE,
  SOURCE_SCHEME,
  SOURCE_MEANING,
  SENSITIVITY,
  UNITS,
  UNIT_CODE,
  CORRECTION,
  BASELINE,
  BITS_STORED,
  BITS_ALLOCATED,
  INTERPRETATION,
  PADDING,
  DATA
};

static const dicom_rule rules[] = {
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0005), CHARACTER_SET, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0016), SOP_CLASS, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0022), ACQUISITION_DATE, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0023), CONTENT_DATE, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x002a), ACQUISITION_DATE_TIME, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0032), ACQUISITION_TIME, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0033), CONTENT_TIME, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x0070), MANUFACTURER, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0008, 0x1090), MODEL, false},
    {DICOM_DATA_SET, DICOM_TAG(0x0040, 0xb020), ANNOTATION, true},
    {ANNOTATION, DICOM_TAG(0x0070, 0x0006), ANNOTATION_TEXT, false},
    {DICOM_DATA_SET, DICOM_TAG(0x5400, 0x0100), GROUP, true},
    {GROUP, DICOM_TAG(0x0018, 0x1068), TIME_OFFSET, false},
    {GROUP, DICOM_TAG(0x003a, 0x0004), ORIGINALITY, false},
    {GROUP, DICOM_TAG(0x003a, 0x0005), CHANNEL_COUNT, false},
    {GROUP, DICOM_TAG(0x003a, 0x0010), SAMPLE_COUNT, false},
    {GROUP, DICOM_TAG(0x003a, 0x001a), SAMPLING_FREQUENCY, false},
    {GROUP, DICOM_TAG(0x003a, 0x0020), GROUP_LABEL, false},
    {GROUP, DICOM_TAG(0x003a, 0x0200), CHANNEL, true},
    {CHANNEL, DICOM_TAG(0x003a, 0x0203), CHANNEL_LABEL, false},
    {CHANNEL, DICOM_TAG(0x003a, 0x0208), SOURCE, true},
    {SOURCE, DICOM_TAG(0x0008, 0x0100), SOURCE_CODE, false},
    {SOURCE, DICOM_TAG(0x0008, 0x0102), SOURCE_SCHEME, false},
    {SOURCE, DICOM_TAG(0x0008, 0x0104), SOURCE_MEANING, false},
    {CHANNEL, DICOM_TAG(0x003a, 0x0210), SENSITIVITY, false},
    {CHANNEL, DICOM_TAG(0x003a, 0x0211), UNITS, true},
    {UNITS, DICOM_TAG(0x0008, 0x0100), UNIT_CODE, false},
    {CHANNEL, DICOM_TAG(0x003a, 0x0212), CORRECTION, false},
    {CHANNEL, DICOM_TAG(0x003a, 0x0213), BASELINE, false},
    {CHANNEL, DICOM_TAG(0x003a, 0x021a), BITS_STORED, false},
    {GROUP, DICOM_TAG(0x5400, 0x1004), BITS_ALLOCATED, false},
    {GROUP, DICOM_TAG(0x5400, 0x1006), INTERPRETATION, false},
    {GROUP, DICOM_TAG(0x5400, 0x100a), PADDING, false},
    {GROUP, DICOM_TAG(0x5400, 0x1010), DATA, false},
};

enum { MAX_GROUPS = 64, FIRST_TEXT = CHARACTER_SET, TEXTS = MODEL - CHARACTER_SET + 1 };

/* The channel that is being read. */
typedef struct channel_reading {
  dicom_channel channel;
  dicom_value label, code, scheme, meaning;
} channel_reading;

typedef struct reading {
  ecg_record *record;
  dicom_value texts[TEXTS]; /* of the data set, by element */
  dicom_group *groups;
  size_t group_count, group_capacity;
  size_t channel_count; /* of the group that is being read */
  channel_reading current;
  buffer statements, warnings;
} reading;

/* ---- Channels ---- */

/* Codes of leads end in the number of the lead in SCP-ECG: 2:62 (MDC), 5.6.3-9-62 (SCPECG). */
static int lead_of_number(long number) {
  static const short numbers[ECG_LEADS] = {1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8};
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (numbers[lead] == number)
      return lead;
  return -1;
}

static bool after_prefix(const dicom_value *code, const char *prefix, long *number) {
  const char *text;
  char digits[8] = "";
  size_t length, skipped = strlen(prefix);
  dicom_text(code, &text, &length);
  if (length <= skipped || length - skipped >= sizeof digits || memcmp(text, prefix, skipped) != 0)
    return false;
  memcpy(digits, text + skipped, length - skipped);
  char *end;
  *number = strtol(digits, &end, 10);
  return *end == '\0';
}

static int lead_from_text(const dicom_value *value) {
  const char *text;
  size_t length;
  dicom_text(value, &text, &length);
  return ecg_lead_from_name(text, length);
}

/* A code of a known scheme says which lead it is, or that it is none of the twelve; names count without one.
 */
static int lead_of_channel(const channel_reading *c) {
  long number;
  if (dicom_text_is(&c->scheme, "MDC") && after_prefix(&c->code, "2:", &number))
    return lead_of_number(number);
  if (dicom_text_is(&c->scheme, "SCPECG") && after_prefix(&c->code, "5.6.3-9-", &number))
    return lead_of_number(number);
  const dicom_value *names[] = {&c->meaning, &c->label, &c->code};
  int lead = -1;
  for (size_t i = 0; i < sizeof names / sizeof *names && lead < 0; i++)
    lead = lead_from_text(names[i]);
  return lead;
}

static double microvolts_of(const dicom_value *unit) {
  static const struct {
    const char *code;
    double microvolts;
  } units[] = {{"uV", 1}, {"mV", 1e3}, {"V", 1e6}, {"nV", 1e-3}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (dicom_text_is(unit, units[i].code))
      return units[i].microvolts;
  return 0;
}

static dicom_group *current_group(reading *r) {
  return &r->groups[r->group_count - 1];
}

/* Note what is wrong with the group; the first counts. */
static void problem(reading *r, error_code code, const char *what) {
  error *noted = &current_group(r)->problem;
  if (noted->code == ERROR_NONE)
    error_set(noted, code, "%s", what);
}

static void set_decimal(reading *r, const dicom_value *value, const char *what, double *number) {
  if (value->length && !dicom_decimal(value, number))
    problem(r, ERROR_FORMAT, what);
}

static void set_unsigned(reading *r, const dicom_value *value, const char *what, uint32_t *number) {
  if (!dicom_unsigned(value, number))
    problem(r, ERROR_FORMAT, what);
}

static void start_channel(reading *r) {
  r->current =
      (channel_reading){.channel = {.index = r->channel_count++, .sensitivity = NAN, .correction = 1}};
}

static void end_channel(reading *r) {
  int lead = lead_of_channel(&r->current);
  if (lead < 0)
    return;
  dicom_channel *slot = &current_group(r)->leads[lead];
  if (slot->present) {
    char what[40];
    snprintf(what, sizeof what, "Lead %s appears twice", ecg_lead_names[lead]);
    problem(r, ERROR_DATA, what);
  }
  *slot = r->current.channel;
  slot->present = true;
}

/* Sequences of codes have one item; the first counts. */
static void set_once(dicom_value *slot, const dicom_value *value) {
  if (!slot->length)
    *slot = *value;
}

static void take_channel_value(reading *r, int element, const dicom_value *value) {
  channel_reading *c = &r->current;
  if (element == CHANNEL_LABEL)
    set_once(&c->label, value);
  else if (element == SOURCE_CODE)
    set_once(&c->code, value);
  else if (element == SOURCE_SCHEME)
    set_once(&c->scheme, value);
  else if (element == SOURCE_MEANING)
    set_once(&c->meaning, value);
  else if (element == SENSITIVITY)
    set_decimal(r, value, "Channel sensitivity is not a finite number", &c->channel.sensitivity);
  else if (element == UNIT_CODE)
    c->channel.microvolts = microvolts_of(value);
  else if (element == CORRECTION)
    set_decimal(r, value, "Channel sensitivity correction factor is not a finite number",
                &c->channel.correction);
  else if (element == BASELINE)
    set_decimal(r, value, "Channel baseline is not a finite number", &c->channel.baseline);
  else if (element == BITS_STORED)
    set_unsigned(r, value, "Waveform bits stored is not a number", &c->channel.bits_stored);
}

/* ---- Groups ---- */

static bool start_group(reading *r, error *err) {
  if (r->group_count == MAX_GROUPS)
    return error_set(err, ERROR_LIMIT, "DICOM waveform has more than %d multiplex groups", MAX_GROUPS);
  if (!array_reserve((void **)&r->groups, &r->group_capacity, r->group_count + 1, sizeof *r->groups, err))
    return false;
  r->groups[r->group_count++] = (dicom_group){0};
  r->channel_count = 0;
  return true;
}

static bool contains(const dicom_value *value, const char *word) {
  const char *text;
  size_t length, wanted = strlen(word);
  dicom_text(value, &text, &length);
  for (size_t i = 0; i + wanted <= length; i++)
    if (strncasecmp(text + i, word, wanted) == 0)
      return true;
  return false;
}

static bool says_averaged(const dicom_value *label) {
  return contains(label, "MEDIAN") || contains(label, "AVERAGE") || contains(label, "BEAT");
}

static void take_group_value(reading *r, int element, const dicom_value *value) {
  dicom_group *g = current_group(r);
  if (element == TIME_OFFSET)
    set_decimal(r, value, "Multiplex group time offset is not a finite number", &g->offset_ms);
  else if (element == ORIGINALITY)
    g->derived = dicom_text_is(value, "DERIVED");
  else if (element == CHANNEL_COUNT)
    set_unsigned(r, value, "Number of waveform channels is not a number", &g->channels);
  else if (element == SAMPLE_COUNT)
    set_unsigned(r, value, "Number of waveform samples is not a number", &g->samples);
  else if (element == SAMPLING_FREQUENCY)
    set_decimal(r, value, "Sampling frequency is not a finite number", &g->rate_hz);
  else if (element == GROUP_LABEL)
    g->averaged = says_averaged(value);
  else if (element == BITS_ALLOCATED)
    set_unsigned(r, value, "Waveform bits allocated is not a number", &g->bits_allocated);
  else if (element == INTERPRETATION)
    g->interpretation = *value;
  else if (element == PADDING)
    g->padding = *value;
  else if (element == DATA)
    g->data = *value;
}

/* ---- Annotations ---- */

/* The parts of a sentence that a value holds: up to the NUL that pads it. */
static size_t bare_length(const dicom_value *value) {
  const uint8_t *nul = value->length ? memchr(value->bytes, '\0', value->length) : NULL;
  return nul ? (size_t)(nul - value->bytes) : value->length;
}

static bool take_statement(reading *r, const dicom_value *value, error *err) {
  static const char heading[] = "REPORT";
  buffer words = {0};
  size_t length = bare_length(value);
  if (length && memmem(value->bytes, length, heading, sizeof heading - 1))
    return true;
  bool done = field_add_words(&words, (const char *)value->bytes, length, err) &&
              (!words.size || ((!r->statements.size || buffer_append_text(&r->statements, ", ", err)) &&
                               buffer_append(&r->statements, words.data, words.size, err)));
  r->record->statement_count += words.size > 0;
  buffer_free(&words);
  return done;
}

/* ---- Walking ---- */

static bool on_item_start(void *context, int sequence, error *err) {
  reading *r = context;
  if (sequence == GROUP)
    return start_group(r, err);
  if (sequence == CHANNEL)
    start_channel(r);
  return true;
}

static bool on_item_end(void *context, int sequence, error *err) {
  (void)err;
  if (sequence == CHANNEL)
    end_channel(context);
  return true;
}

static bool on_value(void *context, int element, const dicom_value *value, error *err) {
  reading *r = context;
  if (element == ANNOTATION_TEXT)
    return take_statement(r, value, err);
  if (element < FIRST_TEXT + TEXTS) {
    r->texts[element - FIRST_TEXT] = *value;
  } else {
    take_group_value(r, element, value);
    take_channel_value(r, element, value);
  }
  return true;
}

/* ---- Texts ---- */

static const dicom_value *text_of(const reading *r, enum element element) {
  return &r->texts[(int)element - FIRST_TEXT];
}

/* The ISO 8859 part that a defined term of Specific Character Set means ("ISO_IR 100", "ISO 2022 IR 100"). */
static const char *code_page_of(const dicom_value *character_set) {
  static const char *const pages[][2] = {{"100", "ISO-8859-1"},  {"101", "ISO-8859-2"}, {"109", "ISO-8859-3"},
                                         {"110", "ISO-8859-4"},  {"144", "ISO-8859-5"}, {"127", "ISO-8859-6"},
                                         {"126", "ISO-8859-7"},  {"138", "ISO-8859-8"}, {"148", "ISO-8859-9"},
                                         {"166", "ISO-8859-11"}, {"203", "ISO-8859-15"}};
  const char *text;
  size_t length;
  dicom_text(character_set, &text, &length);
  if (length == 0)
    return pages[0][1]; /* what writers that declare nothing use */
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
    if (length > 3 && memcmp(text + length - 3, pages[i][0], 3) == 0)
      return pages[i][1];
  return NULL;
}

static bool append_code_point(buffer *out, uint16_t c, error *err) {
  char bytes[3] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))};
  if (c >= 0x800)
    return buffer_append(out, bytes, 3, err);
  bytes[1] = (char)(0xc0 | c >> 6);
  return buffer_append(out, bytes + 1, 2, err);
}

static bool append_converted(buffer *out, const char *text, size_t length, const uint16_t *upper_half,
                             error *err) {
  for (size_t i = 0; i < length; i++) {
    uint8_t c = (uint8_t)text[i];
    uint16_t point = c < 0x80 ? c : upper_half ? upper_half[c - 0x80] : 0;
    if (!(c < 0x80 ? buffer_append(out, &text[i], 1, err)
                   : append_code_point(out, point ? point : 0xfffd, err)))
      return false;
  }
  return true;
}

/* UTF-8 of a text of the data set, in the record's arena. What is UTF-8 already stays, whatever is declared.
 */
static const char *to_utf8(reading *r, const char *text, size_t length, error *err) {
  buffer converted = {0};
  const char *page = code_page_of(text_of(r, CHARACTER_SET));
  if (utf8_valid(text, length))
    return arena_strndup(r->record->memory, text, length, err);
  bool done = (page || field_add_warning(&r->warnings, err, "texts in a character set that is not known")) &&
              append_converted(&converted, text, length, page ? code_page_upper_half(page) : NULL, err);
  const char *copy = done ? arena_strndup(r->record->memory, converted.data, converted.size, err) : NULL;
  buffer_free(&converted);
  return copy;
}

static bool add_text(const reading *r, enum element element, buffer *words, error *err) {
  const char *text;
  size_t length;
  dicom_text(text_of(r, element), &text, &length);
  return field_add_words(words, text, length, err);
}

/* Date and time as the file spells them, from the first pair that it has. */
static bool add_time(const reading *r, buffer *words, error *err) {
  static const enum element pairs[][2] = {{ACQUISITION_DATE_TIME, ACQUISITION_DATE_TIME},
                                          {ACQUISITION_DATE, ACQUISITION_TIME},
                                          {CONTENT_DATE, CONTENT_TIME}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !words->size; i++)
    if (!add_text(r, pairs[i][0], words, err) ||
        (words->size && pairs[i][1] != pairs[i][0] && !add_text(r, pairs[i][1], words, err)))
      return false;
  return true;
}

static bool set_texts(reading *r, error *err) {
  ecg_record *record = r->record;
  buffer device = {0}, time = {0};
  bool done = add_text(r, MANUFACTURER, &device, err) && add_text(r, MODEL, &device, err) &&
              add_time(r, &time, err) && (record->device = to_utf8(r, device.data, device.size, err)) &&
              (record->acquisition_time = to_utf8(r, time.data, time.size, err)) &&
              (record->statements = to_utf8(r, r->statements.data, r->statements.size, err)) &&
              (record->warning = arena_strndup(record->memory, r->warnings.data, r->warnings.size, err));
  buffer_free(&device);
  buffer_free(&time);
  return done;
}

/* ---- The format ---- */

static bool no_waveform(const reading *r, error *err) {
  const char *text;
  size_t length;
  dicom_text(text_of(r, SOP_CLASS), &text, &length);
  if (length == 0 || length >= DICOM_UID_SIZE)
    return error_set(err, ERROR_UNSUPPORTED, "DICOM object without a waveform");
  return error_set(err, ERROR_UNSUPPORTED, "DICOM object without a waveform (SOP class %.*s)", (int)length,
                   text);
}

static bool finish(reading *r, error *err) {
  if (r->group_count == 0)
    return no_waveform(r, err);
  const dicom_group *chosen = dicom_choose_group(r->groups, r->group_count);
  return dicom_take_leads(r->groups, r->group_count, chosen, r->record, &r->warnings, err) &&
         set_texts(r, err);
}

static bool dicom_format_read(const uint8_t *data, size_t size, ecg_record *record, error *err) {
  static const dicom_walk walk = {rules, sizeof rules / sizeof *rules, on_item_start, on_item_end, on_value};
  reading r = {.record = record};
  dicom_file file;
  bool done = dicom_file_open(&file, data, size, err) &&
              dicom_read(file.data_set, file.size, file.syntax, &walk, &r, err) && finish(&r, err);
  dicom_file_close(&file);
  free(r.groups);
  buffer_free(&r.statements);
  buffer_free(&r.warnings);
  return done;
}

const ecg_format dicom_format = {"DICOM waveform", "DICOM", dicom_looks_like, dicom_format_read};

dicom_kind dicom_kind_of(const uint8_t *data, size_t size) {
  static const char waveforms[] = "1.2.840.10008.5.1.4.1.1.9.";
  char sop_class[DICOM_UID_SIZE];
  if (!dicom_looks_like(data, size))
    return DICOM_NONE;
  dicom_find_sop_class(data, size, sop_class);
  return !*sop_class || strncmp(sop_class, waveforms, sizeof waveforms - 1) == 0 ? DICOM_WAVEFORM
                                                                                 : DICOM_OTHER;
}
