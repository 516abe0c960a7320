/* The operators that the model's code may call, and how each becomes graph operations or a number.
 *
 * Names, parameters and their defaults are those of PyTorch's operator schemas (native_functions.yaml). */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_ATEN_H
#define DEEPECG_IMPORT_TORCHSCRIPT_ATEN_H

#include "import/torchscript/lowering.h"

enum { ATEN_MAX_PARAMETERS = 16 };

typedef struct aten_call aten_call;

typedef struct aten_operator {
  const char *signature; /* "leaky_relu(self, negative_slope=0.01)" */
  bool (*lower)(aten_call *call, ts_value *result, error *err);
  int detail; /* what tells apart operators with one `lower` */
} aten_operator;

struct aten_call {
  lowering *l;
  const aten_operator *op;
  const char *name; /* as the code has it, with the underscore of in-place operators */
  bool in_place;
  int count; /* of parameters */
  struct {
    const char *name;
    size_t length;
  } parameters[ATEN_MAX_PARAMETERS];
  ts_value arguments[ATEN_MAX_PARAMETERS]; /* UNSET: missing */
};

/* Find the operator, fill in the defaults. An unknown one is ERROR_UNSUPPORTED. */
bool aten_begin(aten_call *call, lowering *l, const char *name, error *err);
/* Where argument `position` goes, or, with a keyword, the one of that name. NULL and *err. */
ts_value *aten_argument_place(aten_call *call, int position, const char *keyword, error *err);
/* Check that no argument is missing, and lower. */
bool aten_finish(aten_call *call, ts_value *result, error *err);

/* ---- for the lowering functions ---- */

/* The argument of a parameter; NULL when the operator has none of that name. */
const ts_value *aten_argument(const aten_call *call, const char *parameter);
bool aten_is_given(const aten_call *call, const char *parameter); /* there, and not None */

/* Each of these is an error that names the parameter when the argument is of another kind. An operator
 * without such a parameter gives 0 or false. */
bool aten_bool(const aten_call *call, const char *parameter, bool *value, error *err);
bool aten_int(const aten_call *call, const char *parameter, int64_t *value, error *err);
bool aten_real(const aten_call *call, const char *parameter, double *value, error *err);
/* A list of ints, or one int as a list of one, or None as an empty one. */
bool aten_ints(const aten_call *call, const char *parameter, int max, int64_t *values, int *count,
               error *err);
/* The only int of an int[1] parameter. */
bool aten_single(const aten_call *call, const char *parameter, int64_t *value, error *err);
/* A tensor or number as value of the graph. */
bool aten_tensor(const aten_call *call, const char *parameter, value_id *id, error *err);
/* VALUE_NONE for None. */
bool aten_optional_tensor(const aten_call *call, const char *parameter, value_id *id, error *err);
/* An axis of a tensor of that rank, counted from the end when negative. */
bool aten_axis(const aten_call *call, const char *parameter, int rank, int *axis, error *err);
bool aten_wrap_axis(int64_t axis, int rank, int *wrapped, error *err);

/* One more operation, with its result. */
bool aten_append(aten_call *call, const char *op, const value_id *inputs, int count,
                 const op_attributes *attributes, value_id *result, error *err);
bool aten_unary(aten_call *call, const char *op, value_id x, const op_attributes *attributes,
                value_id *result, error *err);
bool aten_binary(aten_call *call, const char *op, value_id a, value_id b, value_id *result, error *err);
bool aten_scalar_binary(aten_call *call, const char *op, value_id a, double b, value_id *result, error *err);
bool aten_activate(aten_call *call, activation_kind kind, double alpha, value_id x, value_id *result,
                   error *err);
bool aten_reshape(aten_call *call, value_id x, const shape *target, value_id *result, error *err);
bool aten_transpose(aten_call *call, value_id x, const int64_t *permutation, value_id *result, error *err);
/* [start, stop) of an axis; the whole axis is x itself. */
bool aten_slice(aten_call *call, value_id x, int axis, int64_t start, int64_t stop, int64_t step,
                value_id *result, error *err);
/* Any number of tensors along an axis. `ids` is used up. */
bool aten_concat(aten_call *call, value_id *ids, size_t count, int axis, value_id *result, error *err);
/* The result as a tensor that shares memory with nothing. */
bool aten_result(aten_call *call, value_id id, ts_value *result, error *err);
/* The result as a view of the argument `parameter`. */
bool aten_view_result(aten_call *call, const char *parameter, value_id id, ts_value *result, error *err);

/* Families of lowering functions, for the table (aten_ops.c). */
typedef bool aten_lowering(aten_call *call, ts_value *result, error *err);

/* aten_layers.c */
aten_lowering lower_convolution, lower_linear, lower_addmm, lower_matmul, lower_attention, lower_batch_norm,
    lower_instance_norm, lower_group_norm, lower_layer_norm, lower_weight_norm, lower_pool,
    lower_adaptive_pool, lower_dropout, lower_softmax;

/* aten_elementwise.c */
aten_lowering lower_activation, lower_elu, lower_celu, lower_gelu, lower_rrelu, lower_prelu, lower_threshold,
    lower_clamp, lower_glu, lower_abs, lower_add, lower_rsub, lower_multiply, lower_divide, lower_maximum,
    lower_power, lower_reciprocal, lower_negate, lower_square, lower_reduce, lower_extreme, lower_variance;

/* aten_views.c */
aten_lowering lower_same, lower_alias, lower_copy, lower_cast, lower_reshape, lower_reshape_as, lower_flatten,
    lower_unflatten, lower_squeeze, lower_unsqueeze, lower_transpose, lower_matrix_transpose, lower_permute,
    lower_select, lower_slice, lower_narrow, lower_chunk, lower_split, lower_split_with_sizes, lower_unbind,
    lower_cat, lower_stack, lower_pad, lower_expand, lower_expand_as, lower_repeat, lower_fill,
    lower_fill_like;

/* aten_scalars.c: numbers, lists, texts: what is known when the graph is made */
aten_lowering lower_size, lower_len, lower_dim, lower_numel, lower_number, lower_to_int, lower_to_float,
    lower_to_bool, lower_compare, lower_not, lower_logic, lower_is, lower_contains, lower_integer_divide,
    lower_number_function, lower_extreme_number, lower_range_length, lower_derive_index, lower_list,
    lower_append_item, lower_format, lower_warn, lower_raise, lower_type, lower_opaque;

#endif
