/* A first signal asks the program to stop, a second one ends it, whichever two they are. */
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
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (int first = 0; first < 3; first++)
    for (int second = 0; second < 3; second++)
      assert_int_equal(end_of_child(signals[first], signals[second], SIG_DFL), signals[second]);
}

static void nohup_stays_in_force(void **state) {
  (void)state;
  assert_int_equal(end_of_child(SIGHUP, SIGINT, SIG_IGN), 200);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_second_signal_ends_the_program),
      cmocka_unit_test(nohup_stays_in_force),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
