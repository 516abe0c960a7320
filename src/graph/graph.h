/* The network as a graph of values and nodes: what importers make, passes rewrite, and backends compile.
 *
 * Every value has a static shape. Axis 0 of a signal is the batch and is 1: a batch of ECGs is as many runs
 * of the graph, so that a record's result cannot depend on its neighbours. Nodes stand in execution order. */
#ifndef DEEPECG_GRAPH_GRAPH_H
#define DEEPECG_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/mapped_file.h"
#include "ops/op.h"

typedef struct graph graph;

/* Values are numbered; VALUE_NONE stands for an absent optional operand. The limits guard against hostile
 * files; the elements are those of all values that nodes produce. */
typedef int value_id;
enum { VALUE_NONE = -1, GRAPH_MAX_NODES = 100000, GRAPH_MAX_VALUES = 400000 };
#define GRAPH_MAX_ELEMENTS ((int64_t)1 << 31)
/* Of one run: some 100 s of a processor core, hundreds of times the largest model that is read. */
#define GRAPH_MAX_FLOPS    1e13

typedef struct graph_value {
  const char *name; /* where the file had one, else "": parameter path or variable; for people */
  dtype type;
  shape shape;
  const void *data; /* a constant's elements, row-major; NULL otherwise */
  int producer;     /* node index; -1 for inputs and constants */
  int uses;         /* operands and graph outputs that name this value; kept by the functions below */
} graph_value;

typedef struct graph_node {
  const op_descriptor *op; /* NULL: removed, until graph_compact */
  op_attributes attributes;
  int input_count;
  value_id *inputs;
  value_id output;
  const char *origin; /* "file.py:12" of the model's own source, or "" */
} graph_node;

/* The graph owns an arena; values' names, data that passes make, and nodes live there. Constants that an
 * importer maps from a file are borrowed: the file must stay open as long as the graph. */
graph *graph_create(error *err);
void graph_destroy(graph *g); /* NULL is allowed */
arena *graph_arena(graph *g);

/* Names and origins are copied; NULL is the same as "". VALUE_NONE and *err on failure. */
value_id graph_add_input(graph *g, const char *name, dtype type, const shape *s, error *err);
/* `data` is borrowed, or lives in graph_arena. */
value_id graph_add_constant(graph *g, const char *name, dtype type, const shape *s, const void *data,
                            error *err);
/* Constants may lie in `file`, which must outlive the graph: graph_constant_done then gives their memory
 * back.
 */
void graph_lend_file(graph *g, const mapped_file *file);
/* All of the constant's data was read and won't be needed soon again. It stays valid. */
void graph_constant_done(const graph *g, value_id id);
/* Append a node; the result's shape is inferred at once, and errors of the operator's rule are returned here,
 * prefixed with `origin`. The value of the result, or VALUE_NONE and *err. On failure the graph is as before.
 */
value_id graph_append(graph *g, const char *op_name, const value_id *inputs, int input_count,
                      const op_attributes *attributes, const char *name, const char *origin, error *err);
/* At least one; an output may also be a graph input or a constant, and one value may be several outputs.
 * Replaces earlier outputs. */
bool graph_set_outputs(graph *g, const value_id *outputs, int count, error *err);

/* Pointers to values and nodes are valid until something is added. */
int graph_value_count(const graph *g);
int graph_node_count(const graph *g); /* removed nodes included, until graph_compact */
const graph_value *graph_value_get(const graph *g, value_id id);
const graph_node *graph_node_get(const graph *g, int index);
int graph_input_count(const graph *g);
value_id graph_input(const graph *g, int index);
int graph_output_count(const graph *g);
value_id graph_output(const graph *g, int index);
/* Uses of a value, counting outputs. */
int graph_use_count(const graph *g, value_id id);

/* ---- for passes ---- */

/* Make the node compute its output in another way: by the operator, attributes, operands and origin of
 * `replacement` (its output is ignored; typically a changed copy of this or an earlier node). The operator's
 * rule is applied again, and the result must keep its type and shape; operands must come from earlier nodes.
 * On failure nothing has changed. */
bool graph_rewrite_node(graph *g, int index, const graph_node *replacement, error *err);
/* The node is gone; its output may no longer be used, or must be replaced before the graph is verified. */
void graph_remove_node(graph *g, int index);
/* The node's output becomes a constant with this data (in graph_arena), and the node is removed. */
void graph_replace_by_constant(graph *g, int index, const void *data);
/* One sweep over all operands and outputs: every use of value v becomes one of replacement[v] (v itself: no
 * change). */
void graph_replace_values(graph *g, const value_id *replacement);
/* Drop removed nodes and unused constants and results, and renumber what is left (inputs are always kept).
 * Value ids and node indices from before are void. */
bool graph_compact(graph *g, error *err);

/* ---- for everybody ---- */

/* Does the graph keep its own rules? Every operand made before use, shapes as inferred, counts in range,
 * outputs set. */
bool graph_verify(const graph *g, error *err);

/* Are all f32 constants with a name, which are what the file calls weights, free of NaN and infinities? If
 * not, *name is the name of the first that isn't: valid as long as the graph. Reads each once. */
bool graph_constants_finite(const graph *g, const char **name);

/* Do all constants lie outside the graph's own arena, so that their addresses stay theirs when the graph is
 * gone? */
bool graph_constants_borrowed(const graph *g);

/* Parameters (elements of f32 constants), floating-point operations of one run. */
int64_t graph_parameter_count(const graph *g);
double graph_flops(const graph *g);

/* The graph as text for people: a line per input, node and output, such as
 *   %12 = conv1d(%3, layer1.weight, layer1.bias) kernel=3 stride=2 padding=1,1 activation=relu : (1, 24,
 * 1250) f32  [net.py:12]
 * "-" is an absent operand; attributes with their usual value are left out. */
bool graph_print(const graph *g, buffer *text, error *err);

/* Run with the operators' scalar implementations: slow, and the truth. inputs[i] and outputs[i] are row-major
 * arrays of the shapes of graph_input(g, i) and graph_output(g, i). Intermediate results live only as long as
 * they are used. */
bool graph_evaluate(const graph *g, const void *const *inputs, void *const *outputs, error *err);

/* A pass rewrites a graph, keeps its results but for float rounding, and adds to *changes how often it did
 * something. */
typedef struct graph_pass {
  const char *name;
  bool (*run)(graph *g, int *changes, error *err);
} graph_pass;

/* The passes in the order they run (passes/passes.c). */
extern const graph_pass *const graph_passes[];
extern const size_t graph_pass_count;

/* All passes, again and again until nothing changes; then compact and verify. After a failure the graph is
 * good for graph_destroy only. */
bool graph_optimise(graph *g, error *err);

#endif
