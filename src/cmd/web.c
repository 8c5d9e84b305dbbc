/*
 * canhazgpu web: becomes the web server, which is a program of its own (src/web): its libraries
 * would make every other command start more slowly. The server gets its settings from here, in a
 * file without a name.
 */
#include "cmd/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "cmd/context.h"
#include "cmd/engine.h"
#include "cmd/hosts.h"
#include "pool/web_config.h"
#include "remote/http.h"
#include "slurm/read.h"

#define PROGRAM "canhazgpu-web"

/* The first line of a file that the user names. Letters, digits and -._~+/= only: it has to pass
 * through a header, a cookie and an address. */
static int read_token(const char *path, char **ret_token, struct err *e)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
	AUTO_FCLOSE FILE *file = file_stream_as_user(path);
	char line[WEB_TOKEN_MAX + 3] = "";

	if (!file)
		return err_sys(e, errno, "cannot read the token in '%s'", path);
	if (!fgets(line, sizeof(line), file) && ferror(file))
		return err_sys(e, errno, "cannot read the token in '%s'", path);
	line[strcspn(line, "\r\n")] = '\0';
	if (strlen(line) < WEB_TOKEN_MIN || strlen(line) > WEB_TOKEN_MAX ||
	    line[strspn(line, allowed)])
		return err_usage(
			e,
			"the first line of '%s' is not a token: it must have %d to %d letters, "
			"digits or -._~+/= (head -c 24 /dev/urandom | base64 makes one)",
			path, WEB_TOKEN_MIN, WEB_TOKEN_MAX);
	*ret_token = mem_strdup(line);
	return 0;
}

/* Adds one of web.hosts; what it does not say itself is that of the host of this name in `hosts`.
 */
static int add_host(struct web_config *c, const struct remote *host, const struct remotes *known,
		    struct err *e)
{
	const struct remote *same = remotes_find(known, host->name);
	const struct remote *from = host->url || !same ? host : same;
	struct web_host *added;

	/* The same list can be on all hosts. */
	if (hosts_is_here(host->name))
		return 0;
	if (!from->url)
		return err_usage(e,
				 "web.hosts: '%.60s' has no url: it needs one there, or in hosts "
				 "(see docs/hosts.md)",
				 host->name);
	c->hosts = mem_resize(c->hosts, c->hosts_count + 1, sizeof(*c->hosts));
	added = &c->hosts[c->hosts_count++];
	*added = (struct web_host){
		.name = mem_strdup(host->name),
		.url = mem_strdup(from->url),
		.ca_file = mem_strdup(from->ca_file),
		.label = mem_strdup(host->label ? host->label
				    : same      ? same->label
						: NULL),
	};
	return from->token_file
		       ? file_read_password(from->token_file, "token-file", &added->token, e)
		       : 0;
}

static int add_hosts(const struct settings *s, struct web_config *c, struct err *e)
{
	AUTO(remotes_clear) struct remotes shown = {0}, known = {0};
	int r = remotes_parse(settings_text(s, "web.hosts"), &shown, e);

	c->hosts_limit_ns = settings_duration_ns(s, "host-timeout");
	if (r == 0)
		r = remotes_parse(settings_text(s, "hosts"), &known, e);
	for (size_t i = 0; r == 0 && i < shown.count; i++)
		r = add_host(c, &shown.items[i], &known, e);
	return r == 0 && c->hosts_count ? http_load(e) : r;
}

static int web_config_from(const struct invocation *in, struct web_config *c, struct err *e)
{
	const struct settings *s = in->settings;
	const char *token_file = settings_text(s, "web.token-file");
	AUTO(pool_closep) struct pool *pool = NULL;
	int r = 0;

	c->host = mem_strdup(settings_text(s, "web.host"));
	c->port = (int)settings_int(s, "web.port");
	c->demo = settings_flag(s, "web.demo");
	c->demo_gpus = (int)settings_int(s, "web.demo-gpus");
	c->interval_ns = settings_duration_ns(s, "web.interval");
	c->allow_hosts = mem_strdup(settings_text(s, "web.allow-host"));
	c->documentation_url = mem_strdup(settings_text(s, "web.documentation-url"));
	c->source_url = mem_strdup(settings_text(s, "web.source-url"));
	if (token_file)
		r = read_token(token_file, &c->token, e);
	if (r == 0)
		r = add_hosts(s, c, e);
	c->slurm = !c->demo && engine_is_slurm(s);
	if (c->slurm) {
		/* However many watch: Slurm serves a whole cluster. */
		if (c->interval_ns < SLURM_POLL_NS)
			c->interval_ns = SLURM_POLL_NS;
		c->nodes = mem_strdup(settings_text(s, "hosts"));
		return r;
	}
	if (!c->demo)
		c->pool = mem_alloc(1, sizeof(*c->pool));
	if (r == 0 && !c->demo)
		r = pool_config_from(in, c->pool, e);
	/* A bad store is an error here, not one for the visitors of the page. */
	if (r == 0 && !c->demo)
		r = pool_open(c->pool, &pool, e);
	return r;
}

/* Writes the settings to a file without a name, and rewinds it. It stays open across exec. */
static int write_settings(const struct web_config *c, int *ret_fd, struct err *e)
{
	AUTO_FREE char *text = web_config_write(c);
	AUTO_CLOSE int fd = -1;
	size_t length;

	if (!text)
		return err_set(e, EILSEQ, "the store's or a file's name is not valid UTF-8");
	length = strlen(text);
	fd = memfd_create(PROGRAM, 0);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "cannot pass the settings to " PROGRAM);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/*
 * Becomes the server: in a build tree it lies next to this program. An installed program that has
 * more rights than its user takes it only from where it was installed: a link to this program may
 * be anywhere.
 */
static int become(char *const argv[], struct err *e)
{
	AUTO_FREE char *sibling = NULL, *relative = NULL;
	char self[PATH_MAX];
	int code;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0 && !getauxval(AT_SECURE)) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		sibling = mem_printf("%s/" PROGRAM, self);
		relative = mem_printf("%s/../libexec/canhazgpu/" PROGRAM, self);
		execv(sibling, argv);
		if (errno == ENOENT)
			execv(relative, argv);
		if (errno != ENOENT)
			return err_sys(e, errno, "cannot start '%s'", sibling);
	}
	/* It is not set-group-id itself: it inherits the effective group, and saves it. */
	privilege_raise();
	execv(CANHAZGPU_LIBEXECDIR "/" PROGRAM, argv);
	code = errno;
	privilege_lower();
	errno = code;
	if (errno == ENOENT)
		return err_set(e, ENOENT,
			       "the web server is not installed: there is no %s (run 'make "
			       "install', or install the whole package)",
			       CANHAZGPU_LIBEXECDIR "/" PROGRAM);
	return err_sys(e, errno, "cannot start '%s'", CANHAZGPU_LIBEXECDIR "/" PROGRAM);
}

static int web_run(const struct invocation *in, struct err *e)
{
	AUTO(web_config_clear) struct web_config config = {0};
	char program[] = PROGRAM, number[16];
	AUTO_CLOSE int fd = -1;
	int r = web_config_from(in, &config, e);

	if (r == 0)
		r = write_settings(&config, &fd, e);
	if (r < 0)
		return r;
	snprintf(number, sizeof(number), "%d", fd);
	return become((char *const[]){program, number, NULL}, e);
}

static const struct option_spec web_options[] = {
	{.name = "port",
	 .letter = 'p',
	 .type = OPTION_INT,
	 .argument = "PORT",
	 .fallback = "8080",
	 .min = 0,
	 .max = 65535,
	 .help = "Port to listen on; 0: any free one"},
	{.name = "host",
	 .type = OPTION_TEXT,
	 .argument = "HOST",
	 .fallback = "0.0.0.0",
	 .help = "Address to listen on"},
	{.name = "demo", .type = OPTION_FLAG, .help = "Show simulated GPUs; needs no pool"},
	{.name = "demo-gpus",
	 .type = OPTION_INT,
	 .argument = "N",
	 .fallback = "8",
	 .min = 8,
	 .max = 1024,
	 .help = "So many simulated GPUs, with --demo"},
	{.name = "interval",
	 .type = OPTION_DURATION,
	 .argument = "TIME",
	 .fallback = "2s",
	 .min = 500 * NS_PER_MS,
	 .max = NS_PER_HOUR,
	 .help = "How often to scan the GPUs while anybody is watching"},
	{.name = "token-file",
	 .type = OPTION_PATH,
	 .argument = "FILE",
	 .help = "File whose first line is the token that clients must send"},
	{.name = "allow-host",
	 .type = OPTION_TEXT,
	 .argument = "NAMES",
	 .help = "Host names under which browsers may call this server (comma-separated)"},
	{.name = "hosts",
	 .type = OPTION_REMOTES,
	 .not_on_command_line = true,
	 .argument = "LIST",
	 .help = "Other hosts that the page shows, too: each needs a url, here or in hosts"},
	{.name = "documentation-url",
	 .type = OPTION_TEXT,
	 .not_on_command_line = true,
	 .argument = "URL",
	 .help = "Where the page's link to the documentation leads"},
	{.name = "source-url",
	 .type = OPTION_TEXT,
	 .not_on_command_line = true,
	 .argument = "URL",
	 .help = "Where the page's link to the source leads"},
	{.name = NULL},
};

const struct command cmd_web = {
	.name = "web",
	.summary = "Start a web server for GPU status monitoring",
	.usage =
		"[--port PORT] [--host HOST] [--demo] [--demo-gpus N] [--interval TIME] [--token-file FILE] "
		"[--allow-host NAMES]",
	.description =
		"Serves a page, a JSON API, live events and metrics, until Ctrl-C or SIGTERM.\n"
		"Nobody can change anything through it, but everybody who can reach the port\n"
		"sees who uses what.",
	.examples = "  canhazgpu web --port 8080\n"
		    "  canhazgpu web --demo --host 127.0.0.1",
	.options = web_options,
	.run = web_run,
};
