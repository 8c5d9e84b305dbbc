/* The report, from the accounting of Slurm (sacct). */
#ifndef SLURM_USAGE_H
#define SLURM_USAGE_H

#include "pool/report.h"

/* Needs slurmdbd, with AccountingStorageTRES=gres/gpu. The caller clears *ret_report. */
int slurm_usage(const struct report_request *request, struct report *ret_report, struct err *e);

/* The same from texts of sacct: rows of id, uid, account, start, end and TRES; and ids of those
   that are reservations. Pure, for tests. */
void slurm_usage_add(struct usage *u, char *rows, const char *reservations, int64_t now_ns,
		     size_t *ret_without_gpus);

#endif
