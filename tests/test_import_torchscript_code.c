/* The language of the archives' code, by small programs: what it means, and what is refused, with which
 * words. */
#include "import/torchscript/torchscript.h"
#include "support/mutate.h"
#include "support/networks.h"
#include "support/torchscript_builder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const float input[6] = {1, -2, 3, -4, 5, -6}; /* x, of shape (1, 2, 3) */

/* An archive around some code and the graph made of it. */
typedef struct program {
  zip_builder zip;
  zip_archive *archive;
  graph *graph;
} program;

static void program_free(program *p) {
  graph_destroy(p->graph);
  zip_close(p->archive);
  zip_builder_free(&p->zip);
}

static program import_code(const char *code, const buffer *data, error *err) {
  program p = {0};
  torchscript_build(&p.zip, code, strlen(code), data, NULL);
  p.archive = zip_open((const uint8_t *)p.zip.bytes.data, p.zip.bytes.size, err);
  if (!p.archive)
    fail_msg("%s", err->message);
  p.graph = torchscript_import(p.archive, &(shape){3, {1, 2, 3}}, err);
  return p;
}

/* ---- what programs mean ---- */

typedef struct meaning {
  const char *body; /* of forward */
  const char *shape;
  float expected[12];
} meaning;

static void check_meaning(const meaning *m) {
  char code[4000], text[SHAPE_TEXT_SIZE];
  error err = {0};
  snprintf(code, sizeof code, FORWARD "%s", m->body);
  program p = import_code(code, NULL, &err);
  if (!p.graph)
    fail_msg("%s\n%s", m->body, err.message);
  const shape *s = &graph_value_get(p.graph, graph_output(p.graph, 0))->shape;
  if (strcmp(shape_text(s, text, sizeof text), m->shape) != 0)
    fail_msg("%s\ngives shape %s, not %s", m->body, text, m->shape);
  float output[12];
  assert_true(shape_count(s) <= 12);
  if (!graph_evaluate(p.graph, (const void *[]){input}, (void *[]){output}, &err))
    fail_msg("%s\n%s", m->body, err.message);
  for (size_t i = 0; i < shape_count(s); i++)
    if (fabsf(output[i] - m->expected[i]) > 1e-6f)
      fail_msg("%s\nelement %zu is %g, not %g", m->body, i, (double)output[i], (double)m->expected[i]);
  program_free(&p);
}

static void check_meanings(const meaning *meanings, size_t count) {
  for (size_t i = 0; i < count; i++)
    check_meaning(&meanings[i]);
}

#define CHECK(meanings) check_meanings(meanings, sizeof(meanings) / sizeof *(meanings))

/* Bounds far from the numbers cost no precision. */
static void test_bounds(void **state) {
  (void)state;
  static const meaning meanings[] = {
      {"    return torch.clamp(x, -1000000000., 1000000000.)\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return torch.clamp(x, -1000000000.)\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return torch.clamp(x, None, 1000000000.)\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return torch.clamp(x, 0, 6)\n", "(1, 2, 3)", {1, 0, 3, 0, 5, 0}},
      {"    return torch.clamp(x, 0, 4)\n", "(1, 2, 3)", {1, 0, 3, 0, 4, 0}},
      {"    return torch.clamp(x, 4, 2)\n", "(1, 2, 3)", {2, 2, 2, 2, 2, 2}},
      {"    return torch.hardtanh(x)\n", "(1, 2, 3)", {1, -1, 1, -1, 1, -1}},
      {"    return torch.hardtanh(x, 1, 1)\n", "(1, 2, 3)", {1, 1, 1, 1, 1, 1}},
      {"    return torch.maximum(x, torch.full([1], -1000000000.))\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return torch.minimum(torch.full([3], 1000000000.), x)\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return torch.max(x, torch.mul(x, -1000000000.))\n", "(1, 2, 3)", {1, 2e9f, 3, 4e9f, 5, 6e9f}},
  };
  CHECK(meanings);
}

/* dim=-1 is one norm of the whole tensor. */
static void test_norm_of_the_whole_weight(void **state) {
  (void)state;
  static const meaning meanings[] = {
      {"    return torch._weight_norm(self.weight, CONSTANTS.c1, -1)\n",
       "(2, 3)",
       {0.0524142f, 0.1048285f, 0.1572427f, 0.2096570f, 0.2620712f, 0.3144855f}},
  };
  CHECK(meanings);
}

static void test_statements(void **state) {
  (void)state;
  static const meaning meanings[] = {
      {"    return x\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    # a comment\n    _0 = getattr(self, \"0\")\n    return (_0).forward(x, )\n",
       "(1, 2, 3)",
       {1, 0, 3, 0, 5, 0}},
      {"    a, b, = torch.chunk(x, 2, 1)\n    return torch.add(a, b, alpha=2)\n", "(1, 1, 3)", {-7, 8, -9}},
      {"    (a, b), c = (x, x), x\n    return torch.add(a, c)\n", "(1, 2, 3)", {2, -4, 6, -8, 10, -12}},
      {"    y : Tensor = annotate(Tensor, x)\n    return unchecked_cast(Tensor, y)\n",
       "(1, 2, 3)",
       {1, -2, 3, -4, 5, -6}},
      {"    if self.training:\n      y = torch.unknown_operator(x)\n    else:\n      y = torch.mul(x, 2)\n   "
       " return y\n",
       "(1, 2, 3)",
       {2, -4, 6, -8, 10, -12}},
      {"    n = torch.size(x, 2)\n    if torch.lt(n, 3):\n      y = x\n    elif torch.eq(n, 3):\n      y = "
       "torch.neg(x)\n"
       "    else:\n      y = x\n    return y\n",
       "(1, 2, 3)",
       {-1, 2, -3, 4, -5, 6}},
      {"    y = x\n    for i in range(3):\n      y = torch.add(y, i)\n    return y\n",
       "(1, 2, 3)",
       {4, 1, 6, -1, 8, -3}},
      {"    y = x\n    for i in range(5, 0, -2):\n      y = torch.add(y, i)\n    return y\n",
       "(1, 2, 3)",
       {10, 7, 12, 5, 14, 3}},
      {"    y = x\n    for s in self.steps:\n      y = torch.mul(y, s)\n    return y\n",
       "(1, 2, 3)",
       {2, -4, 6, -8, 10, -12}},
      {"    i = 0\n    y = x\n    while torch.lt(i, 2):\n      y = torch.add(y, 1)\n      i = torch.add(i, "
       "1)\n    return y\n",
       "(1, 2, 3)",
       {3, 0, 5, -2, 7, -4}},
      {"    for i in range(10):\n      if i > 1:\n        return torch.add(x, i)\n      else:\n        "
       "pass\n    return x\n",
       "(1, 2, 3)",
       {3, 0, 5, -2, 7, -4}},
      {"    assert torch.dim(x) == 3, \"three\"\n    return x\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return {\"a\": x, \"b\": x}[\"b\"]\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    return torch.add(x, 1,\n\n        alpha=\n  -1,)\n", "(1, 2, 3)", {0, -3, 2, -5, 4, -7}},
  };
  CHECK(meanings);
}

static void test_numbers(void **state) {
  (void)state;
  static const meaning meanings[] = {
      {"    return torch.add(x, 7 // 2 * 2 - -1 + 7 % 4)\n", "(1, 2, 3)", {11, 8, 13, 6, 15, 4}},
      {"    return torch.mul(x, -7 // 2 + -7 % 4)\n", "(1, 2, 3)", {-3, 6, -9, 12, -15, 18}},
      {"    return torch.mul(x, 7 / 2)\n", "(1, 2, 3)", {3.5f, -7, 10.5f, -14, 17.5f, -21}},
      {"    return torch.mul(x, 2 ** 3 ** 2 - 510)\n", "(1, 2, 3)", {2, -4, 6, -8, 10, -12}},
      {"    return torch.mul(x, 1e1 + .5 + 1.)\n", "(1, 2, 3)", {11.5f, -23, 34.5f, -46, 57.5f, -69}},
      {"    return torch.mul(x, 2 if 1 < 2 and not 2 >= 3 or False else 5)\n",
       "(1, 2, 3)",
       {2, -4, 6, -8, 10, -12}},
      {"    return torch.mul(x, int(3.9) + float(int(True)) + bool(2))\n",
       "(1, 2, 3)",
       {5, -10, 15, -20, 25, -30}},
      {"    n = ops.prim.NumToTensor(torch.size(x, 1))\n    m = torch.floor_divide(n, CONSTANTS.c0)\n"
       "    return torch.reshape(x, [int(m), int(torch.mul(n, 3)), -1])\n",
       "(1, 6, 1)",
       {1, -2, 3, -4, 5, -6}},
      {"    return torch.reshape(x, [torch.item(CONSTANTS.c0) + 1, torch.remainder(8, 3)])\n",
       "(3, 2)",
       {1, -2, 3, -4, 5, -6}},
      {"    return torch.mul(x, torch.div(7, CONSTANTS.c0, rounding_mode=\"trunc\"))\n",
       "(1, 2, 3)",
       {3, -6, 9, -12, 15, -18}},
      {"    return torch.mul(x, torch.div(-7, 2, rounding_mode=\"trunc\"))\n",
       "(1, 2, 3)",
       {-3, 6, -9, 12, -15, 18}},
      {"    return torch.mul(x, torch.div(-7, 2, rounding_mode=\"floor\"))\n",
       "(1, 2, 3)",
       {-4, 8, -12, 16, -20, 24}},
      {"    return torch.mul(x, torch.div(torch.scalar_tensor(7), 2))\n",
       "(1, 2, 3)",
       {3.5f, -7, 10.5f, -14, 17.5f, -21}},
      {"    return torch.mul(x, CONSTANTS.c1)\n", "(1, 2, 3)", {.5f, -1, 1.5f, -2, 2.5f, -3}},
      {"    return torch.mul(x, torch.add(CONSTANTS.c1, CONSTANTS.c0))\n",
       "(1, 2, 3)",
       {2.5f, -5, 7.5f, -10, 12.5f, -15}},
      {"    return torch.mul(x, torch.add(ops.prim.max(3, 4), ops.prim.min([7, 5, 6])))\n",
       "(1, 2, 3)",
       {9, -18, 27, -36, 45, -54}},
      {"    return torch.mul(x, torch.sqrt(16) + torch.ceil(1.5) + torch.floor(-1.5))\n",
       "(1, 2, 3)",
       {4, -8, 12, -16, 20, -24}},
      {"    return torch.mul(x, torch.numel(x) + torch.len(x) + torch.len([1, 2]) + torch.len(\"abc\") + "
       "torch.len({1: 2}))\n",
       "(1, 2, 3)",
       {13, -26, 39, -52, 65, -78}},
      {"    return torch.mul(x, (torch.add([1, 2], [3])[-1] + torch.slice([5, 6, 7], 1, 3)[0]) * "
       "torch.list((4, 5))[1])\n",
       "(1, 2, 3)",
       {45, -90, 135, -180, 225, -270}},
      {"    return torch.mul(x, torch.__range_length(2, 9, 3) + torch.__derive_index(2, 2, 3))\n",
       "(1, 2, 3)",
       {11, -22, 33, -44, 55, -66}},
      {"    a = torch.eq([1, 2], torch.slice(torch.size(x), 0, 2)) and torch.ne(\"a\", \"b\") and \"a\" == "
       "\"a\"\n"
       "    b = torch.__contains__([1, 2], 2) and not torch.__contains__({\"k\": 1}, \"j\")\n"
       "    c = torch.__and__(True, torch.__or__(False, True)) and torch.__xor__(True, False)\n"
       "    d = torch.__is__(None, None) and torch.__isnot__(x, None) and x is not None and not (x is None)\n"
       "    e = torch.le(1, 1) and torch.ge(2, 1) and torch.gt(2, 1) and torch.__not__(2 <= 1)\n"
       "    return torch.mul(x, int(a) + 10 * int(b) + 100 * int(c) + 1000 * int(d) + 10000 * int(e))\n",
       "(1, 2, 3)",
       {11111, -22222, 33333, -44444, 55555, -66666}},
      {"    if not (torch.__is__(self.training, None)):\n      pass\n    f = torch.format(\"{}\", 1)\n    "
       "torch.warn(f)\n    return x\n",
       "(1, 2, 3)",
       {1, -2, 3, -4, 5, -6}},
  };
  CHECK(meanings);
}

static void test_operators(void **state) {
  (void)state;
  static const meaning meanings[] = {
      {"    return torch.matmul(x, self.tied)\n", "(1, 2)", {6, -12}},
      {"    return torch.linear(x, self.weight)\n", "(1, 2, 2)", {6, 12, -12, -27}},
      {"    return torch.add(x, CONSTANTS.c2)\n", "(1, 2, 3)", {11, 18, 33, 6, 25, 24}},
      {"    return torch.subtract(torch.multiply(x, 2), torch.divide(x, 2))\n",
       "(1, 2, 3)",
       {1.5f, -3, 4.5f, -6, 7.5f, -9}},
      {"    return torch.true_divide(torch.alias(x), 2)\n", "(1, 2, 3)", {.5f, -1, 1.5f, -2, 2.5f, -3}},
      {"    return torch.relu6(torch.clip(x, -1, 7))\n", "(1, 2, 3)", {1, 0, 3, 0, 5, 0}},
      {"    return torch._unsafe_view(torch.swapaxes(x, 1, 2), [-1])\n", "(6)", {1, -4, -2, 5, 3, -6}},
      {"    return torch.concat([x, x], 1)\n", "(1, 4, 3)", {1, -2, 3, -4, 5, -6, 1, -2, 3, -4, 5, -6}},
      {"    return torch.constant_pad_nd(x, [1, 0], 9)\n", "(1, 2, 4)", {9, 1, -2, 3, 9, -4, 5, -6}},
      {"    return torch.reflection_pad1d(x, [2, 1])\n",
       "(1, 2, 6)",
       {3, -2, 1, -2, 3, -2, -6, 5, -4, 5, -6, 5}},
      {"    return torch.replication_pad1d(x, [1, 0])\n", "(1, 2, 4)", {1, 1, -2, 3, -4, -4, 5, -6}},
      {"    return torch.convolution(x, torch.unsqueeze(self.weight, 0), None, [1], [1], [1], False, [0], "
       "1)\n",
       "(1, 1, 3)",
       {6, -21, -6}},
      {"    return ops.prim.unchecked_unwrap_optional(torch._unwrap_optional(x))\n",
       "(1, 2, 3)",
       {1, -2, 3, -4, 5, -6}},
      {"    return torch.to(x, ops.prim.device(x), ops.prim.dtype(x), False, False)\n",
       "(1, 2, 3)",
       {1, -2, 3, -4, 5, -6}},
      {"    return torch.mul(x, torch.tensor(3, dtype=4))\n", "(1, 2, 3)", {3, -6, 9, -12, 15, -18}},
      {"    return torch.gelu(x, approximate=\"none\")\n",
       "(1, 2, 3)",
       {0.84134475f, -0.04550026f, 2.99595031f, -0.00012669f, 4.99999857f, 0}},
      {"    a, _0 = torch.max(x, 2)\n    return a\n", "(1, 2)", {3, 5}},
      {"    return torch._softmax(torch.mul(x, 0), 1, False)\n", "(1, 2, 3)", {.5f, .5f, .5f, .5f, .5f, .5f}},
  };
  CHECK(meanings);
}

/* What is changed in place is changed for every name of it. */
static void test_in_place(void **state) {
  (void)state;
  static const meaning meanings[] = {
      {"    y = torch.clone(x)\n    z = y\n    _0 = torch.relu_(y)\n    return z\n",
       "(1, 2, 3)",
       {1, 0, 3, 0, 5, 0}},
      {"    y = torch.clone(x)\n    _0 = torch.relu_(y)\n    return x\n", "(1, 2, 3)", {1, -2, 3, -4, 5, -6}},
      {"    y = torch.detach(x)\n    _0 = torch.add_(y, x)\n    return torch.dropout_(x, 0.5, False)\n",
       "(1, 2, 3)",
       {2, -4, 6, -8, 10, -12}},
      {"    y = torch.view(x, [6])\n    return torch.relu_(y)\n", "(6)", {1, 0, 3, 0, 5, 0}},
      {"    list = [x]\n    torch.append(list, torch.neg(x))\n    torch.mul_(list[0], 3)\n    return "
       "torch.add(list[0], list[1])\n",
       "(1, 2, 3)",
       {2, -4, 6, -8, 10, -12}},
  };
  CHECK(meanings);
}

/* Equal views of a storage are one constant; weights that the code never uses are not loaded. */
static void test_constants(void **state) {
  (void)state;
  error err = {0};
  program p = import_code(
      FORWARD "    y = torch.linear(x, self.weight)\n    return torch.linear(x, self.weight)\n", NULL, &err);
  assert_non_null(p.graph);
  assert_int_equal(graph_parameter_count(p.graph), 6);
  program_free(&p);
}

static void test_several_outputs(void **state) {
  (void)state;
  error err = {0};
  program p = import_code(FORWARD "    return (x, torch.relu(x))\n", NULL, &err);
  assert_non_null(p.graph);
  assert_int_equal(graph_output_count(p.graph), 2);
  program_free(&p);
  p = import_code(FORWARD "    return {\"logits\": torch.relu(x), \"features\": x}\n", NULL, &err);
  assert_non_null(p.graph);
  assert_int_equal(graph_output(p.graph, 1), graph_input(p.graph, 0));
  program_free(&p);
}

/* Nodes say which line of the code they come from, values which module. */
static void test_origins(void **state) {
  (void)state;
  error err = {0};
  program p = import_code(FORWARD "    y = torch.neg(x)\n    return (getattr(self, \"0\")).forward(y, )\n",
                          NULL, &err);
  assert_non_null(p.graph);
  assert_int_equal(graph_node_count(p.graph), 2);
  assert_string_equal(graph_node_get(p.graph, 0)->origin, "code/__torch__.py:12");
  assert_string_equal(graph_node_get(p.graph, 1)->origin, "code/__torch__.py:4");
  assert_string_equal(graph_value_get(p.graph, graph_output(p.graph, 0))->name, "0");
  program_free(&p);
}

/* ---- what is refused ---- */

typedef struct refusal {
  const char *code;
  error_code error;
  const char *message;
} refusal;

static void check_refusal(const refusal *r, const buffer *data) {
  error err = {0};
  program p = import_code(r->code, data, &err);
  if (p.graph)
    fail_msg("accepted, instead of \"%s\"", r->message);
  if (!strstr(err.message, r->message) || err.code != r->error)
    fail_msg("said \"%s\" (code %d), not \"%s\" (code %d)", err.message, (int)err.code, r->message,
             (int)r->error);
  program_free(&p);
}

static void check_refusals(const refusal *refusals, size_t count) {
  for (size_t i = 0; i < count; i++)
    check_refusal(&refusals[i], NULL);
}

#define REFUSE(refusals) check_refusals(refusals, sizeof(refusals) / sizeof *(refusals))
#define LINE_12          "code/__torch__.py:12: "

static void test_refused_code(void **state) {
  (void)state;
  static const refusal refusals[] = {
      {FORWARD "    return torch.fft_rfft(x)\n", ERROR_UNSUPPORTED,
       LINE_12 "the operator aten::fft_rfft is not supported"},
      {FORWARD "    return ops.quantized.linear(x)\n", ERROR_UNSUPPORTED,
       LINE_12 "the operator quantized.linear is not supported"},
      {FORWARD "    y = x\n    return torch.relu(y, inplace=True)\n", ERROR_UNSUPPORTED,
       "code/__torch__.py:13: aten::relu: the parameter 'inplace' is not supported"},
      {FORWARD "    return torch.relu()\n", ERROR_FORMAT,
       LINE_12 "aten::relu: the argument 'self' is missing"},
      {FORWARD "    return torch.relu(x, x)\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::relu: more than 1 arguments"},
      {FORWARD "    return torch.relu(\"x\")\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::relu: self is a string instead of a tensor"},
      {FORWARD "    return torch.relu(self.nothing)\n", ERROR_NOT_FOUND,
       LINE_12 "'the model' has no attribute 'nothing'"},
      {FORWARD "    return torch.relu(self.missing)\n", ERROR_NOT_FOUND, LINE_12 "tensor 'missing': "},
      {FORWARD "    return torch.relu(self.call)\n", ERROR_UNSUPPORTED,
       "self is an unsupported value instead of a tensor"},
      {FORWARD "    return torch.relu(CONSTANTS.c9)\n", ERROR_NOT_FOUND,
       LINE_12 "'CONSTANTS' has no attribute 'c9'"},
      {FORWARD "    return torch.relu(y)\n", ERROR_FORMAT, LINE_12 "'y' has no value here"},
      {FORWARD "    if torch.relu(x):\n      pass\n    return x\n", ERROR_UNSUPPORTED,
       LINE_12 "a condition on a tensor"},
      {FORWARD "    a, b = [x]\n    return a\n", ERROR_FORMAT,
       LINE_12 "1 values are unpacked into 2 variables"},
      {FORWARD "    a, b = x\n    return a\n", ERROR_FORMAT, LINE_12 "a tensor can't be unpacked"},
      {FORWARD "    return [x][1]\n", ERROR_FORMAT, LINE_12 "index 1 of a list of 1"},
      {FORWARD "    return x[0]\n", ERROR_UNSUPPORTED, LINE_12 "a subscript of a tensor"},
      {FORWARD "    return {1: x}[2]\n", ERROR_FORMAT, LINE_12 "a dict lacks the key"},
      {FORWARD "    return open(\"/etc/passwd\")\n", ERROR_UNSUPPORTED, LINE_12 "a call of 'open'"},
      {FORWARD "    return (x).backward()\n", ERROR_UNSUPPORTED, LINE_12 "method 'backward' of a tensor"},
      {FORWARD "    return (self).backward(x)\n", ERROR_NOT_FOUND,
       LINE_12 "class 'Net' of code/__torch__.py has no method 'backward'"},
      {FORWARD "    return (getattr(self, \"0\")).forward()\n", ERROR_FORMAT,
       LINE_12 "forward() of code/__torch__.py is called without 'argument_1'"},
      {FORWARD "    return (getattr(self, \"0\")).forward(x, x, )\n", ERROR_FORMAT,
       LINE_12 "forward() takes 2 arguments at most"},
      {FORWARD "    return (getattr(self, \"0\")).forward(y=x)\n", ERROR_FORMAT,
       LINE_12 "forward() has no parameter 'y'"},
      {FORWARD "    return __torch__.elsewhere.f(x)\n", ERROR_NOT_FOUND,
       LINE_12 "the archive lacks code/__torch__/elsewhere.py"},
      {FORWARD "    return __torch__.f(x)\n", ERROR_NOT_FOUND,
       LINE_12 "code/__torch__.py defines no function 'f'"},
      {FORWARD "    return 3\n", ERROR_UNSUPPORTED, "forward returns an int"},
      {FORWARD "    return (x, [x])\n", ERROR_UNSUPPORTED,
       "forward returns a collection of more than tensors"},
      {FORWARD "    ops.prim.RaiseException(\"bad length\", \"builtins.ValueError\")\n", ERROR_DATA,
       LINE_12 "aten::prim.RaiseException: the model refuses this input: bad length"},
      {FORWARD "    assert torch.dim(x) == 4\n", ERROR_DATA,
       LINE_12 "an assertion of the model's code fails"},
      {FORWARD "    return torch.mul(x, 1 // 0)\n", ERROR_FORMAT, LINE_12 "aten::floordiv: a division by 0"},
      {FORWARD "    return torch.mul(x, 9223372036854775807 + 1)\n", ERROR_FORMAT,
       "aten::add: an integer beyond 64 bits"},
      {FORWARD "    return torch.mul(x, (-9223372036854775807 - 1) // -1)\n", ERROR_FORMAT,
       "an integer beyond 64 bits"},
      {FORWARD "    _0 = torch.relu_(torch.view(x, [6]))\n    return x\n", ERROR_UNSUPPORTED,
       "is read after it was changed in place through a view"},
      {FORWARD "    return torch.add_(self.weight, 1)\n", ERROR_UNSUPPORTED,
       "the weight 'weight' is changed in place"},
      {FORWARD "    return torch.add_(torch.sum(x, [2], True), x)\n", ERROR_FORMAT, "would change the shape"},
      {"class Net(Module):\n  pass\n", ERROR_NOT_FOUND,
       "class 'Net' of code/__torch__.py has no method 'forward'"},
      {"class Other(Module):\n  pass\n", ERROR_NOT_FOUND, "code/__torch__.py defines no class 'Net'"},
      {"class Net(Module):\n  def forward(self) -> Tensor:\n    return 1\n", ERROR_UNSUPPORTED,
       "forward takes no input"},
      {"class Net(Module):\n  def forward(self, x: Tensor, mask: Tensor) -> Tensor:\n    return x\n",
       ERROR_FORMAT, "forward() of code/__torch__.py is called without 'mask'"},
  };
  REFUSE(refusals);
}

static void test_refused_operands(void **state) {
  (void)state;
#define CONV(stride, padding, dilation, groups)                                                              \
  FORWARD "    return torch.conv1d(x, torch.unsqueeze(self.weight, -1), None, " stride ", " padding          \
          ", " dilation ", " groups ")\n"
  static const refusal refusals[] = {
      {CONV("[0]", "[0]", "[1]", "1"), ERROR_FORMAT, LINE_12 "conv1d: stride=0"},
      {CONV("[1]", "[-1]", "[1]", "1"), ERROR_FORMAT, LINE_12 "conv1d: padding_left=-1"},
      {CONV("[1]", "[0]", "[0]", "1"), ERROR_FORMAT, LINE_12 "conv1d: dilation=0"},
      {CONV("[1]", "[0]", "[1]", "0"), ERROR_FORMAT, LINE_12 "conv1d: groups=0"},
      {CONV("[1]", "[0]", "[1]", "1"), ERROR_FORMAT, LINE_12 "conv1d: weight has shape (2, 3, 1)"},
      {CONV("[1, 1]", "[0]", "[1]", "1"), ERROR_UNSUPPORTED, LINE_12 "aten::conv1d: stride has 2 elements"},
      {CONV("[2]", "\"same\"", "[1]", "1"), ERROR_FORMAT,
       LINE_12 "aten::conv1d: padding='same' with stride=2"},
      {CONV("[1]", "\"odd\"", "[1]", "1"), ERROR_FORMAT, LINE_12 "aten::conv1d: padding='odd'"},
      {CONV("[x]", "[0]", "[1]", "1"), ERROR_UNSUPPORTED,
       LINE_12 "aten::conv1d: stride is a tensor instead of known ints"},
      {FORWARD "    return torch.conv1d(x, torch.unflatten(self.weight, 0, [1, 1, 2]))\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::conv1d: a 2-D convolution"},
      {FORWARD "    return torch._convolution(x, x, None, [1], [0], [1], True, [0], 1)\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::_convolution: a transposed convolution"},
      {FORWARD "    return torch.batch_norm(x, None, None, self.tied, self.tied, True, 0.1, 1e-05, True)\n",
       ERROR_UNSUPPORTED, LINE_12 "aten::batch_norm: the model was saved in training mode"},
      {FORWARD "    return torch.dropout(x, 0.5, True)\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::dropout: the model was saved in training mode"},
      {FORWARD "    return torch.view(x, [4611686018427387904, 4, -1])\n", ERROR_FORMAT,
       LINE_12 "aten::view: the product of the target shape overflows"},
      {FORWARD "    return torch.view(x, [4, -1])\n", ERROR_FORMAT,
       LINE_12 "aten::view: 6 elements don't fit"},
      {FORWARD "    return torch.view(x, [-1, -1])\n", ERROR_FORMAT,
       LINE_12 "aten::view: 6 elements don't fit"},
      {FORWARD "    return torch.view(x, [1, 1, 1, 1, 1, 1, 6])\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::view: size has 7 elements"},
      {FORWARD "    return torch.expand(x, [100000, 100000, 2, 3])\n", ERROR_LIMIT, LINE_12 "aten::expand: "},
      {FORWARD "    return torch.zeros([100000, 100000])\n", ERROR_LIMIT, LINE_12 "aten::zeros: "},
      {FORWARD "    return torch.softmax(x, 3)\n", ERROR_FORMAT,
       LINE_12 "aten::softmax: dim=3 of a tensor of rank 3"},
      {FORWARD "    return torch.select(x, 1, 2)\n", ERROR_FORMAT, LINE_12 "aten::select: index=2 of 2"},
      {FORWARD "    return torch.slice(x, 2, 3)\n", ERROR_UNSUPPORTED, LINE_12 "aten::slice: an empty slice"},
      {FORWARD "    return torch.slice(x, 2, 0, 3, 0)\n", ERROR_FORMAT, LINE_12 "slice: step=0"},
      {FORWARD "    return torch.narrow(x, 2, 1, 9223372036854775807)\n", ERROR_FORMAT,
       LINE_12 "aten::narrow: length="},
      {FORWARD "    return torch.chunk(x, 0)[0]\n", ERROR_FORMAT, LINE_12 "aten::chunk: chunks=0"},
      {FORWARD "    return torch.split(x, 0)[0]\n", ERROR_FORMAT, LINE_12 "aten::split: pieces of 0"},
      {FORWARD "    return torch.split(x, [1, 9223372036854775807], 1)[0]\n", ERROR_FORMAT,
       LINE_12 "aten::split: the sizes don't add up to 2"},
      {FORWARD "    return torch.cat([])\n", ERROR_FORMAT, LINE_12 "aten::cat: an empty list"},
      {FORWARD "    return torch.cat([x, torch.sum(x, [1])], 1)\n", ERROR_FORMAT,
       LINE_12 "concat: operand 1"},
      {FORWARD "    return torch.stack([x, torch.sum(x, [1])])\n", ERROR_FORMAT,
       LINE_12 "aten::stack: tensors of different shapes"},
      {FORWARD "    return torch.pad(x, [1, 1], \"mirror\")\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::pad: mode='mirror'"},
      {FORWARD "    return torch.pad(x, [3, 0], \"reflect\")\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::pad: a reflect padding of 3"},
      {FORWARD "    return torch.repeat(x, [1, 1])\n", ERROR_FORMAT,
       LINE_12 "aten::repeat: 2 sizes for a tensor of rank 3"},
      {FORWARD "    return torch.repeat(x, [0, 1, 1])\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::repeat: 0 repeats"},
      {FORWARD "    return torch.to(x, 4)\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::to: a cast of a tensor to type 4"},
      {FORWARD "    return torch.gt(x, 0)\n", ERROR_UNSUPPORTED, LINE_12 "aten::gt: comparing tensors"},
      {FORWARD "    return torch.pow(x, 0.5)\n", ERROR_UNSUPPORTED, LINE_12 "aten::pow: exponent=0.5"},
      {FORWARD "    return torch.glu(x, -1)\n", ERROR_FORMAT, LINE_12 "aten::glu: an odd size, 3"},
      {FORWARD "    return torch.matmul(x, CONSTANTS.c0)\n", ERROR_FORMAT,
       LINE_12 "aten::matmul: a matrix product with a scalar"},
      {FORWARD "    return torch.layer_norm(x, [2])\n", ERROR_FORMAT,
       LINE_12 "aten::layer_norm: normalized_shape does not match"},
      {FORWARD "    return torch.group_norm(x, 0)\n", ERROR_FORMAT, LINE_12 "group_norm: groups=0"},
      {FORWARD "    return torch.max_pool1d(x, [0])\n", ERROR_FORMAT, LINE_12 "max_pool1d: kernel=0"},
      {FORWARD "    return torch.adaptive_avg_pool1d(x, [0])\n", ERROR_FORMAT,
       LINE_12 "adaptive_avg_pool1d: output_size=0"},
      {FORWARD "    return torch._weight_norm(x, self.weight)\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::_weight_norm: weight normalisation of what is no weight"},
      {FORWARD "    return torch._weight_norm(self.weight, self.tied, -1)\n", ERROR_FORMAT,
       LINE_12 "aten::_weight_norm: g and v don't match"},
      {FORWARD "    return torch.scaled_dot_product_attention(x, x, x, self.mask)\n", ERROR_UNSUPPORTED,
       LINE_12 "aten::scaled_dot_product_attention: attn_mask holds booleans"},
      {FORWARD
       "    m = torch.slice(self.mask, 0, 0, 2)\n    return torch.scaled_dot_product_attention(x, x, x, m)\n",
       ERROR_UNSUPPORTED, "attn_mask holds booleans"},
      {FORWARD "    return torch.sum(x, [3])\n", ERROR_FORMAT, LINE_12 "aten::sum: dim=3"},
      {FORWARD "    return torch.sum(x, [1, 1])\n", ERROR_FORMAT,
       LINE_12 "reduce_sum: axis=1 is listed twice"},
      {FORWARD "    return torch.var(torch.sum(x), None, True)\n", ERROR_FORMAT,
       LINE_12 "aten::var: the variance of 1 elements"},
  };
  REFUSE(refusals);
}

static void test_refused_syntax(void **state) {
  (void)state;
  static const refusal refusals[] = {
      {FORWARD "    return torch.relu(x\n", ERROR_FORMAT,
       "code/__torch__.py:13: the file ends inside brackets"},
      {FORWARD "    return )\n", ERROR_FORMAT, LINE_12 "syntax error: ')' instead of an expression"},
      {FORWARD "    y = \"x\n    return y\n", ERROR_FORMAT, LINE_12 "a string without an end"},
      {FORWARD "    import os\n    return x\n", ERROR_FORMAT,
       LINE_12 "syntax error: 'import' instead of an expression"},
      {FORWARD "   return x\n     y = x\n", ERROR_FORMAT,
       "code/__torch__.py:13: syntax error: a change of indentation"},
      {FORWARD "    f(x) = 3\n", ERROR_FORMAT, LINE_12 "syntax error: this can't be assigned to"},
      {"", ERROR_NOT_FOUND, "defines no class 'Net'"},
      {"class Net(Module):\n", ERROR_FORMAT,
       "code/__torch__.py:2: syntax error: the end of the file instead of an indented block"},
  };
  REFUSE(refusals);
}

/* ---- code that would never end, or end too late ---- */

static void test_recursion(void **state) {
  (void)state;
  static const refusal refusals[] = {
      {FORWARD "    return (self).forward(x, )\n", ERROR_LIMIT,
       LINE_12 "calls are nested more than 200 deep"},
      {"def f(x: Tensor) -> Tensor:\n  return __torch__.g(x, )\ndef g(x: Tensor) -> Tensor:\n  return "
       "__torch__.f(x, )\n" FORWARD "    return __torch__.f(x, )\n",
       ERROR_LIMIT, "calls are nested more than 200 deep"},
      {FORWARD "    while True:\n      pass\n    return x\n", ERROR_LIMIT,
       "the model's code takes more than"},
      {FORWARD "    while True:\n      x = torch.relu(x)\n    return x\n", ERROR_LIMIT,
       "code/__torch__.py:13: "},
      {FORWARD "    for i in range(9223372036854775807):\n      pass\n    return x\n", ERROR_LIMIT,
       "the model's code takes more than"},
      {FORWARD "    l = [1, 2]\n    while True:\n      l = torch.add(l, l)\n    return x\n", ERROR_LIMIT,
       "the model's code takes more than"},
      {FORWARD "    l = [1, 2]\n    for i in range(14):\n      l = torch.add(l, l)\n"
               "    b = [torch.add(l, [1])]\n    for i in range(15):\n      b = torch.add(b, b)\n"
               "    y = torch.__contains__(b, torch.add(l, [2]))\n    return x\n",
       ERROR_LIMIT, "the model's code takes more than"}, /* 2^30 comparisons */
  };
  REFUSE(refusals);
}

/* Every level calls the one below twice: 2^60 calls. */
static void test_doubling(void **state) {
  (void)state;
  buffer code = {0};
  assert_true(buffer_append_text(&code, "def f0(x: Tensor) -> Tensor:\n  return torch.relu(x)\n", NULL));
  for (int i = 1; i <= 60; i++)
    assert_true(buffer_printf(
        &code, NULL,
        "def f%d(x: Tensor) -> Tensor:\n  return torch.add(__torch__.f%d(x, ), __torch__.f%d(x, ))\n", i,
        i - 1, i - 1));
  assert_true(buffer_append_text(&code, FORWARD "    return __torch__.f60(x, )\n", NULL));
  error err = {0};
  program p = import_code(code.data, NULL, &err);
  assert_null(p.graph);
  assert_int_equal(err.code, ERROR_LIMIT);
  program_free(&p);
  buffer_free(&code);
}

/* `open` so often, then `core`, then `close` as often. */
static void check_nesting(const char *open, const char *core, const char *close, int levels,
                          const char *message) {
  buffer code = {0};
  assert_true(buffer_append_text(&code, FORWARD "    y = ", NULL));
  for (int i = 0; i < levels; i++)
    assert_true(buffer_append_text(&code, open, NULL));
  assert_true(buffer_append_text(&code, core, NULL));
  for (int i = 0; i < levels; i++)
    assert_true(buffer_append_text(&code, close, NULL));
  assert_true(buffer_append_text(&code, "\n    return x\n", NULL));
  error err = {0};
  program p = import_code(code.data, NULL, &err);
  if (message) {
    assert_null(p.graph);
    if (!strstr(err.message, message))
      fail_msg("%s", err.message);
  } else if (!p.graph) {
    fail_msg("%s", err.message);
  }
  program_free(&p);
  buffer_free(&code);
}

static void test_nesting(void **state) {
  (void)state;
  check_nesting("(", "x", ")", 150, NULL);
  check_nesting("torch.relu(", "x", ")", 150, NULL);
  check_nesting("(", "x", ")", 100000, "nested too deeply");
  check_nesting("[", "x", "]", 100000, "nested too deeply");
  check_nesting("not ", "x", "", 100000, "nested too deeply");
  check_nesting("-", "x", "", 100000, "nested too deeply");
  check_nesting("2 ** ", "2", "", 100000, "nested too deeply");
  check_nesting("1 if 2 else ", "3", "", 100000, "nested too deeply");
  check_nesting("", "x", ".a", 100000, "nested too deeply");
  check_nesting("", "x", " + 1", 100000, "nested too deeply");
  check_nesting("", "torch", ".a", 100000, "a dotted name is too long");
  check_nesting("", "x\n    if False:\n      pass\n    ", "elif False:\n      pass\n    ", 100000,
                "nested too deeply");
}

/* Deep expressions inside deep calls: the limit counts both. */
static void test_nesting_through_calls(void **state) {
  (void)state;
  buffer code = {0};
  assert_true(buffer_append_text(&code, FORWARD, NULL));
  assert_true(buffer_append_text(&code, "    return ", NULL));
  for (int i = 0; i < 150; i++)
    assert_true(buffer_append_text(&code, "torch.relu(", NULL));
  assert_true(buffer_append_text(&code, "(self).forward(x, )", NULL));
  for (int i = 0; i < 150; i++)
    assert_true(buffer_append_text(&code, ")", NULL));
  assert_true(buffer_append_text(&code, "\n", NULL));
  error err = {0};
  program p = import_code(code.data, NULL, &err);
  assert_null(p.graph);
  assert_non_null(strstr(err.message, "nested more than 1000 deep"));
  program_free(&p);
  buffer_free(&code);
}

/* ---- archives with something missing, or something odd in the pickle ---- */

static void refuse_archive(zip_builder *z, const char *message) {
  error err = {0};
  zip_finish(z);
  zip_archive *archive = zip_open((const uint8_t *)z->bytes.data, z->bytes.size, &err);
  assert_non_null(archive);
  graph *g = torchscript_import(archive, &(shape){3, {1, 2, 3}}, &err);
  assert_null(g);
  if (!strstr(err.message, message))
    fail_msg("%s", err.message);
  zip_close(archive);
  zip_builder_free(z);
}

static void test_missing_parts(void **state) {
  (void)state;
  zip_builder z = {0};
  zip_add_text(&z, "m/data.pkl", "\x80\x02}.");
  refuse_archive(&z, "no TorchScript archive: it lacks code/");
  zip_add_text(&z, "m/code/__torch__.py", "");
  refuse_archive(&z, "no TorchScript archive");
  zip_add_text(&z, "m/code/__torch__.py", "");
  zip_add_text(&z, "m/data.pkl", "\x80\x02}.");
  refuse_archive(&z, "data.pkl holds no TorchScript module");
  zip_add_text(&z, "m/code/__torch__.py", "");
  zip_add_text(&z, "m/data.pkl", "cos\nsystem\n(S'touch owned'\ntR.");
  refuse_archive(&z, "data.pkl holds no TorchScript module");
  zip_add_text(&z, "m/code/__torch__/other.py", "");
  zip_add_text(&z, "m/data.pkl", "c__torch__\nNet\n)\x81}b.");
  refuse_archive(&z, "the archive lacks code/__torch__.py, which should define 'Net'");
  zip_add_text(&z, "m/code/__torch__.py", FORWARD "    return torch.add(x, CONSTANTS.c0)\n");
  zip_add_text(&z, "m/data.pkl", "c__torch__\nNet\n)\x81}b.");
  refuse_archive(&z, "constants.pkl");
}

/* A list that contains itself, where the code asks for it. */
static void test_endless_state(void **state) {
  (void)state;
  const char *pickle = "c__torch__\nNet\n)\x81}(S'l'\n(lp1\ng1\nag1\naub.";
  buffer data = {0};
  assert_true(buffer_append_text(&data, pickle, NULL));
  const refusal r = {FORWARD "    return torch.relu(self.l)\n", ERROR_LIMIT,
                     LINE_12 "'l' is nested too deeply"};
  check_refusal(&r, &data);
  buffer_free(&data);
}

/* ---- damage that a CRC would hide: the archive is rebuilt around damaged code and pickles ---- */

static const char sample_code[] =
    "def f(x: Tensor,\n    k: int=2) -> Tensor:\n  y, z, = torch.chunk(x, k, 1)\n  return torch.add(y, z, "
    "alpha=-1)\n" FORWARD "    _0 = getattr(self, \"0\")\n"
    "    y = (_0).forward(x, )\n"
    "    w = torch.unsqueeze(self.weight, 0)\n"
    "    if torch.__isnot__(y, None) and not self.training:\n"
    "      y = torch._convolution(y, w, None, [1], [1], [1], False, [0], 1)\n"
    "    else:\n"
    "      pass\n"
    "    for i in range(torch.sub(torch.len(torch.size(x)), 1)):\n"
    "      y = torch.mul(y, self.steps[i])\n"
    "    n = ops.prim.NumToTensor(torch.size(y, 2))\n"
    "    y = torch.view(y, [int(torch.floor_divide(n, CONSTANTS.c0)), -1])\n"
    "    z = torch.batch_norm(x, None, None, torch.select(self.weight, 1, 0), torch.select(self.weight, 1, "
    "2), False, 0.1, 1e-05, True)\n"
    "    s = torch.softmax(torch.matmul(torch.transpose(z, 1, 2), z), -1)\n"
    "    _1 = {\"a\": __torch__.f(x, ), \"b\": torch.mean(s, [1, 2])}\n"
    "    return torch.add(torch.cat([torch.flatten(_1[\"a\"]), torch.flatten(y)], 0), CONSTANTS.c1)\n";

static void import_damaged(const buffer *code, const buffer *data, const buffer *constants) {
  zip_builder z = {0};
  error err = {0};
  torchscript_build(&z, code->data, code->size, data, constants);
  zip_archive *archive = zip_open((const uint8_t *)z.bytes.data, z.bytes.size, &err);
  assert_non_null(archive);
  graph *g = torchscript_import(archive, &(shape){3, {1, 2, 3}}, &err);
  assert_true(g || (err.code != ERROR_NONE && err.code != ERROR_INTERNAL && err.message[0]));
  graph_destroy(g);
  zip_close(archive);
  zip_builder_free(&z);
}

static void import_damaged_code(const uint8_t *bytes, size_t size, void *context) {
  (void)context;
  buffer code = {(char *)bytes, size, size};
  import_damaged(&code, NULL, NULL);
}

static void import_damaged_data(const uint8_t *bytes, size_t size, void *context) {
  buffer data = {(char *)bytes, size, size};
  import_damaged(context, &data, NULL);
}

static void import_damaged_constants(const uint8_t *bytes, size_t size, void *context) {
  buffer constants = {(char *)bytes, size, size};
  import_damaged(context, NULL, &constants);
}

static void test_damaged_contents(void **state) {
  (void)state;
  buffer code = {0}, data = {0}, constants = {0};
  assert_true(buffer_append_text(&code, sample_code, NULL));
  torchscript_put_data(&data);
  torchscript_put_constants(&constants);
  error err = {0};
  program p = import_code(sample_code, NULL, &err);
  if (!p.graph)
    fail_msg("%s", err.message);
  program_free(&p);
  const uint8_t *text = (const uint8_t *)code.data;
  mutate_truncate(text, code.size, 200, import_damaged_code, NULL);
  mutate_bytes(text, code.size, 10000, 1, import_damaged_code, NULL);
  mutate_truncate((const uint8_t *)data.data, data.size, 200, import_damaged_data, &code);
  mutate_bytes((const uint8_t *)data.data, data.size, 1000, 2, import_damaged_data, &code);
  mutate_bytes((const uint8_t *)constants.data, constants.size, 500, 3, import_damaged_constants, &code);
  buffer_free(&code);
  buffer_free(&data);
  buffer_free(&constants);
}

/* Numbers of the code replaced by extreme ones, one after the other. */
static void test_extreme_numbers(void **state) {
  (void)state;
  static const char *const extremes[] = {"0",
                                         "-1",
                                         "9223372036854775807",
                                         "-9223372036854775807",
                                         "4294967296",
                                         "1e308",
                                         "inf",
                                         "nan",
                                         "None",
                                         "True",
                                         "x"};
  for (const char *at = sample_code; *at; at++) {
    bool is_number = *at >= '0' && *at <= '9' && strchr(" [(=-", at[-1]);
    for (size_t i = 0; is_number && i < sizeof extremes / sizeof *extremes; i++) {
      buffer code = {0};
      size_t length = strspn(at, "0123456789");
      assert_true(buffer_append(&code, sample_code, (size_t)(at - sample_code), NULL) &&
                  buffer_append_text(&code, extremes[i], NULL) &&
                  buffer_append_text(&code, at + length, NULL));
      import_damaged(&code, NULL, NULL);
      buffer_free(&code);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds),           cmocka_unit_test(test_norm_of_the_whole_weight),
      cmocka_unit_test(test_statements),       cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_operators),        cmocka_unit_test(test_in_place),
      cmocka_unit_test(test_constants),        cmocka_unit_test(test_several_outputs),
      cmocka_unit_test(test_origins),          cmocka_unit_test(test_refused_code),
      cmocka_unit_test(test_refused_operands), cmocka_unit_test(test_refused_syntax),
      cmocka_unit_test(test_recursion),        cmocka_unit_test(test_doubling),
      cmocka_unit_test(test_nesting),          cmocka_unit_test(test_nesting_through_calls),
      cmocka_unit_test(test_missing_parts),    cmocka_unit_test(test_endless_state),
      cmocka_unit_test(test_damaged_contents), cmocka_unit_test(test_extreme_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
