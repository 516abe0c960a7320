/* A network for texts, compiled for the lengths that are at work. The weights are there once; what each
 * length adds is its list of steps, some 50 KB, so that a bounded number of lengths is kept: those used
 * last. */
#ifndef DEEPECG_MODEL_TEXT_LENGTHS_H
#define DEEPECG_MODEL_TEXT_LENGTHS_H

#include "backend/backend.h"
#include "model/checkpoint.h"

enum { LENGTHS_KEPT = 64 };

typedef struct text_network {
  size_t length; /* tokens */
  executable *executable;
  double operations; /* of a text */
  size_t outputs;
  unsigned long long used; /* when it was asked for last */
} text_network;

typedef struct text_lengths {
  const checkpoint *checkpoint;
  const backend *backend;
  compile_options how;
  text_network kept[LENGTHS_KEPT];
  size_t count;
  unsigned long long now;
} text_lengths;

/* The network for texts of `length` tokens, compiled if it isn't kept. It stays until LENGTHS_KEPT others
 * have been asked for. `r` may be NULL. NULL and *err, naming the file, on failure. */
const text_network *text_lengths_get(text_lengths *l, size_t length, const reporter *r, error *err);

/* Destroys what is kept. Safe on a zeroed struct. */
void text_lengths_clear(text_lengths *l);

#endif
