/* Bundles: round trip, and tars that nobody should unpack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/hub_scratch.h"
#include "support/mutate.h"

#include "base/buffer.h"
#include "hub/bundle.h"
#include "hub/demo_models.h"
#include "hub/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL "wcr_afib_5y"
#define OTHER "wcr_lvef_under_50"
#define BERT  "Bert_diagnosis2classification"

enum { SIZE = 70001, BLOCK = 512 };

static hub_scratch s;
static uint8_t *bytes;
static buffer tar;

static int begin(void **state) {
  (void)state;
  hub_scratch_begin(&s, "bundle");
  bytes = scratch_bytes(SIZE, 4);
  return 0;
}

static int end(void **state) {
  (void)state;
  hub_scratch_end(&s);
  free(bytes);
  buffer_free(&tar);
  return 0;
}

/* --- making tars by hand */

static void octal(char *field, size_t width, size_t value) {
  for (size_t i = width - 1; i-- > 0; value >>= 3)
    field[i] = (char)('0' + (value & 7));
}

static void finish_header(char *block, const char *magic) {
  octal(block + 100, 8, 0644);
  memmove(block + 257, magic, 8);
  memset(block + 148, ' ', 8);
  size_t sum = 0;
  for (size_t i = 0; i < BLOCK; i++)
    sum += (unsigned char)block[i];
  octal(block + 148, 7, sum);
}

static void add_entry(const char *name, char type, const void *data, size_t size) {
  char block[BLOCK] = "";
  memcpy(block, name, strnlen(name, 100));
  octal(block + 124, 12, size);
  block[156] = type;
  if (type == '1' || type == '2')
    strcpy(block + 157, "/etc/passwd");
  finish_header(block, "ustar\00000");
  assert_true(buffer_append(&tar, block, BLOCK, NULL));
  assert_true(buffer_append(&tar, data, size, NULL));
  static const char zeros[BLOCK];
  assert_true(buffer_append(&tar, zeros, (BLOCK - size % BLOCK) % BLOCK, NULL));
}

static void add_pax(const char *records) {
  add_entry("pax", 'x', records, strlen(records));
}

static void end_tar(void) {
  static const char zeros[2 * BLOCK];
  assert_true(buffer_append(&tar, zeros, sizeof zeros, NULL));
  scratch_write(&s, "models.tar", tar.data, tar.size);
  buffer_clear(&tar);
}

static bool import(const char *const *models, size_t count, bundle_contents *contents) {
  return bundle_read(scratch_path(&s, "models.tar"), s.weights, models, count, &s.reporter, NULL, contents,
                     &s.err);
}

static void assert_refused(const char *text) {
  bundle_contents contents;
  assert_false(import(NULL, 0, &contents));
  if (!strstr(s.err.message, text))
    fail_msg("'%s' is not in '%s'", text, s.err.message);
  assert_non_null(strstr(s.err.message, "models.tar"));
  assert_int_equal(scratch_count(&s, "weights"), 0); /* not a trace */
}

static void refused_after_a_good_model(const char *name, char type, const char *text) {
  add_entry(MODEL "/wcr.pt", '0', bytes, SIZE);
  add_entry(name, type, "x", type == '0' ? 1 : 0);
  end_tar();
  assert_refused(text);
}

/* --- tests */

static void there_and_back(void **state) {
  (void)state;
  scratch_write(&s, "weights/" MODEL "/wcr.pt", bytes, SIZE);
  scratch_write(&s, "weights/" MODEL "/base_ssl.pt", bytes, 100);
  scratch_write(&s, "weights/" BERT "/model.safetensors", bytes, 512);
  scratch_write(&s, "weights/" BERT "/config.json", bytes, 10);
  scratch_write(&s, "weights/" BERT "/vocab.txt", bytes, 513);
  static const char *const models[] = {MODEL, BERT};
  const char *path = scratch_path(&s, "models.tar");
  assert_true(bundle_write(path, s.weights, models, 2, &s.reporter, NULL, &s.err));
  snprintf(s.weights, sizeof s.weights, "%s/elsewhere", s.root);
  bundle_contents contents;
  assert_true(import(NULL, 0, &contents));
  assert_int_equal(contents.count, 2);
  assert_string_equal(contents.models[0], MODEL);
  assert_false(contents.kept[0]);
  assert_true(scratch_holds(&s, "elsewhere/" MODEL "/wcr.pt", bytes, SIZE));
  assert_true(scratch_holds(&s, "elsewhere/" BERT "/vocab.txt", bytes, 513));
  assert_int_equal(scratch_count(&s, "elsewhere/" MODEL), 2);
  assert_int_equal(scratch_count(&s, "elsewhere/" BERT), 4);
  assert_int_equal(scratch_count(&s, "elsewhere"), 2); /* nothing is left of the unpacking */
  assert_int_equal(hub_scratch_ensure(&s, MODEL, CHECK_HASHES), HUB_THERE);
  /* what came out goes in again as the same bytes */
  assert_true(bundle_write(scratch_path(&s, "again.tar"), s.weights, models, 2, NULL, NULL, &s.err));
  FILE *file = fopen(scratch_path(&s, "again.tar"), "rb");
  assert_non_null(file);
  static uint8_t again[200000];
  size_t size = fread(again, 1, sizeof again, file);
  fclose(file);
  assert_true(scratch_holds(&s, "models.tar", again, size));
  /* complete folders are kept; damaged ones are mended */
  assert_true(import(NULL, 0, &contents));
  assert_true(contents.kept[0] && contents.kept[1]);
  assert_int_equal(truncate(scratch_path(&s, "elsewhere/" MODEL "/wcr.pt"), 5), 0);
  static const char *const one[] = {MODEL};
  assert_true(import(one, 1, &contents));
  assert_int_equal(contents.count, 1);
  assert_false(contents.kept[0]);
  assert_true(scratch_holds(&s, "elsewhere/" MODEL "/wcr.pt", bytes, SIZE));
}

/* Demo models stay known as such on the other machine. */
static void the_notice_of_demo_models_goes_along(void **state) {
  (void)state;
  static const char *const models[] = {MODEL};
  scratch_write(&s, "weights/" MODEL "/wcr.pt", bytes, SIZE);
  scratch_write(&s, "weights/" MODEL "/base_ssl.pt", bytes, 100);
  scratch_write(&s, "weights/" DEMO_NOTICE_NAME, "notice", 6);
  assert_true(bundle_write(scratch_path(&s, "models.tar"), s.weights, models, 1, NULL, NULL, &s.err));
  snprintf(s.weights, sizeof s.weights, "%s/elsewhere", s.root);
  bundle_contents contents;
  assert_true(import(models, 1, &contents));
  assert_true(scratch_holds(&s, "elsewhere/" DEMO_NOTICE_NAME, "notice", 6));
  assert_int_equal(scratch_count(&s, "elsewhere"), 2);
  /* where all models are kept, they are what they were */
  assert_int_equal(unlink(scratch_path(&s, "elsewhere/" DEMO_NOTICE_NAME)), 0);
  assert_true(import(NULL, 0, &contents));
  assert_true(contents.kept[0]);
  assert_int_equal(scratch_count(&s, "elsewhere"), 1);
  /* a tar made by hand: in any order, below a folder, twice */
  add_entry("demo/weights/" MODEL "/wcr.pt", '0', bytes, SIZE);
  add_entry("demo/weights/" MODEL "/base_ssl.pt", '0', bytes, 100);
  add_entry("demo/weights/" DEMO_NOTICE_NAME, '0', "by hand", 7);
  add_entry("outputs/" DEMO_NOTICE_NAME, '0', "results", 7);
  end_tar();
  snprintf(s.weights, sizeof s.weights, "%s/by_hand", s.root);
  assert_true(import(NULL, 0, &contents));
  assert_true(scratch_holds(&s, "by_hand/" DEMO_NOTICE_NAME, "by hand", 7));
}

static void damaged_folders_are_not_bundled(void **state) {
  (void)state;
  fake_hub_add_file(s.server, "heartwise/" MODEL, "wcr.pt", bytes, SIZE, true);
  assert_int_equal(hub_scratch_ensure(&s, MODEL, CHECK_SIZES), HUB_DOWNLOADED);
  uint8_t *other = scratch_bytes(SIZE, 5);
  scratch_write(&s, "weights/" MODEL "/wcr.pt", other, SIZE);
  free(other);
  static const char *const models[] = {MODEL};
  assert_false(bundle_write(scratch_path(&s, "models.tar"), s.weights, models, 1, NULL, NULL, &s.err));
  assert_int_equal(access(scratch_path(&s, "models.tar"), F_OK), -1);
}

static void tars_made_by_hand(void **state) {
  (void)state;
  add_entry("./", '5', "", 0);
  add_entry("./weights/" MODEL "/", '5', "", 0);
  add_entry("./weights/" MODEL "/notes.txt", '0', bytes, 30);
  add_entry("./weights/" MODEL "/base_ssl.pt", '0', bytes, 30);
  add_entry("README", '0', bytes, 30);
  add_pax("30 mtime=1700000000.123456789\n");
  add_entry("./weights/WCR_AFIB_5Y/wcr.pt", '0', bytes, SIZE);
  static const char long_name[] = "weights/" OTHER "/wcr_lvef.pt";
  add_entry("././@LongLink", 'L', long_name, sizeof long_name);
  add_entry("cut", '0', bytes, 40);
  end_tar();
  bundle_contents contents;
  assert_true(import(NULL, 0, &contents));
  assert_int_equal(contents.count, 2);
  assert_true(scratch_holds(&s, "weights/" MODEL "/wcr.pt", bytes, SIZE));
  assert_int_equal(scratch_count(&s, "weights/" MODEL), 2); /* with a manifest */
  assert_true(scratch_holds(&s, "weights/" OTHER "/wcr_lvef.pt", bytes, 40));
}

static void pax_names_and_sizes(void **state) {
  (void)state;
  char records[200], path[] = "path=a/b/" MODEL "/wcr.pt\n";
  snprintf(records, sizeof records, "%zu %s", strlen(path) + 3, path);
  add_pax(records);
  add_entry("short", '0', bytes, 77);
  end_tar();
  bundle_contents contents;
  assert_true(import(NULL, 0, &contents));
  assert_true(scratch_holds(&s, "weights/" MODEL "/wcr.pt", bytes, 77));
}

static void hostile_names(void **state) {
  (void)state;
  refused_after_a_good_model("../evil", '0', "could leave the folder");
  refused_after_a_good_model("/etc/evil", '0', "could leave the folder");
  refused_after_a_good_model(MODEL "/../../evil", '0', "could leave the folder");
  refused_after_a_good_model(OTHER "/..", '5', "could leave the folder");
  refused_after_a_good_model(".//etc/evil", '0', "could leave the folder");
  refused_after_a_good_model("a\\..\\b", '0', "could leave the folder");
  refused_after_a_good_model("a\033[2J", '0', "could leave the folder");
  add_pax("16 path=../evil\n");
  refused_after_a_good_model("fine", '0', "could leave the folder");
}

static void links_and_devices(void **state) {
  (void)state;
  static const char types[] = {'1', '2', '3', '4', '6', 'S', 'V', 'M'};
  for (size_t i = 0; i < sizeof types; i++)
    refused_after_a_good_model("innocent", types[i], "link or a device");
  add_entry(OTHER "/wcr.pt", '2', "", 0);
  end_tar();
  assert_refused("link or a device");
  add_pax("22 GNU.sparse.major=1\n");
  refused_after_a_good_model("fine", '0', "link or a device");
}

static void damaged_tars(void **state) {
  (void)state;
  static const char *const records[] = {"x",
                                        "5 path=a\n",
                                        "99999999 path=a\n",
                                        "0 path=a\n",
                                        "9 path=a\n\n7 a=b",
                                        "8 patha\n",
                                        "11 size=abc\n",
                                        "27 size=999999999999999999\n",
                                        "32 size=9999999999999999999999\n",
                                        "9\n"};
  for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
    add_pax(records[i]);
    refused_after_a_good_model("fine", '0', "");
  }
  scratch_write(&s, "models.tar", "PK\003\004 a zip", 10);
  assert_refused("cut off");
  scratch_write(&s, "models.tar", "", 0);
  assert_refused("cut off");
  scratch_write(&s, "models.tar", bytes, SIZE);
  assert_refused("not a tar archive");
  add_entry("README", '0', bytes, 30);
  end_tar();
  assert_refused("holds no model");
}

/* A tar that was cut anywhere, or had a bit flipped in a header, is refused or (in the padding) the same. */
static void cut_and_flipped(void **state) {
  (void)state;
  add_entry(MODEL "/wcr.pt", '0', bytes, 1300);
  end_tar();
  FILE *file = fopen(scratch_path(&s, "models.tar"), "rb");
  static uint8_t whole[8192], damaged[8192];
  size_t size = fread(whole, 1, sizeof whole, file);
  fclose(file);
  assert_int_equal(size, 6 * BLOCK);
  for (size_t cut = 0; cut < 2048; cut += 61) {
    scratch_write(&s, "models.tar", whole, cut);
    assert_refused("");
  }
  scratch_write(&s, "models.tar", whole, 2048); /* all of it but the end mark */
  assert_refused("end mark");
  for (size_t at = 0; at < BLOCK; at += 3) {
    memcpy(damaged, whole, size);
    damaged[at] ^= 0x10;
    scratch_write(&s, "models.tar", damaged, size);
    assert_refused("");
  }
}

/* Hostile bytes: whatever the reader hands out lies inside the archive. The checksum of a changed header is
 * put right, so that what it says is believed. */
static void walk(const uint8_t *data, size_t size, void *unused) {
  (void)unused;
  uint8_t *copy = malloc(size + 1);
  memcpy(copy, data, size);
  for (size_t at = 0; at + BLOCK <= size; at += BLOCK)
    if (memcmp(copy + at + 257, "ustar", 5) == 0)
      finish_header((char *)copy + at, (char *)copy + at + 257);
  arena *memory = arena_create(NULL);
  tar_reader reader = tar_reader_of(copy, size, memory);
  tar_entry entry;
  size_t entries = 0;
  for (bool stop = false; !stop && tar_next(&reader, &entry, &stop, NULL); entries++)
    if (!stop && entry.size)
      assert_true(entry.data >= copy && entry.data + entry.size <= copy + size);
  assert_true(entries <= size / BLOCK + 1);
  arena_destroy(memory);
  free(copy);
}

static void mutated_tars(void **state) {
  (void)state;
  static const char long_name[] = "weights/" OTHER "/wcr_lvef.pt";
  add_pax("30 mtime=1700000000.123456789\n11 size=40\n16 path=a/b/c/d\n");
  add_entry(MODEL "/wcr.pt", '0', bytes, 40);
  add_entry("././@LongLink", 'L', long_name, sizeof long_name);
  add_entry("folder/", '5', "", 0);
  static const char zeros[2 * BLOCK];
  assert_true(buffer_append(&tar, zeros, sizeof zeros, NULL));
  mutate_truncate((const uint8_t *)tar.data, tar.size, 200, walk, NULL);
  mutate_bytes((const uint8_t *)tar.data, tar.size, 10000, 3, walk, NULL);
}

static void wrong_manifests(void **state) {
  (void)state;
#define WITH(name, hash)                                                                                     \
  "{\"repo\":\"\",\"revision\":\"\",\"commit\":\"\",\"files\":[{\"name\":\"" name                            \
  "\",\"size\":5,\"sha256\":\"" hash "\"}]}"
  static const char zero_hash[] =
      WITH("wcr.pt", "0000000000000000000000000000000000000000000000000000000000000000");
  add_entry(MODEL "/.deepecg-files.json", '0', zero_hash, sizeof zero_hash - 1);
  add_entry(MODEL "/wcr.pt", '0', "hello", 5);
  end_tar();
  assert_refused("hash differs");
  add_entry(MODEL "/.deepecg-files.json", '0', zero_hash, sizeof zero_hash - 1);
  add_entry(MODEL "/wcr.pt", '0', "hell", 4);
  end_tar();
  assert_refused("has 4 bytes of 5");
  static const char other[] =
      WITH("other.pt", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  add_entry(MODEL "/.deepecg-files.json", '0', other, sizeof other - 1);
  add_entry(MODEL "/wcr.pt", '0', "hello", 5);
  end_tar();
  assert_refused("not in the manifest");
  add_entry(MODEL "/.deepecg-files.json", '0', "[]", 2);
  add_entry(MODEL "/wcr.pt", '0', "hello", 5);
  end_tar();
  assert_refused("");
  add_entry(MODEL "/.deepecg-files.json", '0', other, sizeof other - 1);
  end_tar();
  assert_refused("no .pt model file");
  add_entry(MODEL "/wcr.pt", '0', "hello", 5);
  add_entry(MODEL "/wcr.pt", '0', "world", 5);
  end_tar();
  assert_refused("is there twice");
  add_entry(BERT "/vocab.txt", '0', "hello", 5);
  end_tar();
  assert_refused("is not there");
}

static void all_or_nothing(void **state) {
  (void)state;
  add_entry(MODEL "/wcr.pt", '0', bytes, 900);
  add_entry(BERT "/vocab.txt", '0', bytes, 100);
  add_entry(BERT "/config.json", '0', bytes, 50);
  add_entry(BERT "/model.safetensors", '0', bytes, 400);
  end_tar();
  bundle_contents contents;
  static const char *const absent[] = {MODEL, OTHER};
  assert_false(import(absent, 2, &contents));
  assert_non_null(strstr(s.err.message, "holds no " OTHER));
  assert_int_equal(scratch_count(&s, "weights"), 0);
  /* somebody's own file in the way of one model stops both */
  scratch_write(&s, "weights/" BERT "/vocab.txt", "mine", 4);
  assert_false(import(NULL, 0, &contents));
  assert_non_null(strstr(s.err.message, "move it away"));
  assert_true(scratch_holds(&s, "weights/" BERT "/vocab.txt", "mine", 4));
  assert_int_equal(scratch_count(&s, "weights"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(there_and_back),
      TEST(the_notice_of_demo_models_goes_along),
      TEST(damaged_folders_are_not_bundled),
      TEST(tars_made_by_hand),
      TEST(pax_names_and_sizes),
      TEST(hostile_names),
      TEST(links_and_devices),
      TEST(damaged_tars),
      TEST(cut_and_flipped),
      TEST(mutated_tars),
      TEST(wrong_manifests),
      TEST(all_or_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
