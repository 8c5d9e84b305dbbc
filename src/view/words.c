/* Words that several texts share; see words.h. */
#include "view/words.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/nouns.h"
#include "base/text.h"

char *view_who(const char *user, const char *account)
{
	AUTO_FREE char *label = account_label(user, account);

	return text_shown(label);
}

char *view_about(int64_t duration_ns)
{
	AUTO_FREE char *span = clock_span(duration_ns);

	return mem_printf("%s%s", duration_ns < NS_PER_MINUTE ? "" : "about ", span);
}

char *view_starts_in(int64_t start_ns, int64_t now_ns)
{
	if (start_ns == TIME_NONE)
		return mem_strdup("unknown");
	return start_ns <= now_ns ? mem_strdup("any moment") : view_about(start_ns - now_ns);
}
