#include "model/text_lengths.h"

static bool compile(const text_lengths *l, text_network *n, const reporter *r, error *err) {
  const checkpoint *c = l->checkpoint;
  graph *g = checkpoint_graph(c, (int64_t)n->length, r, err);
  if (!g)
    return false;
  n->outputs = checkpoint_logits(c, g, err);
  n->operations = graph_flops(g);
  if (n->outputs)
    n->executable = l->count ? l->backend->compile_sibling(g, l->kept[0].executable, err)
                             : l->backend->compile(g, &l->how, err);
  graph_destroy(g);
  /* Whatever was packed of the file is in memory a second time now. */
  mapped_file_release(&c->file, 0, c->file.size);
  return n->executable || error_prefix(err, "%s", c->path);
}

/* A free place, or that of the network that has not been asked for the longest. */
static text_network *make_place(text_lengths *l) {
  if (l->count < LENGTHS_KEPT)
    return &l->kept[l->count++];
  text_network *oldest = &l->kept[0];
  for (size_t i = 1; i < l->count; i++)
    if (l->kept[i].used < oldest->used)
      oldest = &l->kept[i];
  l->backend->destroy(oldest->executable);
  return oldest;
}

const text_network *text_lengths_get(text_lengths *l, size_t length, const reporter *r, error *err) {
  text_network *n = NULL;
  for (size_t i = 0; i < l->count && !n; i++)
    if (l->kept[i].length == length)
      n = &l->kept[i];
  if (!n) {
    text_network made = {.length = length};
    if (!compile(l, &made, r, err))
      return NULL;
    n = make_place(l);
    *n = made;
  }
  n->used = ++l->now;
  return n;
}

void text_lengths_clear(text_lengths *l) {
  for (size_t i = 0; i < l->count; i++)
    l->backend->destroy(l->kept[i].executable);
  l->count = 0;
}
