/* A GPU of a snapshot in words, for the table and the document of the status. */
#ifndef VIEW_GPU_TEXT_H
#define VIEW_GPU_TEXT_H

#include "pool/snapshot.h"

/* Texts of one GPU, owned; NULL where there is nothing to say. Other people's text, not yet made
 * printable. */
struct gpu_text {
	char *user;     /* for people: "alice", "alice (bob)" with the account of a display name; of
			   unreserved use "users alice and bob" */
	char *duration; /* "0h 15m 30s" */
	const char *type; /* "RUN", "MANUAL" */
	char *end;     /* of a run: "ends in 1h 52m", by its time limit; "about 3h left", by earlier
			  ones */
	bool late;     /* of a run: its heartbeat should have come long ago */
	char *details; /* "heartbeat 0h 0m 5s ago" */
	char *validation;   /* "8452MB, 1 processes" */
	char *process_info; /* "1024MB used by PID 12345 (python3)" */
	char **users;       /* accounts that use the GPU without holding it */
	size_t users_count;
};

/* The wording is that of the specification. The caller clears *ret_text. */
void view_gpu(const struct snapshot *s, const struct gpu_view *view, struct gpu_text *ret_text);
void gpu_text_clear(struct gpu_text *t);

/* When a reservation is expected to end, and what that rests on; TIME_NONE: nobody knows, or it is
   only collected for a request. */
int64_t view_end_ns(const struct snapshot *s, const struct reservation *r,
		    enum end_basis *ret_basis);

/* What a number means that is no whole GPU: "1g.10gb of GPU 3", by the driver's number; else NULL.
   The caller frees it. */
char *view_unit_text(const struct snapshot *s, const struct gpu_view *view);

#endif
