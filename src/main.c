/*
 * canhazgpu: understands the command line and the configuration, calls the command, prints its
 * error if it has one, and picks the exit status. Nothing else prints errors, nothing else exits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/inherited.h"
#include "base/mem.h"
#include "base/notice.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/elsewhere.h"
#include "cmd/output.h"
#include "cmd/words.h"
#include "conf/args.h"
#include "conf/settings.h"
#include "conf/sources.h"

static void warn_of_config(const struct settings *s)
{
	const char *warning;

	for (size_t i = 0; (warning = settings_warning(s, i)); i++) {
		AUTO_FREE char *text = text_printable(warning);

		fprintf(stderr, "Warning: %s (ignored)\n", text);
	}
}

/* Parses the arguments of a command, and runs it. */
static int parse_and_run(const struct command *command, struct settings *s, int argc, char **argv,
			 struct err *e)
{
	const struct args_request request = {
		.global = global_options,
		.command = command->options,
		.command_name = command->name,
		.stop_at_word = command->stop_at_word,
	};
	struct args_result args;
	struct invocation in;
	struct err config_error = {0}, host_error = {0};
	int r = args_parse(&request, argc, argv, s, &args, e);

	if (r < 0)
		return r;
	if (args.help) {
		AUTO_FREE char *text = help_command(command);

		fputs(text, stdout);
		return 0;
	}
	r = words_take(command, s, &args, e);
	if (r < 0)
		return r;
	r = settings_load(s, &host_error, &config_error);
	if (r < 0 && !command->runs_with_bad_config) {
		*e = config_error;
		return r;
	}
	warn_of_config(s);
	in = (struct invocation){
		.command = command,
		.settings = s,
		.words = args.words,
		.words_count = args.words_count,
		.config_error = r < 0 ? &config_error : NULL,
		.host_error = host_error.code ? &host_error : NULL,
	};
	if (command->goes_elsewhere) {
		r = elsewhere_go(&in, e);
		if (r < 0)
			return r;
	}
	return command->run(&in, e);
}

static int run_command(const struct command *command, struct settings *s, int argc, char **argv,
		       struct err *e)
{
	int r = parse_and_run(command, s, argc, argv, e);

	if (r < 0 && command->failed)
		command->failed(s, argv);
	return r;
}

/* The command was not found: each looks in the command line for what it has to answer. */
static int fail_unknown(int r, char *const *argv)
{
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->failed)
			commands[i]->failed(NULL, argv);
	}
	return r;
}

/* What comes before the command: global options, --help, --version. */
static int run_program(int argc, char **argv, struct err *e)
{
	const struct args_request request = {.global = global_options, .stop_at_word = true};
	AUTO(settings_freep) struct settings *s = settings_new();
	const struct command *command;
	struct args_result args;
	int r;

	commands_declare(s);
	r = args_parse(&request, argc, argv, s, &args, e);
	if (r < 0)
		return fail_unknown(r, argv);
	if (args.version) {
		printf("canhazgpu %s\n", CANHAZGPU_VERSION);
		return 0;
	}
	if (args.help || !args.words_count) {
		AUTO_FREE char *text = help_program();

		fputs(text, args.help ? stdout : stderr);
		return args.help ? 0 : err_usage(e, "no command given");
	}
	r = command_find(args.words[0], &command, e);
	if (r < 0)
		return fail_unknown(r, args.words);
	return run_command(command, s, args.words_count, args.words, e);
}

/* Output that could not be written is a failure, too: a full disk behind `status --json > file`. */
static int flush_output(struct err *e)
{
	if (fflush(stdout) != 0)
		return err_sys(e, errno, "cannot write the output");
	/* An earlier part of it, whose reason was not kept. */
	return ferror(stdout) ? err_set(e, EIO, "cannot write the output") : 0;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int r;

	privilege_init();
	file_occupy_standard_handles();
	/* A supervisor gets its orders by pipe: no options, no configuration that could fail. One
	   that must not write the database (ulimit -f) ends by SIGXFSZ, so that its GPUs are free
	   at once. */
	if (argc == 2 && !strcmp(argv[1], cmd_supervise.name))
		return cmd_supervise.run(NULL, &e) < 0 ? EXIT_STATUS_FAILED : EXIT_STATUS_OK;
	inherited_keep(argc, argv);
	notice_set_sink(terminal_notice);
	r = run_program(argc, argv, &e);
	if (r >= 0)
		r = flush_output(&e);
	if (r < 0) {
		AUTO_FREE char *text = text_printable(e.text);

		fflush(stdout);
		fprintf(stderr, "Error: %s\n", text);
		return e.exit_status ? e.exit_status : EXIT_STATUS_FAILED;
	}
	return EXIT_STATUS_OK;
}
