/* Damaged files described in small text files, tests/damage/<room>/NAME.txt:
 *
 *     # a comment
 *     base: golden/metrics/binary_plain.csv     (under tests/; left out: no bytes)
 *     do: truncate 100                          (keep the first 100 bytes; -100 drops the last 100)
 *     do: set 0x10 0xff 0x00                    (bytes from an offset on; -1 is the last byte)
 *     do: replace "old" "new"                   (the first occurrence, which must exist)
 *     do: append "text"
 *     do: empty
 *     expect: substring of the error message    (or exactly `ok`: the reader must accept it)
 *
 * `do` lines are applied in order. Quoted texts know \n \r \t \\ \" and \xNN (two digits, \x00 too); numbers
 * are decimal or 0x. Anything else in a case file is an error that names the line. */
#ifndef DEEPECG_TESTS_DAMAGE_H
#define DEEPECG_TESTS_DAMAGE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct damage_case {
  const char *path; /* of the case file, for messages; the caller's memory */
  char base[512];   /* as written in the case file; "" without one */
  char expect[512]; /* substring of the error message; not used when expect_ok */
  bool expect_ok;
  uint8_t *bytes; /* the damaged file, in an allocation of exactly `size` bytes (1 when empty) */
  size_t size;
} damage_case;

/* Read a case file and apply what it says to its base, found under `tests_folder`. Free with
 * damage_case_free. */
bool damage_case_load(const char *case_path, const char *tests_folder, damage_case *out, error *err);
void damage_case_free(damage_case *c);

/* Write the damaged bytes to a file, for readers that take a path. */
bool damage_case_write(const damage_case *c, const char *path, error *err);

/* For every tests_folder/damage/room/NAME.txt, by name: load it and call `check`. Fails the running cmocka
 * test when a case cannot be loaded, or when there is none. Returns the number of cases. */
typedef void (*damage_check)(const damage_case *c, void *context);
size_t damage_for_each(const char *tests_folder, const char *room, damage_check check, void *context);

/* Fail the running cmocka test, naming the case, unless a reader that returned `ok` with *err did what the
 * case expects. */
void damage_assert(const damage_case *c, bool ok, const error *err);

/* Both in one for the commonest reader: bytes in, true or false and *err out. `read` frees what it read. */
typedef bool (*damage_reader)(const uint8_t *data, size_t size, void *context, error *err);
size_t damage_check_reader(const char *tests_folder, const char *room, damage_reader read, void *context);

#endif
