/*
 * The whole database as a file in memory, and back: store_dump, store_restore and store_image_check
 * of store.h.
 *
 * A restore writes through SQLite into the file that is there, in one transaction: owner, mode and
 * group stay, whoever reads meanwhile sees the old pool or the new one, and a crash leaves one of
 * the two.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/str.h"
#include "store/sqlite/file.h"
#include "store/sqlite/sqlite.h"

/* Where the header of a database says whether it uses a write-ahead log: two bytes, 1 for no. */
#define WAL_FLAGS 18

bool sqlite_has_file(const struct store *base, const char *path)
{
	static const char *const endings[] = {SQLITE_FILE_ENDINGS};
	AUTO_FREE char *own = file_resolved_path(((const struct sqlite_store *)base)->path);
	AUTO_FREE char *other = file_resolved_path(path);
	size_t length = strlen(own);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		if (!strncmp(other, own, length) && !strcmp(other + length, endings[i]))
			return true;
	}
	return false;
}

int sqlite_dump(struct store *base, struct image *ret_image, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	sqlite3_int64 size = 0;
	unsigned char *bytes;
	int r;

	sqlite_end(s);
	r = sqlite_begin(s, SESSION_READ, e);
	if (r == 0 || (r > 0 && s->blank)) {
		sqlite_end(s);
		return err_set(e, ENOENT, "%s holds no pool", base->url);
	}
	if (r < 0)
		return r;
	/* In the session's transaction: all pages are of one moment. */
	bytes = sqlite3_serialize(s->db, "main", &size, 0);
	sqlite_end(s);
	if (!bytes)
		return err_set(e, EIO, "cannot read all of %s", s->path);
	ret_image->size = (size_t)size;
	ret_image->bytes = mem_alloc(ret_image->size, 1);
	memcpy(ret_image->bytes, bytes, ret_image->size);
	sqlite3_free(bytes);
	return 0;
}

/* ---- an image, opened ---- */

static void image_close(struct sqlite_store *image)
{
	sql_finalize_all(image);
	sqlite3_close(image->db);
	image->db = NULL;
}

static int not_whole(const struct sqlite_store *image, const char *why, struct err *e)
{
	return err_set(e, EBADMSG, "%s is not whole: %s", image->path, why);
}

/* A number of the image, where failure means that it is damaged. */
static int image_number(struct sqlite_store *image, const char *text, int64_t *ret_value,
			struct err *e)
{
	return sql_number(image, text, ret_value, NULL) < 0
		       ? not_whole(image, sqlite3_errmsg(image->db), e)
		       : 0;
}

/* Whether it is a database of ours, of this version or one that can become it, and becomes it. */
static int image_check_kind(struct sqlite_store *image, struct err *e)
{
	int64_t application = 0, others = 0;
	int r = sql_number(image, "PRAGMA application_id", &application, NULL);

	if (r < 0 && (sqlite3_errcode(image->db) & 0xff) != SQLITE_NOTADB)
		return not_whole(image, sqlite3_errmsg(image->db), e);
	if (r < 0 || application != SQLITE_APPLICATION_ID)
		return err_set(e, EINVAL, "%s is not a backup of canhazgpu", image->path);
	/* What runs by itself when the tables are used. */
	r = image_number(image,
			 "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')",
			 &others, e);
	if (r == 0 && others)
		return err_set(e, EINVAL,
			       "%s is not a backup of canhazgpu: it has triggers or views",
			       image->path);
	if (r < 0)
		return r;
	r = sqlite_schema_check(image, e);
	/* Not of this version, and a table is missing that this one would complete. */
	if (r < 0 && r != -EINVAL && r != -EPROTONOSUPPORT)
		return not_whole(image, sqlite3_errmsg(image->db), e);
	return r;
}

/* Pages, rows, and what the tables say of each other. */
static int image_check_whole(struct sqlite_store *image, struct err *e)
{
	struct sql q = sql_of(image, "PRAGMA integrity_check(1)");
	int r = sql_step(&q, NULL);

	if (r <= 0)
		return not_whole(image, sqlite3_errmsg(image->db), e);
	if (strcmp(sql_column_text(&q, 0), "ok") != 0)
		return not_whole(image, sql_column_text(&q, 0), e);
	sql_reset_all(image);
	q = sql_of(image, "PRAGMA foreign_key_check");
	r = sql_step(&q, NULL);
	if (r != 0)
		return not_whole(image, "a GPU belongs to a reservation that is not in it", e);
	return 0;
}

/* Reads it as every command does, and counts. */
static int read_contents(struct sqlite_store *s, struct image_contents *ret_contents, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int64_t records = 0;
	int r = sqlite_load_all(s, &state, e);

	if (r == 0)
		r = sql_number(s, "SELECT count(*) FROM usage_history", &records, e);
	if (r < 0)
		return r;
	*ret_contents = (struct image_contents){
		.gpus = state.slots_count,
		.reservations = state.reservations_count,
		.waiting = state.queue_count,
		.records = (size_t)records,
	};
	return 0;
}

/* Whether its last page is cut: what is missing would be taken for zeros. */
static bool is_cut(const struct image *image)
{
	const unsigned char *bytes = (const unsigned char *)image->bytes;
	size_t page = image->size > 17 ? (size_t)bytes[16] << 8 | bytes[17] : 0;

	return page && image->size % (page == 1 ? 65536 : page) != 0;
}

/* Opens an image in memory, checks it and brings it to this version. The caller closes it in any
 * case. */
static int image_open(const struct image *from, const char *name, struct sqlite_store *image,
		      struct image_contents *ret_contents, struct err *e)
{
	unsigned char *bytes = sqlite3_malloc64(from->size ? from->size : 1);
	int64_t pools = 0;
	int r;

	*image = (struct sqlite_store){.path = (char *)name, .gate.fd = -1, .writing = true};
	if (!bytes)
		return err_set(e, ENOMEM, "%s is too large", name);
	memcpy(bytes, from->bytes, from->size);
	/* In memory there is no write-ahead log, which somebody may have chosen for the file that
	 * this is a copy of. */
	if (from->size > WAL_FLAGS + 1)
		bytes[WAL_FLAGS] = bytes[WAL_FLAGS + 1] = 1;
	if (sqlite3_open(":memory:", &image->db) != SQLITE_OK) {
		sqlite3_free(bytes);
		return err_set(e, ENOMEM, "cannot open a database in memory");
	}
	/* It frees the bytes, also where it fails. */
	if (sqlite3_deserialize(
		    image->db, "main", bytes, (sqlite3_int64)from->size, (sqlite3_int64)from->size,
		    SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) != SQLITE_OK)
		return err_set(e, EINVAL, "%s is not a backup of canhazgpu", name);
	sqlite3_db_config(image->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	r = image_check_kind(image, e);
	if (r == 0 && is_cut(from))
		r = not_whole(image, "its end is missing", e);
	if (r == 0)
		r = image_check_whole(image, e);
	if (r == 0)
		r = image_number(image, "SELECT count(*) FROM pool", &pools, e);
	if (r == 0 && !pools)
		r = err_set(e, EINVAL, "%s holds no pool", name);
	if (r == 0 && read_contents(image, ret_contents, NULL) < 0)
		r = not_whole(image, sqlite3_errmsg(image->db), e);
	return r;
}

int sqlite_image_check(const struct image *from, const char *name,
		       struct image_contents *ret_contents, struct err *e)
{
	struct sqlite_store image;
	int r;

	sqlite_configure_library();
	r = image_open(from, name, &image, ret_contents, e);
	image_close(&image);
	return r;
}

/* ---- back into a file ---- */

/*
 * Marks that commits compare must not come back: a process that has loaded the pool that is
 * replaced would commit on the restored one. All are new, above those of both pools and above the
 * first of any that was made until now.
 */
static int renew_marks(struct sqlite_store *image, int64_t live_counter, struct err *e)
{
	struct sql q = sql_of(image, "UPDATE pool SET counter = max(counter, ?, ?) + 1");
	int r;

	sql_int(&q, live_counter);
	sql_int(&q, clock_now_ns());
	r = sql_run(&q, e);
	return r < 0 ? r
		     : sql_script(image,
				  "UPDATE gpus SET version = (SELECT counter FROM pool);"
				  "UPDATE queue SET version = (SELECT counter FROM pool)",
				  e);
}

/* Moves what cannot be read out of the way, with its journal. */
static int set_aside(struct sqlite_store *s, struct err *e)
{
	AUTO_FREE char *aside =
		mem_printf("%s.damaged-%lld", s->path, (long long)(clock_now_ns() / NS_PER_SECOND));
	AUTO_FREE char *journal = mem_printf("%s-journal", s->path);
	AUTO_FREE char *journal_aside = mem_printf("%s-journal", aside);
	bool installed = sqlite_file_is_installed(s->path);
	int r = 0;

	if (installed)
		privilege_raise();
	if (rename(s->path, aside) < 0 || (rename(journal, journal_aside) < 0 && errno != ENOENT))
		r = sqlite_file_refused("move away", s->path, errno, e);
	if (installed)
		privilege_lower();
	return r;
}

/* What may not be replaced unasked; 0, and the marks of the present pool, where there is nothing or
 * the caller asked. */
static int check_present(struct sqlite_store *s, bool replace, int64_t *ret_counter, struct err *e)
{
	struct image_contents present = {0};
	int64_t pools = 0;
	int r = sql_number(s, "SELECT count(*) FROM pool", &pools, e);

	if (r == 0)
		r = read_contents(s, &present, e);
	if (r == 0 && (pools || present.records) && !replace)
		r = err_set(
			e, EEXIST,
			"%s holds a pool of %zu GPU%s with %zu reservation%s, %zu waiting request%s "
			"and %zu usage record%s: --force replaces it",
			s->base.url, present.gpus, str_plural(present.gpus), present.reservations,
			str_plural(present.reservations), present.waiting,
			str_plural(present.waiting), present.records, str_plural(present.records));
	return r < 0 ? r : sql_number(s, "SELECT counter FROM pool", ret_counter, e);
}

/* Whether the failure is that of the file itself, as no other attempt would change it. */
static bool is_unreadable(int r)
{
	return r == -EINVAL || r == -EIO || r == -EBADMSG;
}

/* Begins a session on the file that is to be replaced, made where there is none. */
static int begin_replacing(struct sqlite_store *s, bool replace, int64_t *ret_counter,
			   struct err *e)
{
	struct err why = {0};
	int r = sqlite_begin(s, SESSION_CREATE, &why);

	if (r > 0) {
		r = check_present(s, replace, ret_counter, &why);
		/* It is there, and is to stay. */
		if (r == -EEXIST)
			return err_set(e, EEXIST, "%s", why.text);
	}
	if (!is_unreadable(r))
		return r < 0 ? err_set(e, -r, "%s", why.text) : r;
	sqlite_end(s);
	if (!replace)
		return err_set(e, -r, "%s; --force moves that file away", why.text);
	r = set_aside(s, e);
	return r < 0 ? r : sqlite_begin(s, SESSION_CREATE, e);
}

/* Every page of the image into the file, in one transaction of SQLite's own. */
static int write_pages(struct sqlite_store *s, struct sqlite_store *image, struct err *e)
{
	sqlite3_backup *copy;
	int rc, r;

	sql_reset_all(image);
	sql_reset_all(s);
	r = sql_script(s, "ROLLBACK", e);
	if (r < 0)
		return r;
	copy = sqlite3_backup_init(s->db, "main", image->db, "main");
	if (!copy)
		return sql_fail(s, sqlite3_errcode(s->db), e);
	rc = sqlite3_backup_step(copy, -1);
	sqlite3_backup_finish(copy);
	return rc == SQLITE_DONE ? 0 : sql_fail(s, rc, e);
}

int sqlite_restore(struct store *base, const struct image *from, const char *name, bool replace,
		   struct image_contents *ret_contents, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base), image;
	struct image_contents contents = {0};
	int64_t counter = 0;
	int r;

	sqlite_end(s);
	r = image_open(from, name, &image, &contents, e);
	if (r == 0)
		r = begin_replacing(s, replace, &counter, e);
	if (r >= 0)
		r = renew_marks(&image, counter, e);
	if (r == 0)
		r = write_pages(s, &image, e);
	if (r == 0)
		sqlite_end_and_wake(s);
	sqlite_end(s);
	image_close(&image);
	if (r == 0)
		*ret_contents = contents;
	return r;
}
