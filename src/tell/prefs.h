/* ~/.config/canhazgpu/notify.yaml: what an account wants to be told, and how. */
#ifndef TELL_PREFS_H
#define TELL_PREFS_H

#include "base/err.h"
#include "tell/choose.h"

/* The file, below the home directory. */
#define TELL_PREFS_FILE ".config/canhazgpu/notify.yaml"

/*
 * Reads that file with the rights of this process's account. 0: *ret_prefs, the defaults where
 * there is no file; or a negative errno with an error that names the place in it.
 */
int tell_prefs_load(const char *home, struct tell_prefs *ret_prefs, struct err *e);

/* The same of a text, for tests; `name` is what errors call it, `home` what ~ stands for. */
int tell_prefs_parse(const char *name, const char *text, const char *home,
		     struct tell_prefs *ret_prefs, struct err *e);

/* The file's error, if it has one that its owner was not told yet: remembered below the home
   directory, so that it is told once. Where it cannot be remembered it is not told. */
bool tell_prefs_is_news(const char *home, const char *error);

#endif
