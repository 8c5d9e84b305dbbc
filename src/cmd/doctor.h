/* The parts of `canhazgpu doctor` that need the settings or the installation; see doctor.c. */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "base/finding.h"
#include "cmd/command.h"

/* Which program this is, with which rights; other programs of its name; the pool's directory. */
void doctor_program(struct findings *f);
void doctor_path(const char *path, struct findings *f);
void doctor_directory(struct findings *f);

/* Configuration files and what they set. `in->config_error` says what is wrong with them. */
void doctor_configuration(const struct invocation *in, struct findings *f);

#endif
