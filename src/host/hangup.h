/*
 * A command that ends with the connection by which it was started. With a terminal the kernel sees
 * to that; a command of ssh without one would go on, and keep its GPUs, when the connection is
 * lost.
 */
#ifndef HOST_HANGUP_H
#define HOST_HANGUP_H

/* Set by who starts the program like that (remote/ssh.c), to "1". */
#define HOST_HANGUP_VARIABLE "CANHAZGPU_END_WITH_PARENT"

/*
 * Where that variable is set: from here on this process, also as the command that it becomes, gets
 * SIGHUP when its parent ends, and so does its group, if it leads one. A small process of its own
 * sees to it, since what the kernel offers (PR_SET_PDEATHSIG) is lost when a program changes its
 * rights.
 */
void host_hangup_watch(void);

#endif
