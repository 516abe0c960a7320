/* The convolutions of a feature extractor, which fairseq's configuration holds as a Python expression. */
#ifndef DEEPECG_IMPORT_FAIRSEQ_CONV_LAYERS_H
#define DEEPECG_IMPORT_FAIRSEQ_CONV_LAYERS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct conv_layer {
  int64_t width, kernel, stride; /* each 1..OP_MAX_EXTENT */
} conv_layer;

enum { CONV_LAYERS_MAX = 64 };

typedef struct conv_layers {
  conv_layer items[CONV_LAYERS_MAX];
  size_t count; /* at least 1 */
} conv_layers;

/* Evaluate text[0..length), such as "[(512, 10, 5)] + [(512, 3, 2)] * 4": lists of (width, kernel, stride),
 * joined by +, repeated by * with a whole number on either side, grouped by parentheses. Anything else is an
 * error with its place. */
bool conv_layers_parse(const char *text, size_t length, conv_layers *layers, error *err);

#endif
