#include "synth/writers/xml_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void xml_text_raw(xml_text *xml, const char *bytes, size_t size) {
  xml->ok = xml->ok && buffer_append(xml->out, bytes, size, xml->err);
}

static void put(xml_text *xml, const char *text) {
  xml_text_raw(xml, text, strlen(text));
}

void xml_text_indent(xml_text *xml) {
  for (unsigned i = 0; i < xml->depth; i++)
    put(xml, xml->indent);
}

void xml_text_open(xml_text *xml, const char *name) {
  xml_text_indent(xml);
  put(xml, "<");
  put(xml, name);
  put(xml, ">");
  put(xml, xml->line_end);
  xml->depth++;
}

void xml_text_close(xml_text *xml, const char *name) {
  xml->depth--;
  xml_text_indent(xml);
  put(xml, "</");
  put(xml, name);
  put(xml, ">");
  put(xml, xml->line_end);
}

/* One character of well-formed UTF-8; *text moves behind it. */
static uint32_t next_character(const char **text) {
  const unsigned char *s = (const unsigned char *)*text;
  size_t more = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
  uint32_t character = more == 0 ? s[0] : s[0] & (0x3fu >> more);
  for (size_t i = 1; i <= more && s[i] != '\0'; i++)
    character = character << 6 | (s[i] & 0x3fu);
  *text += more + 1;
  return character;
}

static void put_character(xml_text *xml, uint32_t character) {
  char one[16];
  switch (character) {
  case '&':
    put(xml, "&amp;");
    return;
  case '<':
    put(xml, "&lt;");
    return;
  case '>':
    put(xml, "&gt;");
    return;
  default:
    if (character < 0x100) {
      one[0] = (char)(unsigned char)character;
      xml_text_raw(xml, one, 1);
    } else {
      snprintf(one, sizeof one, "&#%u;", (unsigned)character);
      put(xml, one);
    }
  }
}

void xml_text_element(xml_text *xml, const char *name, const char *attributes, const char *text) {
  xml_text_indent(xml);
  put(xml, "<");
  put(xml, name);
  put(xml, attributes);
  put(xml, ">");
  while (*text != '\0')
    put_character(xml, next_character(&text));
  put(xml, "</");
  put(xml, name);
  put(xml, ">");
  put(xml, xml->line_end);
}

void xml_text_number(xml_text *xml, const char *name, const char *attributes, long number) {
  char text[24];
  snprintf(text, sizeof text, "%ld", number);
  xml_text_element(xml, name, attributes, text);
}

void xml_text_format(xml_text *xml, const char *name, const char *format, ...) {
  char text[128];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  xml_text_element(xml, name, "", text);
}
