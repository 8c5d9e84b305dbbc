/* Events, as entries of a stream. */
#include <errno.h>

#include "store/redis/redis.h"

int redis_events_begin(struct store *base, const struct event_range *range, struct err *e)
{
	(void)base;
	(void)range;
	return err_set(e, ENOTSUP, "not there yet");
}

int redis_events_next(struct store *base, const struct event **ret_event, struct err *e)
{
	(void)base;
	(void)ret_event;
	(void)e;
	return 0;
}

void redis_events_end(struct store *base)
{
	(void)base;
}

int redis_event_find(struct store *base, const char *id, struct event *ret_event, struct err *e)
{
	(void)base;
	(void)id;
	(void)ret_event;
	(void)e;
	return 0;
}

int redis_events_add(struct store *base, const struct event *events, size_t count, struct err *e)
{
	(void)base;
	(void)events;
	(void)count;
	(void)e;
	return 0;
}
