/*
 * A snapshot made in memory, for the tests of what people are shown: no store, no driver, no
 * process. Begin with world_open, change what the case is about, then world_show.
 */
#ifndef VIEW_WORLD_H
#define VIEW_WORLD_H

#include <jansson.h>

#include "base/table.h"
#include "pool/snapshot.h"

/* 2025-07-07T18:26:32Z */
#define NOW (INT64_C(1751912792) * NS_PER_SECOND)

/* So many seconds. */
#define S(n) ((n)*NS_PER_SECOND)
/* The seconds of a time of day. */
#define HMS(h, m, s) S((h)*INT64_C(3600) + (m)*INT64_C(60) + (s))

/* A pool of idle GPUs that were never used, each with a driver that tells nothing but that no
   memory is used. world_close frees it. */
void world_open(struct snapshot *s, size_t gpus);
void world_close(struct snapshot *s);

struct gpu *world_gpu(struct snapshot *s, int id);

/* The GPU is in use, with so much memory. */
void world_busy(struct snapshot *s, int id, int64_t memory_mb);

/* Nobody knows whether the GPU is in use; problem NULL: nor why. */
void world_unknown(struct snapshot *s, int id, const char *problem);

/* A process on a GPU; pid 0, name NULL, account NULL: unknown. */
struct process *world_process(struct snapshot *s, int id, pid_t pid, const char *name,
			      const char *account);

/* A reservation of GPUs first..first+count-1 since 15m 30s: a run heard of 5 s ago, or one by hand
   for 3h 15m 45s yet. */
struct reservation *world_reserve(struct snapshot *s, enum reservation_type type, const char *user,
				  int first, int count);

/* A run that has waited for so many GPUs for 10 minutes. Its id begins with the number of its place
   ("00000001"). */
struct queue_entry *world_wait(struct snapshot *s, const char *user, int count);

/* The entry has a GPU already. */
void world_collect(struct snapshot *s, size_t place, int gpu);

/* What is expected of a reservation, and when the request at a place starts. After world_show. */
void world_ends(struct snapshot *s, const struct reservation *r, enum end_basis basis,
		int64_t end_ns);
void world_starts(struct snapshot *s, size_t place, int64_t start_ns);

/* Completes the snapshot as pool_snapshot and pool_forecast_snapshot do. */
void world_show(struct snapshot *s);

/* The cells of a row, "0|AVAILABLE|-"; the caller frees it. */
char *world_row(const struct table *t, size_t row);

/* The table as it is printed with that width (0: as wide as it is). Frees the table. */
char *world_print(struct table *t, size_t width);

/* An element of an array, or with index -1 the whole document, as compact text. Frees the document.
 */
char *world_json(json_t *document, int index);

#endif
