/* What `canhazgpu doctor` wants to know of Slurm: client programs, controller, GPUs, accounting. */
#ifndef SLURM_EXAMINE_H
#define SLURM_EXAMINE_H

#include "base/finding.h"

void slurm_examine(struct findings *f);

#endif
