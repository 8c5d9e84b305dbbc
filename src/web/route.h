/* Which path is what. Called by http.c with requests that have arrived completely. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "web/server.h"

/* Answers, or lets the request wait: then this is called again. */
enum MHD_Result route(struct request *r, const char *method);

/* Makes the documents of the page's files. */
void route_init(struct server *s);
void route_clear(struct server *s);

#endif
