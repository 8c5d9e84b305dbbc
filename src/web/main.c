/*
 * canhazgpu-web: the web server. `canhazgpu web` (src/cmd/web.c) becomes this program; its argument
 * is the number of a descriptor from which it reads its settings. Nothing else here prints or
 * exits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/privilege.h"
#include "base/str.h"
#include "base/text.h"
#include "web/listen.h"
#include "web/server.h"
#include "web/worker.h"

static int read_settings(int argc, char **argv, struct web_config *ret_config, struct err *e)
{
	AUTO(str_clear) struct str text = {0};
	AUTO_CLOSE int fd = -1;
	char bytes[4096];
	int64_t number;
	ssize_t n;
	int r;

	if (argc != 2 || parse_int(argv[1], 3, 1 << 20, &number, NULL) < 0)
		return err_usage(e, "this program is started by 'canhazgpu web'");
	fd = (int)number;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		str_add_bytes(&text, bytes, (size_t)n);
	if (n < 0)
		return err_usage(e, "this program is started by 'canhazgpu web'");
	r = web_config_read(str_text(&text), ret_config, e);
	if (r == 0 && ret_config->pool)
		pool_config_limit_scan(ret_config->pool, WORKER_SCAN_LIMIT_NS);
	return r;
}

int main(int argc, char **argv)
{
	AUTO(web_config_clear) struct web_config config = {0};
	AUTO(listener_clear) struct listener listener = {.fd = -1};
	struct err e = {0};
	int r;

	privilege_init();
	file_occupy_standard_handles();
	r = read_settings(argc, argv, &config, &e);
	if (r == 0)
		r = listener_open(&config, &listener, &e);
	if (r == 0) {
		AUTO_FREE char *url = text_printable(listener.url);

		fprintf(stderr, "Serving %s\n", url);
		r = server_run(&config, listener.fd, listener.loopback, &e);
		listener.fd = -1; /* libmicrohttpd has closed it */
	}
	if (r < 0) {
		AUTO_FREE char *text = text_printable(e.text);

		fprintf(stderr, "Error: %s\n", text);
		return e.exit_status ? e.exit_status : EXIT_STATUS_FAILED;
	}
	return EXIT_STATUS_OK;
}
