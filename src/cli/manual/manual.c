/* deepecg_manual FOLDER: writes the manual pages and the completion files; a step of the build. */
#include "cli/manual/manual.h"

#include "base/atomic_file.h"

#include <errno.h>
#include <string.h>

const char *const *option_values(const option_spec *spec) {
  static const char *const booleans[] = {"True", "False", NULL};
  static const char *const devices[] = {"cpu", "cuda", NULL};
  switch (spec->kind) {
  case OPTION_CHOICE:
    return spec->choices;
  case OPTION_BOOLEAN:
    return booleans;
  case OPTION_DEVICE:
    return devices;
  default:
    return NULL;
  }
}

bool option_wants_path(const option_spec *spec) {
  static const char *const paths[] = {"PATH", "FILE", "DIR", NULL};
  for (const char *const *p = paths; spec->value_name && *p; p++)
    if (strcmp(spec->value_name, *p) == 0)
      return true;
  return false;
}

static FILE *open_in(const char *folder, const char *name, char *path, size_t size) {
  snprintf(path, size, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  if (!file)
    fprintf(stderr, "deepecg_manual: %s: %s\n", path, strerror(errno));
  return file;
}

static bool finish(FILE *file, const char *path) {
  bool written = !ferror(file);
  if (fclose(file) == 0 && written)
    return true;
  fprintf(stderr, "deepecg_manual: %s: %s\n", path, strerror(errno));
  return false;
}

static bool write_page(const char *folder, const command *c) {
  char name[64], path[4096];
  snprintf(name, sizeof name, "deepecg%s%s.1", c == commands[0] ? "" : "-", c == commands[0] ? "" : c->name);
  FILE *file = open_in(folder, name, path, sizeof path);
  if (!file)
    return false;
  man_page_write(c, file);
  return finish(file, path);
}

static bool write_completion(const char *folder, const char *name, void (*write)(FILE *)) {
  char path[4096];
  FILE *file = open_in(folder, name, path, sizeof path);
  if (!file)
    return false;
  write(file);
  return finish(file, path);
}

int main(int argc, char **argv) {
  error err;
  if (argc != 2) {
    fputs("usage: deepecg_manual FOLDER\n", stderr);
    return EXIT_USAGE;
  }
  bool ok = make_folders(argv[1], &err);
  if (!ok)
    fprintf(stderr, "deepecg_manual: %s\n", err.message);
  for (size_t i = 0; ok && i < command_count; i++)
    ok = write_page(argv[1], commands[i]);
  ok = ok && write_completion(argv[1], "deepecg.bash", completion_bash_write) &&
       write_completion(argv[1], "_deepecg", completion_zsh_write) &&
       write_completion(argv[1], "deepecg.fish", completion_fish_write);
  return ok ? EXIT_OK : EXIT_NOTHING_SUCCEEDED;
}
