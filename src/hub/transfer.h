/* One file from the hub to its place. */
#ifndef DEEPECG_HUB_TRANSFER_H
#define DEEPECG_HUB_TRANSFER_H

#include "base/sha256.h"
#include "hub/client.h"
#include "hub/listing.h"

typedef struct transfer_job {
  const char *repo, *revision; /* a commit where it is known */
  const hub_file *file;        /* a plain name */
  const char *folder;          /* exists */
} transfer_job;

typedef struct transfer_result {
  sha256_text sha256; /* of what was stored */
  char commit[41];    /* that the hub served it from; "" where it didn't say */
} transfer_result;

/* Download the file; at its place it appears whole and verified or not at all. What arrived of it before a
 * failure or an interruption stays beside it under a name made of its hash, and the next call, of this or
 * another run, goes on from there. Two runs that want the same file take turns. */
bool transfer_file(hub_client *client, const transfer_job *job, transfer_result *result, error *err);

/* Bytes that transfer_file would still have to get. */
uint64_t transfer_bytes_left(const transfer_job *job, arena *memory);

/* Remove what earlier transfers left of this file in other revisions. */
void transfer_remove_leftovers(const transfer_job *job);

#endif
