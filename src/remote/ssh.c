/* The command lines by which ssh reaches another host; see ssh.h. */
#include "remote/ssh.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/hangup.h"
#include "remote/quote.h"

/* How long a connection is kept that no question uses. */
#define PERSIST "300"

/* The path of a socket must fit into 108 bytes: the directory, a hash of 40, and what ssh adds
   while it makes one. */
#define DIRECTORY_MAX 46

/* Goes to where the user is here, if that is there, too, and becomes the command. In sh: what runs
   this line may be any shell. */
#define ENTER                                                                                 \
	"cd \"$1\" 2>/dev/null || printf 'Note: there is no directory %s on %s for you, the " \
	"command starts in %s\\n' \"$1\" \"$2\" \"$PWD\" >&2; shift 2; exec \"$@\""

void words_clear(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->items[i]);
	free(w->items);
	*w = (struct words){0};
}

void words_add(struct words *w, const char *word)
{
	w->items = mem_resize(w->items, w->count + 2, sizeof(*w->items));
	w->items[w->count++] = mem_strdup(word);
	w->items[w->count] = NULL;
}

void words_addf(struct words *w, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	words_add(w, text);
}

/* Makes sure that the directory is the user's alone; what others have put there is not used. */
static bool is_private(const char *path)
{
	struct stat st;

	(void)mkdir(path, 0700);
	return strlen(path) <= DIRECTORY_MAX && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == getuid() && !(st.st_mode & 077);
}

/* Where the sockets of kept connections are; NULL: there is no good place. The caller frees it. */
static char *socket_directory(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	AUTO_FREE char *path = NULL;

	/* To ssh a blank ends a name, and '%' begins something else. */
	if (runtime && *runtime == '/' && !strpbrk(runtime, " \t\"'%\\$")) {
		path = mem_printf("%s/canhazgpu-ssh", runtime);
		if (is_private(path))
			return mem_steal(&path);
		free(path);
	}
	path = mem_printf("/tmp/canhazgpu-ssh-%u", getuid());
	return is_private(path) ? mem_steal(&path) : NULL;
}

/* Where its program and its first options are the same for both. */
static void begin(struct words *w)
{
	words_add(w, "ssh");
	/* What is configured for a person who logs in there. */
	words_add(w, "-oRemoteCommand=none");
	words_add(w, "-oPermitLocalCommand=no");
	/* Errors, but not that a connection was closed. */
	words_add(w, "-oLogLevel=ERROR");
}

static void add_command(struct words *w, const struct remote *host, const char *const *words)
{
	AUTO(str_clear) struct str command = {0};

	remote_quote(&command, words);
	words_add(w, "--");
	words_add(w, host->ssh);
	words_add(w, str_text(&command));
}

void ssh_for_question(const struct remote *host, const char *const *words, int64_t timeout_ns,
		      struct words *ret)
{
	AUTO_FREE char *directory = socket_directory();

	*ret = (struct words){0};
	begin(ret);
	words_add(ret, "-aTx");
	words_add(ret, "-oBatchMode=yes");
	words_add(ret, "-oClearAllForwardings=yes");
	words_addf(ret, "-oConnectTimeout=%d",
		   (int)((timeout_ns + NS_PER_SECOND - 1) / NS_PER_SECOND));
	/* A connection whose other end is away must not be in the way for long. */
	words_add(ret, "-oServerAliveInterval=5");
	words_add(ret, "-oServerAliveCountMax=2");
	if (directory) {
		words_add(ret, "-oControlMaster=auto");
		words_addf(ret, "-oControlPath=%s/%%C", directory);
		words_add(ret, "-oControlPersist=" PERSIST);
	} else {
		words_add(ret, "-oControlPath=none");
	}
	add_command(ret, host, words);
}

void ssh_for_command(const struct remote *host, const char *const *words, const char *directory,
		     bool terminal, struct words *ret)
{
	AUTO(words_clear) struct words all = {0};

	*ret = (struct words){0};
	begin(ret);
	words_add(ret, terminal ? "-t" : "-T");
	/* Within a connection that the user shares among sessions, sshd tells nobody that this one
	   is over. */
	if (!terminal)
		words_add(ret, "-oControlPath=none");
	words_add(&all, "exec");
	if (!terminal) {
		words_add(&all, "env");
		words_add(&all, HOST_HANGUP_VARIABLE "=1");
	}
	if (directory) {
		words_add(&all, "sh");
		words_add(&all, "-c");
		words_add(&all, ENTER);
		words_add(&all, "sh");
		words_add(&all, directory);
		words_add(&all, host->name);
	}
	for (size_t i = 0; words[i]; i++)
		words_add(&all, words[i]);
	add_command(ret, host, (const char *const *)all.items);
}
