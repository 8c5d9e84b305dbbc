/* What the process does that follows other hosts (web.hosts). Called by work.c. */
#ifndef WEB_HOSTS_WORK_H
#define WEB_HOSTS_WORK_H

#include "pool/web_config.h"

/* Answers ASK_HOSTS until the server is gone. */
__attribute__((noreturn)) void work_on_hosts(const struct web_config *config, int fd);

#endif
