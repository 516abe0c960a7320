/* XML as a walk through known elements: what every XML format of this folder is read with. A thin layer over
 * expat.
 *
 * A format names the elements that it wants in a table of rules; everything else is skipped, whole subtrees
 * at a time. Names are compared without namespace prefix. Files are foreign: depth, number of elements,
 * length of texts and attributes are bounded; a DOCTYPE with a system identifier is accepted and never
 * fetched; an internal subset, an entity declaration and a reference to an undeclared entity are refused.
 *
 * Encodings: UTF-8, UTF-16 (with or without byte-order mark), US-ASCII, and the single-byte code pages of
 * code_pages.h under their common spellings. What the bytes show wins over what the declaration says: a file
 * that declares UTF-16 but is not is read as UTF-8, and the reverse. */
#ifndef DEEPECG_ECG_FORMATS_XML_EVENTS_H
#define DEEPECG_ECG_FORMATS_XML_EVENTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
  XML_DOCUMENT = 0, /* the parent of the root element */
  XML_MAX_DEPTH = 100,
  XML_MAX_ELEMENTS = 4000000,
  XML_MAX_TEXT = 64 << 20,       /* bytes of one collected text */
  XML_MAX_ATTRIBUTES = 64 << 20, /* bytes of one element's attributes */
  XML_MAX_FILE = 256 << 20
};

/* Inside `parent`, an element called `name` (NULL: any) is `element`, a number above 0 that the format
 * chooses. The first rule that fits counts. With `text`, the element's character data is collected; its
 * children are skipped then. */
typedef struct xml_rule {
  int parent;
  const char *name;
  int element;
  bool text;
} xml_rule;

typedef enum xml_answer {
  XML_FAIL, /* *err is set: stop */
  XML_ENTER,
  XML_SKIP /* pass over this element and all in it; its end is not reported */
} xml_answer;

/* Callbacks for elements that a rule names; either may be NULL. `attributes` are name, value, name, value,
 * ..., NULL. `text` is the collected text ("" without collection), NUL-terminated, valid and writable during
 * the call. */
typedef struct xml_walk {
  const xml_rule *rules;
  size_t rule_count;
  xml_answer (*start)(void *context, int element, const char *const *attributes, error *err);
  bool (*end)(void *context, int element, char *text, size_t length, error *err);
} xml_walk;

/* Walk through a document. Not well-formed: expat's words and the place, "no element found: line 1, column
 * 22". Thread-safe. */
bool xml_read(const uint8_t *data, size_t size, const xml_walk *walk, void *context, error *err);

/* The value of an attribute, or NULL. */
const char *xml_attribute(const char *const *attributes, const char *name);

/* Does it start like an XML file (byte-order mark and blanks aside)? */
bool xml_looks_like(const uint8_t *data, size_t size);

/* The local name of the root element, cut to name_size - 1 bytes; false where the beginning is not
 * well-formed. */
bool xml_root_name(const uint8_t *data, size_t size, char *name, size_t name_size);

#endif
