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
