/*
 * Telling one account its news; see deliver.h.
 *
 * A process that has become the account reads its notify.yaml, decides, writes to its terminals,
 * and answers what is left to do: the mail and the command, which are programs of their own.
 */
#include "tell/deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/child.h"
#include "host/process.h"
#include "tell/account.h"
#include "tell/log.h"
#include "tell/prefs.h"
#include "tell/program.h"
#include "tell/terminal.h"
#include "tell/text.h"

#define DECIDE_LIMIT_NS (10 * NS_PER_SECOND)
#define MAIL_LIMIT_NS (30 * NS_PER_SECOND)
#define COMMAND_LIMIT_NS (10 * NS_PER_SECOND)

struct question {
	const struct tell_account *account;
	const struct tell_notes *notes;
	const char *host;
};

/* What the account's process answers; the channels of each new note follow, and of one more. */
struct answer {
	struct tell_prefs prefs;
	char error[sizeof(((struct err *)NULL)->text)]; /* of its file; "": none to be told */
	size_t held;
};

/* The notes with the mistake in the account's file as one more. It borrows the texts. */
static struct tell_notes notes_with_error(const struct tell_notes *notes, const char *error,
					  int64_t now_ns)
{
	struct tell_notes all = {.count = notes->count, .told = notes->told};

	all.items = mem_alloc(notes->count + 1, sizeof(*all.items));
	if (notes->count)
		memcpy(all.items, notes->items, notes->count * sizeof(*all.items));
	if (*error)
		all.items[all.count++] =
			(struct tell_note){.time_ns = now_ns,
					   .text = mem_printf("%s; until it is corrected you "
							      "are told what is usual",
							      error),
					   .asked = true};
	return all;
}

static void borrowed_clear(struct tell_notes *all, const struct tell_notes *notes)
{
	if (all->count > notes->count)
		free(all->items[notes->count].text);
	free(all->items);
}

static int minute_of_day(int64_t now_ns)
{
	time_t seconds = (time_t)(now_ns / NS_PER_SECOND);
	struct tm local = {0};

	localtime_r(&seconds, &local);
	return local.tm_hour * 60 + local.tm_min;
}

static void write_terminals(const struct tell_notes *all, const struct tell_choice *choice,
			    const char *host, int64_t now_ns)
{
	char time[CLOCK_MINUTE_SIZE];
	AUTO_FREE char *text =
		tell_text_terminal(all, choice, host, clock_local_soon(now_ns, now_ns, time));

	if (tell_choice_has(all, choice, TELL_TERMINAL))
		tell_terminals(text);
}

/* The process of the account. */
static void decide(const void *question, int out)
{
	const struct question *q = question;
	struct answer a = {.prefs = TELL_PREFS_DEFAULT};
	AUTO(tell_choice_clear) struct tell_choice choice = {0};
	int64_t now_ns = clock_now_ns();
	struct tell_notes all;
	struct err e = {0};

	tell_account_become(q->account);
	if (tell_prefs_load(q->account->home, &a.prefs, &e) < 0 &&
	    tell_prefs_is_news(q->account->home, e.text))
		memcpy(a.error, e.text, sizeof(a.error));
	all = notes_with_error(q->notes, a.error, now_ns);
	tell_choose(&all, &a.prefs, minute_of_day(now_ns), &choice);
	a.held = choice.held;
	host_child_write(out, &a, sizeof(a));
	host_child_write(out, choice.channels, (all.count - all.told) * sizeof(*choice.channels));
	write_terminals(&all, &choice, q->host, now_ns);
	borrowed_clear(&all, q->notes);
}

static const char *find_sendmail(const struct tell_options *options)
{
	static const char *const places[] = {"/usr/sbin/sendmail", "/usr/lib/sendmail",
					     "/usr/bin/sendmail"};

	if (options->sendmail)
		return options->sendmail;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

static void send_mail(const struct tell_options *options, const struct tell_account *account,
		      const struct tell_notes *all, const struct tell_choice *choice,
		      const char *address, const char *host)
{
	char name[] = "sendmail", ignore_dots[] = "-i", from_headers[] = "-t";
	char *const arguments[] = {name, ignore_dots, from_headers, NULL};
	AUTO_FREE char *label = mem_printf("mail to %s", account->name), *text = NULL;
	const char *to = *address ? address : account->name;
	struct tell_program program = {.label = label,
				       .path = find_sendmail(options),
				       .arguments = arguments,
				       .account = account,
				       .limit_ns = MAIL_LIMIT_NS,
				       .may_leave_others = true};

	if (!program.path || !tell_address_is_good(to)) {
		tell_log("no mail to %s: %s", account->name,
			 program.path ? "it is no mail address" : "there is no sendmail");
		return;
	}
	text = tell_text_mail(all, choice, host, to);
	program.input = text;
	tell_program_run(&program);
}

static void run_commands(const struct tell_account *account, const struct tell_notes *all,
			 const struct tell_choice *choice, const char *path)
{
	AUTO_FREE char *label = mem_printf("command of %s", account->name);
	char *copy = mem_strdup(path);
	char *const arguments[] = {copy, NULL};
	struct tell_program program = {.label = label,
				       .path = path,
				       .arguments = arguments,
				       .account = account,
				       .limit_ns = COMMAND_LIMIT_NS};
	size_t left_out = 0;
	bool hangs = false;

	/* tell_choose limits how many there are. */
	for (size_t i = 0; *path && i < all->count - all->told; i++) {
		program.input = all->items[all->told + i].json;
		if (!(choice->channels[i] & TELL_COMMAND) || !program.input)
			continue;
		left_out += hangs;
		hangs = hangs || tell_program_run(&program) == -ETIMEDOUT;
	}
	if (left_out)
		tell_log("%s does not get %zu more events", label, left_out);
	free(copy);
}

/* What is left to do by the answer of the account's process. */
static void follow(const struct tell_options *options, const struct question *q,
		   const struct str *text)
{
	AUTO(tell_choice_clear) struct tell_choice choice = {0};
	struct tell_notes all;
	struct answer a;

	if (text->length < sizeof(a))
		return;
	memcpy(&a, text->text, sizeof(a));
	a.error[sizeof(a.error) - 1] = a.prefs.mail[sizeof(a.prefs.mail) - 1] =
		a.prefs.command[sizeof(a.prefs.command) - 1] = '\0';
	all = notes_with_error(q->notes, a.error, clock_now_ns());
	choice.held = a.held;
	choice.channels = mem_alloc(all.count - all.told + 1, sizeof(*choice.channels));
	if (text->length == sizeof(a) + (all.count - all.told) * sizeof(*choice.channels))
		memcpy(choice.channels, text->text + sizeof(a), text->length - sizeof(a));
	if (tell_choice_has(&all, &choice, TELL_MAIL))
		send_mail(options, q->account, &all, &choice, a.prefs.mail, q->host);
	if (tell_choice_has(&all, &choice, TELL_COMMAND))
		run_commands(q->account, &all, &choice, a.prefs.command);
	borrowed_clear(&all, q->notes);
}

/* The account; one's own has the environment's home, and need not have a name. */
static int find_account(uid_t uid, struct tell_account *ret_account, struct err *e)
{
	const char *home = getenv("HOME");
	int r = tell_account_by_uid(uid, ret_account, e);

	if (getuid() == 0 && uid != 0)
		return r;
	if (r < 0)
		*ret_account = (struct tell_account){
			.uid = uid, .gid = getgid(), .name = host_account_name(uid)};
	if (home && *home == '/')
		mem_replace(&ret_account->home, home);
	if (!ret_account->home)
		ret_account->home = mem_strdup("/");
	return 0;
}

void tell_deliver(const struct tell_options *options, uid_t uid, const struct tell_notes *notes)
{
	AUTO(tell_account_clear) struct tell_account account = {0};
	AUTO_FREE char *host = host_name();
	struct question q = {.account = &account, .notes = notes, .host = host};
	struct host_child_stuck stuck = {.count = 0};
	AUTO(str_clear) struct str answer = {0};
	struct host_child_end end;
	struct err e = {0};

	if (find_account(uid, &account, &e) < 0) {
		tell_log("nobody is told: %s", e.text);
		return;
	}
	if (host_child_ask(decide, &q, clock_monotonic_ns() + DECIDE_LIMIT_NS, &stuck, &answer,
			   &end) < 0)
		tell_log("%s could not be told everything in time", account.name);
	follow(options, &q, &answer);
}

/* Whether the terminal of the caller takes no messages. */
static bool is_silent(void)
{
	struct stat st;

	return isatty(STDIN_FILENO) && fstat(STDIN_FILENO, &st) == 0 && !(st.st_mode & S_IWGRP);
}

/* Why one of these channels tells nothing, and what to do about it; NULL: they do. The caller frees
   it. */
static char *find_problem(const struct tell_prefs *p, unsigned channels, const char *sendmail,
			  const char **ret_advice)
{
	*ret_advice = "see canhazgpu-notify.yaml(5)";
	if ((channels & TELL_MAIL) && (!sendmail || access(sendmail, X_OK) < 0)) {
		*ret_advice = "install a mail server, or have the administrator set tell.sendmail";
		return sendmail ? mem_printf("mail is wanted, and '%.200s' cannot be executed: %s",
					     sendmail, strerror(errno))
				: mem_strdup("mail is wanted, and there is no sendmail");
	}
	if ((channels & TELL_COMMAND) && !*p->command)
		return mem_strdup("~/" TELL_PREFS_FILE " names no command");
	if ((channels & TELL_COMMAND) && access(p->command, X_OK) < 0)
		return mem_printf("the command '%.200s' cannot be executed: %s", p->command,
				  strerror(errno));
	return NULL;
}

char *tell_channel_problem(const struct tell_options *options, const char *channel)
{
	const char *home = getenv("HOME"), *advice;
	struct tell_prefs prefs = TELL_PREFS_DEFAULT;
	AUTO_FREE char *problem = NULL;
	struct err e = {0};
	unsigned channels;

	/* Where its notify.yaml is cannot be told. */
	if (!home || !*home)
		return NULL;
	if (tell_prefs_load(home, &prefs, &e) < 0)
		return mem_strdup(e.text);
	channels = *channel ? tell_channel_parse(channel) : prefs.channels;
	if (!channels)
		return mem_strdup("~/" TELL_PREFS_FILE " chooses no channel: name one, such as "
				  "--notify=terminal");
	problem = find_problem(&prefs, channels, find_sendmail(options), &advice);
	return problem ? mem_printf("%s; %s", problem, advice) : NULL;
}

static void describe(const struct tell_prefs *p, const char *sendmail, struct findings *f)
{
	const char *advice;
	AUTO_FREE char *problem = find_problem(p, p->channels, sendmail, &advice);

	if (problem)
		findings_add(f, "notify", FINDING_WARNING, advice, "%s", problem);
	else
		findings_add(f, "notify", FINDING_OK, NULL, "by%s%s%s%s",
			     p->channels & TELL_TERMINAL ? " terminal" : "",
			     p->channels & TELL_MAIL ? " mail" : "",
			     p->channels & TELL_COMMAND ? " command" : "",
			     p->channels ? "" : " nothing");
	if ((p->channels & TELL_TERMINAL) && is_silent())
		findings_extend(f, FINDING_NOTE, "'mesg y' allows them",
				"this terminal takes no messages");
}

void tell_prefs_examine(const struct tell_options *options, struct findings *f)
{
	const char *home = getenv("HOME");
	struct tell_prefs prefs;
	struct err e = {0};

	if (tell_prefs_load(home ? home : "", &prefs, &e) < 0)
		findings_add(f, "notify", FINDING_WARNING, "see canhazgpu-notify.yaml(5)", "%s",
			     e.text);
	else
		describe(&prefs, find_sendmail(options), f);
}
