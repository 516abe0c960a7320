#include "model/text_model.h"

#include "base/buffer.h"
#include "model/text_lengths.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum {
  LONGEST_TEXT = 512,           /* tokens: where the reference cuts */
  TEXTS_AT_ONCE = LENGTHS_KEPT, /* given to the backend in one call, at most */
  TOKENS_AT_ONCE = 4096         /* the same: some seconds */
};

struct text_model {
  checkpoint checkpoint;
  tokenizer *tokenizer;
  text_lengths lengths;
  double operations; /* of a text of the last prediction, in the mean */
  size_t longest, output_count;
};

/* ---- open and close ---- */

static bool check_input(const checkpoint *c, error *err) {
  return c->importer->input == MODEL_INPUT_TEXT ||
         error_set(err, ERROR_UNSUPPORTED, "%s: a network that reads ECGs, not text", c->path);
}

static bool open_tokenizer(text_model *m, const char *folder, error *err) {
  m->tokenizer = tokenizer_open(folder, err);
  if (!m->tokenizer)
    return false;
  size_t tokens = tokenizer_vocabulary_size(m->tokenizer);
  int64_t rows = bert_vocabulary_size(m->checkpoint.bert);
  return tokens <= (size_t)rows ||
         error_set(err, ERROR_DATA, "%s: the vocabulary has %zu tokens, the network's only %lld", folder,
                   tokens, (long long)rows);
}

static bool open(text_model *m, const char *folder, const model_options *options, const reporter *r,
                 error *err) {
  text_lengths *l = &m->lengths;
  l->checkpoint = &m->checkpoint;
  l->backend = backend_find(options->backend, err);
  if (!l->backend || !checkpoint_open(&m->checkpoint, folder, r, err) || !check_input(&m->checkpoint, err) ||
      !open_tokenizer(m, folder, err))
    return false;
  l->how = (compile_options){.threads = options->threads,
                             .brief = options->brief,
                             .several_lengths = true,
                             .precision = checkpoint_precision(&m->checkpoint, options->precision)};
  int64_t most = bert_max_tokens(m->checkpoint.bert);
  m->longest = most < LONGEST_TEXT ? (size_t)most : LONGEST_TEXT;
  if (m->longest < 2)
    return error_set(err, ERROR_UNSUPPORTED, "%s: takes texts of %zu tokens only", folder, m->longest);
  const text_network *shortest = text_lengths_get(l, 2, r, err);
  if (!shortest)
    return false;
  m->output_count = shortest->outputs;
  m->operations = shortest->operations;
  return true;
}

text_model *text_model_open(const char *folder, const model_options *options, const reporter *r, error *err) {
  text_model *m = calloc(1, sizeof *m);
  if (!m)
    error_out_of_memory(err);
  else if (!open(m, folder, options, r, err)) {
    text_model_close(m);
    m = NULL;
  }
  return m;
}

void text_model_close(text_model *m) {
  if (!m)
    return;
  text_lengths_clear(&m->lengths);
  tokenizer_close(m->tokenizer);
  checkpoint_close(&m->checkpoint);
  free(m);
}

size_t text_model_output_count(const text_model *m) {
  return m->output_count;
}

const char *text_model_path(const text_model *m) {
  return m->checkpoint.path;
}

const char *text_model_kind(const text_model *m) {
  return m->checkpoint.importer->name;
}

const char *text_model_variant(const text_model *m) {
  return m->lengths.backend->variant(m->lengths.kept[0].executable);
}

/* ---- texts in the order in which they run ---- */

typedef struct tokens {
  const int32_t *ids;
  size_t count, text; /* which text */
} tokens;

typedef struct text_queue {
  tokens *items; /* longest first, equal ones side by side */
  size_t count;
  int32_t *ids;
  size_t id_count, id_capacity;
} text_queue;

/* Longest first: as run_siblings likes them, and what a network for long texts needs of memory and tables
 * serves those for shorter ones. */
static int compare_tokens(const void *a, const void *b) {
  const tokens *x = a, *y = b;
  if (x->count != y->count)
    return x->count < y->count ? 1 : -1;
  int ids = memcmp(x->ids, y->ids, x->count * sizeof *x->ids);
  return ids ? ids : (x->text > y->text) - (x->text < y->text);
}

static bool same_tokens(const tokens *x, const tokens *y) {
  return x->count == y->count && memcmp(x->ids, y->ids, x->count * sizeof *x->ids) == 0;
}

static bool encode(const text_model *m, text_queue *q, const char *text, error *err) {
  void *ids = q->ids;
  if (!array_reserve(&ids, &q->id_capacity, q->id_count + m->longest, sizeof *q->ids, err))
    return false;
  q->ids = ids;
  tokens *item = &q->items[q->count];
  if (!tokenizer_encode(m->tokenizer, text, strlen(text), m->longest, q->ids + q->id_count, &item->count,
                        err))
    return error_prefix(err, "text %zu", q->count + 1);
  item->text = q->count++;
  q->id_count += item->count;
  return true;
}

static bool queue_make(text_queue *q, const text_model *m, const char *const *texts, size_t n, error *err) {
  *q = (text_queue){.items = malloc((n ? n : 1) * sizeof *q->items)};
  if (!q->items)
    return error_out_of_memory(err);
  for (size_t i = 0; i < n; i++)
    if (!encode(m, q, texts[i], err))
      return false;
  const int32_t *at = q->ids; /* which stays where it is from now on */
  for (size_t i = 0; i < n; at += q->items[i++].count)
    q->items[i].ids = at;
  qsort(q->items, n, sizeof *q->items, compare_tokens);
  return true;
}

static void queue_free(text_queue *q) {
  free(q->items);
  free(q->ids);
}

/* ---- predict ---- */

typedef struct prediction {
  text_model *m;
  const text_queue *queue;
  float *logits;  /* the caller's */
  float *results; /* TEXTS_AT_ONCE x output_count */
  double operations;
} prediction;

/* Different texts that run together. */
typedef struct text_batch {
  backend_job jobs[TEXTS_AT_ONCE];
  const void *inputs[TEXTS_AT_ONCE];
  void *outputs[TEXTS_AT_ONCE];
  size_t count, tokens;
} text_batch;

/* Is queue item i another text than the one before it? */
static bool is_new(const text_queue *q, size_t i) {
  return i == 0 || !same_tokens(&q->items[i], &q->items[i - 1]);
}

static bool has_room(const text_batch *b, const tokens *text) {
  return b->count == 0 || (b->count < TEXTS_AT_ONCE && b->tokens + text->count <= TOKENS_AT_ONCE);
}

/* No more lengths come together in a batch than are kept. */
static bool add_text(prediction *p, text_batch *b, const tokens *text, error *err) {
  const text_network *n = text_lengths_get(&p->m->lengths, text->count, NULL, err);
  if (!n)
    return false;
  size_t i = b->count++;
  b->inputs[i] = text->ids;
  b->outputs[i] = p->results + i * p->m->output_count;
  b->jobs[i] = (backend_job){n->executable, &b->inputs[i], &b->outputs[i]};
  b->tokens += text->count;
  p->operations += n->operations;
  return true;
}

/* Run different texts from queue item `*done` on, as many as fit, and give their rows to the items that are
 * equal to them. *done: the item behind. */
static bool run_batch(prediction *p, size_t *done, error *err) {
  const text_queue *q = p->queue;
  size_t columns = p->m->output_count, first = *done, end = first;
  text_batch b = {.count = 0};
  for (; end < q->count && (!is_new(q, end) || has_room(&b, &q->items[end])); end++)
    if (is_new(q, end) && !add_text(p, &b, &q->items[end], err))
      return false;
  if (!p->m->lengths.backend->run_siblings(b.jobs, b.count, err))
    return error_prefix(err, "%s", p->m->checkpoint.path);
  const float *row = p->results;
  for (; *done < end; ++*done) {
    if (*done > first && is_new(q, *done))
      row += columns;
    memcpy(p->logits + q->items[*done].text * columns, row, columns * sizeof *row);
  }
  return true;
}

static bool run_all(prediction *p, const text_progress *progress, error *err) {
  for (size_t done = 0; done < p->queue->count;) {
    if (!run_batch(p, &done, err))
      return false;
    if (progress && !progress->go_on(progress->context, done, p->queue->count))
      return error_set(err, ERROR_DATA, "interrupted");
  }
  return true;
}

bool text_model_predict(text_model *m, const char *const *texts, size_t n, float *logits,
                        const text_progress *progress, error *err) {
  text_queue queue;
  prediction p = {.m = m, .queue = &queue, .logits = logits};
  bool ok = queue_make(&queue, m, texts, n, err);
  if (ok) {
    p.results = malloc(TEXTS_AT_ONCE * m->output_count * sizeof *p.results);
    ok = p.results ? run_all(&p, progress, err) : error_out_of_memory(err);
  }
  if (ok && n)
    m->operations = p.operations / (double)n;
  free(p.results);
  queue_free(&queue);
  return ok;
}

model_cost text_model_cost_of(const text_model *m) {
  return (model_cost){m->operations, m->lengths.backend->memory(m->lengths.kept[0].executable)};
}

double text_model_probe_peak(const text_model *m) {
  return m->lengths.backend->probe_peak(m->lengths.kept[0].executable);
}
