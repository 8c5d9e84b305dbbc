/* canhazgpu backup: the whole pool into one file, while it is in use. */
#include "cmd/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/context.h"
#include "pool/backup.h"

static int write_image(const char *path, const struct image *image, struct err *e)
{
	if (strcmp(path, "-") != 0)
		return file_replace(path, image->bytes, image->size, e);
	if (isatty(STDOUT_FILENO))
		return err_usage(e, "a backup is not written to a terminal: name a file");
	return fwrite(image->bytes, 1, image->size, stdout) == image->size && fflush(stdout) == 0
		       ? 0
		       : err_sys(e, errno, "cannot write the output");
}

static int backup_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(image_clear) struct image image = {0};
	size_t unreadable = 0;
	int r = pool_open_from(in, &pool, e);

	if (r == 0 && pool_has_file(pool, in->words[0]))
		r = err_usage(e, "'%s' is a file of the pool itself: name another one",
			      in->words[0]);
	if (r == 0)
		r = pool_backup(pool, &image, &unreadable, e);
	if (r == 0)
		r = write_image(in->words[0], &image, e);
	if (r == 0 && unreadable)
		fprintf(stderr,
			"Warning: %zu usage records or waiting requests in %s are unreadable, and "
			"not in the backup\n",
			unreadable, pool_store_shown(pool));
	return r;
}

const struct command cmd_backup = {
	.name = "backup",
	.summary = "Write the whole pool to a file, while it is in use",
	.usage = "FILE",
	.description =
		"FILE holds GPUs, reservations, queue and usage history as of one moment, and is\n"
		"replaced only by a whole backup. - is standard output. Says nothing when all is\n"
		"well, so that cron does not, either. 'canhazgpu restore' takes it back.",
	.examples = "  canhazgpu backup /var/backups/canhazgpu.db\n"
		    "  canhazgpu backup - | gzip > pool.db.gz",
	.words_min = 1,
	.words_max = 1,
	.run = backup_run,
};
