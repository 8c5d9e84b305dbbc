/* What systemd says of a timer and of the service that it starts. For `canhazgpu doctor`. */
#ifndef HOST_TIMER_H
#define HOST_TIMER_H

#include <stdbool.h>

enum host_timer_state {
	HOST_TIMER_UNKNOWN, /* there is no systemd, or it does not answer */
	HOST_TIMER_OFF,
	HOST_TIMER_ON,
};

struct host_timer {
	enum host_timer_state state;
	char failed[32]; /* how its last service has failed, "exit-code", "timeout"; "": it has not
			  */
};

/* Asks about NAME.timer and NAME.service. */
void host_timer_ask(const char *name, struct host_timer *ret_timer);

/* The same from what `systemctl show --property=Id,ActiveState,Result` has printed of the two. */
void host_timer_parse(const char *text, struct host_timer *ret_timer);

#endif
