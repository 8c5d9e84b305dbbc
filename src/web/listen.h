/* The listening socket: made here, or passed by systemd; and notifying systemd. Called by main.c
   and server.c. */
#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

#include "pool/web_config.h"

struct listener {
	int fd;
	bool loopback; /* only this host can reach it */
	char *url;     /* "http://gpu1:8080/", for people */
};

/* A socket that systemd has passed (LISTEN_FDS), else a new one on the address of the settings. The
   caller clears *ret_listener, and owns the socket. */
int listener_open(const struct web_config *config, struct listener *ret_listener, struct err *e);
void listener_clear(struct listener *l);

/* Notifies the service manager (NOTIFY_SOCKET), if there is one: "READY=1". */
void notify_manager(const char *text);

/* How often it expects "WATCHDOG=1", in microseconds; 0: not at all. */
unsigned long long notify_watchdog_us(void);

#endif
