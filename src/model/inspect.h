/* A model's graph for people and for programs. */
#ifndef DEEPECG_MODEL_INSPECT_H
#define DEEPECG_MODEL_INSPECT_H

#include "graph/graph.h"

typedef struct model_facts {
  const char *path, *kind, *sha256;
  size_t file_size;
} model_facts;

bool inspect_text(const model_facts *facts, const graph *g, buffer *text, error *err);
bool inspect_json(const model_facts *facts, const graph *g, buffer *text, error *err);

#endif
