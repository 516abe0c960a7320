/* Writing XML: indented elements with texts and whole numbers, in ISO-8859-1. */
#ifndef DEEPECG_SYNTH_WRITERS_XML_TEXT_H
#define DEEPECG_SYNTH_WRITERS_XML_TEXT_H

#include "base/buffer.h"

#include <stddef.h>

/* The first failure (memory) is kept in *err and turns `ok` off; what follows does nothing, so that callers
 * ask once. */
typedef struct xml_text {
  buffer *out;
  error *err;
  const char *indent, *line_end;
  unsigned depth;
  bool ok;
} xml_text;

/* `attributes` is "" or begins with a blank: " units=\"Hz\"". Names and attributes are written as they are.
 */
void xml_text_open(xml_text *xml, const char *name);
void xml_text_close(xml_text *xml, const char *name);
/* <name>text</name>; UTF-8 in, escaped ISO-8859-1 out (characters that it lacks as character references). */
void xml_text_element(xml_text *xml, const char *name, const char *attributes, const char *text);
void xml_text_number(xml_text *xml, const char *name, const char *attributes, long number);
void xml_text_format(xml_text *xml, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Bytes as they are. */
void xml_text_raw(xml_text *xml, const char *bytes, size_t size);
/* The indent of the present depth. */
void xml_text_indent(xml_text *xml);

#endif
