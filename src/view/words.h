/* Words that several texts share. */
#ifndef VIEW_WORDS_H
#define VIEW_WORDS_H

#include <stdint.h>

/* account_label, made printable. The caller frees it. */
char *view_who(const char *user, const char *account);

/* How long something takes, as far as it is known: "less than a minute", "about 1h 20m". The caller
   frees it. */
char *view_about(int64_t duration_ns);

/* When a waiting request starts: the same, "any moment", or for TIME_NONE "unknown". The caller
   frees it. */
char *view_starts_in(int64_t start_ns, int64_t now_ns);

#endif
