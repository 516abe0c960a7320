#include "base/mapped_file.h"
#include "container/pickle.h"
#include "container/zip.h"
#include "support/mutate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FIXTURES DEEPECG_TEST_DATA "/fixtures/container/"
#define MODELS   DEEPECG_TEST_DATA "/golden/analysis/models/"

/* Every test parses into an arena of its own: setup makes it, teardown destroys it. */
static int make_arena(void **state) {
  return (*state = arena_create(NULL)) ? 0 : -1;
}

static int destroy_arena(void **state) {
  arena_destroy(*state);
  return 0;
}

static const pickle_value *parse_or_fail(const void *data, size_t size, arena *memory) {
  error err = {0};
  const pickle_value *value = pickle_parse(data, size, memory, &err);
  if (!value)
    fail_msg("%s", err.message);
  return value;
}

/* For literals; their NUL isn't part of the pickle. */
#define PARSE(literal) parse_or_fail(literal, sizeof(literal) - 1, *state)

static void assert_refused(const void *data, size_t size, error_code code, const char *message) {
  error err = {0};
  arena *memory = arena_create(NULL);
  assert_non_null(memory);
  if (pickle_parse(data, size, memory, &err))
    fail_msg("accepted, instead of \"%s\"", message);
  if (!strstr(err.message, message) || err.code != code)
    fail_msg("said \"%s\" (code %d), not \"%s\" (code %d)", err.message, (int)err.code, message, (int)code);
  arena_destroy(memory);
}

#define ASSERT_REFUSED(literal, code, message) assert_refused(literal, sizeof(literal) - 1, code, message)

static void assert_text(const pickle_value *value, const char *text, size_t length) {
  assert_non_null(value);
  assert_int_equal(value->kind, PICKLE_TEXT);
  assert_int_equal(value->as.text.length, length);
  assert_memory_equal(value->as.text.text, text, length + 1);
}

static void assert_integer(const pickle_value *value, int64_t integer) {
  assert_non_null(value);
  assert_int_equal(value->kind, PICKLE_INT);
  assert_true(value->as.integer == integer);
}

static const pickle_value *item(const pickle_value *container, size_t index) {
  assert_non_null(container);
  assert_true(container->kind >= PICKLE_TUPLE && container->kind <= PICKLE_SET);
  assert_true(index < container->as.list.count);
  return container->as.list.items[index];
}

static const pickle_value *argument(const pickle_value *call, size_t index) {
  assert_int_equal(call->kind, PICKLE_REDUCE);
  return item(call->as.reduce.arguments, index);
}

/* ---- What Python writes, in every protocol ---- */

static void check_integers(const pickle_value *value) {
  static const int64_t expected[] = {0,     1,         -1,        255,       256,      65535,
                                     65536, INT32_MIN, 1ll << 31, INT64_MAX, INT64_MIN};
  const pickle_value *integers = pickle_get(value, "integers");
  assert_int_equal(integers->as.list.count, sizeof expected / sizeof *expected);
  for (size_t i = 0; i < integers->as.list.count; i++)
    assert_integer(item(integers, i), expected[i]);
  static const char *const big[] = {"9223372036854775808", "-9223372036854775809",
                                    "1000000000000000000000000000000", "-1000000000000000000000000000000"};
  for (size_t i = 0; i < 4; i++) {
    const pickle_value *integer = item(pickle_get(value, "big"), i);
    assert_int_equal(integer->kind, PICKLE_BIG_INT);
    assert_string_equal(integer->as.text.text, big[i]);
    assert_int_equal(integer->as.text.length, strlen(big[i]));
  }
}

static void check_floats(const pickle_value *value) {
  static const double expected[] = {0.0, -0.0, 0.1, -1.5e300, INFINITY, -INFINITY, NAN};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    const pickle_value *real = item(pickle_get(value, "floats"), i);
    assert_int_equal(real->kind, PICKLE_FLOAT);
    assert_true(real->as.real == expected[i] || (isnan(real->as.real) && isnan(expected[i])));
    assert_true(isnan(expected[i]) || signbit(real->as.real) == signbit(expected[i]));
  }
}

static void check_texts(const pickle_value *value) {
  const pickle_value *texts = pickle_get(value, "texts");
  assert_text(item(texts, 0), "", 0);
  assert_text(item(texts, 1), "plain", 5);
  assert_text(item(texts, 2), "h\xc3\xa9llo \xe4\xb8\xad \xf0\x9f\x98\x80", 15);
  assert_text(item(texts, 3), "back\\slash\nnewline\0nul", 22);
  assert_int_equal(pickle_get(value, "long")->as.text.length, 300);
}

static void check_bytes(const pickle_value *value, int protocol) {
  const pickle_value *bytes = pickle_get(value, "bytes"), *second = item(bytes, 1), *array = item(bytes, 2);
  if (protocol >= 3) {
    assert_int_equal(second->kind, PICKLE_BYTES);
    assert_int_equal(second->as.text.length, 2);
    assert_memory_equal(second->as.text.text, "\0\xff", 3);
  } else { /* before there were bytes, Python encoded a text */
    assert_true(pickle_is_call(second, "_codecs", "encode"));
    assert_text(argument(second, 0), "\0\xc3\xbf", 3);
  }
  assert_int_equal(array->kind, protocol == 5 ? PICKLE_BYTES : PICKLE_REDUCE);
}

static void check_containers(const pickle_value *value, int protocol) {
  const pickle_value *tuples = pickle_get(value, "tuples");
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(item(tuples, i)->kind, PICKLE_TUPLE);
    assert_int_equal(item(tuples, i)->as.list.count, i);
    for (size_t j = 0; j < i; j++)
      assert_integer(item(item(tuples, i), j), (int64_t)j + 1);
  }
  const pickle_value *many = pickle_get(value, "many");
  assert_int_equal(many->kind, PICKLE_LIST);
  assert_int_equal(many->as.list.count, 1100);
  assert_integer(item(many, 1099), 1099);

  const pickle_value *set = item(pickle_get(value, "sets"), 0), *frozen = item(pickle_get(value, "sets"), 1);
  assert_int_equal(set->kind, protocol >= 4 ? PICKLE_SET : PICKLE_REDUCE);
  if (protocol >= 4) {
    assert_integer(item(set, 0), 7);
    assert_integer(item(frozen, 0), 8);
  }
}

static void check_shared(const pickle_value *value) {
  const pickle_value *shared = pickle_get(value, "shared"), *cycle = pickle_get(value, "cycle");
  assert_ptr_equal(item(shared, 0), item(shared, 1));
  assert_ptr_equal(item(cycle, 0), cycle);
  const pickle_value *tuple_cycle = pickle_get(value, "tuple_cycle");
  assert_int_equal(tuple_cycle->kind, PICKLE_TUPLE);
  assert_ptr_equal(item(item(tuple_cycle, 0), 0), tuple_cycle);
}

static void reads_every_protocol(void **state) {
  for (int protocol = 0; protocol <= 5; protocol++) {
    char path[1000];
    snprintf(path, sizeof path, FIXTURES "protocol%d.pkl", protocol);
    mapped_file file;
    assert_true(mapped_file_open(&file, path, NULL));
    const pickle_value *value = parse_or_fail(file.data, file.size, *state);
    mapped_file_close(&file); /* values must not point into it */

    assert_int_equal(value->kind, PICKLE_DICT);
    assert_int_equal(pickle_get(value, "none")->kind, PICKLE_NONE);
    assert_int_equal(pickle_get(value, "true")->kind, PICKLE_BOOL);
    assert_int_equal(pickle_get(value, "true")->as.integer, 1);
    assert_int_equal(pickle_get(value, "false")->kind, PICKLE_BOOL);
    assert_int_equal(pickle_get(value, "false")->as.integer, 0);
    check_integers(value);
    check_floats(value);
    check_texts(value);
    check_bytes(value, protocol);
    check_containers(value, protocol);
    check_shared(value);
    const pickle_value *ordered = pickle_get(value, "ordered");
    assert_true(pickle_is_call(ordered, "collections", "OrderedDict"));
    if (protocol >= 2) /* older ones pass a list of pairs */
      assert_integer(pickle_get(ordered, "a"), 2);
    assert_true(pickle_is_call(pickle_get(value, "default"), "collections", "defaultdict"));
    assert_integer(item(pickle_get(pickle_get(value, "default"), "k"), 0), 3);
  }
}

static void keeps_objects_as_names_and_arguments(void **state) {
  static const char *const files[] = {FIXTURES "objects2.pkl", FIXTURES "objects4.pkl"};
  for (size_t i = 0; i < 2; i++) {
    mapped_file file;
    assert_true(mapped_file_open(&file, files[i], NULL));
    const pickle_value *value = parse_or_fail(file.data, file.size, *state);
    mapped_file_close(&file);
    const pickle_value *space = pickle_get(value, "namespace");
    assert_true(pickle_is_call(space, "argparse", "Namespace"));
    assert_true(pickle_is_text(pickle_attribute(space, "name"), "x"));
    assert_true(pickle_attribute(space, "lr")->as.real == 0.1);
    assert_null(pickle_attribute(space, "absent"));
    const pickle_value *colour = pickle_get(value, "enum");
    assert_true(pickle_is_call(colour, "__main__", "Colour"));
    assert_false(pickle_is_call(colour, "__main__", "Slotted"));
    assert_integer(argument(colour, 0), 1);
    assert_text(argument(pickle_get(value, "path"), 1), "b", 1);
    const pickle_value *slotted = pickle_get(value, "slotted");
    assert_integer(pickle_attribute(slotted, "width"), 3);
    assert_integer(pickle_attribute(slotted, "height"), 4);
    assert_true(pickle_is_call(pickle_get(value, "scalar"), "numpy._core.multiarray", "scalar"));
  }
}

static const pickle_value *parse_entry(const char *path, const char *name, arena *memory) {
  mapped_file file;
  error err = {0};
  size_t size = 0;
  assert_true(mapped_file_open(&file, path, NULL));
  zip_archive *z = zip_open(file.data, file.size, &err);
  const uint8_t *data = z ? zip_read(z, name, &size, &err) : NULL;
  if (!data)
    fail_msg("%s", err.message);
  const pickle_value *value = parse_or_fail(data, size, memory);
  zip_close(z);
  mapped_file_close(&file);
  return value;
}

static void reads_the_modules_of_a_trace(void **state) {
  const pickle_value *net = parse_entry(MODELS "efficientnetv2_afib_5y/efficientnetv2_afib_5y.pt",
                                        "efficientnetv2_afib_5y/data.pkl", *state);
  assert_int_equal(net->kind, PICKLE_REDUCE);
  assert_string_equal(net->as.reduce.callable->as.global.module, "__torch__.effnet.___torch_mangle_887");
  assert_string_equal(net->as.reduce.callable->as.global.name, "Net");
  const pickle_value *training = pickle_attribute(net, "training");
  assert_int_equal(training->kind, PICKLE_BOOL);
  assert_int_equal(training->as.integer, 0);
  const pickle_value *convolution = pickle_attribute(pickle_attribute(net, "initial_conv"), "0");
  const pickle_value *weight = pickle_attribute(convolution, "weight");
  assert_true(pickle_is_call(weight, "torch._utils", "_rebuild_tensor_v2"));
  const pickle_value *storage = argument(weight, 0);
  assert_int_equal(storage->kind, PICKLE_PERSISTENT);
  assert_true(pickle_is_text(item(storage->as.persistent_id, 0), "storage"));
  assert_integer(item(storage->as.persistent_id, 4), 288);

  const pickle_value *constants = parse_entry(MODELS "efficientnetv2_afib_5y/efficientnetv2_afib_5y.pt",
                                              "efficientnetv2_afib_5y/constants.pkl", *state);
  assert_int_equal(constants->kind, PICKLE_TUPLE);
  assert_int_equal(constants->as.list.count, 0);
}

/* ---- Single opcodes ---- */

static void reads_integers_at_their_limits(void **state) {
  assert_integer(PARSE("\x8a\x00."), 0);
  assert_integer(PARSE("\x8a\x01\xff."), -1);
  assert_integer(PARSE("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00."), INT64_MAX);
  assert_integer(PARSE("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\xff."), INT64_MIN);
  assert_integer(PARSE("\x8b\x02\x00\x00\x00\x00\x80."), -32768);
  assert_string_equal(PARSE("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.")->as.text.text,
                      "9223372036854775808");
  assert_integer(PARSE("I-0012\n."), -12);
  assert_integer(PARSE("L-9223372036854775808L\n."), INT64_MIN);
  assert_integer(PARSE("J\xff\xff\xff\xff."), -1);
  assert_integer(PARSE("K\xff."), 255);
  assert_integer(PARSE("M\xff\xff."), 65535);
}

/* 256 bytes of 0xff but for the sign: 2^2047 - 1, checked by its first and last digits and their number. */
static void reads_the_longest_integer(void **state) {
  uint8_t pickle[5 + PICKLE_MAX_INTEGER + 1] = {0x8b, 0, 1};
  memset(pickle + 5, 0xff, PICKLE_MAX_INTEGER);
  pickle[5 + PICKLE_MAX_INTEGER - 1] = 0x7f;
  pickle[5 + PICKLE_MAX_INTEGER] = '.';
  const pickle_value *value = parse_or_fail(pickle, sizeof pickle, *state);
  assert_int_equal(value->kind, PICKLE_BIG_INT);
  assert_int_equal(value->as.text.length, 617);
  assert_memory_equal(value->as.text.text, "161585030356555036503574383443349759802220513348577", 51);
  assert_string_equal(value->as.text.text + 617 - 10, "9798115327");
  memset(pickle + 5, 0, PICKLE_MAX_INTEGER);
  pickle[5 + PICKLE_MAX_INTEGER - 1] = 0x80;
  value = parse_or_fail(pickle, sizeof pickle, *state);
  assert_memory_equal(value->as.text.text, "-16158503035655503650", 21);
  assert_string_equal(value->as.text.text + 618 - 10, "9798115328");
}

static void reads_texts_of_old_protocols(void **state) {
  assert_text(PARSE("S'it\\'s \\x41\\n\\\\'\n."), "it's A\n\\", 8);
  assert_text(PARSE("S\"it's\"\n."), "it's", 4);
  assert_text(PARSE("T\x03\x00\x00\x00"
                    "abc."),
              "abc", 3);
  assert_text(PARSE("U\x03"
                    "abc."),
              "abc", 3);
  assert_text(PARSE("V\\u4e2d\\U0001f600\xe9\\x\\\\u0041\n."),
              "\xe4\xb8\xad\xf0\x9f\x98\x80\xc3\xa9\\x\\\\u0041", 18);
  ASSERT_REFUSED("S'x\n.", ERROR_FORMAT, "quotes");
  ASSERT_REFUSED("S'\n.", ERROR_FORMAT, "quotes");
  ASSERT_REFUSED("S'\\q'\n.", ERROR_FORMAT, "unknown escape");
  ASSERT_REFUSED("S'\\x4'\n.", ERROR_FORMAT, "unknown escape");
  ASSERT_REFUSED("S'\\'\n.", ERROR_FORMAT, "unknown escape");
  ASSERT_REFUSED("V\\u00\n.", ERROR_FORMAT, "\\u escape");
  ASSERT_REFUSED("V\\U00110000\n.", ERROR_FORMAT, "\\U escape");
}

static void builds_objects_of_old_protocols(void **state) {
  const pickle_value *instance = PARSE("(K\x01imodule\nName\n.");
  assert_true(pickle_is_call(instance, "module", "Name"));
  assert_integer(argument(instance, 0), 1);
  const pickle_value *object = PARSE("(cmodule\nName\nK\x02o.");
  assert_true(pickle_is_call(object, "module", "Name"));
  assert_integer(argument(object, 0), 2);
  const pickle_value *keywords = PARSE("cmodule\nName\n)}U\x01kK\x03s\x92.");
  assert_integer(pickle_get(keywords->as.reduce.keywords, "k"), 3);
  const pickle_value *line = PARSE("Psome id\n.");
  assert_int_equal(line->kind, PICKLE_PERSISTENT);
  assert_text(line->as.persistent_id, "some id", 7);
  const pickle_value *deque = PARSE("ccollections\ndeque\n)R(K\x01K\x02"
                                    "e.");
  assert_int_equal(deque->as.reduce.items->kind, PICKLE_LIST);
  assert_integer(item(deque->as.reduce.items, 1), 2);
}

static void a_later_key_wins(void **state) {
  assert_integer(pickle_get(PARSE("(U\x01kK\x01U\x01kK\x02"
                                  "d."),
                            "k"),
                 2);
  const pickle_value *added = PARSE("}(U\x01kK\x01uU\x01kK\x02s.");
  assert_integer(pickle_get(added, "k"), 2);
  assert_null(pickle_get(added, "kk"));
  assert_null(pickle_get(added, ""));
  assert_null(pickle_get(NULL, "k"));
  assert_null(pickle_get(item(PARSE("K\x01\x85."), 0), "k"));
}

/* MEMOIZE takes the next free place: the number of places set, not of times that one was set. */
static void numbers_the_memo(void **state) {
  assert_integer(PARSE("Nq\0q\0K\7\x94"
                       "0h\1."),
                 7);
}

static void ignores_what_follows_stop(void **state) {
  assert_integer(PARSE("K\x05.\xff\xff"), 5);
}

/* ---- Hostile pickles ---- */

static void never_runs_anything(void **state) {
  char path[1000];
  snprintf(path, sizeof path, "%s/pickle_was_run", DEEPECG_TEST_TMP);
  remove(path);
  char pickle[2000];
  int length = snprintf(pickle, sizeof pickle, "cos\nsystem\n(S'touch %s'\ntR.", path);
  const pickle_value *value = parse_or_fail(pickle, (size_t)length, *state);
  assert_true(pickle_is_call(value, "os", "system"));
  FILE *trace = fopen(path, "rb");
  assert_null(trace);
}

static void refuses_what_needs_something_outside(void **state) {
  (void)state;
  ASSERT_REFUSED("\x82\x01.", ERROR_UNSUPPORTED, "extension code");
  ASSERT_REFUSED("\x83\x01\x01.", ERROR_UNSUPPORTED, "extension code");
  ASSERT_REFUSED("\x84\x01\x01\x01\x01.", ERROR_UNSUPPORTED, "extension code");
  ASSERT_REFUSED("\x80\x05\x97.", ERROR_UNSUPPORTED, "pickle, byte 2: an out-of-band buffer");
  ASSERT_REFUSED("N\x98.", ERROR_UNSUPPORTED, "out-of-band buffer");
  ASSERT_REFUSED("\x80\x06N.", ERROR_UNSUPPORTED, "protocol 6");
}

static void refuses_damage(void **state) {
  (void)state;
  ASSERT_REFUSED("", ERROR_FORMAT, "byte 0: the pickle is cut short");
  ASSERT_REFUSED("N", ERROR_FORMAT, "byte 1: the pickle is cut short");
  ASSERT_REFUSED(".", ERROR_FORMAT, "the stack is empty");
  ASSERT_REFUSED("(.", ERROR_FORMAT, "the stack is empty");
  ASSERT_REFUSED("\xff.", ERROR_FORMAT, "0xff isn't a pickle opcode");
  ASSERT_REFUSED("0.", ERROR_FORMAT, "the stack is empty");
  ASSERT_REFUSED("N(\x85.", ERROR_FORMAT, "the stack is empty");
  ASSERT_REFUSED("NNt.", ERROR_FORMAT, "a mark is missing");
  ASSERT_REFUSED("1.", ERROR_FORMAT, "a mark is missing");
  ASSERT_REFUSED("q\x01.", ERROR_FORMAT, "the stack is empty");
  ASSERT_REFUSED("h\x01.", ERROR_FORMAT, "memo index 1 was never set");
  ASSERT_REFUSED("Nq\x05h\x04.", ERROR_FORMAT, "memo index 4 was never set");
  ASSERT_REFUSED("gx\n.", ERROR_FORMAT, "isn't a number");
  ASSERT_REFUSED("Np\n.", ERROR_FORMAT, "index is empty");
  ASSERT_REFUSED("g99999999999999999999\n.", ERROR_FORMAT, "isn't a number");
  ASSERT_REFUSED("(Nd.", ERROR_FORMAT, "last key has no value");
  ASSERT_REFUSED("}(Nu.", ERROR_FORMAT, "last key has no value");
  ASSERT_REFUSED("NNa.", ERROR_FORMAT, "doesn't take them");
  ASSERT_REFUSED("]NNs.", ERROR_FORMAT, "doesn't take them");
  ASSERT_REFUSED("ca\nb\n)RNaNNs.", ERROR_FORMAT, "doesn't take them");
  ASSERT_REFUSED("Na.", ERROR_FORMAT, "the stack is empty");
  ASSERT_REFUSED("NNR.", ERROR_FORMAT, "aren't a tuple");
  ASSERT_REFUSED("N)N\x92.", ERROR_FORMAT, "keywords of a call aren't a dict");
  ASSERT_REFUSED("NNb.", ERROR_UNSUPPORTED, "isn't an object");
  ASSERT_REFUSED("ca\nb\n)RNbNb.", ERROR_UNSUPPORTED, "set twice");
  ASSERT_REFUSED("(o.", ERROR_FORMAT, "without a class");
  ASSERT_REFUSED("NN\x93.", ERROR_FORMAT, "name isn't text");
  ASSERT_REFUSED("U\x01\0U\x01"
                 "a\x93.",
                 ERROR_FORMAT, "holds a NUL");
  ASSERT_REFUSED("ca", ERROR_FORMAT, "cut short");
  ASSERT_REFUSED("ca\nb", ERROR_FORMAT, "cut short");
  ASSERT_REFUSED("I\n.", ERROR_FORMAT, "isn't decimal");
  ASSERT_REFUSED("I-\n.", ERROR_FORMAT, "isn't decimal");
  ASSERT_REFUSED("I1x\n.", ERROR_FORMAT, "isn't decimal");
  ASSERT_REFUSED("F1,5\n.", ERROR_FORMAT, "isn't decimal");
  ASSERT_REFUSED("X\xff\xff\xff\xff"
                 "abc.",
                 ERROR_FORMAT, "cut short");
  ASSERT_REFUSED("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                 "abc.",
                 ERROR_FORMAT, "cut short");
  ASSERT_REFUSED("\x95\xff\0\0\0\0\0\0\0N.", ERROR_FORMAT, "cut short");
}

static void bounds_integers_and_the_memo(void **state) {
  (void)state;
  ASSERT_REFUSED("\x8b\xff\xff\xff\x7f.", ERROR_LIMIT, "an integer of 2147483647 bytes");
  ASSERT_REFUSED("Nr\x00\x00\x00\x80.", ERROR_LIMIT, "memo index 2147483648");
  ASSERT_REFUSED("Np4000000\n.", ERROR_LIMIT, "memo index 4000000");
  char digits[1003];
  memset(digits, '9', sizeof digits);
  digits[0] = 'L';
  digits[1001] = '\n';
  digits[1002] = '.';
  assert_refused(digits, sizeof digits, ERROR_LIMIT, "an integer of 1000 digits");
}

static void repeat(uint8_t *pickle, size_t size, const char *unit, size_t unit_size) {
  for (size_t i = 0; i < size; i++)
    pickle[i] = (uint8_t)unit[i % unit_size];
}

static void bounds_depth_and_counts(void **state) {
  (void)state;
  size_t size = 10 << 20;
  uint8_t *pickle = malloc(size);
  assert_non_null(pickle);
  repeat(pickle, size, "(", 1);
  assert_refused(pickle, size, ERROR_LIMIT, "nested deeper than 10000");
  repeat(pickle, size, "N", 1);
  assert_refused(pickle, size, ERROR_LIMIT, "more than 4000000 values");
  repeat(pickle, size, "2", 1);
  pickle[0] = 'N';
  assert_refused(pickle, size, ERROR_LIMIT, "stack grows beyond 4000000");
  free(pickle);
}

/* One list grows by a million copies of a value at a time: 16 bytes of memory or more for each byte of the
 * pickle. */
static void bounds_memory(void **state) {
  (void)state;
  enum { COPIES = 1000000, ROUNDS = 20, ROUND_SIZE = 1 + 1 + COPIES + 1 };
  uint8_t *pickle = malloc(1 + (size_t)ROUNDS * ROUND_SIZE);
  assert_non_null(pickle);
  pickle[0] = ']';
  for (size_t i = 0; i < ROUNDS; i++) {
    uint8_t *round = pickle + 1 + i * ROUND_SIZE;
    memcpy(round, "(N", 2);
    memset(round + 2, '2', COPIES);
    round[ROUND_SIZE - 1] = 'e';
  }
  assert_refused(pickle, 1 + (size_t)ROUNDS * ROUND_SIZE, ERROR_LIMIT, "more than 256 MiB");
  free(pickle);
}

/* A million tuples in each other: no recursion, neither here nor when the arena goes. */
static void nests_without_recursion(void **state) {
  enum { DEPTH = 1000000 };
  uint8_t *pickle = malloc(DEPTH + 2);
  assert_non_null(pickle);
  memset(pickle, 0x85, DEPTH + 2);
  pickle[0] = 'N';
  pickle[DEPTH + 1] = '.';
  const pickle_value *value = parse_or_fail(pickle, DEPTH + 2, *state);
  size_t depth = 0;
  for (; value->kind == PICKLE_TUPLE; depth++)
    value = item(value, 0);
  assert_int_equal(depth, DEPTH);
  free(pickle);
}

/* 100 doublings of a list: 2^100 leaves to who walks it, 101 values to us. */
static void shares_what_is_repeated(void **state) {
  uint8_t pickle[1 + 2 * 100 + 1] = {'N'};
  for (size_t i = 0; i < 100; i++)
    memcpy(pickle + 1 + 2 * i, "2\x86", 2);
  pickle[sizeof pickle - 1] = '.';
  size_t before = arena_used(*state);
  const pickle_value *value = parse_or_fail(pickle, sizeof pickle, *state);
  assert_ptr_equal(item(value, 0), item(value, 1));
  assert_true(arena_used(*state) - before < 100 * 1000);
}

static void parse_mutated(const uint8_t *data, size_t size, void *context) {
  (void)context;
  error err = {0};
  arena *memory = arena_create(NULL);
  assert_non_null(memory);
  const pickle_value *value = pickle_parse(data, size, memory, &err);
  if ((value != NULL) == (err.code != ERROR_NONE))
    fail_msg("result and error disagree: %s", err.message);
  (void)pickle_attribute(pickle_get(value, "slotted"), "width");
  arena_destroy(memory);
}

static void survives_hostile_bytes(void **state) {
  (void)state;
  static const char *const files[] = {"protocol0", "protocol1", "protocol2", "protocol3",
                                      "protocol4", "protocol5", "objects2",  "objects4"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[1000];
    snprintf(path, sizeof path, FIXTURES "%s.pkl", files[i]);
    mapped_file file;
    assert_true(mapped_file_open(&file, path, NULL));
    mutate_truncate(file.data, file.size, 200, parse_mutated, NULL);
    mutate_bytes(file.data, file.size, 1250, 100 + i, parse_mutated, NULL);
    mapped_file_close(&file);
  }
}

#define PICKLE_TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, destroy_arena)

int main(void) {
  const struct CMUnitTest tests[] = {
      PICKLE_TEST(reads_every_protocol),
      PICKLE_TEST(keeps_objects_as_names_and_arguments),
      PICKLE_TEST(reads_the_modules_of_a_trace),
      PICKLE_TEST(reads_integers_at_their_limits),
      PICKLE_TEST(reads_the_longest_integer),
      PICKLE_TEST(reads_texts_of_old_protocols),
      PICKLE_TEST(builds_objects_of_old_protocols),
      PICKLE_TEST(a_later_key_wins),
      PICKLE_TEST(numbers_the_memo),
      PICKLE_TEST(ignores_what_follows_stop),
      PICKLE_TEST(never_runs_anything),
      PICKLE_TEST(refuses_what_needs_something_outside),
      PICKLE_TEST(refuses_damage),
      PICKLE_TEST(bounds_integers_and_the_memo),
      PICKLE_TEST(bounds_depth_and_counts),
      PICKLE_TEST(bounds_memory),
      PICKLE_TEST(nests_without_recursion),
      PICKLE_TEST(shares_what_is_repeated),
      PICKLE_TEST(survives_hostile_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
