/* The XML walk: encodings, limits, what is refused. */
#include "ecg/formats/code_pages.h"
#include "ecg/formats/xml_events.h"
#include "support/ecg_files.h"

enum { ROOT = 1, CHILD, GRANDCHILD, NOTE };

static const xml_rule rules[] = {{XML_DOCUMENT, NULL, ROOT, false},
                                 {ROOT, "child", CHILD, false},
                                 {CHILD, "grandchild", GRANDCHILD, true},
                                 {ROOT, "note", NOTE, true}};

/* What a walk saw, one letter per event. */
typedef struct seen {
  char events[200];
  char text[2000];
} seen;

static xml_answer on_start(void *context, int element, const char *const *attributes, error *err) {
  seen *s = context;
  strcat(s->events, element == ROOT ? "r" : element == CHILD ? "c" : element == GRANDCHILD ? "g" : "n");
  const char *skip = xml_attribute(attributes, "do");
  if (skip && strcmp(skip, "fail") == 0) {
    error_set(err, ERROR_DATA, "as asked");
    return XML_FAIL;
  }
  return skip && strcmp(skip, "skip") == 0 ? XML_SKIP : XML_ENTER;
}

static bool on_end(void *context, int element, char *text, size_t length, error *err) {
  seen *s = context;
  strcat(s->events, element == ROOT ? "R" : element == CHILD ? "C" : element == GRANDCHILD ? "G" : "N");
  assert_int_equal(strlen(text), length);
  if (length)
    strcat(strcat(s->text, text), "|");
  return strcmp(text, "bad") != 0 || error_set(err, ERROR_DATA, "bad text");
}

static const xml_walk walk = {rules, 4, on_start, on_end};

static bool read_bytes(const void *bytes, size_t size, seen *s, error *err) {
  *s = (seen){0};
  return xml_read(bytes, size, &walk, s, err);
}

static void expect(const void *bytes, size_t size, const char *events, const char *text) {
  seen s;
  error err = {0};
  if (!read_bytes(bytes, size, &s, &err))
    fail_msg("%s", err.message);
  assert_string_equal(s.events, events);
  assert_string_equal(s.text, text);
}

static void expect_text(const char *xml, const char *events, const char *text) {
  expect(xml, strlen(xml), events, text);
}

static void expect_error(const char *xml, const char *message) {
  seen s;
  error err = {0};
  assert_false(read_bytes(xml, strlen(xml), &s, &err));
  if (!strstr(err.message, message))
    fail_msg("\"%s\", not \"%s\"", err.message, message);
}

static void test_walk(void **state) {
  (void)state;
  expect_text("<a/>", "rR", "");
  expect_text("<a>x<note>y</note>z</a>", "rnNR", "y|");
  expect_text("<a><child><grandchild>1</grandchild><grandchild/></child></a>", "rcgGgGCR", "1|");
  expect_text("<a><grandchild>1</grandchild><other><note>2</note></other><note>3</note></a>", "rnNR", "3|");
  expect_text("<a><child do='skip'><grandchild>1</grandchild></child><note>3</note></a>", "rcnNR", "3|");
  expect_text("<a><note>1<b>2<note>3</note></b>4</note></a>", "rnNR", "14|");
  expect_text("<p:a xmlns:p='urn:x'><p:note p:do='x'>1</p:note></p:a>", "rnNR", "1|");
  expect_text("<a><note>&lt;&#65;<![CDATA[<b>&]]><!-- no --></note></a>", "rnNR", "<A<b>&|");
  expect_error("<a><note do='fail'/></a>", "as asked");
  expect_error("<a><note>bad</note></a>", "bad text");
}

static void test_broken_documents(void **state) {
  (void)state;
  expect_error("", "no element found: line 1, column 0");
  expect_error("hello", "syntax error: line 1, column 0");
  expect_error("<RestingECG><Waveform>", "no element found: line 1, column 22");
  expect_error("<a>\n<b></a>", "mismatched tag: line 2, column 5");
  expect_error("<a>&nothing;</a>", "undefined entity");
  expect_error("<a/><b/>", "junk after document element");
  expect_error("<?xml version=\"1.0\" encoding=\"EBCDIC-37\"?><a>\xe9</a>", "unknown encoding");
}

static void test_doctypes(void **state) {
  (void)state;
  expect_text("<!DOCTYPE a SYSTEM \"restecg.dtd\"><a><note>1</note></a>", "rnNR", "1|");
  expect_text("<!DOCTYPE a PUBLIC \"-//X\" \"file:///etc/passwd\"><a/>", "rR", "");
  expect_error("<!DOCTYPE a SYSTEM \"restecg.dtd\"><a><note>1&eacute;</note></a>", "undefined entity");
  expect_error("<!DOCTYPE a [<!ENTITY x \"y\">]><a><note>&x;</note></a>", "document type with declarations");
  expect_error("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
               "document type with declarations");
  expect_error("<!DOCTYPE a SYSTEM \"x\" [<!ATTLIST a b CDATA \"c\">]><a/>",
               "document type with declarations");
}

/* Long texts, as those of signals are: twenty lines between two others. */
enum { LINES = 20 };

static void append_lines(buffer *b, const char *line, const char *end) {
  for (int i = 0; i < LINES; i++)
    assert_true(buffer_printf(b, NULL, "%s%s", line, end));
}

static void expect_lines(const char *before, const char *line, const char *end, const char *after,
                         const char *events, const char *text_before, const char *text_after) {
  buffer xml = {0}, text = {0};
  assert_true(buffer_append_text(&xml, before, NULL));
  append_lines(&xml, line, end);
  assert_true(buffer_append_text(&xml, after, NULL));
  assert_true(buffer_append_text(&text, text_before, NULL));
  if (*text_before)
    append_lines(&text, line, "\n");
  assert_true(buffer_append_text(&text, text_after, NULL));
  expect_text(xml.data, events, text.data);
  buffer_free(&xml);
  buffer_free(&text);
}

static void expect_error_behind_lines(const char *before, const char *line, const char *after,
                                      const char *message) {
  buffer xml = {0};
  assert_true(buffer_append_text(&xml, before, NULL));
  append_lines(&xml, line, "\n");
  assert_true(buffer_append_text(&xml, after, NULL));
  expect_error(xml.data, message);
  buffer_free(&xml);
}

static void test_long_texts(void **state) {
  (void)state;
  static const char line[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/AAAA=== ";
  static const char *const ends[] = {"\n", "\r\n"};
  for (int i = 0; i < 2; i++) {
    expect_lines("<a><note>xy\n", line, ends[i], "z</note></a>", "rnNR", "xy\n", "z|");
    expect_lines("<a><child>", line, ends[i], "<grandchild>1</grandchild></child></a>", "rcgGCR", "", "1|");
    expect_lines("<a><child do='skip'><b>", line, ends[i], "</b></child><note>1</note></a>", "rcnNR", "",
                 "1|");
    expect_lines("<a><note/>", line, ends[i], "<note>1</note></a>", "rnNnNR", "", "1|");
    expect_lines("<a><note>x<!-- > -->", line, ends[i], "y</note></a>", "rnNR", "x", "y|");
    expect_lines("<a><note>x<![CDATA[<b>", line, ends[i], "]]>y</note></a>", "rnNR", "x<b>", "y|");
    expect_lines("<a><!-- >", line, ends[i], "--><note>1</note></a>", "rnNR", "", "1|");
  }
}

static void test_errors_behind_long_texts(void **state) {
  (void)state;
  static const char line[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/AAAA";
  expect_error_behind_lines("<a><note>", line, "  </b></a>", "mismatched tag: line 21, column 4");
  expect_error_behind_lines("<a>\n<b>\n", line, "\n\n </c></a>", "mismatched tag: line 25, column 3");
  expect_error_behind_lines("<a>\n<b>\n", line, "&nothing;</b></a>", "undefined entity: line 23");
  expect_error_behind_lines("<a/>\n", line, "", "junk after document element: line 2, column 0");
  expect_error_behind_lines("<a><b x='>", line, "</a>", "not well-formed");
  expect_error_behind_lines("<a><b>", "a line with the end of what was never begun ]]> in it", "</b></a>",
                            "not well-formed (invalid token): line 1");
  expect_error_behind_lines("<a><b>", "a line with a \x01 control character, which XML forbids", "</b></a>",
                            "not well-formed (invalid token): line 1");
  expect_error_behind_lines("<a><note>", line, "", "no element found: line 21, column 0");
}

static void test_entity_bomb_is_refused_everywhere(void **state) {
  (void)state;
  buffer b = {0};
  char root[8];
  ecg_files_append(&b, "<!DOCTYPE RestingECG [<!ENTITY a0 \"aaaaaaaaaaaaaaaa\">");
  for (int i = 1; i < 20; i++)
    assert_true(
        buffer_printf(&b, NULL, "<!ENTITY a%d \"&a%d;&a%d;&a%d;&a%d;\">", i, i - 1, i - 1, i - 1, i - 1));
  ecg_files_append(&b, "<!ATTLIST RestingECG x CDATA \"&a19;\">]><RestingECG>&a19;</RestingECG>");
  ecg_files_refuse(b.data, b.size, "Unknown", "document type with declarations");
  assert_false(xml_root_name((const uint8_t *)b.data, b.size, root, sizeof root));
  buffer_free(&b);
}

static void test_limits(void **state) {
  (void)state;
  buffer b = {0};
  for (int i = 0; i < XML_MAX_DEPTH; i++)
    ecg_files_append(&b, "<x>");
  for (int i = 0; i < XML_MAX_DEPTH; i++)
    ecg_files_append(&b, "</x>");
  expect_text(b.data, "rR", "");
  buffer_clear(&b);
  for (int i = 0; i <= XML_MAX_DEPTH; i++)
    ecg_files_append(&b, "<x>");
  expect_error(b.data, "nested too deeply");
  buffer_clear(&b);
  ecg_files_append(&b, "<x>");
  for (int i = 0; i < XML_MAX_ELEMENTS; i++)
    ecg_files_append(&b, "<x/>");
  expect_error(b.data, "too many elements");
  buffer_free(&b);
}

/* ---- Encodings ---- */

static void expect_encoded(const char *encoding, const char *byte, const char *utf8) {
  char xml[200], text[16];
  snprintf(xml, sizeof xml, "<?xml version='1.0' encoding='%s'?><a><note>x%s</note></a>", encoding, byte);
  snprintf(text, sizeof text, "x%s|", utf8);
  expect_text(xml, "rnNR", text);
}

static void test_eight_bit_encodings(void **state) {
  (void)state;
  static const char *const latin1[] = {"ISO-8859-1", "ISO8859-1", "iso-8859-1",   "ISO_8859-1", "latin1",
                                       "LATIN-1",    "l1",        "windows-1252", "cp1252"};
  for (size_t i = 0; i < sizeof latin1 / sizeof *latin1; i++)
    expect_encoded(latin1[i], "\xe9", "é");
  expect_encoded("UTF-8", "é", "é");
  expect_encoded("utf-8", "心", "心");
  expect_encoded("windows-1252", "\x80", "€");
  expect_encoded("ISO-8859-15", "\xa4", "€");
  expect_encoded("latin9", "\xa4", "€");
  expect_encoded("ISO-8859-2", "\xb9", "š");
  expect_encoded("latin2", "\xb9", "š");
  expect_encoded("windows-1250", "\x9a", "š");
  expect_encoded("windows-1251", "\xcf", "П");
  expect_encoded("ISO-8859-5", "\xbf", "П");
  expect_encoded("KOI8-R", "\xf0", "П");
  expect_encoded("ISO-8859-7", "\xe1", "α");
  expect_encoded("latin5", "\xf0", "ğ");
  expect_encoded("windows-1252", "\x81", "\xef\xbf\xbd");
  expect_encoded("EBCDIC-37", "y", "y"); /* nothing but ASCII: no need to know it */
  assert_null(code_page_upper_half("latin11"));
  assert_null(code_page_upper_half(""));
  assert_null(code_page_upper_half("ISO-8859-12"));
}

static void test_declared_utf16_that_is_utf8(void **state) {
  (void)state;
  expect_encoded("UTF-16", "é", "é");
  expect_encoded("utf-16le", "plain", "plain");
  expect_encoded("UTF-16", "", "");
}

/* `xml` (ASCII, with e-acute where '#' is) in UTF-16. */
static size_t to_utf16(const char *xml, bool big_endian, bool mark, uint8_t *out) {
  size_t n = 0;
  if (mark) {
    out[n++] = big_endian ? 0xfe : 0xff;
    out[n++] = big_endian ? 0xff : 0xfe;
  }
  for (; *xml; xml++) {
    uint8_t low = *xml == '#' ? 0xe9 : (uint8_t)*xml;
    out[n++] = big_endian ? 0 : low;
    out[n++] = big_endian ? low : 0;
  }
  return n;
}

static void test_utf16(void **state) {
  (void)state;
  static const char *const declarations[] = {"", "<?xml version='1.0' encoding='UTF-16'?>",
                                             "<?xml version='1.0' encoding='utf-8'?>"};
  uint8_t bytes[300];
  for (int d = 0; d < 3; d++)
    for (int variant = 0; variant < 4; variant++) {
      char xml[120], root[8];
      snprintf(xml, sizeof xml, "%s<ab><note>x#</note></ab>", declarations[d]);
      size_t size = to_utf16(xml, variant & 1, variant & 2, bytes);
      expect(bytes, size, "rnNR", "xé|");
      assert_true(xml_looks_like(bytes, size));
      assert_true(xml_root_name(bytes, size, root, sizeof root));
      assert_string_equal(root, "ab");
    }
}

static void test_byte_order_mark_of_utf8(void **state) {
  (void)state;
  expect_text("\xef\xbb\xbf<?xml version='1.0' encoding='ISO-8859-1'?><a><note>é</note></a>", "rnNR", "é|");
}

static void test_root_name(void **state) {
  (void)state;
  char name[8];
  static const char xml[] =
      "<?xml version='1.0'?><!-- <x> --><!DOCTYPE y SYSTEM 'z'>\n<n:abcdefghij a='1'><c>";
  assert_true(xml_root_name((const uint8_t *)xml, strlen(xml), name, sizeof name));
  assert_string_equal(name, "abcdefg");
  assert_false(xml_root_name((const uint8_t *)"<", 1, name, sizeof name));
  assert_false(xml_root_name((const uint8_t *)"", 0, name, sizeof name));
  assert_false(xml_root_name((const uint8_t *)"abc", 3, name, sizeof name));
  assert_false(xml_looks_like((const uint8_t *)"hello", 5));
  assert_true(xml_looks_like((const uint8_t *)"\r\n <a/>", 7));
}

static void test_unknown_files(void **state) {
  (void)state;
  static const char other[] = "<?xml version=\"1.0\"?><AnnotatedThing><component/></AnnotatedThing>";
  ecg_files_refuse(other, strlen(other), "Unknown", "Unknown XML format: root element AnnotatedThing");
  ecg_files_refuse("", 0, "Unknown", "Empty file");
  ecg_files_refuse("hello", 5, "Unknown", "Unknown file format");
  ecg_files_refuse("<a", 2, "Unknown", "unclosed token: line 1, column 0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_walk),
      cmocka_unit_test(test_broken_documents),
      cmocka_unit_test(test_doctypes),
      cmocka_unit_test(test_long_texts),
      cmocka_unit_test(test_errors_behind_long_texts),
      cmocka_unit_test(test_entity_bomb_is_refused_everywhere),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_eight_bit_encodings),
      cmocka_unit_test(test_declared_utf16_that_is_utf8),
      cmocka_unit_test(test_utf16),
      cmocka_unit_test(test_byte_order_mark_of_utf8),
      cmocka_unit_test(test_root_name),
      cmocka_unit_test(test_unknown_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
