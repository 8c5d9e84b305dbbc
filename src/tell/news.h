/* From events to what each account is told: pure. */
#ifndef TELL_NEWS_H
#define TELL_NEWS_H

#include "pool/news.h"
#include "tell/note.h"

/* The events that concern an account as its notes. Those that concern nobody are root's. */
void tell_news_notes(const struct pool_news *news, uid_t uid, const char *account,
		     struct tell_notes *ret_notes);

/* Adds one event, without its JSON, of which the account has `wish` (NULL: none) as it was asked
 * for. */
void tell_news_add(struct tell_notes *notes, const struct event *event, const struct mark *wish);

/* Whom the new ones concern, each once, as indices of one of their events. The caller frees it. */
size_t *tell_news_accounts(const struct pool_news *news, size_t *ret_count);

#endif
