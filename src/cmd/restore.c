/* canhazgpu restore: puts a backup in the place of the pool. */
#include "cmd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/context.h"
#include "pool/backup.h"

#define PART ((size_t)1 << 20)

/* All of a file that the user names, or of standard input. */
static int read_image(const char *path, struct image *image, struct err *e)
{
	bool is_input = !strcmp(path, "-");
	AUTO_CLOSE int opened = is_input ? -1 : file_open_as_user(path, 0);
	int fd = is_input ? STDIN_FILENO : opened;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, errno, "cannot read '%s'", path);
	do {
		image->bytes = mem_resize(image->bytes, image->size + PART, 1);
		n = read(fd, (char *)image->bytes + image->size, PART);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "cannot read '%s'", path);
		image->size += n > 0 ? (size_t)n : 0;
	} while (n != 0);
	return 0;
}

static int restore_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(image_clear) struct image image = {0};
	AUTO_FREE char *account = NULL;
	const struct plan_actor actor = actor_get(in, &account);
	const char *path = in->words[0];
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct image_contents c = {0};
	int r = pool_open_from(in, &pool, e);

	if (r == 0)
		r = read_image(path, &image, e);
	if (r == 0)
		r = pool_restore_backup(pool, &actor, &image, name,
					settings_flag(in->settings, "restore.force"), &c, e);
	if (r < 0)
		return r;
	printf("Restored %zu GPU%s, %zu reservation%s, %zu waiting request%s and %zu usage "
	       "record%s\nfrom %s\nto   %s\n",
	       c.gpus, str_plural(c.gpus), c.reservations, str_plural(c.reservations), c.waiting,
	       str_plural(c.waiting), c.records, str_plural(c.records), name,
	       pool_store_shown(pool));
	return 0;
}

static const struct option_spec restore_options[] = {
	{.name = "force",
	 .letter = 'f',
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Replace the pool that is there, or the file that cannot be read"},
	{.name = NULL},
};

const struct command cmd_restore = {
	.name = "restore",
	.summary = "Put a backup in the place of the pool",
	.usage = "FILE [--force]",
	.description =
		"FILE is one that 'canhazgpu backup' wrote; - is standard input. It is checked\n"
		"first, and put into place in one step. Commands that run go on, and those that\n"
		"the backup does not have get their reservations back within a minute.",
	.examples = "  canhazgpu restore /var/backups/canhazgpu.db\n"
		    "  gunzip -c pool.db.gz | canhazgpu restore -",
	.options = restore_options,
	.words_min = 1,
	.words_max = 1,
	.run = restore_run,
};
