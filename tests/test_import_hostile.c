/* Model files that nobody should trust, and whose checksums are right: truncations and seeded mutations of
 * what lies inside archives and beside weights. Importing returns a graph that holds, or a reason. */
#include "import/fairseq/wcr.h"
#include "import/huggingface/bert.h"
#include "import/torchscript/torchscript.h"
#include "support/golden_files.h"
#include "support/mutate.h"
#include "support/zip_builder.h"

#define MODELS GOLDEN_ANALYSIS "models/"
enum { MUTANTS = 10000 };

typedef struct tally {
  size_t imported, refused;
} tally;

/* Count what an importer returned; a failure has a reason. */
static void count_result(tally *t, graph *g, const error *err) {
  error problem = {0};
  if (g) {
    t->imported++;
    if (!graph_verify(g, &problem))
      fail_msg("imported, but: %s", problem.message);
    return;
  }
  t->refused++;
  if (err->code == ERROR_NONE || err->code == ERROR_INTERNAL || !*err->message)
    fail_msg("a failure without a reason (%d: %s)", err->code, err->message);
}

/* ---- entries of archives, with their checksums made right again ---- */

typedef graph *(*archive_importer)(zip_archive *, const shape *, error *);

/* A copy of an archive in which one stored entry is replaced by bytes of at most its size. */
typedef struct entry_attack {
  uint8_t *bytes;
  const uint8_t *original; /* of the entry */
  size_t size, at, entry_size;
  size_t checksum_at[4], checksums; /* where the entry's CRC-32 stands */
  archive_importer import;
  shape input;
  tally tally;
} entry_attack;

static entry_attack attack_of(const mapped_file *file, const char *entry, archive_importer import,
                              shape input) {
  error err = {0};
  zip_archive *archive = zip_open(file->data, file->size, &err);
  entry_attack a = {.size = file->size, .import = import, .input = input};
  const uint8_t *bytes = archive ? zip_read(archive, entry, &a.entry_size, &err) : NULL;
  if (!bytes)
    fail_msg("%s", err.message);
  a.original = bytes;
  a.at = (size_t)(bytes - file->data);
  assert_true(a.at < file->size); /* it lies in the file, not inflated somewhere else */
  zip_close(archive);
  uint32_t crc = zip_crc32(bytes, a.entry_size);
  for (size_t i = 0; i + 4 <= file->size; i++)
    if (memcmp(file->data + i, &crc, 4) == 0) {
      assert_true(a.checksums < 4);
      a.checksum_at[a.checksums++] = i;
    }
  assert_true(a.checksums >= 1);
  a.bytes = malloc(file->size);
  assert_non_null(a.bytes);
  memcpy(a.bytes, file->data, file->size);
  return a;
}

static void import_variant(const uint8_t *data, size_t size, void *context) {
  entry_attack *a = context;
  memset(a->bytes + a->at, 0, a->entry_size); /* what a truncation leaves out is zero */
  memcpy(a->bytes + a->at, data, size);
  uint32_t crc = zip_crc32(a->bytes + a->at, a->entry_size);
  for (size_t i = 0; i < a->checksums; i++)
    memcpy(a->bytes + a->checksum_at[i], &crc, 4);
  error err = {0};
  zip_archive *archive = zip_open(a->bytes, a->size, &err);
  assert_non_null(archive);
  graph *g = a->import(archive, &a->input, &err);
  count_result(&a->tally, g, &err);
  graph_destroy(g);
  zip_close(archive);
}

static void attack_entry(const char *path, const char *entry, archive_importer import, shape input) {
  mapped_file file = golden_map(path);
  entry_attack a = attack_of(&file, entry, import, input);
  import_variant(a.original, a.entry_size, &a);
  assert_int_equal(a.tally.imported, 1);
  mutate_truncate(a.original, a.entry_size, 200, import_variant, &a);
  mutate_bytes(a.original, a.entry_size, MUTANTS, 21, import_variant, &a);
  print_message("%s: %zu imported, %zu refused\n", entry, a.tally.imported, a.tally.refused);
  assert_true(a.tally.refused > MUTANTS / 10);
  free(a.bytes);
  mapped_file_close(&file);
}

static void test_fairseq_pickle(void **state) {
  (void)state;
  attack_entry(MODELS "wcr_lvef_under_50/wcr_lvef_under_50.pt", "archive/data.pkl", fairseq_import,
               (shape){3, {1, GOLDEN_LEADS, GOLDEN_SAMPLES}});
}

static void test_torchscript_pickle(void **state) {
  (void)state;
  attack_entry(DEEPECG_TEST_DATA "/fixtures/torchscript/scripted.pt", "scripted/data.pkl", torchscript_import,
               (shape){3, {1, 12, 160}});
}

/* ---- a BERT folder ---- */

typedef struct bert_attack {
  mapped_file config, weights;
  uint8_t *bytes; /* a copy of the weights, for headers that change */
  tally tally;
} bert_attack;

static void open_bert(bert_attack *a, const char *config, size_t config_size, const uint8_t *weights) {
  error err = {0};
  bert_checkpoint *b = bert_open(config, config_size, weights, a->weights.size, &err);
  graph *g = b ? bert_graph(b, bert_max_tokens(b) < 3 ? 1 : 3, &err) : NULL;
  count_result(&a->tally, g, &err);
  graph_destroy(g);
  bert_close(b);
}

static void open_config_variant(const uint8_t *data, size_t size, void *context) {
  bert_attack *a = context;
  open_bert(a, (const char *)data, size, a->weights.data);
}

static void open_header_variant(const uint8_t *data, size_t size, void *context) {
  bert_attack *a = context;
  memcpy(a->bytes, data, size);
  open_bert(a, (const char *)a->config.data, a->config.size, a->bytes);
}

static void test_bert_folder(void **state) {
  (void)state;
  static const char folder[] = MODELS "Bert_diagnosis2classification_En_Fr/";
  char path[400];
  bert_attack a = {0};
  snprintf(path, sizeof path, "%sconfig.json", folder);
  a.config = golden_map(path);
  snprintf(path, sizeof path, "%smodel.safetensors", folder);
  a.weights = golden_map(path);
  open_config_variant(a.config.data, a.config.size, &a);
  assert_int_equal(a.tally.imported, 1);
  mutate_truncate(a.config.data, a.config.size, 200, open_config_variant, &a);
  assert_int_equal(a.tally.refused, 200);
  mutate_bytes(a.config.data, a.config.size, MUTANTS, 22, open_config_variant, &a);
  assert_true(a.tally.refused > MUTANTS / 10);
  a.bytes = malloc(a.weights.size);
  assert_non_null(a.bytes);
  memcpy(a.bytes, a.weights.data, a.weights.size);
  size_t header;
  memcpy(&header, a.weights.data, sizeof header);
  mutate_bytes(a.weights.data, 8 + header, MUTANTS / 10, 23, open_header_variant, &a);
  print_message("bert: %zu imported, %zu refused\n", a.tally.imported, a.tally.refused);
  free(a.bytes);
  mapped_file_close(&a.config);
  mapped_file_close(&a.weights);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fairseq_pickle),
      cmocka_unit_test(test_torchscript_pickle),
      cmocka_unit_test(test_bert_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
