/*
 * What `canhazgpu web` (src/cmd/web.c) tells the server that it becomes (src/web): the settings in
 * effect. They lie here because both may use this folder.
 */
#ifndef POOL_WEB_CONFIG_H
#define POOL_WEB_CONFIG_H

#include "pool/pool.h"

/* A token shorter than this can be guessed. */
#define WEB_TOKEN_MIN 16
#define WEB_TOKEN_MAX 256

/* Another host that the page shows, too. */
struct web_host {
	char *name;
	char *url;
	char *token;   /* that its server wants to see; NULL: none */
	char *ca_file; /* what its certificate is checked by; NULL: the system's */
	char *label;   /* NULL: none */
};

struct web_config {
	char *host;        /* address or name to listen on */
	int port;          /* 0: any free one */
	bool demo;         /* simulated GPUs, no pool */
	int demo_gpus;     /* so many of them */
	char *token;       /* who wants anything must know it; NULL: nobody must */
	char *allow_hosts; /* names that the server answers to, separated by commas; NULL: see
			      access.c */
	char *documentation_url, *source_url; /* for the page's links; NULL: the program's own */
	int64_t interval_ns;
	struct web_host *hosts;
	size_t hosts_count;
	int64_t hosts_limit_ns;   /* how long each has to answer */
	bool slurm;               /* the cluster that this host is part of, no pool */
	char *nodes;              /* with slurm: as configured, for its nodes; or NULL */
	struct pool_config *pool; /* NULL with demo and slurm */
};

/* As one JSON document; the caller frees it. NULL where a text is no UTF-8. */
char *web_config_write(const struct web_config *c);

/* The caller clears *ret_config. */
int web_config_read(const char *text, struct web_config *ret_config, struct err *e);

void web_config_clear(struct web_config *c);

#endif
