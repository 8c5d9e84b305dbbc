/* The lines of nvidia-smi that are no rows, for smi_parse.c and smi_processes.c. Pure. */
#ifndef GPU_NVIDIA_SMI_LINES_H
#define GPU_NVIDIA_SMI_LINES_H

#include "base/nouns.h"

/*
 * A bus id somewhere in a line, "... GPU 0000:3B:00.0: GPU is lost", as "00000000:3B:00.0". NULL:
 * there is none. The caller frees it.
 */
char *nvidia_smi_bus_id(const char *line);

/* Whether a line says that a card cannot be used, rather than something of no consequence. */
bool nvidia_smi_is_complaint(const char *line);

/* Whether a line only warns: what stands around it is complete. */
bool nvidia_smi_is_warning(const char *line);

/* Takes what a line says against the GPU that it names, if that is one of s. True: it is. */
bool nvidia_smi_take_verdict(struct scan *s, const char *line);

/* A value that says that the card cannot be used: "ERR!", "[GPU requires reset]". Adds the verdict.
 */
void nvidia_smi_judge(struct gpu *g, const char *value);

#endif
