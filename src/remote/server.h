/* A web server of another host, and how the two know each other. */
#ifndef REMOTE_SERVER_H
#define REMOTE_SERVER_H

/* Borrowed texts. */
struct remote_server {
	const char *url;     /* "http://gpu2:8080", or of one document */
	const char *token;   /* that it wants to see; NULL: none */
	const char *ca_file; /* PEM: its certificate is signed by one of these; NULL: by one that
				this host trusts */
};

#endif
