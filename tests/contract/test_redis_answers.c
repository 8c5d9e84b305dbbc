/*
 * Answers that no Redis gives to our commands, and errors that one does: nothing of that crashes,
 * fills the memory, shows a password, or passes for something that it is not.
 */
#include "store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/redis/connection.h"

#define NIL "$-1\r\n"

/* A server that gives the next of its answers to whatever it is sent, the last one for ever. */
struct fake {
	char socket[64];
	int fd;
	pid_t pid;
};

static int fake_listen(struct fake *f, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static int number;

	snprintf(f->socket, sizeof(f->socket), "/tmp/canhazgpu-fake-%d-%d", (int)getpid(),
		 number++);
	memcpy(address.sun_path, f->socket, strlen(f->socket));
	unlink(f->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	f->fd = fd;
	return fd;
}

static void fake_stop(struct fake *f)
{
	if (f->pid) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	close(f->fd);
	unlink(f->socket);
}

/* `flood`: what follows behind the last answer, without an end. */
__attribute__((noreturn)) static void serve(int listener, const char *const *answers,
					    const char *flood)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		AUTO_CLOSE int fd = accept(listener, NULL, NULL);
		char request[65536];

		while (recv(fd, request, sizeof(request), 0) > 0) {
			if (send(fd, *answers, strlen(*answers), MSG_NOSIGNAL) < 0)
				break;
			while (!answers[1] && flood &&
			       send(fd, flood, strlen(flood), MSG_NOSIGNAL) > 0)
				;
			answers += answers[1] != NULL;
		}
	}
}

static struct store *open_fake(struct fake *f, const char *login, const char *query)
{
	AUTO_FREE char *url = mem_printf("unix://%s%s%s", login, f->socket, query);
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(url, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

/* Starts a server; the store waits long, so that nothing here depends on the time. */
static struct store *fake_start(struct fake *f, const char *login, const char *const *answers,
				const char *flood)
{
	fake_listen(f, 16);
	f->pid = fork();
	if (f->pid == 0)
		serve(f->fd, answers, flood);
	return open_fake(f, login, "?timeout=60s");
}
#define ANSWERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int load(struct store *s, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};

	return store_load(s, STORE_UPDATE, &state, e);
}

static int read_history(struct store *s, struct err *e)
{
	const struct usage_record *u;
	int r = store_history_begin(s, 0, INT64_MAX, e);

	while (r >= 0 && (r = store_history_next(s, &u, e)) > 0)
		;
	store_history_end(s);
	return r;
}

static void test_elements_of_no_type(void **state)
{
	static const char *const answers[][5] = {
		{"*2\r\n" NIL NIL},
		{"*2\r\n:1\r\n:2\r\n"},
		{"*1\r\n*2\r\n" NIL NIL},
		{"$1\r\nx\r\n"},
		/* The keys of a very old pool. */
		{"*0\r\n", ":0\r\n", "*2\r\n$1\r\n0\r\n*1\r\n" NIL},
		{"*0\r\n", ":0\r\n", "*2\r\n" NIL "*0\r\n"},
		{"*0\r\n", ":0\r\n", "*2\r\n$1\r\n0\r\n" NIL},
		{"*0\r\n", ":0\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", "*1\r\n:1\r\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct fake f = {0};
		struct store *s = fake_start(&f, "", answers[i], NULL);
		int64_t last_ns[1];
		struct err e = {0};

		assert_int_equal(read_history(s, &e), -EPROTO);
		fixture_says(&e, "gave an invalid answer");
		if (!answers[i][1]) {
			assert_int_equal(store_last_use(s, quantity_of(0), "a", last_ns, 1, &e),
					 -EPROTO);
			assert_int_equal(load(s, &e), -EPROTO);
		}
		store_close(s);
		fake_stop(&f);
	}
}

/* What came along with a load is not trusted either. */
static void test_tail_of_no_type(void **state)
{
	struct fake f = {0};
	struct store *s = fake_start(&f, "",
				     ANSWERS("*14\r\n$1\r\n1\r\n" NIL NIL NIL NIL NIL NIL NIL
					     "*0\r\n*0\r\n*1\r\n" NIL "*1\r\n" NIL "*2\r\n" NIL NIL
					     "*1\r\n" NIL),
				     NULL);
	int64_t last_ns[1];
	struct err e = {0};

	if (load(s, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(store_last_use(s, quantity_of(0), "a", last_ns, 1, &e), -EPROTO);
	store_close(s);
	fake_stop(&f);
}

/* SCAN may name a key twice, also with others between: each record of a very old pool counts once.
 */
static void test_key_named_twice(void **state)
{
	static const char record[] =
		"$69\r\n{\"user\":\"a\",\"gpu_id\":%d,\"start_time\":1795164186,"
		"\"end_time\":1795164249}\r\n";
	AUTO_FREE char *zero = mem_printf(record, 0), *one = mem_printf(record, 1);
	AUTO_FREE char *values = mem_printf("*3\r\n%s%s%s", zero, one, zero);
	struct fake f = {0};
	struct store *s = fake_start(&f, "",
				     ANSWERS("*0\r\n", ":0\r\n",
					     "*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n"
					     "$1\r\na\r\n",
					     values),
				     NULL);
	const struct usage_record *u;
	struct err e = {0};
	int r = store_history_begin(s, 0, INT64_MAX, &e);

	for (int gpu = 0; gpu < 2 && r >= 0; gpu++) {
		r = store_history_next(s, &u, &e);
		if (r > 0)
			assert_int_equal(u->gpu, gpu);
	}
	if (r < 0)
		fail_msg("%s", e.text);
	assert_int_equal(store_history_next(s, &u, &e), 0);
	store_close(s);
	fake_stop(&f);
}

static void test_answer_without_an_end(void **state)
{
	char flood[65536];
	struct fake f = {0};
	struct store *s;
	struct err e = {0};

	memset(flood, 'x', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	s = fake_start(&f, "", ANSWERS("$900000000\r\n"), flood);
	assert_int_equal(load(s, &e), -EPROTO);
	fixture_says(&e, "sends more than 64 MiB at once");
	store_close(s);
	fake_stop(&f);
}

/* connect() fails with EAGAIN there, which from a commit would mean that nothing was applied. */
static void test_full_backlog(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int clients[16], count = 0;
	struct fake f = {0};
	struct store *s;
	struct err e = {0};

	fake_listen(&f, 0);
	memcpy(address.sun_path, f.socket, strlen(f.socket));
	do {
		clients[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	} while (connect(clients[count++], (struct sockaddr *)&address, sizeof(address)) == 0 &&
		 count < 16);
	assert_int_equal(errno, EAGAIN);
	s = open_fake(&f, "", "?timeout=50ms");
	assert_int_equal(load(s, &e), -ETIMEDOUT);
	fixture_says(&e, "cannot be reached");
	store_close(s);
	while (count)
		close(clients[--count]);
	fake_stop(&f);
}

/* EBUSY would be taken for GPUs that are missing, EAGAIN for a commit that was not applied. */
static void test_errors_of_the_server(void **state)
{
	static const char *const messages[] = {
		"LOADING Redis is loading the dataset in memory",
		"BUSY Redis is busy running a script.",
		"ERR max number of clients reached",
		"ERR max number of clients + cluster connections reached",
		"READONLY You can't write against a read only replica.",
		"OOM command not allowed when used memory > 'maxmemory'.",
		"TRYAGAIN Multiple keys request during rehashing of slot",
		"ERR something else",
	};
	char server[] = "h:1";
	const struct redis_address address = {.server = server};
	const struct redis_connection c = {.address = &address, .fd = -1};

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		struct err e = {0};
		int r = redis_refused(&c, messages[i], &e);

		assert_true(r < 0 && r != -EBUSY && r != -EAGAIN);
		fixture_says(&e, "Redis at h:1: ");
	}
}

/* What is done about an error: on a new connection, for which the primary is looked for; here, in a
   moment; with the password as it is now; or nothing. */
static void test_remedies(void **state)
{
	static const struct {
		const char *message;
		enum redis_remedy remedy;
	} rows[] = {
		{"READONLY You can't write against a read only replica.", REDIS_MOVE},
		{"READONLY You can't write against a read only replica. script: 0f, on @user_script:1.",
		 REDIS_MOVE},
		{"ERR Error running script (call to f_1): @user_script:9: -READONLY You can't write "
		 "against a read only replica.",
		 REDIS_MOVE},
		{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		 REDIS_MOVE},
		{"NOREPLICAS Not enough good replicas to write.", REDIS_MOVE},
		{"LOADING Redis is loading the dataset in memory", REDIS_MOVE},
		{"ERR max number of clients reached", REDIS_MOVE},
		{"BUSY Redis is busy running a script. You can only call SCRIPT KILL", REDIS_WAIT},
		{"NOAUTH Authentication required.", REDIS_LOGIN},
		{"WRONGPASS invalid username-password pair or user is disabled.", REDIS_LOGIN},
		{"NOPERM this user has no permissions to run the 'set' command", REDIS_ANSWERED},
		{"OOM command not allowed when used memory > 'maxmemory'.", REDIS_ANSWERED},
		{"MISCONF Redis is configured to save RDB snapshots", REDIS_ANSWERED},
		{"MOVED 3999 127.0.0.1:6381", REDIS_ANSWERED},
		{"CLUSTERDOWN Hash slot not served", REDIS_ANSWERED},
		{"NOSCRIPT No matching script.", REDIS_ANSWERED},
		{"WRONGTYPE canhazgpu:queue", REDIS_ANSWERED},
		{"ERR something else", REDIS_ANSWERED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const redisReply reply = {.type = REDIS_REPLY_ERROR,
					  .str = (char *)(uintptr_t)rows[i].message};
		const redisReply text = {.type = REDIS_REPLY_STRING, .str = reply.str};

		if (redis_remedy_of(&reply) != rows[i].remedy)
			fail_msg("%s: %d", rows[i].message, (int)redis_remedy_of(&reply));
		assert_int_equal(redis_remedy_of(&text), REDIS_ANSWERED);
	}
}

/* Named, since the address does not tell what answers there. */
static void test_server_of_another_make(void **state)
{
	struct fake f = {0};
	struct store *s = fake_start(
		&f, "",
		ANSWERS("-ERR script tried accessing undeclared key\r\n",
			"$48\r\nredis_version:7.2.0\r\ndragonfly_version:df-v1.23\r\n\r\n"),
		NULL);
	struct err e = {0};

	assert_int_equal(load(s, &e), -ENOTSUP);
	fixture_says(&e, "it is Dragonfly df-v1.23, which does not run the pool's scripts");
	store_close(s);
	fake_stop(&f);
}

/* Servers of other makes repeat what they did not understand. */
static void test_password_that_is_repeated(void **state)
{
	struct fake f = {0};
	struct store *s = fake_start(&f, ":hunter2@",
				     ANSWERS("-ERR unknown command 'AUTH', with args beginning "
					     "with: 'hunter2'\r\n"),
				     NULL);
	struct err e = {0};

	assert_int_equal(load(s, &e), -EACCES);
	assert_null(strstr(e.text, "hunter2"));
	fixture_says(&e, "refuses the login");
	store_close(s);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elements_of_no_type),
		cmocka_unit_test(test_tail_of_no_type),
		cmocka_unit_test(test_key_named_twice),
		cmocka_unit_test(test_answer_without_an_end),
		cmocka_unit_test(test_full_backlog),
		cmocka_unit_test(test_errors_of_the_server),
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_server_of_another_make),
		cmocka_unit_test(test_password_that_is_repeated),
	};

	return cmocka_run_group_tests_name("redis answers", tests, NULL, NULL);
}
