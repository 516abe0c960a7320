#include "model/text_model.h"

#include "backend/backend.h"
#include "base/buffer.h"
#include "model/checkpoint.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum {
  LONGEST_TEXT = 512, /* tokens: where the reference cuts */
  TEXTS_AT_ONCE = 64  /* given to the backend in one call */
};

struct text_model {
  checkpoint checkpoint;
  tokenizer *tokenizer;
  const backend *backend;
  compile_options how;
  executable *executable; /* for texts of `length` tokens; holds the weights for all lengths */
  size_t length;
  double operations; /* of a text of `length` tokens */
  size_t longest, output_count;
};

/* ---- lengths ---- */

/* Make the executable one for texts of `length` tokens. The one before hands over its weights. */
static bool set_length(text_model *m, size_t length, const reporter *r, error *err) {
  if (m->length == length)
    return true;
  graph *g = checkpoint_graph(&m->checkpoint, (int64_t)length, r, err);
  if (!g)
    return false;
  m->output_count = checkpoint_logits(&m->checkpoint, g, err);
  m->operations = graph_flops(g);
  executable *made = NULL;
  if (m->output_count)
    made = m->executable ? m->backend->compile_sibling(g, m->executable, err)
                         : m->backend->compile(g, &m->how, err);
  graph_destroy(g);
  /* Whatever was packed of the file is in memory a second time now. */
  mapped_file_release(&m->checkpoint.file, 0, m->checkpoint.file.size);
  if (!made)
    return error_prefix(err, "%s", m->checkpoint.path);
  if (m->executable)
    m->backend->destroy(m->executable);
  m->executable = made;
  m->length = length;
  return true;
}

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
  m->backend = backend_find(options->backend, err);
  if (!m->backend || !checkpoint_open(&m->checkpoint, folder, r, err) || !check_input(&m->checkpoint, err) ||
      !open_tokenizer(m, folder, err))
    return false;
  m->how = (compile_options){.threads = options->threads,
                             .brief = options->brief,
                             .precision = checkpoint_precision(&m->checkpoint, options->precision)};
  int64_t most = bert_max_tokens(m->checkpoint.bert);
  m->longest = most < LONGEST_TEXT ? (size_t)most : LONGEST_TEXT;
  return m->longest >= 2
             ? set_length(m, 2, r, err)
             : error_set(err, ERROR_UNSUPPORTED, "%s: takes texts of %zu tokens only", folder, m->longest);
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
  if (m->executable)
    m->backend->destroy(m->executable);
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
  return m->backend->variant(m->executable);
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

/* Longest first: the tables that a network for long texts has copied serve those for shorter ones. */
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
  int32_t *batch; /* TEXTS_AT_ONCE x longest */
  float *results; /* TEXTS_AT_ONCE x output_count */
} prediction;

/* Is queue item i another text than the one before it? */
static bool is_new(const text_queue *q, size_t i) {
  return i == 0 || !same_tokens(&q->items[i], &q->items[i - 1]);
}

/* Collect different texts of one length from queue item `first` on, as many as fit, and the items that are
 * equal to them. Returns the item behind; *count: of different ones. */
static size_t fill_batch(const prediction *p, size_t first, size_t *count) {
  const text_queue *q = p->queue;
  size_t length = q->items[first].count, i = first;
  *count = 0;
  for (; i < q->count && q->items[i].count == length; i++) {
    if (!is_new(q, i))
      continue;
    if (*count == TEXTS_AT_ONCE)
      break;
    memcpy(p->batch + (*count)++ * length, q->items[i].ids, length * sizeof *p->batch);
  }
  return i;
}

static bool run_batch(const prediction *p, size_t *done, error *err) {
  text_model *m = p->m;
  const text_queue *q = p->queue;
  size_t first = *done, count, end = fill_batch(p, first, &count);
  const void *inputs[] = {p->batch};
  void *outputs[] = {p->results};
  if (!set_length(m, q->items[first].count, NULL, err))
    return false;
  if (!m->backend->run(m->executable, inputs, outputs, count, err))
    return error_prefix(err, "%s", m->checkpoint.path);
  const float *row = p->results;
  for (; *done < end; ++*done) {
    if (*done > first && is_new(q, *done))
      row += m->output_count;
    memcpy(p->logits + q->items[*done].text * m->output_count, row, m->output_count * sizeof *row);
  }
  return true;
}

static bool run_all(const prediction *p, const text_progress *progress, error *err) {
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
    p.batch = malloc(TEXTS_AT_ONCE * m->longest * sizeof *p.batch);
    p.results = malloc(TEXTS_AT_ONCE * m->output_count * sizeof *p.results);
    ok = p.batch && p.results ? run_all(&p, progress, err) : error_out_of_memory(err);
  }
  free(p.batch);
  free(p.results);
  queue_free(&queue);
  return ok;
}

model_cost text_model_cost_of(const text_model *m) {
  return (model_cost){m->operations, m->backend->memory(m->executable)};
}

double text_model_probe_peak(const text_model *m) {
  return m->backend->probe_peak(m->executable);
}
