/* One line while something slow goes on; see notice.h. */
#include "base/notice.h"

#include <stddef.h>

static notice_sink *show;

void notice_set_sink(notice_sink *sink)
{
	show = sink;
}

void notice_show(const char *text)
{
	if (show)
		show(text);
}

void notice_clear(void)
{
	if (show)
		show(NULL);
}
