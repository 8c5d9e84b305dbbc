/* Lines for the host's log (syslog, the journal). Never waits for it. */
#ifndef TELL_LOG_H
#define TELL_LOG_H

/* One line as "canhazgpu: ..."; control characters in it are made harmless. Where there is no log,
   nothing. */
void tell_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
