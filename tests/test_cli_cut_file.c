/* A large file that is cut while it is mapped: the program ends with a word about it. */
#include "base/mapped_file.h"
#include "cli/commands/command.h"
#include "cli/cut_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRATCH DEEPECG_TEST_TMP "/cut_file.scratch"

/* In a process of its own, whose standard error goes to `said`. */
static int in_child(void (*act)(void), char *said, size_t size) {
  int ends[2], status;
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    cut_file_expect();
    act();
    _exit(99);
  }
  close(ends[1]);
  ssize_t length = read(ends[0], said, size - 1);
  said[length > 0 ? length : 0] = '\0';
  close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void read_cut_file(void) {
  mapped_file file;
  if (!mapped_file_open(&file, SCRATCH, NULL) || !file.mapped || truncate(SCRATCH, 4096) != 0)
    _exit(98);
  (void)*(const volatile uint8_t *)(file.data + file.size - 1);
}

static void be_killed(void) {
  raise(SIGBUS);
}

static void a_cut_file_is_named_as_the_reason(void **state) {
  (void)state;
  char said[200];
  int fd = open(SCRATCH, O_CREAT | O_WRONLY | O_TRUNC, 0600);
  assert_int_equal(ftruncate(fd, 2 * MAPPED_FILE_READ), 0);
  close(fd);
  int status = in_child(read_cut_file, said, sizeof said);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), EXIT_SOME_FAILED);
  assert_string_equal(said, "deepecg: a file was cut short by another program while it was being read\n");
  remove(SCRATCH);
}

static void other_bus_errors_kill(void **state) {
  (void)state;
  char said[200];
  int status = in_child(be_killed, said, sizeof said);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGBUS);
  assert_string_equal(said, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cut_file_is_named_as_the_reason),
      cmocka_unit_test(other_bus_errors_kill),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
