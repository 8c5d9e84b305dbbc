/*
 * One line for a person at a terminal while something slow goes on. What is slow says so here;
 * whether and how it is shown is the program's choice (src/cmd/output.h). Without a sink, as in
 * supervisors and the web server, nothing happens.
 */
#ifndef BASE_NOTICE_H
#define BASE_NOTICE_H

/* Shows a text, without a line end, or with NULL takes the last one away. */
typedef void notice_sink(const char *text);

/* NULL: notices are shown nowhere. */
void notice_set_sink(notice_sink *sink);

void notice_show(const char *text);
void notice_clear(void);

#endif
