/* The documents of Slurm's programs; see cluster.h. */
#include "slurm/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "slurm/cluster_json.h"

/* What Slurm says is wrong. */
static int refuse_errors(const json_t *document, const char *program, struct err *e)
{
	const json_t *errors = json_object_get(document, "errors");
	const json_t *first = json_array_get(errors, 0);
	const char *text = json_string_value(first);

	if (!json_array_size(errors))
		return 0;
	if (json_is_object(first)) {
		text = json_string_value(json_object_get(first, "description"));
		if (!text || !*text)
			text = json_string_value(json_object_get(first, "error"));
	}
	return err_set(e, EIO, "%s: %.300s", program, text ? text : "an error without a text");
}

/* The document in the answer of a program, which may say other things, too. */
static int load(const char *answer, const char *program, json_t **ret_document, struct err *e)
{
	/* Names of jobs are bytes to Slurm, and to a reader of JSON an error. */
	AUTO_FREE char *valid = text_utf8(answer);
	const char *begin = valid;
	json_t *document;
	int r;

	while (begin && *begin && *begin != '{') {
		begin = strchr(begin, '\n');
		if (begin)
			begin++;
	}
	document = begin && *begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (!document && answer && *answer && (!begin || !*begin))
		return err_set(e, EIO, "%.*s", (int)strcspn(answer, "\n"), answer);
	if (!document)
		return err_set(e, EBADMSG, "the answer of %s is no JSON", program);
	r = refuse_errors(document, program, e);
	if (r < 0)
		json_decref(document);
	else
		*ret_document = document;
	return r;
}

static char *version_of(const json_t *document)
{
	const json_t *meta = json_object_get(document, "meta"), *slurm;

	slurm = json_object_get(meta, "Slurm");
	if (!slurm)
		slurm = json_object_get(meta, "slurm");
	return slurm_json_text(slurm, "release");
}

int slurm_jobs_read(const char *squeue, struct slurm_cluster *ret_cluster, struct err *e)
{
	struct slurm_cluster c = {0};
	json_t *document = NULL;
	int r = load(squeue, "squeue", &document, e);

	if (r < 0)
		return r;
	slurm_cluster_add_jobs(&c, document);
	c.version = version_of(document);
	json_decref(document);
	*ret_cluster = c;
	return 0;
}

int slurm_cluster_read(const char *squeue, const char *sinfo, struct slurm_cluster *ret_cluster,
		       struct err *e)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	json_t *document = NULL;
	int r = slurm_jobs_read(squeue, &c, e);

	if (r == 0)
		r = load(sinfo, "sinfo", &document, e);
	if (r < 0)
		return r;
	slurm_cluster_add_nodes(&c, document);
	json_decref(document);
	*ret_cluster = c;
	c = (struct slurm_cluster){0};
	return 0;
}

void slurm_cluster_clear(struct slurm_cluster *c)
{
	for (size_t i = 0; i < c->nodes_count; i++) {
		free(c->nodes[i].name);
		free(c->nodes[i].out);
		free(c->nodes[i].reason);
	}
	for (size_t i = 0; i < c->jobs_count; i++)
		slurm_job_clear(&c->jobs[i]);
	free(c->nodes);
	free(c->jobs);
	free(c->version);
	*c = (struct slurm_cluster){0};
}
