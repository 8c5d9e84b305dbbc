/* Signals, time limits and the end of what srun and salloc have asked Slurm for. */
#ifndef CMD_SLURM_CLIENT_CONTROL_H
#define CMD_SLURM_CLIENT_CONTROL_H

#include "cmd/slurm/client.h"

/* Passes a signal on to the command; before it runs, and of a reservation, the request is taken
   back. */
void slurm_client_take_signal(struct slurm_client *c, int signal);

/* Does what is due by now, and returns when it is to be called next (monotonic). */
int64_t slurm_client_keep_time(struct slurm_client *c, int64_t begun_ns);

/* Asks Slurm whether the job runs, where nothing else tells. */
void slurm_client_ask_started(struct slurm_client *c);

/* What its client may have left in the queue, or has got without saying so: a reservation that was
   asked for is taken as told, anything else is taken back. */
void slurm_client_settle(struct slurm_client *c, int status);

#endif
