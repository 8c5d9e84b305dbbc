/* Starting the programs that are measured. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <sys/types.h>

/* Ends the benchmark, with what was tried and errno. */
__attribute__((noreturn)) void die(const char *what);

/* Starts argv[0]; its output goes to out_fd, its input is in_fd (-1: /dev/null). */
pid_t start(char *const *argv, int in_fd, int out_fd);

/* Waits for the end; the exit status must be 0. */
void finish(pid_t pid);

#endif
