/* What this process has in memory. */
#ifndef DEEPECG_TESTS_RESIDENT_H
#define DEEPECG_TESTS_RESIDENT_H

/* Kilobytes of a kind: "RssAnon:", "RssFile:"; 0 where the system doesn't tell. */
long resident(const char *kind);

#endif
