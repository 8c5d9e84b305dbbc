/* Whose pool it is; see machine.h. */
#include "pool/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/url.h"
#include "host/process.h"
#include "pool/private.h"

void here_clear(struct here *h)
{
	machine_clear(&h->machine);
	scan_clear(&h->scan);
	free(h->notice);
	*h = (struct here){0};
}

static void read_machine_id(struct here *h)
{
	if (h->read)
		return;
	h->machine.id = host_machine_id();
	h->read = true;
}

/* The boot id settles nearly every question: the rest is read where it does not. */
static struct plan_here here_of(struct pool *p, const struct pool_state *state,
				const struct scan *scan)
{
	struct here *h = &p->here;

	if (!h->machine.boot_id)
		h->machine.boot_id = mem_strdup(p->observer.boot_id);
	if (!h->machine.name)
		h->machine.name = host_name();
	if (!state->host.boot_id || !h->machine.boot_id ||
	    strcmp(state->host.boot_id, h->machine.boot_id) != 0)
		read_machine_id(h);
	if (!scan && h->scanned)
		scan = &h->scan;
	return (struct plan_here){.machine = &h->machine, .scan = scan};
}

enum machine_match pool_host_match(struct pool *p, const struct pool_state *state,
				   const struct scan *scan)
{
	struct plan_here here = here_of(p, state, scan);

	p->here.match = plan_machine_match(state, &here);
	return p->here.match;
}

bool pool_host_is_sure(struct pool *p, const struct pool_state *state, const struct scan *scan)
{
	struct plan_here here = here_of(p, state, scan);

	p->here.wants_scan = plan_machine_needs_scan(state, &here);
	return !p->here.wants_scan;
}

void pool_host_prepare(struct pool *p, const struct pool_state *state)
{
	struct gpu_options options = pool_gpu_options_of(&p->config, state);

	if (!p->here.wants_scan)
		return;
	/* Without the driver nothing is known of UUIDs, and the rest has to do. */
	(void)gpu_scan(&options, &p->here.scan, NULL);
	p->here.scanned = true;
	p->here.wants_scan = false;
}

enum machine_match pool_host_match_surely(struct pool *p, const struct pool_state *state)
{
	if (!pool_host_is_sure(p, state, NULL))
		pool_host_prepare(p, state);
	return pool_host_match(p, state, NULL);
}

/* What is recorded has to outlive the plan's state. */
static struct machine *own_machine(struct plan *plan, const struct machine *m)
{
	struct machine *copy = plan_own(plan, mem_alloc(1, sizeof(*copy)));

	*copy = (struct machine){
		.id = plan_own(plan, mem_strdup(m->id)),
		.boot_id = plan_own(plan, mem_strdup(m->boot_id)),
		.name = plan_own(plan, mem_strdup(m->name)),
	};
	return copy;
}

void pool_record_host(struct pool *p, const struct pool_state *state, enum machine_match match,
		      bool take, struct plan *plan)
{
	struct plan_here here = here_of(p, state, NULL);
	struct machine record;
	struct change *c;

	/* A new pool forgets what was recorded, and after a boot the rest has to do. */
	if (take)
		read_machine_id(&p->here);
	record = *here.machine;
	if (!take && !plan_machine_record(state, &here, match, &record))
		return;
	c = plan_add(plan, CHANGE_HOST);
	c->host.host = own_machine(plan, &record);
	c->quiet = true;
	if (!take && match == MACHINE_REINSTALLED && !p->here.notice)
		p->here.notice = mem_printf(
			"this host has another machine id than before (reinstalled?): the pool was "
			"recognised by its GPUs and continues here");
}

char *pool_take_notice(struct pool *p)
{
	return mem_steal(&p->here.notice);
}

char *pool_describe_other(const struct pool *p, const struct pool_state *state)
{
	return mem_printf("the GPU pool in %s is that of another host, %s", store_url(p->store),
			  state->host.name ? state->host.name : "whose name is unknown");
}

bool pool_is_recorded_here(const char *url)
{
	const struct pool_config config = {.store_url = (char *)url};
	AUTO(pool_closep) struct pool *p = NULL;
	AUTO(pool_state_clear) struct pool_state state = {0};
	enum machine_match match;

	if (pool_open(&config, &p, NULL) < 0 ||
	    store_load(p->store, STORE_READ, &state, NULL) < 0 || !state.initialized)
		return false;
	match = pool_host_match(p, &state, NULL);
	return match == MACHINE_SAME || match == MACHINE_RENAMED;
}

/* Where this host would have its own pool: in a folder of its name, and of its machine id as well
   where that folder is taken. NULL: in another database, or in a file; which, nobody can tell. The
   caller frees it. */
static char *suggest_store(struct pool *p)
{
	const char *file = url_file_path(store_url(p->store));
	const char *slash = file ? strrchr(file, '/') : NULL;
	const char *name = p->here.machine.name;
	AUTO_FREE char *directory = NULL;
	char *last;

	if (!slash)
		return NULL;
	directory = mem_printf("%.*s", (int)(slash - file), file);
	last = strrchr(directory, '/');
	if (!last || strcmp(last + 1, name) != 0)
		return mem_printf("sqlite:%s/%s/canhazgpu.db", directory, name);
	read_machine_id(&p->here);
	return mem_printf("sqlite:%s-%.8s/canhazgpu.db", directory,
			  p->here.machine.id ? p->here.machine.id : "new");
}

int pool_refuse_other(struct pool *p, const struct pool_state *state, struct err *e)
{
	AUTO_FREE char *whose = pool_describe_other(p, state);
	AUTO_FREE char *own = suggest_store(p);

	return err_set(
		e, EREMOTE,
		"%s; this is %s: create a pool of its own with 'canhazgpu admin --store %s'%s "
		"(only if the other host is gone, or its GPUs are here now: 'canhazgpu admin "
		"--force' takes its pool over and ends all reservations)",
		whose, p->here.machine.name, own ? own : "URL",
		own ? "" : ", where the URL names another database or file");
}
