/*
 * Who somebody is for the pool. In a user namespace of one's own everybody is root, or has any
 * other uid that one likes: what counts is the uid outside.
 */
#ifndef HOST_IDENTITY_H
#define HOST_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

/* What stands for an account that this namespace cannot name: nobody's. */
#define HOST_UID_NOBODY ((uid_t)65534)

/* The real uid of this process outside of its user namespace. 0 is root of this host alone; within
   several namespaces, one in the other, it may be HOST_UID_NOBODY. */
uid_t host_own_uid(void);

/* A uid, or a gid, that was read in this namespace, outside of it. HOST_UID_NOBODY: it has none. */
uid_t host_uid_outside(uid_t uid);
gid_t host_gid_outside(gid_t gid);

/* Whether a file that shows getuid() as its owner is this account's: the number that stands for all
   accounts without a name here can be one's own as well. */
bool host_owner_is_certain(void);

#endif
