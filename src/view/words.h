/* Words that several texts share. */
#ifndef VIEW_WORDS_H
#define VIEW_WORDS_H

#include <stdint.h>

/* account_label, made printable. The caller frees it. */
char *view_who(const char *user, const char *account);

/* How long something takes, as far as it is known: "less than a minute", "about 1h 20m". The caller
   frees it. */
char *view_about(int64_t duration_ns);

#endif
