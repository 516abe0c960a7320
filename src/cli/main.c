#include "cli/commands/command.h"
#include "cli/cut_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_COMMANDS = 32 };

static int unknown_command(const char *name) {
  const char *names[MAX_COMMANDS] = {0};
  size_t count = 0;
  while (count < command_count && count < MAX_COMMANDS) {
    names[count] = commands[count]->name;
    count++;
  }
  const char *nearest = nearest_text(name, names, count);
  fprintf(stderr, "deepecg: there is no command '%s'%s%s%s; commands:", name,
          nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
  for (size_t i = 0; i < command_count; i++)
    fprintf(stderr, " %s", names[i]);
  fputc('\n', stderr);
  return EXIT_USAGE;
}

static void print_commands(void) {
  puts("\nCommands (deepecg COMMAND --help says more):");
  for (size_t i = 0; i < command_count; i++)
    printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
}

static int dispatch(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') {
    int code = command_main(&command_run, argc, argv);
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
      print_commands();
    return code;
  }
  for (size_t i = 0; i < command_count; i++)
    if (strcmp(argv[1], commands[i]->name) == 0)
      return command_main(commands[i], argc - 1, argv + 1);
  return unknown_command(argv[1]);
}

/* A stream that the caller has closed must not become the number of a result file, which messages would then
 * be written into. Read-only, so that a write still fails and is noticed. */
static void occupy_closed_streams(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDONLY);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close(fd);
}

int main(int argc, char **argv) {
  occupy_closed_streams();
  cut_file_expect();
  int code = dispatch(argc, argv);
  /* Output that could not be written (a full disk behind a redirection) must not pass for success. */
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fputs("deepecg: standard output could not be written\n", stderr);
    return code == EXIT_OK ? EXIT_SOME_FAILED : code;
  }
  return code;
}
