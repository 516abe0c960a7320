/* Operators: what PyTorch computes (fixtures/ops/ops.json, made by tools/make_op_fixtures.py), and what the
 * shape rules refuse. */
#include "ops/op.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- attributes by name ---- */

typedef struct field {
  const char *name;
  size_t offset;
} field;

#define FIELD(name)                                                                                          \
  { #name, offsetof(op_attributes, name) }

static const field int_fields[] = {FIELD(kernel),       FIELD(stride),
                                   FIELD(padding_left), FIELD(padding_right),
                                   FIELD(dilation),     FIELD(groups),
                                   FIELD(axis),         FIELD(start),
                                   FIELD(stop),         FIELD(step),
                                   FIELD(output_size),  FIELD(keep_dim),
                                   FIELD(ceil_mode),    FIELD(count_include_pad),
                                   FIELD(transpose_b),  FIELD(heads),
                                   FIELD(ints_count)};
static const field float_fields[] = {FIELD(epsilon), FIELD(alpha), FIELD(value), FIELD(scale)};

static void *find_field(op_attributes *a, const field *fields, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(fields[i].name, name))
      return (char *)a + fields[i].offset;
  return NULL;
}

static activation_kind activation_by_name(const char *name) {
  for (int kind = ACTIVATION_NONE; kind < ACTIVATION_COUNT; kind++)
    if (!strcmp(activation_name((activation_kind)kind), name))
      return (activation_kind)kind;
  fail_msg("no activation %s", name);
  return ACTIVATION_NONE;
}

static void read_attribute(op_attributes *a, const char *name, const json_t *value) {
  int64_t *whole = find_field(a, int_fields, sizeof int_fields / sizeof *int_fields, name);
  double *real = find_field(a, float_fields, sizeof float_fields / sizeof *float_fields, name);
  if (whole)
    *whole = json_integer_value(value);
  else if (real)
    *real = json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
  else if (!strcmp(name, "activation"))
    a->activation =
        json_is_string(value) ? activation_by_name(json_string_value(value)) : json_integer_value(value);
  else if (!strcmp(name, "ints")) {
    a->ints_count = (int64_t)json_array_size(value);
    for (size_t i = 0; i < json_array_size(value) && i < TENSOR_MAX_RANK; i++)
      a->ints[i] = json_integer_value(json_array_get(value, i));
  } else
    fail_msg("unknown attribute %s", name);
}

static op_attributes read_attributes(const json_t *object) {
  op_attributes a = {0};
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) read_attribute(&a, name, value);
  return a;
}

/* ---- one case of the fixtures ---- */

typedef struct operands {
  int count;
  tensor_view views[OP_MAX_INPUTS];
  const shape *shapes[OP_MAX_INPUTS];
  dtype types[OP_MAX_INPUTS];
  void *data[OP_MAX_INPUTS];
} operands;

static shape read_shape(const json_t *dims) {
  shape s = {.rank = (int)json_array_size(dims)};
  for (int i = 0; i < s.rank && i < TENSOR_MAX_RANK; i++)
    s.dims[i] = json_integer_value(json_array_get(dims, (size_t)i));
  return s;
}

static void read_operand(operands *o, int i, const json_t *json) {
  if (json_is_null(json))
    return;
  const json_t *values = json_object_get(json, "values");
  size_t count = json_array_size(values);
  bool whole = json_object_get(json, "type") != NULL;
  o->data[i] = malloc(count * 4);
  for (size_t j = 0; j < count; j++) {
    json_int_t value = json_integer_value(json_array_get(values, j));
    if (whole)
      ((int32_t *)o->data[i])[j] = (int32_t)value;
    else
      ((float *)o->data[i])[j] = (float)value / 64;
  }
  o->types[i] = whole ? DTYPE_I32 : DTYPE_F32;
  o->views[i] = (tensor_view){o->types[i], read_shape(json_object_get(json, "shape")), o->data[i]};
  o->shapes[i] = &o->views[i].shape;
}

static void compare(const json_t *json, const char *op, size_t index, const float *result, int64_t elements) {
  const json_t *expected = json_object_get(json, "expected");
  assert_int_equal(json_array_size(expected), elements);
  for (int64_t i = 0; i < elements; i++) {
    double wanted = json_number_value(json_array_get(expected, (size_t)i));
    if (!(fabs((double)result[i] - wanted) <= fmax(1e-7, 1e-6 * fabs(wanted))))
      fail_msg("case %zu, %s: element %d is %.9g instead of %.9g", index, op, (int)i, (double)result[i],
               wanted);
  }
}

static void run_case(const json_t *json, size_t index) {
  const op_descriptor *op = op_find(json_string_value(json_object_get(json, "op")));
  assert_non_null(op);
  op_attributes a = read_attributes(json_object_get(json, "attributes"));
  const json_t *inputs = json_object_get(json, "inputs");
  operands o = {.count = (int)json_array_size(inputs)};
  for (int i = 0; i < o.count; i++)
    read_operand(&o, i, json_array_get(inputs, (size_t)i));
  shape result_shape, expected_shape = read_shape(json_object_get(json, "shape"));
  dtype type;
  error err = {0};
  if (!op_infer(op, o.shapes, o.types, o.count, &a, &result_shape, &type, &err))
    fail_msg("case %zu: %s", index, err.message);
  assert_int_equal(type, DTYPE_F32);
  if (!shape_equal(&result_shape, &expected_shape))
    fail_msg("case %zu, %s: wrong shape", index, op->name);
  int64_t elements;
  assert_true(shape_elements(&result_shape, &elements));
  float *result = malloc((size_t)elements * sizeof *result);
  op->evaluate(o.views, o.count, &a, &result_shape, result);
  compare(json, op->name, index, result, elements);
  free(result);
  for (int i = 0; i < o.count; i++)
    free(o.data[i]);
}

static json_t *load_cases(const char *name) {
  char path[1000];
  snprintf(path, sizeof path, "%s/fixtures/ops/%s", DEEPECG_TEST_DATA, name);
  json_error_t json_err;
  json_t *cases = json_load_file(path, 0, &json_err);
  if (!cases)
    fail_msg("%s", json_err.text);
  return cases;
}

static void operators_compute_what_pytorch_computes(void **state) {
  (void)state;
  json_t *cases = load_cases("ops.json");
  assert_true(json_array_size(cases) > 500);
  for (size_t i = 0; i < json_array_size(cases); i++)
    run_case(json_array_get(cases, i), i);
  json_decref(cases);
}

static void every_operator_has_a_case(void **state) {
  (void)state;
  json_t *cases = load_cases("ops.json");
  for (size_t i = 0; i < op_count; i++) {
    bool found = false;
    for (size_t j = 0; j < json_array_size(cases) && !found; j++)
      found = !strcmp(op_table[i]->name, json_string_value(json_object_get(json_array_get(cases, j), "op")));
    if (!found)
      fail_msg("%s has no case", op_table[i]->name);
    assert_ptr_equal(op_find(op_table[i]->name), op_table[i]);
  }
  assert_null(op_find("input"));
  json_decref(cases);
}

/* ---- what has no place in JSON ---- */

static void nan_comes_through_activations(void **state) {
  (void)state;
  for (int kind = ACTIVATION_RELU; kind < ACTIVATION_COUNT; kind++)
    if (!isnan(activation_apply((activation_kind)kind, 0.1, NAN)))
      fail_msg("%s hides NaN", activation_name((activation_kind)kind));
}

static void nan_wins_every_maximum(void **state) {
  (void)state;
  const float x[3] = {1, NAN, 2};
  tensor_view view = {DTYPE_F32, {3, {1, 1, 3}}, x};
  op_attributes a = {
      .kernel = 3, .stride = 1, .dilation = 1, .groups = 1, .output_size = 1, .ints = {2}, .ints_count = 1};
  const char *const names[] = {"max_pool1d", "adaptive_max_pool1d", "reduce_max"};
  for (size_t i = 0; i < 3; i++) {
    float y = 0;
    op_find(names[i])->evaluate(&view, 1, &a, &(shape){3, {1, 1, 1}}, &y);
    assert_true(isnan(y));
  }
  const tensor_view pair[2] = {view, {DTYPE_F32, {1, {1}}, x}}, reversed[2] = {pair[1], view};
  const char *const pairwise[] = {"maximum", "minimum"};
  for (size_t i = 0; i < 2; i++) {
    float y[3] = {0}, z[3] = {0};
    op_find(pairwise[i])->evaluate(pair, 2, &a, &view.shape, y);
    op_find(pairwise[i])->evaluate(reversed, 2, &a, &view.shape, z);
    assert_true(y[0] == 1 && isnan(y[1]) && y[2] == (i == 0 ? 2 : 1));
    assert_true(z[0] == 1 && isnan(z[1]) && z[2] == y[2]);
  }
}

static void indices_outside_a_table_give_nan(void **state) {
  (void)state;
  const float table[4] = {1, 2, 3, 4};
  const int32_t indices[4] = {-1, 1, 2, INT32_MIN};
  tensor_view views[2] = {{DTYPE_F32, {2, {2, 2}}, table}, {DTYPE_I32, {1, {4}}, indices}};
  float y[8] = {0};
  op_find("embedding")->evaluate(views, 2, &(op_attributes){0}, &(shape){2, {4, 2}}, y);
  assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 3 && y[3] == 4 && isnan(y[4]) && isnan(y[7]));
}

static void moved_integers_keep_their_bits(void **state) {
  (void)state;
  const int32_t x[4] = {0x7fa00001, -1, INT32_MIN, 7}; /* as a float, the first is a signalling NaN */
  tensor_view view = {DTYPE_I32, {2, {2, 2}}, x};
  int32_t y[4] = {0};
  op_find("transpose")->evaluate(&view, 1, &(op_attributes){.ints = {1, 0}, .ints_count = 2}, &view.shape, y);
  assert_int_equal(y[0], x[0]);
  assert_int_equal(y[1], x[2]);
  assert_int_equal(y[2], x[1]);
}

/* ---- refusals ---- */

/* fixtures/ops/refusals.json: operands by their shapes, attributes, and a part of the message. */
static void read_refused_operand(operands *o, int i, const json_t *json) {
  if (json_is_null(json))
    return;
  const json_t *integers = json_object_get(json, "i32");
  o->types[i] = integers ? DTYPE_I32 : DTYPE_F32;
  o->views[i].shape = read_shape(integers ? integers : json);
  o->shapes[i] = &o->views[i].shape;
}

static void check_refusal(const json_t *json, size_t index) {
  const op_descriptor *op = op_find(json_string_value(json_object_get(json, "op")));
  const char *expected = json_string_value(json_object_get(json, "error"));
  assert_non_null(op);
  assert_non_null(expected);
  op_attributes a = read_attributes(json_object_get(json, "attributes"));
  const json_t *shapes = json_object_get(json, "operands");
  operands o = {.count = (int)json_array_size(shapes)};
  for (int i = 0; i < o.count; i++)
    read_refused_operand(&o, i, json_array_get(shapes, (size_t)i));
  shape result = {0};
  dtype type = DTYPE_F32;
  error err = {0};
  if (op_infer(op, o.shapes, o.types, o.count, &a, &result, &type, &err))
    fail_msg("refusal %zu (%s) was accepted", index, expected);
  if (!strstr(err.message, expected) || strncmp(err.message, op->name, strlen(op->name)) != 0)
    fail_msg("refusal %zu: expected \"%s\", got \"%s\"", index, expected, err.message);
}

static void shape_rules_say_what_is_wrong(void **state) {
  (void)state;
  json_t *refusals = load_cases("refusals.json");
  assert_true(json_array_size(refusals) > 100);
  for (size_t i = 0; i < json_array_size(refusals); i++)
    check_refusal(json_array_get(refusals, i), i);
  json_decref(refusals);
}

/* Attributes with wild numbers must never crash a shape rule, and what it accepts must have a valid shape. */
static void shape_rules_survive_wild_attributes(void **state) {
  (void)state;
  static const int64_t wild[] = {0, 1,       2,         3,         -1,        6,
                                 7, 1 << 24, INT32_MAX, INT64_MAX, INT64_MIN, (int64_t)1 << 40};
  uint64_t seed = 88172645463325252U;
  int accepted = 0;
  for (int round = 0; round < 20000; round++) {
    int64_t raw[sizeof(op_attributes) / sizeof(int64_t)];
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
      seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
      raw[i] = wild[seed % (seed & 1 << 20 ? 4 : sizeof wild / sizeof *wild)];
    }
    op_attributes a;
    memcpy(&a, raw, sizeof a);
    shape views[5] = {{3, {1, 2, 6}}, {3, {4, 2, 3}}, {1, {4}}, {1, {2}}, {1, {2}}};
    const shape *shapes[5] = {&views[0], &views[seed >> 8 & 1], &views[2], &views[3], &views[4]};
    dtype types[5] = {0};
    shape result;
    dtype type;
    int64_t elements;
    const op_descriptor *op = op_table[(size_t)round % op_count];
    int count =
        op->min_inputs + (int)(seed >> 32 & 1) * (op->max_inputs <= 5 ? op->max_inputs - op->min_inputs : 1);
    if (op_infer(op, shapes, types, count, &a, &result, &type, NULL)) {
      assert_true(shape_elements(&result, &elements));
      accepted++;
    }
  }
  assert_true(accepted > 1000);
}

static void shape_text_fits(void **state) {
  (void)state;
  shape longest = {6, {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN}};
  char text[SHAPE_TEXT_SIZE];
  shape_text(&longest, text, sizeof text);
  assert_int_equal(text[strlen(text) - 1], ')');
  shape_text(&(shape){3, {1, 12, 2500}}, text, sizeof text);
  assert_string_equal(text, "(1, 12, 2500)");
  shape_text(&(shape){3, {1, 12, 2500}}, text, 6);
  assert_string_equal(text, "(1, 1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(operators_compute_what_pytorch_computes),
      cmocka_unit_test(every_operator_has_a_case),
      cmocka_unit_test(nan_comes_through_activations),
      cmocka_unit_test(nan_wins_every_maximum),
      cmocka_unit_test(indices_outside_a_table_give_nan),
      cmocka_unit_test(moved_integers_keep_their_bits),
      cmocka_unit_test(shape_rules_say_what_is_wrong),
      cmocka_unit_test(shape_rules_survive_wild_attributes),
      cmocka_unit_test(shape_text_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
