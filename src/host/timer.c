/* Timers of systemd; see timer.h. */
#include "host/timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/child.h"

#define ASK_LIMIT_NS (5 * NS_PER_SECOND)

/* The properties of one unit. */
struct unit {
	bool is_timer, active;
	char result[32];
};

static void read_property(struct unit *u, const char *line, size_t length)
{
	AUTO_FREE char *text = mem_printf("%.*s", (int)length, line);
	char *value = strchr(text, '=');

	if (!value)
		return;
	*value++ = '\0';
	if (!strcmp(text, "Id"))
		u->is_timer = strstr(value, ".timer") != NULL;
	else if (!strcmp(text, "ActiveState"))
		u->active = !strcmp(value, "active");
	else if (!strcmp(text, "Result"))
		snprintf(u->result, sizeof(u->result), "%s", value);
}

static void add_unit(struct host_timer *t, const struct unit *u)
{
	if (u->is_timer)
		t->state = u->active ? HOST_TIMER_ON : HOST_TIMER_OFF;
	else if (strcmp(u->result, "success") != 0)
		memcpy(t->failed, u->result, sizeof(t->failed));
}

void host_timer_parse(const char *text, struct host_timer *ret_timer)
{
	struct host_timer t = {.state = HOST_TIMER_UNKNOWN};
	struct unit unit = {.is_timer = false};

	/* An empty line separates the units. */
	while (*text) {
		size_t length = strcspn(text, "\n");

		read_property(&unit, text, length);
		text += length + (text[length] == '\n');
		if (!length || !*text) {
			add_unit(&t, &unit);
			unit = (struct unit){.is_timer = false};
		}
	}
	*ret_timer = t;
}

static void ask(const void *question, int out)
{
	const char *name = question;
	AUTO_FREE char *timer = mem_printf("%s.timer", name);
	AUTO_FREE char *service = mem_printf("%s.service", name);
	char program[] = "systemctl", show[] = "show",
	     properties[] = "--property=Id,ActiveState,Result";
	char *const arguments[] = {program, show, properties, timer, service, NULL};
	char *const environment[] = {NULL};

	if (dup2(out, STDOUT_FILENO) < 0)
		return;
	execve("/usr/bin/systemctl", arguments, environment);
	execve("/bin/systemctl", arguments, environment);
}

void host_timer_ask(const char *name, struct host_timer *ret_timer)
{
	struct host_child_stuck stuck = {.count = 0};
	AUTO(str_clear) struct str answer = {0};
	struct host_child_end end;

	*ret_timer = (struct host_timer){.state = HOST_TIMER_UNKNOWN};
	/* As sd_booted(3) looks for it. */
	if (access("/run/systemd/system", F_OK) == 0 &&
	    host_child_ask(ask, name, clock_monotonic_ns() + ASK_LIMIT_NS, &stuck, &answer, &end) ==
		    0)
		host_timer_parse(str_text(&answer), ret_timer);
}
