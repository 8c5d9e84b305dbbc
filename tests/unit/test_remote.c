/* Other hosts: how the configuration names them, how words reach a shell there, and how their
   answers are read. */
#include "test.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/remotes.h"
#include "host/child.h"
#include "remote/answer.h"
#include "remote/ask.h"
#include "remote/quote.h"
#include "remote/ssh.h"

/* What the text means, as "name ssh url token label; ..."; or the error. */
static const struct remotes_case {
	const char *text, *expected;
} remotes_cases[] = {
	{"", ""},
	{" , ", ""},
	{"gpu1", "gpu1 gpu1 - - -"},
	{"gpu1, gpu2.lab ", "gpu1 gpu1 - - -; gpu2.lab gpu2.lab - - -"},
	{"alice@gpu1", "gpu1 alice@gpu1 - - -"},
	{"ssh://alice@gpu1:2222", "gpu1 ssh://alice@gpu1:2222 - - -"},
	{"a ssh=b@c url=https://c:1/x token-file=/t label=the big, b",
	 "a b@c https://c:1/x /t the big; b b - - -"},
	{"a label=x=y z", "a a - - x=y z"},
	{"-oProxyCommand=x", "host '-oProxyCommand=x': '-oProxyCommand=x' is no name of a host"},
	{"::1, alice@fe80::1%eth0", "::1 ::1 - - -; fe80::1%eth0 alice@fe80::1%eth0 - - -"},
	{"ssh://[::1]:22", "host '[': 'ssh://[::1]:22' is no destination of ssh"},
	{"ssh://fd00::1", "host 'fd00': 'ssh://fd00::1' is no destination of ssh"},
	{"a ssh=[::1]", "host 'a': '[::1]' is no destination of ssh"},
	{"gpu1:22", "host 'gpu1:22': 'gpu1:22' is no name of a host (a port: ssh://gpu1:22)"},
	{"::x", "host '::x': '::x' is no name of a host (a port: ssh://::x)"},
	{"a b", "host 'a': a: 'b' is not KEY=VALUE"},
	{"a ssh=-x", "host 'a': '-x' is no destination of ssh"},
	{"a ssh=b@-x", "host 'a': 'b@-x' is no destination of ssh"},
	{"a ssh=b;c", "host 'a': 'b;c' is no destination of ssh"},
	{"a ssh=$(x)", "host 'a': '$(x)' is no destination of ssh"},
	{"a url=ftp://x",
	 "host 'a': 'ftp://x' is no address of a web server (http://gpu1:8080, without a password)"},
	{"a url=http://u:p@x",
	 "host 'a': 'http://u:p@x' is no address of a web server (http://gpu1:8080, without a password)"},
	{"a url=http://x token-file=t", "host 'a': 't' is no absolute path"},
	{"a url=https://x ca-file=/c", "a a https://x - /c -"},
	{"a url=https://x ca-file=c", "host 'a': 'c' is no absolute path"},
	{"a url=http://x ca-file=/c",
	 "host 'a': a ca-file is for a web server: an https url is missing"},
	{"a token-file=/t", "host 'a': a token-file is for a web server: url is missing"},
	{"a port=1", "host 'a': 'port' is not ssh, url, token-file, ca-file or label"},
	{"a ssh=b ssh=c", "host 'a': ssh is set twice"},
	{"a, b, A", "host 'A' is there twice"},
	{"any", "host 'any': 'any' means any host and cannot be the name of one"},
	{"a\x1b[2J", "host 'a\x1b[2J': 'a\x1b[2J' is no name of a host"},
};

static void test_remotes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(remotes_cases); i++) {
		const struct remotes_case *c = &remotes_cases[i];
		AUTO(remotes_clear) struct remotes remotes = {0};
		AUTO(str_clear) struct str got = {0};
		struct err e = {0};

		if (remotes_parse(c->text, &remotes, &e) < 0)
			str_add(&got, e.text);
		for (size_t k = 0; k < remotes.count; k++) {
			const struct remote *r = &remotes.items[k];

			str_addf(&got, "%s%s %s %s %s %s%s%s", k ? "; " : "", r->name, r->ssh,
				 r->url ? r->url : "-", r->token_file ? r->token_file : "-",
				 r->ca_file ? r->ca_file : "", r->ca_file ? " " : "",
				 r->label ? r->label : "-");
		}
		assert_string_equal(str_text(&got), c->expected);
	}
}

/* A list that is the same on all hosts names each as it is called, or with its domain. */
static void test_own(void **unused)
{
	static const struct {
		const char *name, *own;
		bool same;
	} cases[] = {
		{"gpu1", "gpu1", true},
		{"GPU1", "gpu1", true},
		{"gpu1", "gpu1.lab.example", true},
		{"gpu1.lab.example", "gpu1", true},
		{"gpu1.lab.example", "gpu1.lab.example", true},
		{"localhost", "gpu1", true},
		{"gpu1.lab.example", "gpu1.other.example", false},
		{"gpu10", "gpu1", false},
		{"gpu", "gpu1", false},
		{"gpu10", "gpu1.lab.example", false},
		{"gpu2.lab.example", "gpu1.lab.example", false},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (remotes_is_own(cases[i].name, cases[i].own) != cases[i].same)
			fail_msg("%s on %s", cases[i].name, cases[i].own);
	}
}

/* Words that mean something to one of the shells. */
static const char *const words[] = {
	"printf", "<%s>",   "plain",    "",         " ",    "it's",  "\\", "\\'", "a\\",
	"\"",     "$HOME",  "`x`",      "!!",       "a!b",  "*",     "~",  "=ls", "{a,b}",
	"a\nb",   "a\n7\n", "\t",       "-n",       "--",   "#",     ";",  "&",   "|",
	"(",      "%self",  "\xc3\xa9", "\xff\xfe", "$(x)", "'\\!'", NULL};

struct shell_question {
	const char *shell, *command;
};

static void ask_shell(const void *question, int out)
{
	const struct shell_question *q = question;

	if (dup2(out, STDOUT_FILENO) >= 0)
		execlp(q->shell, q->shell, "-c", q->command, (char *)NULL);
	_exit(127);
}

/* Every shell that there is makes the same words of the line. */
static void test_quote(void **unused)
{
	static const char *const shells[] = {"sh",   "bash", "dash", "zsh",
					     "fish", "ksh",  "mksh", "csh"};
	AUTO(str_clear) struct str line = {0}, expected = {0};
	size_t shells_count = 0;

	(void)unused;
	remote_quote(&line, words);
	for (size_t i = 2; words[i]; i++)
		str_addf(&expected, "<%s>", words[i]);
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		const struct shell_question question = {shells[i], str_text(&line)};
		struct host_child_stuck stuck = {0};
		struct host_child_end end = {0};
		AUTO(str_clear) struct str answer = {0};

		assert_int_equal(host_child_ask(ask_shell, &question,
						clock_monotonic_ns() + 20 * NS_PER_SECOND, &stuck,
						&answer, &end),
				 0);
		if (WEXITSTATUS(end.status) == 127)
			continue;
		shells_count++;
		if (strcmp(str_text(&answer), str_text(&expected)) != 0)
			fail_msg("%s made '%s' of '%s'", shells[i], str_text(&answer),
				 str_text(&line));
	}
	assert_true(shells_count >= 2);
	/* What a restricted key compares is as one would type it. */
	str_clear(&line);
	remote_quote(&line,
		     (const char *const[]){"canhazgpu", "report", "--json", "--days=7", NULL});
	assert_string_equal(str_text(&line), "canhazgpu report --json --days=7");
}

static bool has_word(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->count; i++) {
		if (!strcmp(w->items[i], word))
			return true;
	}
	return false;
}

/* The words of a question hold no option that the host could have brought in. */
static void test_ssh(void **unused)
{
	AUTO(words_clear) struct words question = {0}, command = {0};
	char name[] = "gpu1", ssh[] = "alice@gpu1";
	const struct remote host = {.name = name, .ssh = ssh};
	const char *const asked[] = {"canhazgpu", "status", "--json", NULL};
	char runtime[] = "/tmp/chg-remote.XXXXXX", odd[] = "/tmp/chg %u.XXXXXX";
	AUTO_FREE char *socket = NULL, *path = NULL;
	/* It asks for nothing, forwards nothing, and keeps its connection for the next one. */
	static const char *const needed[] = {"-aTx",
					     "-oBatchMode=yes",
					     "-oClearAllForwardings=yes",
					     "-oRemoteCommand=none",
					     "-oPermitLocalCommand=no",
					     "-oConnectTimeout=1",
					     "-oControlMaster=auto",
					     "-oControlPersist=300"};

	(void)unused;
	assert_non_null(mkdtemp(runtime));
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	ssh_for_question(&host, asked, NS_PER_SECOND, &question);
	socket = mem_printf("%s/canhazgpu-ssh", runtime);
	path = mem_printf("-oControlPath=%s/%%C", socket);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		assert_true(has_word(&question, needed[i]));
	assert_true(has_word(&question, path));
	words_clear(&question);
	/* One that others can enter is not used, but the one that then is in /tmp. */
	assert_int_equal(chmod(socket, 0750), 0);
	ssh_for_question(&host, asked, NS_PER_SECOND, &question);
	assert_false(has_word(&question, path));
	words_clear(&question);
	/* Nor one whose name ssh would not read as it is: nothing is made in it. */
	assert_non_null(mkdtemp(odd));
	setenv("XDG_RUNTIME_DIR", odd, 1);
	ssh_for_question(&host, asked, NS_PER_SECOND, &question);
	assert_int_equal(rmdir(odd), 0);
	free(path);
	path = mem_printf("/tmp/canhazgpu-ssh-%u", getuid());
	(void)rmdir(path);
	assert_int_equal(rmdir(socket), 0);
	assert_int_equal(rmdir(runtime), 0);
	assert_string_equal(question.items[question.count - 3], "--");
	assert_string_equal(question.items[question.count - 2], "alice@gpu1");
	assert_string_equal(question.items[question.count - 1], "canhazgpu status --json");
	ssh_for_command(&host, asked, NULL, true, &command);
	assert_string_equal(command.items[command.count - 1], "exec canhazgpu status --json");
	assert_true(has_word(&command, "-t"));
	assert_false(has_word(&command, "-oControlPath=none"));
	words_clear(&command);
	ssh_for_command(&host, asked, NULL, false, &command);
	assert_true(has_word(&command, "-T"));
	assert_true(has_word(&command, "-oControlPath=none"));
	assert_string_equal(command.items[command.count - 1],
			    "exec env CANHAZGPU_END_WITH_PARENT=1 canhazgpu status --json");
}

/* What is read of a document: "gpu state user model ends ..."; "!": refused. */
static const struct status_case {
	const char *text, *expected;
} status_cases[] = {
	{"[]", ""},
	{"Welcome [to] gpu1\n[x]\n[{\"gpu_id\": 0, \"status\": \"AVAILABLE\"}]\n", "0:0:-:-:0 "},
	{"Welcome\n{\n\"gpus\": [{\"gpu_id\": 0}\n]\n}", "0:3:-:-:0 "},
	{"[a]\n{b}\n[c]\n[d]\n[]", "!"},
	{"[]\nGoodbye", "!"},
	{"[{\"id\": \"a\", \"requested_count\": 2}]", "!"},
	{"[{\"gpu_id\": 0, \"status\": \"AVAILABLE\"}]", "0:0:-:-:0 "},
	{"[{\"gpu_id\": 3, \"status\": \"IN_USE\", \"user\": \"al\", \"expiry_time\": \"2025-07-08T01:48:44Z\"}]",
	 "3:1:al:-:1 "},
	{"[{\"gpu_id\": 1, \"status\": \"UNRESERVED\", \"model\": {\"provider\": \"m\", \"model\": \"m/L\"}}]",
	 "1:2:-:m/L:0 "},
	{"{\"gpus\": [{\"gpu_id\": 2, \"status\": \"NEW WORD\", \"model\": \"older\"}]}",
	 "2:3:-:older:0 "},
	{"{\"entries\": null}", ""},
	{"[{\"gpu_id\": -1, \"status\": 7, \"user\": [], \"ends_at\": \"x\"}]", "-1:3:-:-:0 "},
	{"[{\"gpu_id\": 1e99}, {\"gpu_id\": 99999999999}]", "-1:3:-:-:0 -1:3:-:-:0 "},
	{"[1]", "!"},
	{"[[]]", "!"},
	{"{}", "!"},
	{"7", "!"},
	{"", "!"},
	{"[{\"gpu_id\": 0", "!"},
	{"[] []", "!"},
	{"\xff\xfe", "!"},
	{"[{\"user\": \"a\\u0000b\"}]", "!"},
};

static void test_status(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(status_cases); i++) {
		const struct status_case *c = &status_cases[i];
		AUTO(str_clear) struct str got = {0};
		json_t *rows = NULL;
		struct err e = {0};

		if (remote_read(REMOTE_STATUS, c->text, strlen(c->text), &rows, &e) < 0)
			str_add(&got, "!");
		for (size_t k = 0; k < json_array_size(rows); k++) {
			struct remote_gpu gpu;

			remote_gpu_read(json_array_get(rows, k), &gpu);
			str_addf(&got, "%d:%d:%s:%s:%d ", (int)gpu.id, gpu.state,
				 gpu.user ? gpu.user : "-", gpu.model ? gpu.model : "-",
				 gpu.ends_ns != TIME_NONE);
		}
		json_decref(rows);
		if (strcmp(str_text(&got), c->expected) != 0)
			fail_msg("%s: got '%s'", c->text, str_text(&got));
	}
}

/* What is next to be free is the next for whoever comes. */
static void test_next_free(void **unused)
{
	static const struct {
		const char *members;
		bool free;
	} cases[] = {
		{"\"status\": \"IN_USE\"", true},
		{"\"status\": \"IN_USE\", \"queue_id\": \"a\"", false},
		{"\"status\": \"IN_USE\", \"drained_by\": \"root\"", false},
		{"\"status\": \"IN_USE\", \"retired_at\": \"2026-11-30T11:00:00Z\"", false},
		{"\"status\": \"IN_USE\", \"excluded\": true", false},
		{"\"status\": \"AVAILABLE\"", false},
		{"\"status\": \"DRAINED\"", false},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text =
			mem_printf("{%s, \"ends_at\": \"2026-11-30T11:00:00Z\"}", cases[i].members);
		json_t *row = json_loads(text, 0, NULL);
		struct remote_gpu gpu;

		remote_gpu_read(row, &gpu);
		assert_true(gpu.ends_ns != TIME_NONE);
		if ((remote_free_ns(&gpu) != TIME_NONE) != cases[i].free)
			fail_msg("%s", text);
		json_decref(row);
	}
}

/* Small text that would be a lot of memory, or a lot of rows, or deeper than a stack. */
static void test_limits(void **unused)
{
	static const struct {
		const char *unit, *separator;
		size_t count;
	} limits[] = {
		{"[", "", 4000000}, {"{}", ",", 1300000}, {"{}", ",", 5000}, {"1", ",", 1900000}};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		AUTO(str_clear) struct str text = {0};
		json_t *rows = NULL;
		struct err e = {0};

		str_add(&text, "[");
		for (size_t k = 0; k < limits[i].count; k++) {
			str_add(&text, k ? limits[i].separator : "");
			str_add(&text, limits[i].unit);
		}
		str_add(&text, "]");
		assert_int_not_equal(remote_read(REMOTE_STATUS, text.text, text.length, &rows, &e),
				     0);
		assert_null(rows);
	}
}

static void test_queue(void **unused)
{
	static const char ours[] =
		"[{\"id\": \"a\", \"requested\": 2, \"allocated\": [1], \"type\": \"run\"}]";
	static const char others[] =
		"{\"entries\": [{\"id\": \"b\", \"requested_count\": 3, "
		"\"allocated_gpus\": [2, 3], \"reservation_type\": \"manual\", "
		"\"enqueue_time\": \"2026-11-20T08:43:06.6Z\"}], \"total_waiting\": 1}";
	struct remote_request request;
	json_t *rows = NULL;

	(void)unused;
	assert_int_equal(remote_read(REMOTE_QUEUE, ours, strlen(ours), &rows, NULL), 0);
	remote_request_read(json_array_get(rows, 0), &request);
	assert_int_equal(request.requested, 2);
	assert_int_equal(request.allocated, 1);
	assert_string_equal(request.type, "run");
	json_decref(rows);
	assert_int_equal(remote_read(REMOTE_QUEUE, others, strlen(others), &rows, NULL), 0);
	remote_request_read(json_array_get(rows, 0), &request);
	assert_int_equal(request.requested, 3);
	assert_int_equal(request.allocated, 2);
	assert_string_equal(request.type, "manual");
	assert_true(request.since_ns != TIME_NONE);
	json_decref(rows);
}

/* A key that may ask for the status alone answers nothing else. */
static void test_topics(void **unused)
{
	static const char status[] = "[{\"gpu_id\": 0, \"status\": \"AVAILABLE\"}]";
	static const char queue[] = "{\"entries\": [], \"total_waiting\": 0}";
	json_t *rows = NULL;
	struct err e = {0};

	(void)unused;
	assert_int_not_equal(remote_read(REMOTE_QUEUE, status, strlen(status), &rows, &e), 0);
	assert_string_equal(e.text, "its answer is about something else");
	assert_int_not_equal(remote_read(REMOTE_REPORT, queue, strlen(queue), &rows, &e), 0);
	assert_string_equal(e.text, "its answer is not a report");
	assert_null(rows);
}

#define ASKED 20

/* More hosts than files may be open; what asks them has none of that, no window to ask in, and
   keeps no directory in use. */
static void test_ask(void **unused)
{
	struct remote_call calls[ASKED] = {0};
	struct rlimit before, few, after;
	char expected[64];

	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){2 * ASKED, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (size_t i = 0; i < ASKED; i++) {
		words_add(&calls[i].words, "sh");
		words_add(&calls[i].words, "-c");
		words_add(&calls[i].words, "echo $SSH_ASKPASS_REQUIRE $(pwd -P) $(ulimit -Sn)");
		calls[i].is_ssh = true;
	}
	remote_ask(calls, ASKED, 30 * NS_PER_SECOND, NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(after.rlim_cur, few.rlim_cur);
	snprintf(expected, sizeof(expected), "never / %d\n", 2 * ASKED);
	for (size_t i = 0; i < ASKED; i++) {
		assert_null(calls[i].problem);
		assert_string_equal(str_text(&calls[i].answer), expected);
		remote_call_clear(&calls[i]);
	}
}

static bool is_first(const struct remote_call *call, size_t which, void *argument)
{
	(void)call;
	(void)argument;
	return which == 0;
}

/* One that has answered is enough, or all have until the deadline. */
static void test_patience(void **unused)
{
	static const struct remote_patience patience = {is_first, NULL, 50 * NS_PER_MS};
	static const struct {
		const struct remote_patience *patience;
		int64_t timeout_ns;
		const char *problem;
	} cases[] = {
		{&patience, 60 * NS_PER_SECOND, "others have answered much faster"},
		{NULL, 100 * NS_PER_MS, "no answer within 0.1s"},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const char *const scripts[] = {"echo x", "exec sleep 1000"};
		struct remote_call calls[2] = {0};

		for (size_t k = 0; k < ARRAY_SIZE(scripts); k++) {
			words_add(&calls[k].words, "sh");
			words_add(&calls[k].words, "-c");
			words_add(&calls[k].words, scripts[k]);
		}
		remote_ask(calls, ARRAY_SIZE(scripts), cases[i].timeout_ns, cases[i].patience);
		assert_string_equal(calls[1].problem, cases[i].problem);
		assert_int_equal(calls[1].hurried, cases[i].patience != NULL);
		for (size_t k = 0; k < ARRAY_SIZE(scripts); k++)
			remote_call_clear(&calls[k]);
	}
}

static const struct problem_case {
	bool is_ssh;
	int exit_status;
	const char *errors, *expected;
} problem_cases[] = {
	{true, 255, "ssh: connect to host a port 22: Connection refused\r\n",
	 "ssh: connect to host a port 22: Connection refused"},
	{true, 255, "Host key verification failed.\r\n",
	 "Host key verification failed. (log in once by hand, and look at its key)"},
	{true, 255, "a@gpu1: Permission denied (publickey,password).\r\n",
	 "a@gpu1: Permission denied (publickey,password). (it needs a key that works without a question)"},
	{true, 1, "Error: Permission denied (x)", "Permission denied (x)"},
	{true, 1, "x\nError: \n", "Error:"},
	{true, 255, "", "ssh does not reach it"},
	{true, 127, "bash: line 1: canhazgpu: command not found\n",
	 "canhazgpu is not installed there, or not in the PATH of a shell without a login"},
	{true, 1, "Warning: x\nError: GPU pool not initialized\n\n", "GPU pool not initialized"},
	{false, 1, "", "it failed with exit status 1"},
	{false, 0, "", "it answered nothing"},
	{false, -1, "", "the process that asked it was killed"},
};

static void test_problems(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(problem_cases); i++) {
		const struct problem_case *c = &problem_cases[i];
		AUTO_FREE char *got = remote_problem(c->is_ssh, c->exit_status, c->errors);

		assert_string_equal(got, c->expected);
	}
	assert_true(remote_is_unknown_option(
		2, "unknown option '--id' (see 'canhazgpu reserve --help')", "--id"));
	assert_false(remote_is_unknown_option(2, "unknown option '--linked'", "--id"));
	assert_true(remote_is_unknown_option(1, "unknown flag: --id", "--id"));
	assert_false(remote_is_unknown_option(1, "Not enough GPUs available", "--id"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remotes),   cmocka_unit_test(test_quote),
		cmocka_unit_test(test_ssh),       cmocka_unit_test(test_status),
		cmocka_unit_test(test_limits),    cmocka_unit_test(test_queue),
		cmocka_unit_test(test_problems),  cmocka_unit_test(test_topics),
		cmocka_unit_test(test_ask),       cmocka_unit_test(test_own),
		cmocka_unit_test(test_next_free), cmocka_unit_test(test_patience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
