/* The text model from its folder to logits, against the reference's. */
#include "model/text_model.h"

#include "model/checkpoint.h"
#include "support/folders.h"
#include "support/golden_files.h"
#include "support/resident.h"

#include <jansson.h>
#include <math.h>

#define GOLDEN_NAME "Bert_diagnosis2classification_En_Fr"
#define FIXTURE     DEEPECG_TEST_DATA "/fixtures/bert/float32/"

enum { LABELS = 77, MOST_TEXTS = 64 };

static const double logit_tolerance = 1e-4;
static const model_options two_threads = {.backend = "cpu", .threads = 2};

typedef struct golden_texts {
  json_t *json;
  size_t count;
  const char *texts[MOST_TEXTS];
  float *logits; /* count x LABELS */
} golden_texts;

static golden_texts read_texts(void) {
  golden_texts g = {.json = json_load_file(GOLDEN_ANALYSIS "bert_tokens.json", 0, NULL)};
  g.count = json_array_size(g.json);
  assert_in_range(g.count, 1, MOST_TEXTS);
  for (size_t i = 0; i < g.count; i++)
    g.texts[i] = json_string_value(json_object_get(json_array_get(g.json, i), "text"));
  g.logits = golden_matrix(GOLDEN_ANALYSIS "logits/" GOLDEN_NAME ".npy", g.count, LABELS);
  return g;
}

static void free_texts(golden_texts *g) {
  json_decref(g->json);
  free(g->logits);
}

static text_model *open_model(const char *folder) {
  error err = {0};
  text_model *m = text_model_open(folder, &two_threads, NULL, &err);
  if (!m)
    fail_msg("%s", err.message);
  return m;
}

static void predict(text_model *m, const char *const *texts, size_t n, float *logits) {
  error err = {0};
  if (!text_model_predict(m, texts, n, logits, NULL, &err))
    fail_msg("%s", err.message);
}

static void gives_the_references_logits(void **state) {
  (void)state;
  golden_texts g = read_texts();
  text_model *m = open_model(GOLDEN_ANALYSIS "models/" GOLDEN_NAME);
  assert_int_equal(text_model_output_count(m), LABELS);
  assert_string_equal(text_model_kind(m), "Hugging Face BERT");
  float *made = calloc(g.count * LABELS, sizeof *made);
  predict(m, g.texts, g.count, made);
  double largest = 0;
  for (size_t i = 0; i < g.count * LABELS; i++) {
    double difference = fabs((double)made[i] - (double)g.logits[i]);
    largest = difference <= largest ? largest : difference;
  }
  print_message("%zu texts, largest difference of logits %.2g\n", g.count, largest);
  assert_true(largest <= logit_tolerance);
  free(made);
  text_model_close(m);
  free_texts(&g);
}

/* Counts how often it is asked, and says stop at the first time if told so. */
typedef struct counter {
  size_t calls, last, total;
  bool stop;
} counter;

static bool count(void *context, size_t done, size_t total) {
  counter *c = context;
  c->calls++;
  c->last = done;
  c->total = total;
  return !c->stop;
}

/* Texts that differ in blanks and case only are the same tokens to an uncased model, and 200 of them one run.
 */
static void equal_tokens_give_equal_rows(void **state) {
  (void)state;
  enum { TEXTS = 200, LABELS_HERE = 5 };
  text_model *m = open_model(FIXTURE);
  char written[TEXTS][32];
  const char *texts[TEXTS];
  for (int i = 0; i < TEXTS; i++) {
    snprintf(written[i], sizeof written[i], "%ssinus%srhythm", i % 3 ? " " : "", i % 2 ? "  " : "\n");
    texts[i] = written[i];
  }
  texts[77] = "atrial";
  float logits[TEXTS][LABELS_HERE], alone[LABELS_HERE];
  counter c = {0};
  error err = {0};
  assert_true(text_model_predict(m, texts, TEXTS, logits[0], &(text_progress){&c, count}, &err));
  assert_int_equal(c.calls, 1); /* one batch of two different texts */
  assert_int_equal(c.last, TEXTS);
  assert_int_equal(c.total, TEXTS);
  for (int i = 0; i < TEXTS; i++)
    assert_int_equal(memcmp(logits[i], logits[0], sizeof *logits) == 0, i != 77);
  predict(m, &texts[77], 1, alone);
  assert_memory_equal(alone, logits[77], sizeof alone);
  text_model_close(m);
}

/* More different texts of one length than fit in one call of the backend. */
static void many_texts_of_one_length(void **state) {
  (void)state;
  enum { TEXTS = 150, LABELS_HERE = 5 };
  text_model *m = open_model(FIXTURE);
  char written[TEXTS][8];
  const char *texts[TEXTS];
  for (int i = 0; i < TEXTS; i++) {
    snprintf(written[i], sizeof written[i], "%c %c", 'a' + i % 26, 'a' + i / 26);
    texts[i] = written[i];
  }
  float logits[TEXTS][LABELS_HERE], alone[LABELS_HERE];
  predict(m, texts, TEXTS, logits[0]);
  for (int i = 0; i < TEXTS; i += 7) {
    predict(m, &texts[i], 1, alone);
    assert_memory_equal(alone, logits[i], sizeof alone);
  }
  text_model_close(m);
}

/* More lengths than networks are kept for, more texts than run at once, in no order; each alone, later, when
 * its length's network may have gone. */
static void texts_of_many_lengths(void **state) {
  (void)state;
  enum { TEXTS = 300, WORDS = 99 };
  char written[TEXTS][2 * WORDS + 8];
  const char *texts[TEXTS];
  for (int i = 0; i < TEXTS; i++) {
    char *end = written[i] + sprintf(written[i], "%c %c ", 'a' + i % 26, 'a' + i / 26);
    for (int word = i * 37 % WORDS; word > 0; word--)
      end += sprintf(end, "%c ", 'a' + (i + word) % 7);
    texts[i] = written[i];
  }
  float(*logits)[LABELS] = calloc(TEXTS, sizeof *logits), alone[LABELS];
  for (int threads = 1; threads <= 3; threads++) {
    error err = {0};
    text_model *m = text_model_open(GOLDEN_ANALYSIS "models/" GOLDEN_NAME,
                                    &(model_options){.backend = "cpu", .threads = threads}, NULL, &err);
    assert_non_null(m);
    predict(m, texts, TEXTS, logits[0]);
    for (int i = 0; i < TEXTS; i += 7) {
      predict(m, &texts[i], 1, alone);
      assert_memory_equal(alone, logits[i], sizeof alone);
    }
    text_model_close(m);
  }
  free(logits);
}

/* The network has 24 positions: [CLS], 22 pieces, [SEP]. */
static void long_texts_are_cut(void **state) {
  (void)state;
  text_model *m = open_model(FIXTURE);
  const char *texts[] = {"a b c d e f g h i j k l m n o p q r s t u v w x y z",
                         "a b c d e f g h i j k l m n o p q r s t u v",
                         "a b c d e f g h i j k l m n o p q r s t u"};
  float logits[3][5];
  predict(m, texts, 3, logits[0]);
  assert_memory_equal(logits[0], logits[1], sizeof *logits);
  assert_memory_not_equal(logits[0], logits[2], sizeof *logits);
  text_model_close(m);
}

static void may_be_stopped(void **state) {
  (void)state;
  text_model *m = open_model(FIXTURE);
  const char *texts[] = {"a", "a b", "a b c"};
  float logits[3][5];
  counter c = {.stop = true};
  error err = {0};
  assert_false(text_model_predict(m, texts, 3, logits[0], &(text_progress){&c, count}, &err));
  assert_int_equal(c.calls, 1);
  assert_string_equal(err.message, "interrupted");
  assert_true(text_model_predict(m, texts, 0, logits[0], NULL, &err)); /* nothing to do */
  text_model_close(m);
}

static void text_that_is_not_utf8_is_refused(void **state) {
  (void)state;
  text_model *m = open_model(FIXTURE);
  const char *texts[] = {"a", "caf\xe9"};
  float logits[2][5];
  error err = {0};
  assert_false(text_model_predict(m, texts, 2, logits[0], NULL, &err));
  assert_non_null(strstr(err.message, "text 2: "));
  assert_null(strstr(err.message, "caf")); /* a diagnosis is the patient's */
  text_model_close(m);
}

static void refuse_folder(const char *folder, const char *message) {
  error err = {0};
  text_model *m = text_model_open(folder, &two_threads, NULL, &err);
  if (m)
    fail_msg("opened, but should fail with: %s", message);
  if (!strstr(err.message, message))
    fail_msg("message is \"%s\", not \"%s\"", err.message, message);
}

static void incomplete_folders_are_refused(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE];
  folder_make(folder, "text_model");
  folder_copy(folder, "model.safetensors", FIXTURE "model.safetensors");
  refuse_folder(folder, "config.json");
  folder_write(folder, "config.json", "");
  refuse_folder(folder, "config.json");
  folder_copy(folder, "config.json", FIXTURE "config.json");
  refuse_folder(folder, "vocab.txt");
  folder_write(folder, "vocab.txt", "[PAD]\n[CLS]\n[SEP]\na\n");
  refuse_folder(folder, "[UNK]");
  char longer[1024] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (int i = 0; i < 40; i++)
    snprintf(longer + strlen(longer), sizeof longer - strlen(longer), "word%d\n", i);
  folder_write(folder, "vocab.txt", longer);
  refuse_folder(folder, "the vocabulary has 45 tokens, the network's only 40");
  folder_copy(folder, "vocab.txt", FIXTURE "vocab.txt");
  text_model_close(open_model(folder));
}

/* ---- memory ---- */

enum { MANY_WORDS = 400000, WIDTH = 16, TABLE_BYTES = MANY_WORDS * WIDTH * 2 };

static void save_many_words(json_t *header, const uint8_t *data, size_t size, const char *path) {
  static const uint8_t zeros[TABLE_BYTES];
  char *text = json_dumps(header, JSON_COMPACT);
  uint64_t length = strlen(text);
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(fwrite(&length, sizeof length, 1, out), 1);
  assert_int_equal(fwrite(text, length, 1, out), 1);
  assert_int_equal(fwrite(data, size, 1, out), 1);
  assert_int_equal(fwrite(zeros, sizeof zeros, 1, out), 1);
  assert_int_equal(fclose(out), 0);
  free(text);
}

/* The fixture of float16 with a table of words so large that its file is mapped. The bytes of the small table
 * get another name. */
static void make_many_words(const char *folder) {
  static const char table[] = "bert.embeddings.word_embeddings.weight";
  char path[FOLDER_PATH_SIZE + 20];
  mapped_file file = golden_map(DEEPECG_TEST_DATA "/fixtures/bert/float16/model.safetensors");
  uint64_t length;
  memcpy(&length, file.data, sizeof length);
  size_t begin = sizeof length + (size_t)length, size = file.size - begin;
  json_t *header = json_loadb((const char *)file.data + sizeof length, length, 0, NULL);
  assert_non_null(json_object_get(header, table));
  json_object_set(header, "unused", json_object_get(header, table));
  json_object_set_new(header, table,
                      json_pack("{s:s, s:[ii], s:[II]}", "dtype", "F16", "shape", MANY_WORDS, WIDTH,
                                "data_offsets", (json_int_t)size, (json_int_t)(size + TABLE_BYTES)));
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  save_many_words(header, file.data + begin, size, path);
  json_decref(header);
  mapped_file_close(&file);
  json_t *config = json_load_file(DEEPECG_TEST_DATA "/fixtures/bert/float16/config.json", 0, NULL);
  json_object_set_new(config, "vocab_size", json_integer(MANY_WORDS));
  snprintf(path, sizeof path, "%s/config.json", folder);
  assert_int_equal(json_dump_file(config, path, 0), 0);
  json_decref(config);
}

/* What is kept converted need not stay as it is stored. */
static void a_converted_file_leaves_memory(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE];
  error err = {0};
  checkpoint c;
  folder_make(folder, "many_words");
  make_many_words(folder);
  long before = resident("RssFile:");
  if (!checkpoint_open(&c, folder, NULL, &err))
    fail_msg("%s", err.message);
  long after = resident("RssFile:");
  graph *g = checkpoint_graph(&c, 2, NULL, &err);
  assert_non_null(g);
  graph_destroy(g);
  checkpoint_close(&c);
  if (before == 0)
    skip(); /* no /proc */
  assert_true(after - before < (TABLE_BYTES >> 10) / 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_references_logits),
      cmocka_unit_test(equal_tokens_give_equal_rows),
      cmocka_unit_test(many_texts_of_one_length),
      cmocka_unit_test(texts_of_many_lengths),
      cmocka_unit_test(long_texts_are_cut),
      cmocka_unit_test(may_be_stopped),
      cmocka_unit_test(text_that_is_not_utf8_is_refused),
      cmocka_unit_test(incomplete_folders_are_refused),
      cmocka_unit_test(a_converted_file_leaves_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
