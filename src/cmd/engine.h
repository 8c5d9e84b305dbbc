/*
 * Engines: what answers the commands. The pool of this host is one, a cluster with Slurm another
 * (`engine: slurm`, --engine). The table in engine.c says for each command what an engine does with
 * it; the commands themselves know nothing of that.
 */
#ifndef CMD_ENGINE_H
#define CMD_ENGINE_H

#include "cmd/command.h"

/* What an engine does with a command: runs it in its own manner, as ever, or refuses it. */
struct engine_row {
	const struct command *command;
	int (*run)(const struct invocation *in, struct err *e); /* NULL: see the next two */
	bool as_ever;        /* it has nothing to do with GPUs, or asks the engine itself */
	const char *refusal; /* why not, and the engine's own way; one line */
};

/* An option of a command that an engine answers, and that it cannot follow. */
struct engine_option {
	const struct command *command;
	const char *option;
	const char *refusal;
};

struct engine {
	const char *name;              /* value of the setting */
	const char *title;             /* for people */
	const struct engine_row *rows; /* ends without a command; NULL: it does all as ever */
	const struct engine_option *options;
};

/* The engine that the settings name. */
const struct engine *engine_of(const struct settings *s);
bool engine_is_slurm(const struct settings *s);

/* Runs the command, or says in one line why this engine does not. */
int engine_run(const struct invocation *in, struct err *e);

/* The i-th engine; NULL behind the last. For tests. */
const struct engine *engine_at(size_t i);

#endif
