/* Finding and ending single jobs; see jobs.h. */
#include "slurm/jobs.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "slurm/call.h"
#include "slurm/text.h"

int slurm_reservations(const char *account, struct slurm_held **ret_held, size_t *ret_count,
		       struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *whose = account ? mem_printf("--user=%s", account) : mem_strdup("--me");
	char *const argv[] = {(char[]){"squeue"},
			      whose,
			      (char[]){"--noheader"},
			      (char[]){"--states=RUNNING"},
			      (char[]){"--name=" SLURM_RESERVATION_NAME},
			      (char[]){"--sort=-i"},
			      (char[]){"--format=%A|%b"},
			      NULL};
	char *fields[2], *at;
	int r = slurm_ask_well(argv, &text, e);

	*ret_held = NULL;
	*ret_count = 0;
	if (r < 0)
		return r;
	for (at = text; slurm_next_row(&at, fields, ARRAY_SIZE(fields));) {
		struct slurm_held held = {
			.id = strtoll(fields[0], NULL, 10),
			.gpus = slurm_tres_gpus(fields[1]),
		};

		slurm_tres_type(fields[1], held.type);
		*ret_held = mem_resize(*ret_held, *ret_count + 1, sizeof(**ret_held));
		(*ret_held)[(*ret_count)++] = held;
	}
	return 0;
}

int slurm_check(struct err *e)
{
	return slurm_ask_well((char *const[]){(char[]){"squeue"}, (char[]){"--me"},
					      (char[]){"--noheader"}, (char[]){"--format=%A"},
					      NULL},
			      NULL, e);
}

int slurm_job_find(const char *id, struct slurm_found *ret_found, struct err *e)
{
	AUTO_FREE char *text = NULL, *which = NULL;
	int64_t number;
	char *fields[3], *at;
	int status, r;

	r = parse_int(id, 1, INT64_C(0xffffffff), &number, NULL);
	if (r < 0)
		return err_usage(e,
				 "'%.60s' is no id of a job of Slurm: 'canhazgpu queue' and "
				 "'canhazgpu status' show them",
				 id);
	which = mem_printf("--jobs=%" PRId64, number);
	r = slurm_ask((char *const[]){(char[]){"squeue"}, (char[]){"--noheader"}, which,
				      (char[]){"--format=%A|%U|%T"}, NULL},
		      &text, &status, e);
	if (r < 0)
		return r;
	at = text;
	if (status == 0 && slurm_next_row(&at, fields, ARRAY_SIZE(fields))) {
		*ret_found = (struct slurm_found){
			.id = number,
			.uid = (uid_t)strtoul(fields[1], NULL, 10),
			.pending = !strcmp(fields[2], "PENDING"),
		};
		return 0;
	}
	if (status != 0 && !strstr(text, "Invalid job id")) {
		AUTO_FREE char *complaint = slurm_complaint(text);

		return err_set(e, EIO, "squeue: %.400s", complaint);
	}
	return err_set(e, ENOENT, "there is no job %" PRId64 ", or it has ended", number);
}

/* munge refuses a message whose sender's clock differs by more. */
#define CLOCKS_DIFFER_NS (300 * NS_PER_SECOND)

static int64_t time_of(const char *seconds)
{
	return isdigit((unsigned char)*seconds) ? strtoll(seconds, NULL, 10) * NS_PER_SECOND
						: TIME_NONE;
}

int slurm_named(const char *name, pid_t session, int64_t since_ns, struct slurm_found **ret_found,
		size_t *ret_count, struct err *e)
{
	AUTO_FREE char *text = NULL, *named = mem_printf("--name=%s", name);
	char *fields[6], *at;
	int r = slurm_ask_well(
		(char *const[]){(char[]){"squeue"}, (char[]){"--me"}, (char[]){"--noheader"}, named,
				(char[]){"--states=PENDING,CONFIGURING,RUNNING,SUSPENDED"},
				(char[]){"--Format=JobID:|,UserID:|,State:|,AllocSID:|,"
					 "SubmitTime:|,StartTime:|"},
				NULL},
		&text, e);

	*ret_found = NULL;
	*ret_count = 0;
	if (r < 0)
		return r;
	for (at = text; slurm_next_row(&at, fields, ARRAY_SIZE(fields));) {
		bool runs = !strcmp(fields[2], "RUNNING") || !strcmp(fields[2], "SUSPENDED");

		if (session && (strtoll(fields[3], NULL, 10) != session ||
				time_of(fields[4]) < since_ns - CLOCKS_DIFFER_NS))
			continue;
		*ret_found = mem_resize(*ret_found, *ret_count + 1, sizeof(**ret_found));
		(*ret_found)[(*ret_count)++] = (struct slurm_found){
			.id = strtoll(fields[0], NULL, 10),
			.uid = (uid_t)strtoul(fields[1], NULL, 10),
			.pending = !strcmp(fields[2], "PENDING"),
			.start_ns = runs ? time_of(fields[5]) : TIME_NONE,
		};
	}
	return 0;
}

int slurm_pending(struct slurm_found **ret_found, size_t *ret_count, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char *fields[3], *at;
	int r = slurm_ask_well((char *const[]){(char[]){"squeue"}, (char[]){"--me"},
					       (char[]){"--noheader"}, (char[]){"--states=PENDING"},
					       (char[]){"--format=%A|%U|%b"}, NULL},
			       &text, e);

	*ret_found = NULL;
	*ret_count = 0;
	if (r < 0)
		return r;
	for (at = text; slurm_next_row(&at, fields, ARRAY_SIZE(fields));) {
		if (!slurm_tres_gpus(fields[2]))
			continue;
		*ret_found = mem_resize(*ret_found, *ret_count + 1, sizeof(**ret_found));
		(*ret_found)[(*ret_count)++] = (struct slurm_found){
			.id = strtoll(fields[0], NULL, 10),
			.uid = (uid_t)strtoul(fields[1], NULL, 10),
			.pending = true,
		};
	}
	return 0;
}

int slurm_job_end(const int64_t *ids, size_t count, struct err *e)
{
	AUTO_FREE char **argv = mem_alloc(count + 2, sizeof(*argv));
	AUTO_FREE char *numbers = mem_alloc(count + 1, 24);
	char scancel[] = "scancel";

	argv[0] = scancel;
	for (size_t i = 0; i < count; i++) {
		argv[i + 1] = numbers + i * 24;
		snprintf(argv[i + 1], 24, "%" PRId64, ids[i]);
	}
	return count ? slurm_ask_well(argv, NULL, e) : 0;
}
