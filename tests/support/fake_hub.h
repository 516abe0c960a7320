/* A hub on loopback: lists and serves files as the real one does, and misbehaves where a rule says so. */
#ifndef DEEPECG_TESTS_FAKE_HUB_H
#define DEEPECG_TESTS_FAKE_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fake_hub fake_hub;

/* Fails the running cmocka test when there is no port. */
fake_hub *fake_hub_start(void);
void fake_hub_stop(fake_hub *hub);

/* "http://127.0.0.1:PORT" */
const char *fake_hub_url(const fake_hub *hub);

/* The commit that every file is of. */
extern const char fake_hub_commit[];

/* Add a file; `repo` as in "heartwise/wcr_afib_5y", in the case that the hub answers for (others are
 * redirected there). The bytes stay the caller's. large: as LFS keeps it, listed with its sha256. */
void fake_hub_add_file(fake_hub *hub, const char *repo, const char *path, const void *bytes, size_t size,
                       bool large);

/* Add an entry to the list of files as it stands, JSON. */
void fake_hub_add_entry(fake_hub *hub, const char *repo, const char *json);

/* Entries per page of the list; 0: all. */
void fake_hub_set_page_size(fake_hub *hub, size_t entries);

/* Don't say in the list which commit it is of. */
void fake_hub_hide_commit(fake_hub *hub);

/* Answer 401 to whoever doesn't bring it; NULL: anybody is served. */
void fake_hub_set_token(fake_hub *hub, const char *token);

/* Redirect downloads of large files to a signed address at another hub; NULL: serve them. */
void fake_hub_set_store(fake_hub *hub, const char *url);

typedef enum fake_fault {
  FAULT_ANSWER,  /* with `status`, the header lines `header` ("Name: value\r\n") and `body` */
  FAULT_DROP,    /* close the connection without an answer */
  FAULT_CUT,     /* close it after `at` bytes of the body */
  FAULT_STALL,   /* say nothing more after `at` bytes, until the other side goes away */
  FAULT_CORRUPT, /* change the byte at `at` */
  FAULT_WHOLE    /* ignore the Range field: the whole file with status 200 */
} fake_fault;

typedef struct fake_rule {
  const char *target; /* requests whose target holds this text */
  int times;          /* for so many of them; -1: always */
  fake_fault fault;
  int status;
  const char *header;
  size_t at;
  const char *body;
} fake_rule;

/* The first rule that matches and has times left is obeyed. Texts stay the caller's. */
void fake_hub_add_rule(fake_hub *hub, fake_rule rule);

typedef struct fake_request {
  char target[600], authorization[200], range[80], host[80];
} fake_request;

/* How many requests had `text` in their target, and the last of them (false: none). */
size_t fake_hub_requests(fake_hub *hub, const char *text);
bool fake_hub_last_request(fake_hub *hub, const char *text, fake_request *request);

/* Wait until so many requests with `text` have come, some seconds at most. */
bool fake_hub_wait_for(fake_hub *hub, const char *text, size_t requests);

#endif
