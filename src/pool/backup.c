/*
 * Backups, see backup.h. A backup is a SQLite database, whatever the store: one that is no file is
 * copied into one (as `migrate` does), and back.
 */
#include "pool/backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "plan/actor.h"
#include "pool/events.h"
#include "pool/migrate.h"
#include "pool/private.h"

/* A directory for a database on the way; its files, and it, are removed by scratch_clear. */
struct scratch {
	char *directory, *file, *url; /* NULL: there is none */
};

static int scratch_make(struct scratch *s, struct err *e)
{
	const char *place = getenv("TMPDIR");
	AUTO_FREE char *directory =
		mem_printf("%s/canhazgpu-XXXXXX", place && *place == '/' ? place : "/tmp");

	if (!mkdtemp(directory))
		return err_sys(e, errno, "cannot create a directory in %s",
			       place && *place == '/' ? place : "/tmp");
	s->directory = mem_steal(&directory);
	s->file = mem_printf("%s/backup.db", s->directory);
	s->url = mem_printf("sqlite:%s", s->file);
	return 0;
}

static void scratch_clear(struct scratch *s)
{
	static const char *const endings[] = {"", "-journal", ".lock", ".wake"};

	for (size_t i = 0; s->file && i < ARRAY_SIZE(endings); i++) {
		AUTO_FREE char *file = mem_printf("%s%s", s->file, endings[i]);

		unlink(file);
	}
	if (s->directory)
		rmdir(s->directory);
	free(s->directory);
	free(s->file);
	free(s->url);
	*s = (struct scratch){0};
}

static int dump(const char *url, struct image *ret_image, struct err *e)
{
	AUTO(store_closep) struct store *store = NULL;
	int r = store_open(url, &store, e);

	return r < 0 ? r : store_dump(store, ret_image, e);
}

/* From a store that is no file. */
static int dump_copy(const char *url, struct image *ret_image, size_t *ret_unreadable,
		     struct err *e)
{
	static const struct plan_actor owner = {.administrator = true};
	AUTO(scratch_clear) struct scratch scratch = {0};
	AUTO(migration_clear) struct migration m = {0};
	int r = scratch_make(&scratch, e);

	if (r == 0)
		r = pool_migrate(url, scratch.url, &owner, false, &m, e);
	*ret_unreadable = m.unreadable;
	return r < 0 ? r : dump(scratch.url, ret_image, e);
}

int pool_backup(struct pool *p, struct image *ret_image, size_t *ret_unreadable, struct err *e)
{
	AUTO(image_clear) struct image image = {0};
	struct image_contents contents;
	size_t unreadable = 0;
	int r = store_is_file(p->store) ? store_dump(p->store, &image, e)
					: dump_copy(p->config.store_url, &image, &unreadable, e);

	if (r == 0)
		r = store_image_check(&image, store_url(p->store), &contents, e);
	if (r < 0)
		return r;
	*ret_image = image;
	image = (struct image){0};
	*ret_unreadable = unreadable;
	return 0;
}

/* Into a store that is no file: as `migrate` does it, which needs an empty one. */
static int restore_copy(struct pool *p, const struct plan_actor *actor, const struct image *image,
			const char *name, bool replace, struct image_contents *ret_contents,
			struct err *e)
{
	AUTO(scratch_clear) struct scratch scratch = {0};
	AUTO(migration_clear) struct migration m = {0};
	/* It is told as what it is. */
	const struct plan_actor quiet = {.uid = actor->uid, .administrator = actor->administrator};
	int r = store_image_check(image, name, ret_contents, e);

	if (r == 0 && replace)
		return err_set(e, ENOTSUP,
			       "a pool on Redis is not replaced: delete its keys (docs/redis.md), "
			       "then restore without --force");
	if (r == 0)
		r = scratch_make(&scratch, e);
	if (r == 0)
		r = file_replace(scratch.file, image->bytes, image->size, e);
	return r < 0 ? r : pool_migrate(scratch.url, p->config.store_url, &quiet, false, &m, e);
}

int pool_restore_backup(struct pool *p, const struct plan_actor *actor, const struct image *image,
			const char *name, bool replace, struct image_contents *ret_contents,
			struct err *e)
{
	AUTO_FREE char *reason = NULL;
	int r;

	if (!pool_may_administer(p, actor))
		return plan_refuse_others(&p->config.policy, store_has_owner(p->store),
					  "restore a backup", e);
	r = store_is_file(p->store) ? store_restore(p->store, image, name, replace, ret_contents, e)
				    : restore_copy(p, actor, image, name, replace, ret_contents, e);
	if (r < 0)
		return r;
	reason = mem_printf("%s restored the pool from %s", actor->account, name);
	pool_note_act(p, actor, reason);
	return r;
}

bool pool_has_file(const struct pool *p, const char *path)
{
	return store_has_file(p->store, path);
}

const char *pool_store_shown(const struct pool *p)
{
	return store_url(p->store);
}
