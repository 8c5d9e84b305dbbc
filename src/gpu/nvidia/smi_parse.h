/*
 * The tables that nvidia-smi prints, read without any I/O (tests/fuzz feeds it anything). What
 * cannot be understood makes a GPU unknown; no row is ever dropped, and nothing unknown looks free.
 */
#ifndef GPU_NVIDIA_SMI_PARSE_H
#define GPU_NVIDIA_SMI_PARSE_H

#include <stddef.h>

#include "base/err.h"
#include "base/nouns.h"

/* What is asked, in the order in which the columns are read. */
#define NVIDIA_SMI_GPU_COLUMNS                                                                 \
	"index,uuid,name,pci.bus_id,memory.total,memory.used,utilization.gpu,temperature.gpu," \
	"power.draw,mig.mode.current,driver_version"
#define NVIDIA_SMI_PROCESS_COLUMNS "gpu_uuid,pid,process_name,used_memory"

/*
 * The answer to --query-gpu with --format=csv,noheader,nounits. One GPU per line. -ENODEV: there
 * are no GPUs; -EIO: not one line is a row (nvidia-smi's own complaint is in the error).
 */
int nvidia_smi_parse_gpus(const char *text, size_t length, struct scan *ret_scan, struct err *e);

/*
 * The answer to --query-compute-apps for the GPUs of s. Sets processes_known where every line could
 * be understood; a line that cannot be laid to a GPU makes the processes of all of them unknown.
 */
void nvidia_smi_parse_processes(const char *text, size_t length, struct scan *s);

/* The query for processes failed: those of every GPU are unknown. */
void nvidia_smi_no_processes(struct scan *s, const char *why);

#endif
