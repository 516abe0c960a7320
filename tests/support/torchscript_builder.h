/* TorchScript archives put together from text: the code is the test's, the weights are always the same. */
#ifndef DEEPECG_TESTS_TORCHSCRIPT_BUILDER_H
#define DEEPECG_TESTS_TORCHSCRIPT_BUILDER_H

#include "support/zip_builder.h"

/* The first lines of most programs; the body follows, indented by 4. */
#define FORWARD                                                                                              \
  "class Act(Module):\n"                                                                                     \
  "  def forward(self: __torch__.Act,\n"                                                                     \
  "    argument_1: Tensor) -> Tensor:\n"                                                                     \
  "    return torch.relu(argument_1)\n"                                                                      \
  "class Net(Module):\n"                                                                                     \
  "  __parameters__ = [\"weight\", ]\n"                                                                      \
  "  __buffers__ = []\n"                                                                                     \
  "  training : bool\n"                                                                                      \
  "  __annotations__[\"0\"] = __torch__.Act\n"                                                               \
  "  def forward(self: __torch__.Net,\n"                                                                     \
  "    x: Tensor) -> Tensor:\n"

/* The bytes of a string literal. */
#define PICKLE_PUT(b, literal) zip_put_bytes(b, literal, sizeof(literal) - 1)

static inline void pickle_put_text(buffer *b, const char *text) {
  PICKLE_PUT(b, "X");
  zip_put(b, strlen(text), 4);
  zip_put_bytes(b, text, strlen(text));
}

static inline void pickle_put_int(buffer *b, int64_t value) {
  PICKLE_PUT(b, "\x8a\x08");
  zip_put(b, (uint64_t)value, 8);
}

static inline void pickle_put_ints(buffer *b, const int64_t *values, int count) {
  PICKLE_PUT(b, "(");
  for (int i = 0; i < count; i++)
    pickle_put_int(b, values[i]);
  PICKLE_PUT(b, "t");
}

/* A tensor as torch writes it: a view into storage `key` of that many elements. */
static inline void pickle_put_tensor(buffer *b, const char *storage, const char *key, int64_t elements,
                                     int rank, const int64_t *dims, const int64_t *strides) {
  PICKLE_PUT(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
  pickle_put_text(b, "storage");
  PICKLE_PUT(b, "ctorch\n");
  zip_put_bytes(b, storage, strlen(storage));
  PICKLE_PUT(b, "\n");
  pickle_put_text(b, key);
  pickle_put_text(b, "cpu");
  pickle_put_int(b, elements);
  PICKLE_PUT(b, "tQ");
  pickle_put_int(b, 0);
  pickle_put_ints(b, dims, rank);
  pickle_put_ints(b, strides, rank);
  PICKLE_PUT(b, "\x89"
                "ccollections\nOrderedDict\n)RtR");
}

/* The model: Net with training = False, weight = [[1, 2, 3], [4, 5, 6]], tied = its first row, mask =
 * three booleans, steps = [1, 2], "0" = Act(), call = something that asks to be executed. */
static inline void torchscript_put_data(buffer *b) {
  const int64_t dims[2] = {2, 3}, strides[2] = {3, 1};
  PICKLE_PUT(b, "\x80\x02"
                "c__torch__\nNet\n)\x81}(");
  pickle_put_text(b, "training");
  PICKLE_PUT(b, "\x89");
  pickle_put_text(b, "weight");
  pickle_put_tensor(b, "FloatStorage", "0", 6, 2, dims, strides);
  pickle_put_text(b, "tied");
  pickle_put_tensor(b, "FloatStorage", "0", 6, 1, dims + 1, strides + 1);
  pickle_put_text(b, "mask");
  pickle_put_tensor(b, "BoolStorage", "0", 3, 1, dims + 1, strides + 1);
  pickle_put_text(b, "missing");
  pickle_put_tensor(b, "FloatStorage", "7", 6, 2, dims, strides);
  pickle_put_text(b, "steps");
  PICKLE_PUT(b, "ctorch.jit._pickle\nbuild_intlist\n((lI1\naI2\natR");
  pickle_put_text(b, "0");
  PICKLE_PUT(b, "c__torch__\nAct\n)\x81}b");
  pickle_put_text(b, "call");
  PICKLE_PUT(b, "cos\nsystem\n(S'touch owned'\ntR");
  PICKLE_PUT(b, "ub.");
}

/* c0: the int64 scalar 2, c1: the float64 scalar 0.5, c2: the float32 tensor [10, 20, 30]. */
static inline void torchscript_put_constants(buffer *b) {
  const int64_t three = 3, one = 1;
  PICKLE_PUT(b, "\x80\x02(");
  pickle_put_tensor(b, "LongStorage", "0", 1, 0, NULL, NULL);
  pickle_put_tensor(b, "DoubleStorage", "1", 1, 0, NULL, NULL);
  pickle_put_tensor(b, "FloatStorage", "2", 3, 1, &three, &one);
  PICKLE_PUT(b, "t.");
}

/* The whole archive around `code`, its code/__torch__.py. data and constants replace the usual pickles where
 * they are not NULL. */
static inline void torchscript_build(zip_builder *z, const void *code, size_t code_size, const buffer *data,
                                     const buffer *constants) {
  const float weight[6] = {1, 2, 3, 4, 5, 6}, tens[3] = {10, 20, 30};
  const int64_t two = 2;
  const double half = 0.5;
  buffer own = {0};
  if (!data)
    torchscript_put_data(&own);
  zip_add(z, "m/data.pkl", data ? data->data : own.data, data ? data->size : own.size);
  buffer_clear(&own);
  if (!constants)
    torchscript_put_constants(&own);
  zip_add(z, "m/constants.pkl", constants ? constants->data : own.data,
          constants ? constants->size : own.size);
  buffer_free(&own);
  zip_add(z, "m/code/__torch__.py", code, code_size);
  zip_add(z, "m/data/0", weight, sizeof weight);
  zip_add(z, "m/constants/0", &two, sizeof two);
  zip_add(z, "m/constants/1", &half, sizeof half);
  zip_add(z, "m/constants/2", tens, sizeof tens);
  zip_finish(z);
}

#endif
