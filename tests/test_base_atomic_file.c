/* A file appears whole or not at all, and nothing else is left in its folder. */
#include "base/atomic_file.h"
#include "base/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER DEEPECG_TEST_TMP "/atomic_scratch"
#define TARGET FOLDER "/result.csv"

static int empty_folder(void **state) {
  (void)state;
  return system("rm -rf '" FOLDER "'") == 0 && mkdir(FOLDER, 0755) == 0 ? 0 : -1;
}

static size_t entries_in(const char *path) {
  DIR *folder = opendir(path);
  assert_non_null(folder);
  size_t count = 0;
  for (const struct dirent *entry; (entry = readdir(folder));)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(folder);
  return count;
}

static void assert_target_is(const char *text) {
  char read[100] = "";
  FILE *file = fopen(TARGET, "rb");
  assert_non_null(file);
  read[fread(read, 1, sizeof read - 1, file)] = '\0';
  fclose(file);
  assert_string_equal(read, text);
  assert_int_equal(entries_in(FOLDER), 1);
}

static void test_nothing_is_there_before_the_commit(void **state) {
  (void)state;
  atomic_file *file = atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, NULL);
  assert_non_null(file);
  assert_true(atomic_file_write(file, "abc", 3, NULL));
  assert_int_equal(access(TARGET, F_OK), -1);
  assert_true(atomic_file_printf(file, NULL, "-%d", 42));
  assert_true(atomic_file_commit(file, true, NULL));
  assert_target_is("abc-42");
}

static void test_discard_leaves_nothing(void **state) {
  (void)state;
  atomic_file *file = atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, NULL);
  assert_non_null(file);
  assert_true(atomic_file_write(file, "abc", 3, NULL));
  atomic_file_discard(file);
  atomic_file_discard(NULL);
  assert_int_equal(entries_in(FOLDER), 0);
}

static void test_replace_and_new(void **state) {
  (void)state;
  error err = {0};
  assert_true(atomic_file_save(TARGET, ATOMIC_FILE_NEW, false, "one", 3, NULL));
  assert_target_is("one");
  assert_true(atomic_file_save(TARGET, ATOMIC_FILE_REPLACE, false, "two", 3, NULL));
  assert_target_is("two");
  assert_false(atomic_file_save(TARGET, ATOMIC_FILE_NEW, false, "three", 5, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  assert_non_null(strstr(err.message, "exists already"));
  assert_target_is("two");
}

/* 65536 bytes are buffered; the sanitizer sees a byte more. */
static void test_writes_around_the_buffer_size(void **state) {
  (void)state;
  static const char bytes[65538];
  for (size_t size = 65535; size <= 65538; size++) {
    struct stat status;
    atomic_file *file = atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, NULL);
    assert_non_null(file);
    assert_true(atomic_file_write(file, bytes, size, NULL) && atomic_file_write(file, bytes, 1, NULL));
    assert_true(atomic_file_commit(file, false, NULL));
    assert_int_equal(stat(TARGET, &status), 0);
    assert_int_equal(status.st_size, size + 1);
  }
}

static void test_new_does_not_follow_a_link(void **state) {
  (void)state;
  assert_int_equal(symlink("elsewhere", TARGET), 0);
  assert_false(atomic_file_save(TARGET, ATOMIC_FILE_NEW, false, "x", 1, NULL));
  assert_int_equal(entries_in(FOLDER), 1);
}

static void test_large_files_and_long_lines(void **state) {
  (void)state;
  enum { SIZE = 300000 };
  char *bytes = malloc(SIZE + 1);
  assert_non_null(bytes);
  for (size_t i = 0; i < SIZE; i++)
    bytes[i] = (char)('a' + i % 26);
  bytes[SIZE] = '\0';
  atomic_file *file = atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, NULL);
  assert_non_null(file);
  for (size_t at = 0, step = 1; at < SIZE; at += step, step = step * 3 % 70001 + 1)
    assert_true(atomic_file_write(file, bytes + at, at + step < SIZE ? step : SIZE - at, NULL));
  assert_true(atomic_file_printf(file, NULL, "%s", bytes));
  assert_true(atomic_file_commit(file, false, NULL));
  FILE *in = fopen(TARGET, "rb");
  assert_non_null(in);
  for (size_t i = 0; i < 2 * SIZE; i++)
    if (fgetc(in) != bytes[i % SIZE])
      fail_msg("byte %zu", i);
  assert_int_equal(fgetc(in), EOF);
  fclose(in);
  free(bytes);
}

/* Run `check` in a child process, whose limits or user it may change: 0 when all is well. */
static void assert_in_child(int (*check)(void)) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(check());
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static int write_beyond_the_limit(void) {
  static const char bytes[200000];
  error err = {0}, again = {0};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000});
  atomic_file *file = atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, &err);
  if (!file)
    return 1;
  if (atomic_file_write(file, bytes, sizeof bytes, &err) || err.code != ERROR_IO ||
      !strstr(err.message, TARGET))
    return 2;
  if (atomic_file_write(file, "x", 1, &again) || atomic_file_printf(file, &again, "x"))
    return 3;
  if (atomic_file_commit(file, true, &again) || strcmp(err.message, again.message) != 0)
    return 4;
  /* Small enough to fail only when the buffer is flushed at the end. */
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
  return atomic_file_save(TARGET, ATOMIC_FILE_REPLACE, false, bytes, 2000, &err) ? 5 : 0;
}

static void test_full_disk_leaves_the_old_file(void **state) {
  (void)state;
  assert_true(atomic_file_save(TARGET, ATOMIC_FILE_REPLACE, false, "old", 3, NULL));
  assert_in_child(write_beyond_the_limit);
  assert_target_is("old");
}

static void assert_refused(const char *path, error_code code, const char *message) {
  error err = {0};
  assert_null(atomic_file_create(path, ATOMIC_FILE_REPLACE, &err));
  assert_int_equal(err.code, code);
  if (!strstr(err.message, message) || !strstr(err.message, path))
    fail_msg("%s", err.message);
}

static void test_only_regular_files_are_replaced(void **state) {
  (void)state;
  struct stat status;
  assert_refused("/dev/full", ERROR_IO, "not a regular file");
  assert_int_equal(stat("/dev/full", &status), 0);
  assert_true(S_ISCHR(status.st_mode));
  assert_refused(FOLDER, ERROR_IO, "it is a folder");
  assert_refused(FOLDER "/no/such/folder", ERROR_NOT_FOUND, "No such file or directory");
  assert_int_equal(mkfifo(TARGET, 0600), 0);
  assert_refused(TARGET, ERROR_IO, "not a regular file");
}

static int write_without_permission(void) {
  error err = {0};
  if (chdir(FOLDER) != 0 || chmod(".", 0555) != 0 || (geteuid() == 0 && setuid(65534) != 0))
    return 1;
  if (atomic_file_create("result.csv", ATOMIC_FILE_REPLACE, &err) || err.code != ERROR_IO)
    return 2;
  if (make_folders("new", &err) || err.code != ERROR_IO)
    return 3;
  return strstr(err.message, "Permission denied") ? 0 : 4;
}

static void test_folder_without_permission(void **state) {
  (void)state;
  assert_in_child(write_without_permission);
  assert_int_equal(chmod(FOLDER, 0755), 0);
  assert_int_equal(entries_in(FOLDER), 0);
}

static int write_in_current_folder(void) {
  if (chdir(FOLDER) != 0)
    return 1;
  return atomic_file_save("result.csv", ATOMIC_FILE_NEW, true, "here", 4, NULL) ? 0 : 2;
}

static void test_relative_path(void **state) {
  (void)state;
  assert_in_child(write_in_current_folder);
  assert_target_is("here");
}

static void test_make_folders(void **state) {
  (void)state;
  error err = {0};
  struct stat status;
  assert_true(make_folders(FOLDER "//a/b/./c/", NULL));
  assert_true(make_folders(FOLDER "/a/b/c", NULL));
  assert_true(make_folders("/", NULL));
  assert_int_equal(stat(FOLDER "/a/b/c", &status), 0);
  assert_true(S_ISDIR(status.st_mode));
  assert_true(atomic_file_save(TARGET, ATOMIC_FILE_NEW, false, "", 0, NULL));
  assert_false(make_folders(TARGET "/d", &err));
  assert_int_equal(err.code, ERROR_IO);
  assert_false(make_folders(TARGET, &err));
  assert_false(make_folders("", &err));
  assert_int_equal(err.code, ERROR_NOT_FOUND);
  assert_true(sync_file_system(FOLDER, &err));
  assert_false(sync_file_system(FOLDER "/none", &err));
}

/* ---- leftovers ---- */

static bool is_there(const char *name) {
  return access(name, F_OK) == 0;
}

static void make_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  assert_true(fd >= 0);
  close(fd);
}

/* A child that holds a file, a claim and a folder, says so, and waits to be killed. */
static pid_t start_holder(void) {
  int ready[2];
  char byte;
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    bool ok = mkdir(FOLDER "/.deepecg-import-aB3_x9", 0777) == 0 &&
              mkdir(FOLDER "/.deepecg-import-aB3_x9/m", 0777) == 0;
    int claim = open(FOLDER "/.deepecg-20260102_030405.run", O_WRONLY | O_CREAT | O_EXCL, 0666);
    int import = open(FOLDER "/.deepecg-import-aB3_x9", O_RDONLY | O_DIRECTORY);
    ok = ok && leftover_hold(claim, FOLDER "/.deepecg-20260102_030405.run") &&
         leftover_hold(import, FOLDER "/.deepecg-import-aB3_x9") &&
         atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, NULL) && write(ready[1], "", 1) == 1;
    if (!ok)
      _exit(1);
    for (;;)
      pause();
  }
  close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return child;
}

static void test_only_what_the_dead_have_left_is_removed(void **state) {
  (void)state;
  pid_t child = start_holder();
  make_file(FOLDER "/.deepecg-20250102_030405.run");
  make_file(FOLDER "/.deepecg-0123456789abcdef.tmp");
  make_file(FOLDER "/.deepecg-files.json"); /* a manifest */
  make_file(FOLDER "/deepecg-mine.tmp");
  make_file(FOLDER "/.deepecg-notes.tmp"); /* a user's own names */
  make_file(FOLDER "/.deepecg-notes.run");
  assert_int_equal(mkdir(FOLDER "/.deepecg-import-mine", 0777), 0);
  assert_int_equal(symlink("deepecg-mine.tmp", FOLDER "/.deepecg-link.tmp"), 0);
  assert_int_equal(mkdir(FOLDER "/.deepecg-folder.tmp", 0777), 0);
  atomic_file *own = atomic_file_create(TARGET, ATOMIC_FILE_REPLACE, NULL);
  assert_non_null(own);
  assert_int_equal(entries_in(FOLDER), 13);
  leftovers_remove(FOLDER);
  assert_int_equal(entries_in(FOLDER), 11); /* those of the child and of this process are held */
  assert_false(is_there(FOLDER "/.deepecg-20250102_030405.run") ||
               is_there(FOLDER "/.deepecg-0123456789abcdef.tmp"));
  assert_true(is_there(FOLDER "/.deepecg-20260102_030405.run") &&
              is_there(FOLDER "/.deepecg-import-aB3_x9/m"));
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  leftovers_remove_beside(TARGET);
  assert_int_equal(entries_in(FOLDER), 8);
  assert_false(is_there(FOLDER "/.deepecg-20260102_030405.run") ||
               is_there(FOLDER "/.deepecg-import-aB3_x9"));
  assert_true(atomic_file_write(own, "own", 3, NULL) && atomic_file_commit(own, false, NULL));
  assert_true(is_there(TARGET) && is_there(FOLDER "/.deepecg-files.json"));
  leftovers_remove(FOLDER "/absent");
}

/* Between its making and its lock a file may have been taken for a leftover. */
static void test_what_was_removed_is_not_held(void **state) {
  (void)state;
  int fd = open(FOLDER "/.deepecg-20260102_030405.run", O_WRONLY | O_CREAT | O_EXCL, 0666);
  leftovers_remove(FOLDER);
  assert_false(leftover_hold(fd, FOLDER "/.deepecg-20260102_030405.run"));
  make_file(FOLDER "/.deepecg-20260102_030405.run"); /* another one of that name */
  assert_false(leftover_hold(fd, FOLDER "/.deepecg-20260102_030405.run"));
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_nothing_is_there_before_the_commit, empty_folder),
      cmocka_unit_test_setup(test_discard_leaves_nothing, empty_folder),
      cmocka_unit_test_setup(test_replace_and_new, empty_folder),
      cmocka_unit_test_setup(test_writes_around_the_buffer_size, empty_folder),
      cmocka_unit_test_setup(test_new_does_not_follow_a_link, empty_folder),
      cmocka_unit_test_setup(test_large_files_and_long_lines, empty_folder),
      cmocka_unit_test_setup(test_full_disk_leaves_the_old_file, empty_folder),
      cmocka_unit_test_setup(test_only_regular_files_are_replaced, empty_folder),
      cmocka_unit_test_setup(test_folder_without_permission, empty_folder),
      cmocka_unit_test_setup(test_relative_path, empty_folder),
      cmocka_unit_test_setup(test_make_folders, empty_folder),
      cmocka_unit_test_setup(test_only_what_the_dead_have_left_is_removed, empty_folder),
      cmocka_unit_test_setup(test_what_was_removed_is_not_held, empty_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
