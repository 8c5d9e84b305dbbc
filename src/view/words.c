/* Words that several texts share; see words.h. */
#include "view/words.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/nouns.h"
#include "base/text.h"

#define NS_PER_MINUTE (60 * NS_PER_SECOND)

char *view_who(const char *user, const char *account)
{
	AUTO_FREE char *label = account_label(user, account);

	return text_shown(label);
}

/* "1h 20m", "1h" */
static char *two_units(int64_t count, int64_t per, char large, char small)
{
	if (count % per == 0)
		return mem_printf("%" PRId64 "%c", count / per, large);
	return mem_printf("%" PRId64 "%c %" PRId64 "%c", count / per, large, count % per, small);
}

char *view_span(int64_t duration_ns)
{
	int64_t minutes =
		duration_ns / NS_PER_MINUTE + (duration_ns % NS_PER_MINUTE >= NS_PER_MINUTE / 2);

	if (duration_ns < NS_PER_MINUTE)
		return mem_strdup("less than a minute");
	if (minutes < 60)
		return mem_printf("%" PRId64 "m", minutes);
	if (minutes < 48 * 60)
		return two_units(minutes, 60, 'h', 'm');
	return two_units(minutes / 60, 24, 'd', 'h');
}

char *view_about(int64_t duration_ns)
{
	AUTO_FREE char *span = view_span(duration_ns);

	return mem_printf("%s%s", duration_ns < NS_PER_MINUTE ? "" : "about ", span);
}
