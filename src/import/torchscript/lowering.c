#include "import/torchscript/lowering.h"

#include "import/torchscript/aten.h"

#include <stdlib.h>
#include <string.h>

/* One call of a function of the model's code. */
typedef struct frame {
  const ts_function *function;
  ts_value *slots;
  bool returned;
  ts_value result;
} frame;

static bool evaluate(lowering *l, frame *f, ts_expression *e, ts_value *result, error *err);

bool lowering_charge(lowering *l, int64_t count, error *err) {
  if (count > l->steps_left)
    return error_set(err, ERROR_LIMIT, "the model's code takes more than %d steps to follow", TS_MAX_STEPS);
  l->steps_left -= count;
  return true;
}

/* ---- statements ---- */

static bool truth(lowering *l, frame *f, ts_expression *condition, bool *result, error *err) {
  ts_value value;
  ts_number number;
  if (!evaluate(l, f, condition, &value, err))
    return false;
  if (!ts_to_number(&value, &number))
    return error_set(err, ERROR_UNSUPPORTED,
                     "a condition on %s: only what doesn't depend on the input's values can be followed",
                     ts_kind_name(value.kind));
  *result = number.is_real ? number.real != 0 : number.integer != 0;
  return true;
}

static bool assign(frame *f, const ts_expression *target, ts_value value, error *err) {
  if (target->kind == EXPR_NAME) {
    f->slots[target->slot] = value;
    return true;
  }
  if (value.kind != TS_TUPLE && value.kind != TS_LIST)
    return error_set(err, ERROR_FORMAT, "%s can't be unpacked", ts_kind_name(value.kind));
  const ts_sequence *s = value.as.sequence;
  if (s->count != (size_t)target->count)
    return error_set(err, ERROR_FORMAT, "%zu values are unpacked into %d variables", s->count, target->count);
  for (int i = 0; i < target->count; i++)
    if (!assign(f, target->as.items[i], s->items[i], err))
      return false;
  return true;
}

static bool run_block(lowering *l, frame *f, const ts_block *block, error *err);

static bool run_assignment(lowering *l, frame *f, const ts_statement *s, error *err) {
  ts_value value;
  return evaluate(l, f, s->value, &value, err) && assign(f, s->target, value, err);
}

static bool run_return(lowering *l, frame *f, const ts_statement *s, error *err) {
  f->returned = true;
  f->result = ts_none();
  return !s->value || evaluate(l, f, s->value, &f->result, err);
}

static bool run_if(lowering *l, frame *f, const ts_statement *s, error *err) {
  bool holds = false;
  return truth(l, f, s->value, &holds, err) && run_block(l, f, holds ? &s->body : &s->otherwise, err);
}

static bool run_while(lowering *l, frame *f, const ts_statement *s, error *err) {
  bool holds = false;
  do {
    if (!truth(l, f, s->value, &holds, err) || (holds && !run_block(l, f, &s->body, err)))
      return false;
  } while (holds && !f->returned);
  return true;
}

static bool is_range(const ts_expression *e) {
  return e->kind == EXPR_CALL && e->as.items[0]->kind == EXPR_NAME &&
         strcmp(e->as.items[0]->text, "range") == 0;
}

/* range(stop), range(start, stop), range(start, stop, step) */
static bool read_range(lowering *l, frame *f, const ts_expression *e, int64_t range[3], error *err) {
  int64_t values[3] = {0, 0, 1};
  int count = e->count - 1;
  if (count < 1 || count > 3)
    return error_set(err, ERROR_FORMAT, "range() with %d arguments", count);
  for (int i = 0; i < count; i++) {
    ts_value value;
    ts_number number;
    if (!evaluate(l, f, e->as.items[i + 1], &value, err))
      return false;
    if (!ts_to_number(&value, &number) || number.is_real)
      return error_set(err, ERROR_FORMAT, "range() of %s", ts_kind_name(value.kind));
    values[i] = number.integer;
  }
  range[0] = count == 1 ? 0 : values[0];
  range[1] = count == 1 ? values[0] : values[1];
  range[2] = values[2];
  return values[2] != 0 || error_set(err, ERROR_FORMAT, "range() with step 0");
}

static bool run_round(lowering *l, frame *f, const ts_statement *s, ts_value item, error *err) {
  return lowering_charge(l, 1, err) && assign(f, s->target, item, err) && run_block(l, f, &s->body, err);
}

static bool run_range(lowering *l, frame *f, const ts_statement *s, error *err) {
  int64_t range[3] = {0, 0, 1};
  if (!read_range(l, f, s->value, range, err))
    return false;
  for (int64_t i = range[0]; (range[2] > 0 ? i < range[1] : i > range[1]) && !f->returned;) {
    if (!run_round(l, f, s, ts_int(i), err))
      return false;
    if (__builtin_add_overflow(i, range[2], &i))
      break;
  }
  return true;
}

static bool run_for(lowering *l, frame *f, const ts_statement *s, error *err) {
  if (is_range(s->value))
    return run_range(l, f, s, err);
  ts_value value;
  if (!evaluate(l, f, s->value, &value, err))
    return false;
  if (value.kind != TS_LIST && value.kind != TS_TUPLE)
    return error_set(err, ERROR_UNSUPPORTED, "a loop over %s", ts_kind_name(value.kind));
  for (size_t i = 0; i < value.as.sequence->count && !f->returned; i++)
    if (!run_round(l, f, s, value.as.sequence->items[i], err))
      return false;
  return true;
}

static bool run_assert(lowering *l, frame *f, const ts_statement *s, error *err) {
  bool holds = false;
  if (!truth(l, f, s->value, &holds, err))
    return false;
  return holds || error_set(err, ERROR_DATA, "an assertion of the model's code fails for this input");
}

static bool run_expression(lowering *l, frame *f, const ts_statement *s, error *err) {
  ts_value ignored;
  return evaluate(l, f, s->value, &ignored, err);
}

static bool run_pass(lowering *l, frame *f, const ts_statement *s, error *err) {
  (void)f, (void)s;
  return lowering_charge(l, 1, err);
}

static bool run_kind(lowering *l, frame *f, const ts_statement *s, error *err) {
  static bool (*const run[])(lowering *, frame *, const ts_statement *,
                             error *) = {[STATEMENT_EXPRESSION] = run_expression,
                                         [STATEMENT_ASSIGN] = run_assignment,
                                         [STATEMENT_RETURN] = run_return,
                                         [STATEMENT_IF] = run_if,
                                         [STATEMENT_FOR] = run_for,
                                         [STATEMENT_WHILE] = run_while,
                                         [STATEMENT_ASSERT] = run_assert,
                                         [STATEMENT_PASS] = run_pass};
  return run[s->kind](l, f, s, err);
}

static bool run_statement(lowering *l, frame *f, ts_statement *s, error *err) {
  if (!s->origin && !(s->origin = arena_printf(l->memory, err, "%s:%d", f->function->file, s->line)))
    return false;
  l->origin = s->origin;
  if (l->nesting >= TS_MAX_NESTING)
    return error_set(err, ERROR_LIMIT, "statements are nested more than %d deep through all calls",
                     TS_MAX_NESTING);
  l->nesting++;
  bool good = run_kind(l, f, s, err);
  l->nesting--;
  if (good)
    return true;
  if (!l->located)
    error_prefix(err, "%s", s->origin);
  l->located = true;
  return false;
}

static bool run_block(lowering *l, frame *f, const ts_block *block, error *err) {
  for (int i = 0; i < block->count && !f->returned; i++)
    if (!run_statement(l, f, block->statements[i], err))
      return false;
  return true;
}

/* ---- calls of the model's own functions ---- */

static bool open_frame(lowering *l, frame *f, const ts_function *function, error *err) {
  *f = (frame){.function = function, .result = ts_none()};
  if (l->calls >= TS_MAX_CALLS)
    return error_set(err, ERROR_LIMIT, "calls are nested more than %d deep: does the code call itself?",
                     TS_MAX_CALLS);
  if (!lowering_charge(l, function->slot_count, err))
    return false;
  f->slots = calloc((size_t)function->slot_count + 1, sizeof *f->slots);
  return f->slots || error_out_of_memory(err);
}

static bool fill_defaults(lowering *l, frame *f, error *err) {
  for (int i = 0; i < f->function->parameter_count; i++) {
    const ts_parameter *p = &f->function->parameters[i];
    if (f->slots[p->slot].kind != TS_UNSET)
      continue;
    if (!p->default_value)
      return error_set(err, ERROR_FORMAT, "%.200s() of %s is called without '%.200s'", f->function->name,
                       f->function->file, p->name);
    if (!evaluate(l, f, p->default_value, &f->slots[p->slot], err))
      return false;
  }
  return true;
}

/* Run the function whose parameters lie in the frame. */
static bool run_frame(lowering *l, frame *f, ts_value *result, error *err) {
  const char *origin = l->origin;
  l->calls++;
  bool good = fill_defaults(l, f, err) && run_block(l, f, &f->function->body, err);
  l->calls--;
  l->origin = origin;
  *result = f->result;
  return good;
}

bool lowering_call(lowering *l, const ts_function *function, const ts_value *arguments, size_t count,
                   ts_value *result, error *err) {
  frame f;
  if (count > (size_t)function->parameter_count)
    return error_set(err, ERROR_FORMAT, "%.200s() takes %d arguments instead of %zu", function->name,
                     function->parameter_count, count);
  if (!open_frame(l, &f, function, err))
    return false;
  for (size_t i = 0; i < count; i++)
    f.slots[function->parameters[i].slot] = arguments[i];
  bool good = run_frame(l, &f, result, err);
  free(f.slots);
  return good;
}

static ts_value *parameter_place(frame *callee, int position, const char *keyword, error *err) {
  const ts_function *function = callee->function;
  if (!keyword && position < function->parameter_count)
    return &callee->slots[function->parameters[position].slot];
  for (int i = 0; keyword && i < function->parameter_count; i++)
    if (strcmp(function->parameters[i].name, keyword) == 0)
      return &callee->slots[function->parameters[i].slot];
  if (keyword)
    error_set(err, ERROR_FORMAT, "%.200s() has no parameter '%.200s'", function->name, keyword);
  else
    error_set(err, ERROR_FORMAT, "%.200s() takes %d arguments at most", function->name,
              function->parameter_count);
  return NULL;
}

/* The call's arguments, evaluated in f, become parameters of `callee` from `first` on. */
static bool pass_arguments(lowering *l, frame *f, const ts_expression *call, frame *callee, int first,
                           error *err) {
  for (int i = 1; i < call->count; i++) {
    ts_value *place = parameter_place(callee, first + i - 1, call->keywords[i - 1], err);
    if (!place || !evaluate(l, f, call->as.items[i], place, err))
      return false;
  }
  return true;
}

/* `self`: NULL for a function that is no method. */
static bool call_function(lowering *l, frame *f, const ts_expression *call, const ts_function *function,
                          const ts_value *self, ts_value *result, error *err) {
  frame callee;
  if (!open_frame(l, &callee, function, err))
    return false;
  const char *path = l->path;
  ts_value *place = self ? parameter_place(&callee, 0, NULL, err) : NULL;
  if (place)
    *place = *self;
  bool good = (place || !self) && pass_arguments(l, f, call, &callee, self ? 1 : 0, err);
  if (self)
    l->path = self->as.object->path;
  good = good && run_frame(l, &callee, result, err);
  l->path = path;
  free(callee.slots);
  return good;
}

static bool call_method(lowering *l, frame *f, const ts_expression *call, ts_value *result, error *err) {
  const ts_expression *callee = call->as.items[0];
  ts_value object;
  if (!evaluate(l, f, callee->as.items[0], &object, err))
    return false;
  if (object.kind != TS_OBJECT)
    return error_set(err, ERROR_UNSUPPORTED, "method '%.200s' of %s", callee->text,
                     ts_kind_name(object.kind));
  const ts_function *method = lowering_find_method(l, object.as.object, callee->text, err);
  return method && call_function(l, f, call, method, &object, result, err);
}

/* ---- calls of operators and built-in functions ---- */

static bool call_operator(lowering *l, frame *f, const char *name, ts_expression *const *arguments,
                          const char *const *keywords, int count, ts_value *result, error *err) {
  aten_call call;
  if (!lowering_charge(l, 10, err) || !aten_begin(&call, l, name, err))
    return false;
  for (int i = 0; i < count; i++) {
    ts_value *place = aten_argument_place(&call, i, keywords ? keywords[i] : NULL, err);
    if (!place || !evaluate(l, f, arguments[i], place, err))
      return false;
  }
  return aten_finish(&call, result, err);
}

static bool call_path(lowering *l, frame *f, ts_expression *call, ts_value *result, error *err) {
  ts_expression *callee = call->as.items[0];
  const char *path = callee->text;
  if (strncmp(path, "__torch__.", 10) == 0) {
    ts_value function;
    return evaluate(l, f, callee, &function, err) &&
           call_function(l, f, call, function.as.function, NULL, result, err);
  }
  static const char *const prefixes[] = {"torch.", "ops.aten.", "ops."};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    size_t length = strlen(prefixes[i]);
    if (strncmp(path, prefixes[i], length) == 0)
      return call_operator(l, f, path + length, call->as.items + 1, call->keywords, call->count - 1, result,
                           err);
  }
  return error_set(err, ERROR_UNSUPPORTED, "a call of '%.200s'", path);
}

static bool call_getattr(lowering *l, frame *f, const ts_expression *call, ts_value *result, error *err) {
  ts_value object, name;
  if (call->count != 3)
    return error_set(err, ERROR_FORMAT, "getattr() with %d arguments", call->count - 1);
  if (!evaluate(l, f, call->as.items[1], &object, err) || !evaluate(l, f, call->as.items[2], &name, err))
    return false;
  if (object.kind != TS_OBJECT || name.kind != TS_STRING)
    return error_set(err, ERROR_UNSUPPORTED, "getattr() of %s", ts_kind_name(object.kind));
  return lowering_attribute(l, object.as.object, name.as.string, result, err);
}

static bool call_name(lowering *l, frame *f, ts_expression *call, ts_value *result, error *err) {
  const ts_expression *callee = call->as.items[0];
  const ts_value *local = callee->slot >= 0 ? &f->slots[callee->slot] : NULL;
  if (local && local->kind == TS_FUNCTION)
    return call_function(l, f, call, local->as.function, NULL, result, err);
  if (strcmp(callee->text, "getattr") == 0)
    return call_getattr(l, f, call, result, err);
  bool typed = strcmp(callee->text, "annotate") == 0 || strcmp(callee->text, "unchecked_cast") == 0;
  if (typed && call->count == 3) /* (type, value) */
    return evaluate(l, f, call->as.items[2], result, err);
  if (strcmp(callee->text, "uninitialized") == 0) {
    *result = ts_none();
    return true;
  }
  static const char *const conversions[] = {"int", "float", "bool"};
  for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
    if (strcmp(callee->text, conversions[i]) == 0)
      return call_operator(l, f, callee->text, call->as.items + 1, call->keywords, call->count - 1, result,
                           err);
  return error_set(err, ERROR_UNSUPPORTED, "a call of '%.200s'", callee->text);
}

static bool evaluate_call(lowering *l, frame *f, ts_expression *call, ts_value *result, error *err) {
  switch (call->as.items[0]->kind) {
  case EXPR_PATH:
    return call_path(l, f, call, result, err);
  case EXPR_NAME:
    return call_name(l, f, call, result, err);
  case EXPR_ATTRIBUTE:
    return call_method(l, f, call, result, err);
  default:
    return error_set(err, ERROR_UNSUPPORTED, "a call of something that is no name");
  }
}

/* ---- other expressions ---- */

static bool evaluate_name(const frame *f, const ts_expression *e, ts_value *result, error *err) {
  if (e->slot >= 0 && f->slots[e->slot].kind != TS_UNSET) {
    *result = f->slots[e->slot];
    return true;
  }
  return error_set(err, ERROR_FORMAT, "'%.200s' has no value here", e->text);
}

static bool evaluate_path(lowering *l, ts_expression *e, ts_value *result, error *err) {
  if (strncmp(e->text, "CONSTANTS.", 10) == 0)
    return lowering_constant(l, e->text + 10, result, err);
  if (strncmp(e->text, "__torch__.", 10) != 0) {
    *result = ts_opaque(e->text);
    return true;
  }
  if (!e->resolved)
    e->resolved = lowering_find_function(l, e->text, err);
  *result = (ts_value){.kind = TS_FUNCTION, .as.function = e->resolved};
  return e->resolved != NULL;
}

static bool evaluate_attribute(lowering *l, frame *f, const ts_expression *e, ts_value *result, error *err) {
  ts_value object;
  if (!evaluate(l, f, e->as.items[0], &object, err))
    return false;
  if (object.kind != TS_OBJECT)
    return error_set(err, ERROR_UNSUPPORTED, "attribute '%.200s' of %s", e->text, ts_kind_name(object.kind));
  return lowering_attribute(l, object.as.object, e->text, result, err);
}

static bool evaluate_items(lowering *l, frame *f, ts_kind kind, const ts_expression *e, ts_value *result,
                           error *err) {
  if (!ts_new_sequence(kind, (size_t)e->count, l->memory, result, err))
    return false;
  for (int i = 0; i < e->count; i++) {
    ts_value item;
    if (!evaluate(l, f, e->as.items[i], &item, err) || !ts_append(result, item, l->memory, err))
      return false;
  }
  return true;
}

static bool index_dict(const ts_sequence *dict, const ts_value *key, ts_value *result, error *err) {
  for (size_t i = 0; i + 1 < dict->count; i += 2) {
    if (ts_equal(&dict->items[i], key)) {
      *result = dict->items[i + 1];
      return true;
    }
  }
  return error_set(err, ERROR_FORMAT, "a dict lacks the key that is asked for");
}

static bool index_sequence(const ts_sequence *s, const ts_value *index, ts_value *result, error *err) {
  ts_number number;
  if (!ts_to_number(index, &number) || number.is_real)
    return error_set(err, ERROR_UNSUPPORTED, "%s as index of a list", ts_kind_name(index->kind));
  int64_t count = (int64_t)s->count, place = number.integer < 0 ? number.integer + count : number.integer;
  if (place < 0 || place >= count)
    return error_set(err, ERROR_FORMAT, "index %lld of a list of %lld", (long long)number.integer,
                     (long long)count);
  *result = s->items[place];
  return true;
}

static bool evaluate_subscript(lowering *l, frame *f, const ts_expression *e, ts_value *result, error *err) {
  ts_value base, index;
  if (!evaluate(l, f, e->as.items[0], &base, err) || !evaluate(l, f, e->as.items[1], &index, err))
    return false;
  switch (base.kind) {
  case TS_LIST:
  case TS_TUPLE:
    return index_sequence(base.as.sequence, &index, result, err);
  case TS_DICT:
    return lowering_charge(l, (int64_t)base.as.sequence->count * ts_equal_cost(&index), err) &&
           index_dict(base.as.sequence, &index, result, err);
  default:
    return error_set(err, ERROR_UNSUPPORTED, "a subscript of %s", ts_kind_name(base.kind));
  }
}

/* The second operand counts only when the first doesn't decide. */
static bool evaluate_logical(lowering *l, frame *f, const ts_expression *e, ts_value *result, error *err) {
  bool first = false, second = false;
  if (!truth(l, f, e->as.items[0], &first, err))
    return false;
  *result = ts_bool(e->kind == EXPR_NOT ? !first : first);
  if (e->kind == EXPR_NOT || first == (e->kind == EXPR_OR))
    return true;
  if (!truth(l, f, e->as.items[1], &second, err))
    return false;
  *result = ts_bool(second);
  return true;
}

static bool evaluate_conditional(lowering *l, frame *f, const ts_expression *e, ts_value *result,
                                 error *err) {
  bool holds = false;
  return truth(l, f, e->as.items[0], &holds, err) && evaluate(l, f, e->as.items[holds ? 1 : 2], result, err);
}

static bool evaluate_kind(lowering *l, frame *f, ts_expression *e, ts_value *result, error *err) {
  switch (e->kind) {
  case EXPR_NONE:
    *result = ts_none();
    return true;
  case EXPR_BOOL:
    *result = ts_bool(e->as.integer != 0);
    return true;
  case EXPR_INT:
    *result = ts_int(e->as.integer);
    return true;
  case EXPR_FLOAT:
    *result = ts_float(e->as.real);
    return true;
  case EXPR_STRING:
    *result = ts_string(e->text);
    return true;
  case EXPR_NAME:
    return evaluate_name(f, e, result, err);
  case EXPR_PATH:
    return evaluate_path(l, e, result, err);
  case EXPR_ATTRIBUTE:
    return evaluate_attribute(l, f, e, result, err);
  case EXPR_SUBSCRIPT:
    return evaluate_subscript(l, f, e, result, err);
  case EXPR_SLICE:
    return error_set(err, ERROR_UNSUPPORTED, "a slice in a subscript");
  case EXPR_LIST:
    return evaluate_items(l, f, TS_LIST, e, result, err);
  case EXPR_TUPLE:
    return evaluate_items(l, f, TS_TUPLE, e, result, err);
  case EXPR_DICT:
    return evaluate_items(l, f, TS_DICT, e, result, err);
  case EXPR_CALL:
    return evaluate_call(l, f, e, result, err);
  case EXPR_OPERATOR:
    return call_operator(l, f, e->text, e->as.items, NULL, e->count, result, err);
  case EXPR_AND:
  case EXPR_OR:
  case EXPR_NOT:
    return evaluate_logical(l, f, e, result, err);
  case EXPR_CONDITIONAL:
    return evaluate_conditional(l, f, e, result, err);
  }
  return error_set(err, ERROR_INTERNAL, "an expression of an unknown kind");
}

static bool evaluate(lowering *l, frame *f, ts_expression *e, ts_value *result, error *err) {
  if (l->nesting >= TS_MAX_NESTING)
    return error_set(err, ERROR_LIMIT, "expressions are nested more than %d deep through all calls",
                     TS_MAX_NESTING);
  if (!lowering_charge(l, 1, err))
    return false;
  l->nesting++;
  bool good = evaluate_kind(l, f, e, result, err);
  l->nesting--;
  return good;
}
