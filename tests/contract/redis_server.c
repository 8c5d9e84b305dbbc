/* A redis-server of the tests' own; see redis_server.h. */
#include "redis_server.h"

#include "../unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

int redis_server_free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		fail_msg("no free port: %s", strerror(errno));
	return ntohs(address.sin_port);
}

/* The child: a word per option, then redis-server takes over. */
__attribute__((noreturn)) static void become_server(const struct redis_server *s)
{
	char port[16];
	const char *words[64] = {"redis-server", "--port",           port,      "--bind",
				 "127.0.0.1",    "--unixsocket",     s->socket, "--dir",
				 s->dir,         "--save",           "",        "--databases",
				 "1024",         "--protected-mode", "no"};
	size_t count = 15;
	AUTO_FREE char *log = mem_printf("%s/log", s->dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	snprintf(port, sizeof(port), "%d", s->port);
	for (const char *const *o = s->options; o && *o && count < ARRAY_SIZE(words) - 1; o++)
		words[count++] = *o;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execvp(words[0], (char **)(uintptr_t)words);
	_exit(127);
}

static bool answers(const struct redis_server *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->socket);
	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

void redis_server_again(struct redis_server *s)
{
	int64_t deadline_ns = clock_monotonic_ns() + 60 * NS_PER_SECOND;

	/* A killed server leaves its socket behind. */
	unlink(s->socket);
	s->pid = fork();
	if (s->pid == 0)
		become_server(s);
	while (!answers(s)) {
		if (waitpid(s->pid, NULL, WNOHANG) != 0 || clock_monotonic_ns() > deadline_ns)
			fail_msg("redis-server does not start (see %s/log)", s->dir);
		usleep(2000);
	}
}

void redis_server_start(struct redis_server *s, bool with_port, const char *const *options)
{
	*s = (struct redis_server){.options = options};
	snprintf(s->dir, sizeof(s->dir), "/tmp/canhazgpu-redis-XXXXXX");
	if (!mkdtemp(s->dir))
		fail_msg("%s: %s", s->dir, strerror(errno));
	snprintf(s->socket, sizeof(s->socket), "%s/socket", s->dir);
	if (with_port)
		s->port = redis_server_free_port();
	redis_server_again(s);
}

void redis_server_kill(struct redis_server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void redis_server_stop(struct redis_server *s)
{
	redis_server_kill(s);
	nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *redis_server_url(const struct redis_server *s, int db)
{
	return mem_printf("unix://%s?db=%d", s->socket, db);
}

const char *redis_server_cli(const struct redis_server *s, int db, const char *const *words)
{
	static char output[65536];
	char number[16];
	const char *line[64] = {"redis-cli", "-s", s->socket, "-n", number};
	size_t count = 5, used = 0;
	int fds[2];
	ssize_t n;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", db);
	for (; *words && count < ARRAY_SIZE(line) - 1; words++)
		line[count++] = *words;
	if (pipe2(fds, O_CLOEXEC) < 0)
		fail_msg("pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(line[0], (char **)(uintptr_t)line);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], output + used, sizeof(output) - 1 - used)) > 0)
		used += (size_t)n;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	while (used && output[used - 1] == '\n')
		used--;
	output[used] = '\0';
	return output;
}
