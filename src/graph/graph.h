/* The network as a graph of values and nodes: what importers make, passes rewrite, and backends compile.
 *
 * Every value has a static shape. Axis 0 of a signal is the batch and is 1: a batch of ECGs is as many runs of the graph, so
 * that a record's result cannot depend on its neighbours. Nodes stand in execution order. */
#ifndef DEEPECG_GRAPH_GRAPH_H
#define DEEPECG_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/buffer.h"
#include "ops/op.h"

typedef struct graph graph;

/* Values are numbered; VALUE_NONE stands for an absent optional operand. */
typedef int value_id;
enum { VALUE_NONE = -1, GRAPH_MAX_NODES = 1000000 };

typedef struct graph_value {
  const char *name; /* where the file had one: parameter path or variable; for people */
  dtype type;
  shape shape;
  const void *data; /* a constant's elements, row-major; NULL otherwise */
  int producer;     /* node index; -1 for inputs and constants */
} graph_value;

typedef struct graph_node {
  const op_descriptor *op;
  op_attributes attributes;
  int input_count;
  value_id *inputs;
  value_id output;
  const char *origin; /* "file.py:12" of the model's own source, or "" */
} graph_node;

/* The graph owns an arena; values' names, data that passes make, and nodes live there. Constants that an importer maps from
 * a file are borrowed: the file must stay open as long as the graph. */
graph *graph_create(error *err);
void graph_destroy(graph *g);
arena *graph_arena(graph *g);

value_id graph_add_input(graph *g, const char *name, dtype type, const shape *s, error *err);
/* `data` is borrowed, or lives in graph_arena. */
value_id graph_add_constant(graph *g, const char *name, dtype type, const shape *s, const void *data, error *err);
/* Append a node; the result's shape is inferred at once, and errors of the operator's rule are returned here, prefixed with
 * `origin`. The value of the result, or VALUE_NONE and *err. A limit on the total elements and nodes guards against hostile files. */
value_id graph_append(graph *g, const char *op_name, const value_id *inputs, int input_count,
                      const op_attributes *attributes, const char *name, const char *origin, error *err);
bool graph_set_outputs(graph *g, const value_id *outputs, int count, error *err);

int graph_value_count(const graph *g);
int graph_node_count(const graph *g);
graph_value *graph_value_at(graph *g, value_id id);
graph_node *graph_node_at(graph *g, int index);
const graph_value *graph_value_get(const graph *g, value_id id);
const graph_node *graph_node_get(const graph *g, int index);
int graph_input_count(const graph *g);
value_id graph_input(const graph *g, int index);
int graph_output_count(const graph *g);
value_id graph_output(const graph *g, int index);

/* For passes. Replace every use of `from` (graph outputs too) by `to`. Mark a node as removed (skipped and dropped by
 * graph_compact, which also renumbers producers and drops unused constants). Uses of a value, counting outputs. */
void graph_replace_uses(graph *g, value_id from, value_id to);
void graph_remove_node(graph *g, int index);
bool graph_compact(graph *g, error *err);
int graph_use_count(const graph *g, value_id id);

/* Does the graph keep its own rules? Every operand made before use, shapes as inferred, counts in range, outputs set. */
bool graph_verify(const graph *g, error *err);

/* Parameters (elements of constants), floating-point operations of one run. */
int64_t graph_parameter_count(const graph *g);
double graph_flops(const graph *g);

/* The graph as text, a line per node, for `deepecg inspect`. */
bool graph_print(const graph *g, buffer *text, error *err);

/* Run with the operators' scalar implementations. inputs[i] and outputs[i] are row-major arrays. */
bool graph_evaluate(const graph *g, const void *const *inputs, void *const *outputs, error *err);

/* A pass rewrites a graph and says in *changes how often. */
typedef struct graph_pass {
  const char *name;
  bool (*run)(graph *g, int *changes, error *err);
} graph_pass;

/* The passes in the order they run (passes/passes.c), and all of them until nothing changes. The result is verified. */
extern const graph_pass *const graph_passes[];
extern const size_t graph_pass_count;
bool graph_optimise(graph *g, error *err);

#endif
