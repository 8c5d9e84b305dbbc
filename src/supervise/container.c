/* The container that the command of a run has started: finding it, and ending it. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "supervise/supervisor.h"

#define CONTAINER_ID_LENGTH 64
#define ENGINE_WORDS_MAX 64
/* An image may have to be fetched before the container is there. */
#define CONTAINER_TICK_NS NS_PER_SECOND

/* The id that the engine has written; NULL: not yet. The caller frees it. */
static char *read_id(const char *path)
{
	char text[CONTAINER_ID_LENGTH + 1] = {0};
	AUTO_CLOSE int fd = file_open_as_user(path, 0);

	if (fd < 0 || read(fd, text, CONTAINER_ID_LENGTH) != CONTAINER_ID_LENGTH)
		return NULL;
	for (size_t i = 0; i < CONTAINER_ID_LENGTH; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return NULL;
	}
	return mem_strdup(text);
}

void supervise_find_container(struct supervisor *s)
{
	bool known;

	s->next_container_ns = INT64_MAX;
	if (!s->orders.cid_file)
		return;
	if (!s->tree.container)
		s->tree.container = read_id(s->orders.cid_file);
	if (s->tree.container)
		host_tree_refresh(&s->tree, NULL);
	known = s->tree.first.pid && s->holder.pid == s->tree.first.pid &&
		s->holder.start_ticks == s->tree.first.start_ticks;
	/* Once more, since the first one seen can be a helper of the engine's. */
	if (!known)
		s->next_container_ns = clock_monotonic_ns() + CONTAINER_TICK_NS;
	if (known || !s->tree.first.pid)
		return;
	s->container_seen = true;
	s->holder = s->tree.first;
	s->next_renewal_ns = clock_monotonic_ns();
}

/* Becomes the engine's command, with what the supervisor has left open closed. */
__attribute__((noreturn)) static void become_engine(const struct supervisor *s, int signal)
{
	char *words[ENGINE_WORDS_MAX + 4];
	AUTO_FREE char *text = mem_strdup(s->orders.container_kill);
	AUTO_FREE char *number = mem_printf("%d", signal);
	char option[] = "--signal", *place = text, *word;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t count = 0;

	while ((word = strsep(&place, "\n")) && count < ENGINE_WORDS_MAX)
		words[count++] = word;
	words[count++] = option;
	words[count++] = number;
	words[count++] = s->tree.container;
	words[count] = NULL;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	/* What the user has named runs with the user's rights. */
	if (privilege_drop(NULL) == 0)
		execvp(words[0], words);
	_exit(1);
}

void supervise_kill_container(const struct supervisor *s, int signal)
{
	pid_t child;

	if (!s->tree.container || !s->orders.container_kill)
		return;
	child = fork();
	if (child == 0) {
		/* As an orphan: an engine that hangs must not hang the supervisor. */
		if (fork() == 0)
			become_engine(s, signal);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

void supervise_forget_container(const struct supervisor *s)
{
	if (!s->orders.cid_directory)
		return;
	unlink(s->orders.cid_file);
	rmdir(s->orders.cid_directory);
}
