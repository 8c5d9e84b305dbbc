/* Telling others what a command has done, for commands that change the pool. */
#ifndef CMD_TELLING_H
#define CMD_TELLING_H

#include "cmd/command.h"
#include "tell/hooks.h"

struct pool;

/* What the host's administrator says of hooks and mail. Borrows from the settings. */
struct tell_options tell_options_from(const struct settings *s);

/* After a command that acts on what is somebody else's: where root has called it, those concerned
   are told at once. Others leave that to `canhazgpu guard`. It is no error if they cannot be told
   now: the next pass tells them. */
void tell_others(const struct invocation *in, struct pool *pool);

/* Says at once if `--notify` by that channel would tell nothing; NULL: it is not given. */
void tell_warn(const struct invocation *in, const char *channel);

#endif
