/* A first signal asks the program to stop, a second one ends it; hanging up only asks. */
#include "cli/interrupt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* How a child ends that gets both signals: by which signal, or with which code where it outlives them. */
static int end_of_child(int first, int second, void (*hang_up)(int)) {
  int status;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGHUP, hang_up);
    const volatile sig_atomic_t *flag = interrupt_flag();
    raise(first);
    if (!*flag)
      _exit(200);
    raise(second);
    _exit(201);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_second_signal_ends_the_program(void **state) {
  (void)state;
  static const int signals[] = {SIGINT, SIGTERM};
  for (int first = 0; first < 2; first++)
    for (int second = 0; second < 2; second++)
      assert_int_equal(end_of_child(signals[first], signals[second], SIG_DFL), signals[second]);
}

/* A shell hangs up its jobs, and so does the kernel when the shell ends; a service manager sends SIGTERM and
 * SIGHUP. */
static void hanging_up_ends_nothing(void **state) {
  (void)state;
  assert_int_equal(end_of_child(SIGHUP, SIGHUP, SIG_DFL), 201);
  assert_int_equal(end_of_child(SIGTERM, SIGHUP, SIG_DFL), 201);
  assert_int_equal(end_of_child(SIGHUP, SIGTERM, SIG_DFL), 201);
}

static void nohup_stays_in_force(void **state) {
  (void)state;
  assert_int_equal(end_of_child(SIGHUP, SIGINT, SIG_IGN), 200);
  assert_int_equal(end_of_child(SIGTERM, SIGHUP, SIG_IGN), 201);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_second_signal_ends_the_program),
      cmocka_unit_test(hanging_up_ends_nothing),
      cmocka_unit_test(nohup_stays_in_force),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
