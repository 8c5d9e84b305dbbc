/*
 * Programs that start a command as another account and take the environment from it: sudo, su,
 * doas, pkexec. Without the variables that name its GPUs such a command would use all of them. Pure
 * but for wrapper_of.
 */
#ifndef HOST_WRAPPER_H
#define HOST_WRAPPER_H

#include "base/err.h"

enum wrapper { WRAPPER_NONE, WRAPPER_SUDO, WRAPPER_SU, WRAPPER_DOAS, WRAPPER_PKEXEC };

/* Which one that file is, by its name or by that of the file behind a link. */
enum wrapper wrapper_of(const char *path);

/*
 * Whether the words, which end with NULL, start their command with these variables (names,
 * separated by commas), or can be made to by wrapper_words. Otherwise -EINVAL, with the line to
 * type in the text. What runs no command (`sudo -l`) passes.
 */
int wrapper_check(enum wrapper wrapper, char *const *words, const char *names, struct err *e);

/*
 * The words with the option by which the wrapper passes the variables on, joined with one that is
 * there already. *ret_words is NULL where nothing is to be changed. The caller frees *ret_words and
 * *ret_option, which is one of them; the others are the given ones.
 */
void wrapper_words(enum wrapper wrapper, char *const *words, const char *names, char ***ret_words,
		   char **ret_option);

#endif
