/*
 * What one account is told: an event as the files of src/tell pass it on, for people as a sentence
 * and for programs as JSON.
 */
#ifndef TELL_NOTE_H
#define TELL_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ways to tell an account something. */
enum tell_channel {
	TELL_TERMINAL = 1,
	TELL_MAIL = 2,
	TELL_COMMAND = 4, /* a program of the account's own */
};

struct tell_note {
	int64_t time_ns;
	int kind;    /* enum event_kind */
	char *about; /* what it is about: the same kind about the same is a repetition */
	char *text;  /* one sentence; a line break in it is somebody's name, and shown as \x0a */
	char *more;  /* lines that belong to it; NULL: none */
	char *json;  /* the event as hooks get it; NULL: programs are not told */
	bool by_default;   /* the account is told unless it says otherwise */
	bool asked;        /* the account has asked for exactly this (--notify) */
	unsigned channels; /* of one that was asked for; 0: as the account says */
};

struct tell_notes {
	struct tell_note *items; /* oldest first */
	size_t count;
	size_t told; /* so many at the beginning were told before; they count for repetitions */
};

/* Adds a zeroed note and returns it (valid until the next one). */
struct tell_note *tell_notes_add(struct tell_notes *n);
void tell_notes_clear(struct tell_notes *n);

/* "terminal", "mail", "command" as a bit; 0: there is no such channel. */
unsigned tell_channel_parse(const char *name);

/* What --notify takes. */
#define TELL_CHANNEL_CHOICES "terminal|mail|command"

#endif
