/* What people are told: the choice, the texts, notify.yaml; and programs that misbehave. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/mem.h"
#include "tell/choose.h"
#include "tell/hooks.h"
#include "tell/news.h"
#include "tell/prefs.h"
#include "tell/program.h"
#include "tell/terminal.h"
#include "tell/text.h"

#define MINUTE_NS (60 * NS_PER_SECOND)
#define NOON (12 * 60)
#define BIT(kind) (UINT64_C(1) << (kind))

static void add(struct tell_notes *notes, int64_t minute, enum event_kind kind, const char *about,
		bool by_default)
{
	*tell_notes_add(notes) = (struct tell_note){
		.time_ns = minute * MINUTE_NS,
		.kind = (int)kind,
		.about = mem_strdup(about),
		.text = mem_printf("%s %s", event_kind_name(kind), about),
		.by_default = by_default,
	};
}

/* The channels of the new notes as digits, and how many were held back. */
static char *chosen(const struct tell_notes *notes, const struct tell_prefs *prefs, int minute)
{
	AUTO(tell_choice_clear) struct tell_choice c = {0};
	char *text = mem_strdup("");

	tell_choose(notes, prefs, minute, &c);
	for (size_t i = 0; i < notes->count - notes->told; i++) {
		char *longer = mem_printf("%s%u", text, c.channels[i]);

		free(text);
		text = longer;
	}
	if (c.held) {
		char *longer = mem_printf("%s held %zu", text, c.held);

		free(text);
		text = longer;
	}
	return text;
}

static void test_kinds_and_channels(void **state)
{
	static const struct {
		struct tell_prefs prefs;
		bool asked;
		unsigned by; /* --notify=... */
		const char *expected;
	} cases[] = {
		/* expiring (told by default), granted (not), each about something else */
		{TELL_PREFS_DEFAULT, false, 0, "10"},
		{{.channels = TELL_MAIL, .defaults = true}, false, 0, "20"},
		{{.channels = TELL_MAIL | TELL_COMMAND, .kinds = BIT(EVENT_GRANTED)},
		 false,
		 0,
		 "06"},
		{{.channels = TELL_TERMINAL, .defaults = true, .kinds = UINT64_MAX},
		 false,
		 0,
		 "11"},
		{{.channels = TELL_TERMINAL}, false, 0, "00"},
		{{.channels = 0, .defaults = true, .kinds = UINT64_MAX}, false, 0, "00"},
		/* what was asked for comes whatever the kinds are, by its own channel */
		{{.channels = TELL_TERMINAL}, true, 0, "11"},
		{{.channels = TELL_TERMINAL}, true, TELL_MAIL, "22"},
		{{.channels = 0}, true, TELL_MAIL, "22"},
		{{.channels = 0}, true, 0, "00"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(tell_notes_clear) struct tell_notes notes = {0};
		AUTO_FREE char *text = NULL;

		add(&notes, 1000, EVENT_EXPIRING, "r 1", true);
		add(&notes, 1000, EVENT_GRANTED, "r 1", false);
		for (size_t k = 0; k < notes.count; k++) {
			notes.items[k].asked = cases[i].asked;
			notes.items[k].channels = cases[i].by;
		}
		text = chosen(&notes, &cases[i].prefs, NOON);
		assert_string_equal(text, cases[i].expected);
	}
}

static void test_quiet_hours(void **state)
{
	static const struct {
		int from, until, minute;
		const char *expected;
	} cases[] = {
		{0, 0, 0, "3"},         {0, 0, NOON, "3"},      {600, 660, 599, "3"},
		{600, 660, 600, "2"},   {600, 660, 659, "2"},   {600, 660, 660, "3"},
		{1320, 420, 1319, "3"}, {1320, 420, 1320, "2"}, {1320, 420, 0, "2"},
		{1320, 420, 419, "2"},  {1320, 420, 420, "3"},  {0, 1440, NOON, "2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(tell_notes_clear) struct tell_notes notes = {0};
		struct tell_prefs prefs = {.channels = TELL_TERMINAL | TELL_MAIL,
					   .defaults = true,
					   .quiet_from_minute = cases[i].from,
					   .quiet_until_minute = cases[i].until};
		AUTO_FREE char *text = NULL;

		add(&notes, 1000, EVENT_EXPIRING, "r 1", true);
		text = chosen(&notes, &prefs, cases[i].minute);
		assert_string_equal(text, cases[i].expected);
	}
}

/* Nobody can fill somebody's terminal. */
static void test_repetitions(void **state)
{
	AUTO(tell_notes_clear) struct tell_notes notes = {0}, many = {0};
	const struct tell_prefs prefs = TELL_PREFS_DEFAULT;
	AUTO_FREE char *text = NULL, *all = NULL, *later = NULL;

	(void)state;
	add(&notes, 1000, EVENT_UNRESERVED_BEGUN, " 3", true); /* told before */
	notes.told = 1;
	add(&notes, 1005, EVENT_UNRESERVED_BEGUN, " 3", true); /* the same */
	add(&notes, 1006, EVENT_UNRESERVED_BEGUN, " 4", true); /* another GPU */
	add(&notes, 1007, EVENT_WARNED, " 3", true);           /* another kind */
	add(&notes, 1012, EVENT_UNRESERVED_BEGUN, " 3", true); /* after a while, again */
	add(&notes, 1013, EVENT_UNRESERVED_BEGUN, " 3", true);
	text = chosen(&notes, &prefs, NOON);
	assert_string_equal(text, "01110");

	for (int i = 0; i < 40; i++) {
		AUTO_FREE char *about = mem_printf("r%d 1", i);

		add(&many, 1000 + i / 10, EVENT_RELEASED, about, true);
	}
	/* Fifteen were told before: of those that are new, five still are. */
	many.told = 15;
	all = chosen(&many, &prefs, NOON);
	assert_string_equal(all, "1111100000000000000000000 held 20");
	/* Those that were held back do not count an hour later. */
	add(&many, 1062, EVENT_RELEASED, "late 1", true);
	many.told = 40;
	later = chosen(&many, &prefs, NOON);
	assert_string_equal(later, "1");
}

static void test_terminal_text(void **state)
{
	AUTO(tell_notes_clear) struct tell_notes notes = {0};
	struct tell_choice choice = {.held = 2};
	unsigned channels[] = {TELL_TERMINAL, TELL_MAIL, TELL_TERMINAL};
	AUTO_FREE char *text = NULL;

	(void)state;
	choice.channels = channels;
	add(&notes, 1, EVENT_WARNED, "a\x1b[2J\x07\nroot: spoofed\r", true);
	add(&notes, 1, EVENT_WARNED, "by mail", true);
	add(&notes, 1, EVENT_WARNED, "b", true);
	notes.items[2].more = mem_strdup("x\ny\x9b"
					 "31m\n");
	text = tell_text_terminal(&notes, &choice, "ho\x1bst", "15:04");
	assert_string_equal(text, "\r\n\aMessage from canhazgpu@ho\\x1bst at 15:04 ...\r\n"
				  "warned a\\x1b[2J\\x07\\x0aroot: spoofed\\x0d\r\n"
				  "warned b\r\n"
				  "    x\r\n"
				  "    y\\x9b31m\r\n"
				  "(2 more: see 'canhazgpu events')\r\n");
}

static void test_mail_text(void **state)
{
	AUTO(tell_notes_clear) struct tell_notes notes = {0};
	struct tell_choice choice = {.held = 0};
	unsigned channels[] = {TELL_MAIL, TELL_MAIL, TELL_TERMINAL};
	AUTO_FREE char *text = NULL, *encoded = NULL, *long_text = mem_alloc(3001, 1);
	const char *subject;

	(void)state;
	choice.channels = channels;
	add(&notes, 1, EVENT_WARNED, "x\nBcc: all@example.org\r\n\r\nbody", true);
	memset(long_text, 'x', 3000);
	add(&notes, 1, EVENT_WARNED, long_text, true);
	add(&notes, 1, EVENT_WARNED, "on the terminal", true);
	text = tell_text_mail(&notes, &choice, "host", "alice");
	assert_memory_equal(text,
			    "To: alice\n"
			    "Subject: [canhazgpu@host] warned x\\x0aBcc: all@example.org\\x0d\\x0a"
			    "\\x0d\\x0abody (and 1 more)\n"
			    "MIME-Version: 1.0\n",
			    120);
	assert_null(strstr(text, "\nBcc"));
	assert_null(strstr(text, "on the terminal"));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") < 998);

	/* What is not ASCII is encoded, in words that no mail server refuses. */
	memcpy(notes.items[0].text, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
	encoded = tell_text_mail(&notes, &choice, "host", "alice");
	subject = strstr(encoded, "Subject: ") + strlen("Subject: ");
	assert_memory_equal(subject, "=?UTF-8?Q?=5B", 13);
	assert_non_null(strstr(subject, "=20=C3=A9?=\n =?UTF-8?Q?=E2=82=AC=F0=9F=98=80"));
	for (const char *word = subject; word < strstr(encoded, "\nMIME"); word++) {
		size_t length = strcspn(word, "\n");

		assert_true(length <= 76);
		for (size_t i = 0; i < length; i++)
			assert_true((unsigned char)word[i] < 0x80);
		word += length;
	}
}

static void test_addresses(void **state)
{
	static const char *const good[] = {"alice", "alice@example.org", "a.b+c-d_e%f@x", "a=b"};
	static const char *const bad[] = {"",        "-oQ/tmp",        "a b",       "a,b",
					  "a@b@c",   "a\nBcc: b",      "@x",        "x@",
					  "|prog",   "/file",          "a<b>",      ":include:x",
					  "\"a\"@b", "a@example.org ", "\xc3\xa9@x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(tell_address_is_good(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(tell_address_is_good(bad[i]));
}

static void test_prefs(void **state)
{
	static const struct {
		const char *text;
		struct tell_prefs expected;
	} cases[] = {
		{"", TELL_PREFS_DEFAULT},
		{"channels: mail\n", {.channels = TELL_MAIL, .defaults = true}},
		{"channels: none\n", {.channels = 0, .defaults = true}},
		{"channels: [terminal, mail, command]\ncommand: ~/bin/told\nmail: a@b.org\n",
		 {.channels = 7,
		  .defaults = true,
		  .mail = "a@b.org",
		  .command = "/home/a/bin/told"}},
		{"kinds: [default, granted]\n",
		 {.channels = 1, .defaults = true, .kinds = BIT(EVENT_GRANTED)}},
		{"kinds: expiring\n", {.channels = 1, .kinds = BIT(EVENT_EXPIRING)}},
		{"kinds: all\n", {.channels = 1, .kinds = UINT64_MAX}},
		{"kinds: []\n", {.channels = 1}},
		{"quiet: \"22:00-07:30\"\n",
		 {.channels = 1,
		  .defaults = true,
		  .quiet_from_minute = 1320,
		  .quiet_until_minute = 450}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tell_prefs *x = &cases[i].expected;
		struct tell_prefs p;
		struct err e = {0};

		if (tell_prefs_parse("n", cases[i].text, "/home/a", &p, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.text);
		assert_int_equal(p.channels, x->channels);
		assert_int_equal(p.defaults, x->defaults);
		assert_true(p.kinds == x->kinds);
		assert_int_equal(p.quiet_from_minute, x->quiet_from_minute);
		assert_int_equal(p.quiet_until_minute, x->quiet_until_minute);
		assert_string_equal(p.mail, x->mail);
		assert_string_equal(p.command, x->command);
	}
}

static void test_prefs_errors(void **state)
{
	static const char *const cases[][2] = {
		{"channels: smoke\n", "n:1:11: a channel is terminal, mail, command or none"},
		{"channels: [mail,\n  5]\n", "n:2:3: this must be a word"},
		{"channels: {a: b}\n", "n:1:11: this must be a word or a list of words"},
		{"channels: command\n", "the channel 'command' needs the key 'command'"},
		{"kinds: grant\n", "n:1:8: 'grant' is no kind of event"},
		{"\nquiet: 22-7\n", "n:2:8: this must be two times"},
		{"quiet: \"25:00-07:00\"\n", "n:1:8: this must be two times"},
		{"quiet: \"22:00-07:00x\"\n", "n:1:8: this must be two times"},
		{"mail: \"a@b, c@d\"\n", "n:1:7: this must be one mail address"},
		{"mail: \"a\\nBcc: b\"\n", "n:1:7: this must be one mail address"},
		{"command: told\n", "n:1:10: this must be the path of a program"},
		{"chanels: mail\n", "n:1:1: unknown key 'chanels'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tell_prefs p = {.channels = 99};
		struct err e = {0};

		assert_true(tell_prefs_parse("n", cases[i][0], "/home/a", &p, &e) < 0);
		if (!strstr(e.text, cases[i][1]))
			fail_msg("%s: '%s'", cases[i][0], e.text);
		assert_int_equal(p.channels, 99);
	}
}

static void test_names(void **state)
{
	static const struct {
		unsigned major, minor;
		const char *name;
	} terminals[] = {{136, 3, "pts/3"}, {137, 1, "pts/257"}, {4, 1, "tty1"}, {4, 64, "ttyS0"},
			 {4, 0, NULL},      {5, 0, NULL},        {1, 3, NULL}};
	char name[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(terminals); i++) {
		bool known =
			tell_terminal_name(makedev(terminals[i].major, terminals[i].minor), name);

		assert_int_equal(known, terminals[i].name != NULL);
		if (known)
			assert_string_equal(name, terminals[i].name);
	}
	assert_true(tell_hook_name_counts("10-slack_x"));
	assert_false(tell_hook_name_counts("lib.sh"));
	assert_false(tell_hook_name_counts(".x"));
	assert_false(tell_hook_name_counts("x~"));
	assert_false(tell_hook_name_counts(""));
}

/* Whom an event concerns, and what of it is told unless somebody says otherwise. */
static void test_notes_of_events(void **state)
{
	static const struct {
		enum event_kind kind;
		const char *actor;
		bool by_default;
	} cases[] = {
		{EVENT_GRANTED, NULL, false},   {EVENT_GRANTED, "root", true},
		{EVENT_RELEASED, NULL, false},  {EVENT_RELEASED, "alice", false},
		{EVENT_RELEASED, "root", true}, {EVENT_EXPIRING, NULL, true},
		{EVENT_WARNED, NULL, true},     {EVENT_QUEUED, NULL, false},
	};
	struct event events[ARRAY_SIZE(cases) + 2] = {{.time_ns = 1}};
	struct pool_news news = {.events = events, .count = ARRAY_SIZE(events), .told = 1};
	AUTO(tell_notes_clear) struct tell_notes alice = {0}, root = {0};
	AUTO_FREE size_t *accounts = NULL;
	size_t count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		events[i] = (struct event){.time_ns = 1,
					   .kind = cases[i].kind,
					   .account = (char *)(uintptr_t) "alice",
					   .uid = quantity_of(1000),
					   .actor = (char *)(uintptr_t)cases[i].actor};
	events[ARRAY_SIZE(cases)] = (struct event){.time_ns = 1, .kind = EVENT_SICK};
	events[ARRAY_SIZE(cases) + 1] = (struct event){.time_ns = 1,
						       .kind = EVENT_EXPIRED,
						       .account = (char *)(uintptr_t) "bob",
						       .uid = quantity_of(1001)};
	tell_news_notes(&news, 1000, "alice", &alice);
	assert_int_equal(alice.count, ARRAY_SIZE(cases));
	assert_int_equal(alice.told, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(alice.items[i].by_default, cases[i].by_default);
	/* Programs get what is new. */
	assert_null(alice.items[0].json);
	assert_non_null(strstr(alice.items[1].json, "\"kind\":\"granted\""));
	tell_news_notes(&news, 0, "root", &root);
	assert_int_equal(root.count, 1);
	assert_true(root.items[0].by_default);
	accounts = tell_news_accounts(&news, &count);
	assert_int_equal(count, 3);
	assert_int_equal(accounts[0], 1);
}

/* ---- programs ---- */

static int run_script(const char *script, int64_t limit_ms, bool may_leave_others)
{
	char name[] = "sh", option[] = "-c";
	AUTO_FREE char *copy = mem_strdup(script);
	char *const arguments[] = {name, option, copy, NULL};
	const struct tell_account account = {.uid = getuid(),
					     .gid = getgid(),
					     .name = (char *)(uintptr_t) "me",
					     .home = (char *)(uintptr_t) "/tmp"};
	const struct tell_program p = {.label = "test",
				       .path = "/bin/sh",
				       .arguments = arguments,
				       .input = "one line\n",
				       .account = &account,
				       .limit_ns = limit_ms * NS_PER_MS,
				       .may_leave_others = may_leave_others};

	return tell_program_run(&p);
}

static void test_programs(void **state)
{
	static const struct {
		const char *script;
		int64_t limit_ms;
		int expected;
	} cases[] = {
		{"read line && [ \"$line\" = 'one line' ]", 20000, 0},
		{"[ \"$(pwd)\" = /tmp ] && [ \"$(env | wc -l)\" -le 8 ]", 20000, 0},
		{"exit 3", 20000, -EIO},
		{"kill -KILL $$", 20000, -EIO},
		{"exec <&- >&- 2>&-; exit 0", 20000, 0},
		{"exec cat /dev/zero", 20000, -EIO},
		{"exec >&- 2>&-; exec sleep 1000", 50, -ETIMEDOUT},
		{"trap '' TERM INT HUP; while :; do sleep 1000; done", 50, -ETIMEDOUT},
		{"kill -STOP $$", 50, -ETIMEDOUT},
	};

	(void)state;
	tell_program_adopt();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (run_script(cases[i].script, cases[i].limit_ms, false) != cases[i].expected)
			fail_msg("%s", cases[i].script);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	assert_int_equal(errno, ECHILD);
}

/* What a program leaves behind is killed with it, whatever session it is in; what a mail server
   leaves may stay. */
static void test_programs_that_leave_others(void **state)
{
	pid_t left;
	int status;

	(void)state;
	tell_program_adopt();
	assert_int_equal(
		run_script("(setsid sh -c 'sleep 1000 & sleep 1000' &) ; exit 0", 20000, false), 0);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(run_script("(setsid sleep 1000 &) ; sleep 1000", 100, true), -ETIMEDOUT);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(run_script("(setsid sh -c 'kill -STOP $$' &) ; exit 0", 20000, true), 0);
	left = waitpid(-1, &status, WUNTRACED);
	assert_true(left > 0 && WIFSTOPPED(status));
	kill(left, SIGKILL);
	assert_int_equal(waitpid(left, &status, 0), left);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_and_channels),
		cmocka_unit_test(test_quiet_hours),
		cmocka_unit_test(test_repetitions),
		cmocka_unit_test(test_terminal_text),
		cmocka_unit_test(test_mail_text),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_prefs),
		cmocka_unit_test(test_prefs_errors),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_notes_of_events),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_programs_that_leave_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
