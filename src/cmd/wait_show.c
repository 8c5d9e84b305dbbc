/* The progress of a waiting request: one line, redrawn in place on a terminal. See wait_show.h. */
#include "cmd/wait_show.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/notice.h"
#include "view/queue.h"
#include "view/status.h"
#include "view/words.h"

void wait_show_init(struct wait_show *w)
{
	const char *term = getenv("TERM");

	*w = (struct wait_show){
		.terminal = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0,
		.since_ns = clock_monotonic_ns(),
	};
}

/* Whether this process may write to the terminal: not while it runs in the background. */
static bool in_foreground(void)
{
	pid_t group = tcgetpgrp(STDERR_FILENO);

	return group < 0 || group == getpgrp();
}

/* "position 2 of 5, collected 1/4 [0], starts in about 1h 20m, waiting for GPUs: alice 1-2": what
   may be long comes last, where it may be cut. */
static char *describe_standing(const struct pool_standing *s, const char *estimate)
{
	AUTO_FREE char *awaits = text_shown(s->awaits);
	AUTO_FREE char *passed_over = text_shown(s->passed_over);
	struct str out = {0};

	if (s->trouble) {
		AUTO_FREE char *trouble = text_shown(s->trouble);

		str_addf(&out, "the pool is not responding, trying again: %s", trouble);
		return str_steal(&out);
	}
	str_addf(&out, "position %zu of %zu, collected %zu/%zu", s->place, s->waiting,
		 s->collected_count, s->wanted);
	if (s->collected_count) {
		AUTO_FREE char *ids = str_from_ids(s->collected, s->collected_count);

		str_addf(&out, " %s", ids);
	}
	str_add(&out, estimate);
	if (passed_over)
		str_addf(&out, ", passed over: %s", passed_over);
	if (*s->awaits)
		str_addf(&out, ", waiting for GPUs: %s", awaits);
	return str_steal(&out);
}

/* ", starts in about 1h 20m", where that is known. It goes on by itself: only that it is known is
   news. */
static char *describe_estimate(const struct pool_standing *s)
{
	int64_t left_ns = s->starts_boot_ns - clock_boot_ns();
	AUTO_FREE char *about = NULL;

	if (s->trouble || s->starts_boot_ns == TIME_NONE)
		return mem_strdup("");
	if (left_ns <= 0)
		return mem_strdup(", should start any moment");
	about = view_about(left_ns);
	return mem_printf(", starts in %s", about);
}

/* The longest beginning of a text that is not wider than so many columns. */
static size_t cut_to(const char *text, size_t columns)
{
	size_t length = strlen(text);
	AUTO_FREE char *copy = mem_strdup(text);

	while (length && text_width(copy) > columns) {
		do
			length--;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80);
		copy[length] = '\0';
	}
	return length;
}

static void draw(struct wait_show *w, const char *text)
{
	char time[CLOCK_DURATION_SIZE];
	struct winsize size = {0};
	size_t columns = 80, used;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
		columns = size.ws_col;
	clock_duration(clock_monotonic_ns() - w->since_ns, time);
	used = strlen(time) + strlen("Waiting : ") + 1;
	w->drawn |= notice("\r\033[KWaiting %s: %.*s", time,
			   (int)cut_to(text, columns > used ? columns - used : 0), text);
}

void wait_show_note(struct wait_show *w, const char *line)
{
	AUTO_FREE char *before = mem_steal(&w->note), *shown = text_shown(line);

	w->note = mem_printf("%s%s\n", before ? before : "", shown);
}

static void print_note(struct wait_show *w)
{
	if (!w->note || (w->terminal && !in_foreground()))
		return;
	if (!notice("%s%s", w->drawn ? "\r\033[K" : "", w->note))
		return;
	w->drawn = false;
	mem_replace(&w->note, NULL);
}

void wait_show(struct wait_show *w, const struct pool_standing *standing)
{
	AUTO_FREE char *estimate = describe_estimate(standing);
	AUTO_FREE char *text = describe_standing(standing, "");
	AUTO_FREE char *shown = describe_standing(standing, estimate);
	bool news = !w->last || strcmp(text, w->last) != 0 || (*estimate && !w->estimated);

	if (!w->begun && standing->joined)
		w->begun = notice("GPUs not available yet: queued as request %.8s (Ctrl-C leaves "
				  "the queue)\n",
				  standing->entry_id);
	print_note(w);
	if (w->terminal && in_foreground())
		draw(w, shown);
	w->behind = !w->terminal && news && !notice("Waiting: %s\n", shown);
	if (!news || w->behind)
		return;
	mem_replace(&w->last, text);
	w->estimated |= *estimate != '\0';
}

bool wait_show_ticks(const struct wait_show *w)
{
	return w->terminal || w->behind || w->note;
}

void wait_show_clear(struct wait_show *w)
{
	if (w->drawn && in_foreground())
		notice_write("\r\033[K");
	w->drawn = false;
	print_note(w);
	free(w->note);
	free(w->last);
	*w = (struct wait_show){0};
}
