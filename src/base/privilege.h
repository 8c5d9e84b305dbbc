/*
 * The group that the installed program runs with. It is set-group-id (canhazgpu), so that people
 * change the host's pool through it alone; the group is in effect only around the pool's own files.
 *
 * src/main.c takes it out of effect first of all; it then stays in reserve (the saved
 * set-group-id). The SQLite store puts it into effect for the time of a session. Everything else,
 * other people's libraries and files that the user names above all, runs with the user's own
 * rights. A program that is not set-group-id has no such group: then nothing here does anything.
 */
#ifndef BASE_PRIVILEGE_H
#define BASE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Takes the group out of effect. Call before anything is opened. */
void privilege_init(void);

/*
 * Whether files in that directory are the group's: it belongs to root and to the group, and hands
 * the group down (set-group-id). Nobody else can make such a directory, so that the group gives
 * nothing away elsewhere, whatever path the user names. The path must be without links, and all
 * directories on it root's alone to change: else another directory could be there a moment later.
 */
bool privilege_applies_to(const char *directory);

/*
 * The same for files that all with the group share, and the group: also where this process has no
 * other one, as a service with Group=canhazgpu. There it need not be the group of the program, and
 * everybody in it can write what is there: the caller must know that the directory is the
 * program's.
 */
bool privilege_shares(const char *directory, gid_t *ret_group);

/* Whether the program is set-group-id to that group, in effect or not. */
bool privilege_is_of_program(gid_t group);

/* Whether the program has a group of its own (in effect or not), and whether it is that one. */
bool privilege_is_held(void);
bool privilege_is_of_group(gid_t group);

/* Whether nobody but root can put something else in the place of what has that path, which is
   without links: by all directories above it. Not whether others can write to it. */
bool privilege_path_is_root_controlled(const char *path);

/* Puts the group into effect, and out of it again. They nest. */
void privilege_raise(void);
void privilege_lower(void);

/* Whether this is the installed program, with its group or without the effect of it. */
bool privilege_is_installed(void);

/*
 * Why files of that group cannot be opened, with the way out, as the end of a sentence: the kernel
 * has not given this program its group, or it was installed without. The caller frees it.
 */
char *privilege_problem(gid_t group);

/* Whether this process is in a user namespace: there root is somebody else, and owners and groups
   that it does not know are all "nobody". */
bool privilege_in_user_namespace(void);

/* Gives the group up for good, as before a user's command. A failure must end the program's plan.
 */
int privilege_drop(struct err *e);

#endif
