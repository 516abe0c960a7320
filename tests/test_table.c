/* CSV in and out. What the reader makes of odd text is what pandas 3.1 makes of it, unless csv.h says
 * otherwise. */
#include "base/buffer.h"
#include "base/number_text.h"
#include "support/damage.h"
#include "support/mutate.h"
#include "table/csv.h"
#include "table/string_pool.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static const char scratch[] = DEEPECG_TEST_TMP "/table_scratch.csv";

static void write_scratch(const void *bytes, size_t size) {
  FILE *file = fopen(scratch, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* All columns, as text: "name|name" and a line per row, "<null>" for null, line breaks in cells as ¶. */
static void dump(const csv_table *t, buffer *out) {
  for (size_t i = 0; i < csv_table_file_columns(t); i++)
    assert_true(buffer_printf(out, NULL, "%s%s", i ? "|" : "", csv_table_file_column_name(t, i)));
  for (size_t row = 0; row < csv_table_rows(t); row++) {
    assert_true(buffer_printf(out, NULL, "\n%zu:", csv_table_line(t, row)));
    for (size_t i = 0; i < csv_table_file_columns(t); i++) {
      csv_cell cell = csv_table_cell(t, row, (int)i);
      assert_int_equal(cell.length, strlen(cell.text));
      assert_true(!cell.is_null || cell.length == 0);
      assert_true(buffer_printf(out, NULL, "%s%s", i ? "|" : "", cell.is_null ? "<null>" : cell.text));
    }
  }
}

static void assert_reads(const char *csv, const char *expected) {
  write_scratch(csv, strlen(csv));
  error err = {0};
  csv_table *t = csv_table_read(scratch, NULL, 0, &err);
  if (!t)
    fail_msg("%s", err.message);
  buffer out = {0};
  dump(t, &out);
  assert_string_equal(out.data, expected);
  buffer_free(&out);
  csv_table_destroy(t);
}

static void assert_refused(const void *csv, size_t size, error_code code, const char *message) {
  write_scratch(csv, size);
  error err = {0};
  assert_null(csv_table_read(scratch, NULL, 0, &err));
  if (err.code != code || !strstr(err.message, message) || !strstr(err.message, scratch))
    fail_msg("message %d: %s\nexpected %d: %s", err.code, err.message, code, message);
}

static void test_plain_tables(void **state) {
  (void)state;
  assert_reads("a,b\n1,2\n3,4\n", "a|b\n2:1|2\n3:3|4");
  assert_reads("a,b\n1,2", "a|b\n2:1|2");
  assert_reads("a,b\n1,", "a|b\n2:1|<null>");
  assert_reads("a,b\n,\n", "a|b\n2:<null>|<null>");
  assert_reads("a", "a");
  assert_reads("a,,\n1,2,3\n", "a||\n2:1|2|3");
  assert_reads(" a , b\n 1 ,2 ", " a | b\n2: 1 |2 ");
}

static void test_line_ends(void **state) {
  (void)state;
  assert_reads("a,b\r\n1,2\r\n3,4\r\n", "a|b\n2:1|2\n3:3|4");
  assert_reads("a,b\r1,2\r3,4", "a|b\n2:1|2\n3:3|4");
  assert_reads("a,b\n\n1,2\r\r\n3,4\n\n", "a|b\n3:1|2\n5:3|4");
  assert_reads("\n \t\na\n1\n  \n2\n\t", "a\n4:1\n6:2");
  assert_reads("a\n\"\"\n", "a\n2:<null>");
}

static void test_quotes(void **state) {
  (void)state;
  assert_reads("a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", "a|b\n2:x,y|say \"hi\"");
  assert_reads("a,b\n\"1\n2\r\n3\r4\",5\n6,7\n", "a|b\n2:1\n2\r\n3\r4|5\n6:6|7");
  assert_reads("a,b\n5\" wide,\"\"\n", "a|b\n2:5\" wide|<null>");
  assert_reads("a,b\n\"ab\"cd\"e,f\n", "a|b\n2:abcd\"e|f");
  assert_reads("\"a\",\"b,c\"\n1,2\n", "a|b,c\n2:1|2");
  assert_reads("a,b\n1,\"\"\"\"", "a|b\n2:1|\"");
}

static void test_byte_order_mark_and_separator(void **state) {
  (void)state;
  assert_reads("\xef\xbb\xbf"
               "a,b\n1,2\n",
               "a|b\n2:1|2");
  assert_reads("\xef\xbb\xbf\"a\";b\n1,5;2\n", "a|b\n2:1,5|2");
  assert_reads("a,b;c\n1;2,3\n", "a|b;c\n2:1;2|3");
  assert_reads("\"a,b\";c\n1;2\n", "a,b|c\n2:1|2");
  assert_reads("a\n1;2\n", "a\n2:1;2");
}

static void test_nulls_are_those_of_pandas(void **state) {
  (void)state;
  static const char *const nulls[] = {"",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
                                      "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
                                      "NaN",  "None",   "n/a",      "nan",  "null"};
  static const char *const values[] = {" ",    "  ",  "na",  "none",      "NONE", "Nan",
                                       "Null", "-NA", "NA ", "#N/A N/A ", "0"};
  char csv[100], expected[100];
  for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
    snprintf(csv, sizeof csv, "a,b\n%s,\"%s\"\n", nulls[i], nulls[i]);
    assert_reads(csv, "a|b\n2:<null>|<null>");
  }
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    snprintf(csv, sizeof csv, "a,b\n\"%s\",1\n", values[i]);
    snprintf(expected, sizeof expected, "a|b\n2:%s|1", values[i]);
    assert_reads(csv, expected);
  }
}

static void test_errors_name_file_and_line(void **state) {
  (void)state;
  assert_refused("", 0, ERROR_FORMAT, ": empty, not even a header line");
  assert_refused("\n \n", 3, ERROR_FORMAT, ": empty, not even a header line");
  assert_refused("a,b\n1,2\n3\n", 10, ERROR_FORMAT, ", line 3: 1 cells, but the header has 2");
  assert_refused("a,b\n\"1\n\",2\n3,4,5\n", 18, ERROR_FORMAT, ", line 4: more cells than the header's 2");
  assert_refused("a,b\n1,\"2\n3,4\n", 14, ERROR_FORMAT, ", line 2: a quote is not closed");
  assert_refused("a,b\n1,\0\n", 8, ERROR_FORMAT, ", line 2: a NUL byte");
  assert_refused("a,b\n\"\n\n\xff\",1\n", 12, ERROR_FORMAT, ", line 2: not UTF-8");
  assert_refused("a,b\n1,\xc3\n", 8, ERROR_FORMAT, ", line 2: not UTF-8");
  assert_refused("a,b,a\n", 6, ERROR_FORMAT, ": two columns are named \"a\"");
  assert_refused("\xff\xfe"
                 "a\0\n\0",
                 6, ERROR_UNSUPPORTED, "UTF-16");
  error err = {0};
  assert_null(csv_table_read(DEEPECG_TEST_TMP "/no_such.csv", NULL, 0, &err));
  assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_limits(void **state) {
  (void)state;
  buffer csv = {0};
  for (int i = 0; i < CSV_MOST_COLUMNS; i++)
    assert_true(buffer_printf(&csv, NULL, i ? ",c%d" : "c%d", i));
  write_scratch(csv.data, csv.size);
  csv_table *t = csv_table_read(scratch, NULL, 0, NULL);
  assert_non_null(t);
  assert_int_equal(csv_table_file_columns(t), CSV_MOST_COLUMNS);
  csv_table_destroy(t);
  assert_true(buffer_append_text(&csv, ",x", NULL));
  assert_refused(csv.data, csv.size, ERROR_LIMIT, "line 1: more than 10,000 columns");

  for (int quoted = 0; quoted <= 1; quoted++) {
    buffer_clear(&csv);
    assert_true(buffer_append_text(&csv, quoted ? "a\n\"" : "a\n", NULL));
    assert_true(buffer_reserve(&csv, CSV_LONGEST_CELL + 1, NULL));
    memset(csv.data + csv.size, 'x', CSV_LONGEST_CELL + 1);
    csv.size += CSV_LONGEST_CELL;
    csv.data[csv.size] = '"';
    write_scratch(csv.data, csv.size + (quoted ? 1 : 0));
    t = csv_table_read(scratch, NULL, 0, NULL);
    assert_non_null(t);
    assert_int_equal(csv_table_cell(t, 0, 0).length, CSV_LONGEST_CELL);
    csv_table_destroy(t);
    csv.data[csv.size++] = 'x';
    assert_true(buffer_append_text(&csv, quoted ? "\"" : "", NULL));
    assert_refused(csv.data, csv.size, ERROR_LIMIT, "line 2: a cell is longer than 1 MiB");
  }
  buffer_free(&csv);
}

static void test_only_wanted_columns_are_kept(void **state) {
  (void)state;
  static const char csv[] = "x,b,x,a,,\n1,2,3,4,5,6\n7,8,9,4,,\n";
  static const char *const wanted[] = {"a", "b", "missing"};
  write_scratch(csv, sizeof csv - 1);
  csv_table *t = csv_table_read(scratch, wanted, 3, NULL);
  assert_non_null(t);
  int a = csv_table_find_column(t, "a"), b = csv_table_find_column(t, "b");
  assert_int_equal(csv_table_find_column(t, "x"), -1);
  assert_int_equal(csv_table_find_column(t, "missing"), -1);
  assert_int_equal(csv_table_file_columns(t), 6);
  assert_string_equal(csv_table_cell(t, 0, a).text, "4");
  assert_string_equal(csv_table_cell(t, 1, b).text, "8");
  /* Equal texts are one text. */
  assert_ptr_equal(csv_table_cell(t, 0, a).text, csv_table_cell(t, 1, a).text);
  csv_table_destroy(t);
}

static void test_string_pool(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  string_pool *pool = string_pool_create(NULL);
  assert_non_null(pool);
  char text[40];
  uint32_t number;
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < COUNT; i++) {
      int length = snprintf(text, sizeof text, "%.*s%u", (int)(i % 20), "recordings/of/a/ward", i);
      assert_true(string_pool_add(pool, text, (size_t)length, &number, NULL));
      assert_int_equal(number, i);
    }
  string_pool_finish(pool);
  size_t length;
  assert_string_equal(string_pool_text(pool, 19999, &length), "recordings/of/a/war19999");
  assert_int_equal(length, 24);
  string_pool_destroy(pool);
}

/* 1,000,000 rows x 8 columns may take 700 MB; a tenth of that, plus the part of the file that is mapped at a
 * time. */
static void test_large_table_stays_small(void **state) {
  (void)state;
#ifdef __SANITIZE_ADDRESS__
  skip(); /* its shadow memory is measured too */
#else
  enum { ROWS = 100000 };
  FILE *file = fopen(scratch, "wb");
  assert_non_null(file);
  fputs("a,b,c,d,e,f,g,h\n", file);
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < 8; j++)
      fprintf(file, "hospital_a/ward_%d/recording_%07d.xml%c", j, i, j < 7 ? ',' : '\n');
  assert_int_equal(fclose(file), 0);
  csv_table *t = csv_table_read(scratch, NULL, 0, NULL);
  assert_non_null(t);
  assert_int_equal(csv_table_rows(t), ROWS);
  assert_string_equal(csv_table_cell(t, ROWS - 1, 7).text, "hospital_a/ward_7/recording_0099999.xml");
  csv_table_destroy(t);
  remove(scratch);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  assert_in_range(usage.ru_maxrss, 1, 100 * 1024);
#endif
}

static bool read_bytes(const uint8_t *data, size_t size, void *context, error *err) {
  (void)context;
  csv_table *t = csv_table_parse("case.csv", data, size, NULL, 0, err);
  csv_table_destroy(t);
  return t;
}

static void read_hostile(const uint8_t *data, size_t size, void *context) {
  error err = {0};
  if (!read_bytes(data, size, context, &err) && (!err.message[0] || err.code == ERROR_INTERNAL))
    fail_msg("an error without a reason");
}

static void test_damaged_tables(void **state) {
  (void)state;
  assert_true(damage_check_reader(DEEPECG_TEST_DATA, "table", read_bytes, NULL) >= 8);
}

static void test_hostile_bytes(void **state) {
  (void)state;
  static const char csv[] = "\xef\xbb\xbf"
                            "ecg_machine_diagnosis,77_classes_ecg_file_name,afib_5y,afib_ecg_file_name\r\n"
                            "\"Sinus rhythm, normal\r\n\"\"ECG\"\"\",a.xml,0,a.xml\r\n"
                            "R\xc3\xa9gulier \xe2\x80\x94 \xf0\x9f\xab\x80,b.xml,1.0,\r\n\n  \n"
                            ",\"c.xml\",NA,c.xml\n";
  mutate_truncate((const uint8_t *)csv, sizeof csv - 1, 200, read_hostile, NULL);
  mutate_bytes((const uint8_t *)csv, sizeof csv - 1, 10000, 1, read_hostile, NULL);
}

static void test_golden_input_is_read(void **state) {
  (void)state;
  error err = {0};
  csv_table *t = csv_table_read(DEEPECG_TEST_DATA "/golden/analysis/inputs.csv", NULL, 0, &err);
  if (!t)
    fail_msg("%s", err.message);
  assert_int_equal(csv_table_file_columns(t), 8);
  int text = csv_table_find_column(t, "ecg_machine_diagnosis");
  assert_string_equal(csv_table_cell(t, 0, text).text, "Normal sinus rhythm\nNormal ECG");
  assert_true(csv_table_cell(t, 6, text).is_null);
  csv_table_destroy(t);
}

static void write_sample(csv_writer *w) {
  assert_true(csv_write_cell(w, "plain", NULL) && csv_write_cell(w, "a,b", NULL));
  assert_true(csv_write_cell(w, "say \"hi\"", NULL) && csv_write_cell(w, "two\nlines", NULL));
  assert_true(csv_write_cell(w, "cr\r", NULL) && csv_write_cell(w, "", NULL) && csv_end_row(w, NULL));
  assert_true(csv_write_cell(w, "", NULL) && csv_end_row(w, NULL));
  assert_true(csv_write_cell(w, "", NULL) && csv_write_cell(w, "", NULL) && csv_end_row(w, NULL));
  assert_true(csv_write_float32(w, 0.1f, NULL) && csv_write_float64(w, (double)NAN, NULL));
  assert_true(csv_write_float64(w, 0.1, NULL) && csv_end_row(w, NULL));
}

static void test_writer(void **state) {
  (void)state;
  buffer text = {0};
  csv_writer to_text = {.text = &text, .line_end = "\r\n"};
  write_sample(&to_text);
  assert_string_equal(
      text.data, "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"cr\r\",\r\n\"\"\r\n,\r\n0.1,nan,0.1\r\n");
  buffer_free(&text);

  atomic_file *file = atomic_file_create(scratch, ATOMIC_FILE_REPLACE, NULL);
  assert_non_null(file);
  csv_writer to_file = {.file = file};
  assert_true(csv_write_cell(&to_file, "a", NULL) && csv_write_cell(&to_file, "b;c", NULL));
  assert_true(csv_end_row(&to_file, NULL));
  assert_true(csv_write_cell(&to_file, "x,y", NULL) && csv_write_cell(&to_file, "", NULL));
  assert_true(csv_end_row(&to_file, NULL) && atomic_file_commit(file, false, NULL));
  csv_table *t = csv_table_read(scratch, NULL, 0, NULL);
  assert_non_null(t);
  assert_string_equal(csv_table_cell(t, 0, 0).text, "x,y");
  assert_true(csv_table_cell(t, 0, 1).is_null);
  csv_table_destroy(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_large_table_stays_small), /* first: it measures the peak of the process */
      cmocka_unit_test(test_plain_tables),
      cmocka_unit_test(test_line_ends),
      cmocka_unit_test(test_quotes),
      cmocka_unit_test(test_byte_order_mark_and_separator),
      cmocka_unit_test(test_nulls_are_those_of_pandas),
      cmocka_unit_test(test_errors_name_file_and_line),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_only_wanted_columns_are_kept),
      cmocka_unit_test(test_string_pool),
      cmocka_unit_test(test_damaged_tables),
      cmocka_unit_test(test_hostile_bytes),
      cmocka_unit_test(test_golden_input_is_read),
      cmocka_unit_test(test_writer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
