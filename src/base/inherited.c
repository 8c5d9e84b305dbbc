/* What this process was started with; see inherited.h. */
#include "base/inherited.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/mem.h"

#define TUNABLES "GLIBC_TUNABLES="

/* The pairs of the auxiliary vector that are looked through; kernels give about twenty. */
#define PAIRS_MAX 64

/* Where the environment's texts lie, one after the other: `given` of them from `first` on. */
static struct {
	char *first, *limit;
	char **left; /* the pointers to them that the loader has left, NULL at the end */
	size_t given;
} initial;

/* Signals that this program handles otherwise, and what it was told to do at each. */
static struct {
	int signal;
	void (*handler)(int);
	struct sigaction before;
} changed[] = {
	{.signal = SIGXFSZ, .handler = SIG_IGN},
	/* Where it is ignored, nobody can wait for a child and learn how it has ended. */
	{.signal = SIGCHLD, .handler = SIG_DFL},
};

/* Whether the auxiliary vector begins there: it holds what getauxval knows. */
static bool is_auxiliary_vector(const unsigned long *pair)
{
	const unsigned long name = getauxval(AT_EXECFN);

	for (int i = 0; name && i < PAIRS_MAX && pair[0] != AT_NULL; i++, pair += 2) {
		if (pair[0] == AT_EXECFN)
			return pair[1] == name;
	}
	return false;
}

/*
 * On the stack lie: argv and NULL, the environment and NULL, the auxiliary vector; above them the
 * texts of argv, those of the environment, the program's name. Removing an entry moves the pointers
 * behind it down, so that NULLs take the room of what was removed, and the room tells how many
 * there were.
 */
static void find_initial(int argc, char **argv)
{
	char **end = argv + argc + 1;

	if (argc < 1 || end != environ)
		return;
	while (*end)
		end++;
	while (!end[1])
		end++;
	if (!is_auxiliary_vector((const unsigned long *)(void *)(end + 1)))
		return;
	initial.left = environ;
	initial.given = (size_t)(end - environ);
	initial.first = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	initial.limit = (char *)getauxval(AT_EXECFN);
}

void inherited_keep(int argc, char **argv)
{
	find_initial(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		const struct sigaction action = {.sa_handler = changed[i].handler};

		sigaction(changed[i].signal, &action, &changed[i].before);
	}
}

void inherited_restore_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		sigaction(changed[i].signal, &changed[i].before, NULL);
}

/* Lists the texts. NULL where they do not end before the limit. */
static char **list_texts(void)
{
	AUTO_FREE char **entries = mem_alloc(initial.given + 1, sizeof(*entries));
	char *p = initial.first;

	if (!initial.left || (uintptr_t)p > (uintptr_t)initial.limit)
		return NULL;
	for (size_t i = 0; i < initial.given; i++) {
		char *nul = memchr(p, '\0', (size_t)(initial.limit - p));

		if (!nul)
			return NULL;
		entries[i] = p;
		p = nul + 1;
	}
	return mem_steal(&entries);
}

/* Whether everything that the loader has left is among them, in the same order. */
static bool holds_what_is_left(char *const *entries)
{
	for (char **left = initial.left; *left; left++) {
		/* The loader may put a copy of its own there, without what it refuses. */
		if (!strncmp(*left, TUNABLES, strlen(TUNABLES)))
			continue;
		while (*entries && *entries != *left)
			entries++;
		if (!*entries)
			return false;
	}
	return true;
}

struct environment environment_inherited(void)
{
	AUTO_FREE char **entries = list_texts();
	struct environment env = {0};
	size_t count = 0;

	if (entries && holds_what_is_left(entries)) {
		env.count = initial.given;
		env.entries = mem_steal(&entries);
		return env;
	}
	while (environ && environ[count])
		count++;
	env.entries = mem_alloc(count + 1, sizeof(*env.entries));
	for (; env.count < count; env.count++)
		env.entries[env.count] = environ[env.count];
	return env;
}

void environment_set(struct environment *env, const char *name, const char *value)
{
	size_t length = strlen(name), kept = 0, place = SIZE_MAX;

	for (size_t i = 0; i < env->count; i++) {
		char *entry = env->entries[i];

		if (strncmp(entry, name, length) != 0 || entry[length] != '=')
			env->entries[kept++] = entry;
		else if (value && place == SIZE_MAX)
			place = kept++;
	}
	if (value && place == SIZE_MAX)
		place = kept++;
	/* One more than there were at most, and NULL. */
	env->entries = mem_resize(env->entries, kept + 1, sizeof(*env->entries));
	env->entries[kept] = NULL;
	env->count = kept;
	if (!value)
		return;
	env->own = mem_resize(env->own, env->own_count + 1, sizeof(*env->own));
	env->entries[place] = env->own[env->own_count++] = mem_printf("%s=%s", name, value);
}

void environment_clear(struct environment *env)
{
	for (size_t i = 0; i < env->own_count; i++)
		free(env->own[i]);
	free(env->own);
	free(env->entries);
	*env = (struct environment){0};
}
