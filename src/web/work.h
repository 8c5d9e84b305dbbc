/* What the processes behind the server do; see worker.h, which starts them. */
#ifndef WEB_WORK_H
#define WEB_WORK_H

#include "web/worker.h"

/* Answers what is asked on fd until its other end is closed, then ends the process. */
__attribute__((noreturn)) void work(enum worker_kind kind, const struct web_config *config, int fd);

/* Writes all of it to the server. False: it is gone. */
bool work_write(int fd, const void *bytes, size_t length);

#endif
