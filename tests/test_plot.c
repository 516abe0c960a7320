/* The 12-lead sheet: what must be seen where, looked up in the picture's points. */
#include "plot/sheet.h"

#include "plot/paper.h"

#include <cairo.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 5000, RATE_HZ = 500 };

static float flat[SAMPLES], step[SAMPLES];

/* Twelve flat leads; lead II is 1 mV in the first half of every second. */
static sheet test_sheet(void) {
  for (int i = 0; i < SAMPLES; i++)
    step[i] = i % RATE_HZ < RATE_HZ / 2 ? 1000 / 5.0f : 0;
  sheet s = {.trace = {.samples = SAMPLES, .sampling_rate_hz = RATE_HZ, .microvolts_per_unit = 5},
             .title = "title",
             .notes = {"first", "second"},
             .footer = "footer"};
  for (int lead = 0; lead < ECG_LEADS; lead++)
    s.trace.leads[lead] = lead == LEAD_II ? step : flat;
  return s;
}

typedef struct reading {
  const buffer *from;
  size_t at;
} reading;

static cairo_status_t read_bytes(void *context, unsigned char *bytes, unsigned size) {
  reading *r = context;
  if (r->from->size - r->at < size)
    return CAIRO_STATUS_READ_ERROR;
  memcpy(bytes, r->from->data + r->at, size);
  r->at += size;
  return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *draw_png(const sheet *s) {
  buffer file = {0};
  error err = {0};
  if (!sheet_draw(s, SHEET_PNG, &file, &err))
    fail_msg("%s", err.message);
  reading r = {&file, 0};
  cairo_surface_t *picture = cairo_image_surface_create_from_png_stream(read_bytes, &r);
  assert_int_equal(cairo_surface_status(picture), CAIRO_STATUS_SUCCESS);
  buffer_free(&file);
  return picture;
}

/* The darkest point within half a millimetre, 0 ... 255. */
static unsigned darkest(cairo_surface_t *picture, double x_mm, double y_mm) {
  const unsigned char *data = cairo_image_surface_get_data(picture);
  int stride = cairo_image_surface_get_stride(picture);
  double per_mm = cairo_image_surface_get_width(picture) / PAPER_WIDTH_MM;
  unsigned least = 255;
  for (int dy = -4; dy <= 4; dy++)
    for (int dx = -4; dx <= 4; dx++) {
      uint32_t point;
      memcpy(&point,
             data + ((int)lround(y_mm * per_mm) + dy) * stride + 4 * ((int)lround(x_mm * per_mm) + dx), 4);
      unsigned green = point >> 8 & 0xff;
      if (green < least)
        least = green;
    }
  return least;
}

/* Row 1 holds lead II, row 3 is the rhythm strip; each row's zero line lies 22.5 mm below its top. */
static const double row_1_mm = GRID_TOP_MM + 22.5 + 40, row_3_mm = GRID_TOP_MM + 22.5 + 120;
static const double start_mm = GRID_LEFT_MM + 12.5;

static void test_size_is_a4_at_200_dpi(void **state) {
  (void)state;
  sheet s = test_sheet();
  cairo_surface_t *picture = draw_png(&s);
  assert_int_equal(cairo_image_surface_get_width(picture), 2339);
  assert_int_equal(cairo_image_surface_get_height(picture), 1654);
  cairo_surface_destroy(picture);
}

static void test_calibration_pulse_is_one_millivolt(void **state) {
  (void)state;
  sheet s = test_sheet();
  cairo_surface_t *picture = draw_png(&s);
  for (int row = 0; row < 4; row++) {
    double y = GRID_TOP_MM + 22.5 + 40 * row;
    assert_true(darkest(picture, GRID_LEFT_MM + 7.5, y - 10) < 60);
    assert_true(darkest(picture, GRID_LEFT_MM + 7.5, y - 5) > 120);
    assert_true(darkest(picture, GRID_LEFT_MM + 5, y - 5) < 60);
  }
  cairo_surface_destroy(picture);
}

/* The steps' median is 1 mV or 0: half the time up, half down, 10 mm apart, every 25 mm. */
static void test_trace_has_the_scales_that_the_sheet_states(void **state) {
  (void)state;
  sheet s = test_sheet();
  cairo_surface_t *picture = draw_png(&s);
  double up = row_3_mm - 10, down = row_3_mm;
  if (darkest(picture, start_mm + 6, up) > 60) { /* the median is the upper level */
    up = row_3_mm;
    down = row_3_mm + 10;
  }
  for (int second = 0; second < 10; second++) {
    double x = start_mm + 25 * second;
    assert_true(darkest(picture, x + 6, up) < 60);
    assert_true(darkest(picture, x + 6, down) > 120);
    assert_true(darkest(picture, x + 18, down) < 60);
    assert_true(darkest(picture, x + 18, up) > 120);
  }
  /* In the row above, lead II ends where aVL begins. */
  assert_true(darkest(picture, start_mm + 50 + 6, up - row_3_mm + row_1_mm) < 60);
  assert_true(darkest(picture, start_mm + 75 + 6, row_1_mm) < 60);
  assert_true(darkest(picture, start_mm + 75 + 6, row_1_mm - 10) > 120);
  cairo_surface_destroy(picture);
}

static void test_before_is_pale(void **state) {
  (void)state;
  sheet s = test_sheet();
  sheet_trace before = s.trace;
  before.leads[LEAD_V6] = step;
  s.before = &before;
  cairo_surface_t *picture = draw_png(&s);
  double x = start_mm + 3 * 62.5 + 6, y = GRID_TOP_MM + 22.5 + 80;
  /* Which of its two levels is the median, and hidden behind the flat trace, doesn't matter. */
  unsigned lower = darkest(picture, x, y + 10), upper = darkest(picture, x + 18, y - 10);
  assert_in_range(lower < upper ? lower : upper, 100, 190);
  cairo_surface_destroy(picture);
}

static void test_all_formats_begin_as_they_should(void **state) {
  (void)state;
  static const char *const begins[SHEET_FORMAT_COUNT] = {"<?xml", "%PDF-", "\x89PNG"};
  sheet s = test_sheet();
  for (int f = 0; f < SHEET_FORMAT_COUNT; f++) {
    buffer file = {0};
    error err = {0};
    assert_true(sheet_draw(&s, (sheet_format)f, &file, &err));
    assert_true(file.size > 1000);
    assert_memory_equal(file.data, begins[f], strlen(begins[f]));
    buffer_free(&file);
  }
}

/* Texts and samples come from files. */
static void test_hostile_texts_and_samples(void **state) {
  (void)state;
  sheet s = test_sheet();
  char *text = malloc(100001);
  assert_non_null(text);
  for (size_t i = 0; i < 100000; i++)
    text[i] = (char)(i * 7 % 255 + 1);
  text[100000] = '\0';
  s.title = s.notes[0] = text;
  s.notes[1] = "\xc3\xa9\xc3";
  step[10] = 3e38f;
  step[11] = -3e38f;
  cairo_surface_destroy(draw_png(&s));
  s.trace.samples = 1;
  cairo_surface_destroy(draw_png(&s));
  free(text);
}

static void test_impossible_traces_are_refused(void **state) {
  (void)state;
  const struct {
    size_t samples;
    double rate, unit;
  } bad[] = {{0, 500, 5},   {100, 0, 5},    {100, NAN, 5},  {100, INFINITY, 5},
             {100, 500, 0}, {100, 500, -1}, {100, 500, NAN}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sheet s = test_sheet();
    s.trace.samples = bad[i].samples;
    s.trace.sampling_rate_hz = bad[i].rate;
    s.trace.microvolts_per_unit = bad[i].unit;
    buffer file = {0};
    error err = {0};
    assert_false(sheet_draw(&s, SHEET_SVG, &file, &err));
    assert_int_equal(err.code, ERROR_DATA);
    buffer_free(&file);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_size_is_a4_at_200_dpi),
      cmocka_unit_test(test_calibration_pulse_is_one_millivolt),
      cmocka_unit_test(test_trace_has_the_scales_that_the_sheet_states),
      cmocka_unit_test(test_before_is_pale),
      cmocka_unit_test(test_all_formats_begin_as_they_should),
      cmocka_unit_test(test_hostile_texts_and_samples),
      cmocka_unit_test(test_impossible_traces_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
