/* The documents of several hosts; see hosts.h. */
#include "view/hosts.h"

#include <string.h>

#include "base/mem.h"
#include "remote/answer.h"
#include "view/json.h"

static json_t *away_json(const struct host_reply *host)
{
	json_t *row = json_object();

	json_object_set_new(row, "host", view_json_text(host->name));
	json_object_set_new(row, "status", json_string("AWAY"));
	json_object_set_new(row, "error", view_json_text(host->problem));
	return row;
}

json_t *view_hosts_status_json(const struct host_reply *hosts, size_t count)
{
	json_t *document = json_array();

	for (size_t i = 0; i < count; i++) {
		if (!hosts[i].document) {
			json_t *row = away_json(&hosts[i]);

			json_object_set_new(row, "account", json_null());
			json_array_append_new(document, row);
		}
		for (size_t k = 0; k < json_array_size(hosts[i].document); k++)
			json_array_append_new(
				document,
				remote_row(hosts[i].name, json_array_get(hosts[i].document, k)));
	}
	return document;
}

/* Adds the entries of one host to the document's, and their sums. */
static void add_queue(json_t *entries, const struct host_reply *host, int64_t *requested,
		      int64_t *allocated)
{
	for (size_t i = 0; i < json_array_size(host->document); i++) {
		json_t *row = json_array_get(host->document, i);
		struct remote_request request;

		remote_request_read(row, &request);
		*requested += request.requested;
		*allocated += request.allocated;
		json_array_append_new(entries, remote_row(host->name, row));
	}
}

json_t *view_hosts_queue_json(const struct host_reply *hosts, size_t count)
{
	json_t *document = json_object(), *entries = json_array(), *list = json_array();
	int64_t requested = 0, allocated = 0;
	json_int_t waiting;

	for (size_t i = 0; i < count; i++) {
		json_t *host = hosts[i].document ? json_object() : away_json(&hosts[i]);

		add_queue(entries, &hosts[i], &requested, &allocated);
		waiting = (json_int_t)json_array_size(hosts[i].document);
		if (hosts[i].document) {
			json_object_set_new(host, "host", view_json_text(hosts[i].name));
			json_object_set_new(host, "total_waiting", json_integer(waiting));
		}
		json_array_append_new(list, host);
	}
	waiting = (json_int_t)json_array_size(entries);
	json_object_set_new(document, "entries", entries);
	json_object_set_new(document, "total_waiting", json_integer(waiting));
	json_object_set_new(document, "total_gpus_requested", json_integer(requested));
	json_object_set_new(document, "total_gpus_allocated", json_integer(allocated));
	json_object_set_new(document, "hosts", list);
	return document;
}

/* Appends the rows of one report under the name that they have there. */
static void add_rows(json_t *document, const struct host_reply *host, const char *name,
		     json_t *rows)
{
	json_t *all = json_object_get(document, name);

	if (!all) {
		all = json_array();
		json_object_set_new(document, name, all);
	}
	for (size_t i = 0; i < json_array_size(rows); i++)
		json_array_append_new(all, remote_row(host->name, json_array_get(rows, i)));
}

static json_t *rest_json(const struct host_reply *host)
{
	json_t *rest = json_object();

	json_object_set_new(rest, "host", view_json_text(host->name));
	for (void *i = json_object_iter(host->document); i;
	     i = json_object_iter_next(host->document, i)) {
		if (!json_is_array(json_object_iter_value(i)) &&
		    strcmp(json_object_iter_key(i), "host") != 0)
			json_object_set_new(rest, json_object_iter_key(i),
					    json_incref(json_object_iter_value(i)));
	}
	return rest;
}

json_t *view_hosts_report_json(const struct host_reply *hosts, size_t count)
{
	json_t *document = json_object(), *list = json_array();
	double hours = 0, reservations = 0;

	for (size_t i = 0; i < count; i++) {
		json_t *report = hosts[i].document;

		for (void *m = json_object_iter(report); report && m;
		     m = json_object_iter_next(report, m)) {
			if (json_is_array(json_object_iter_value(m)))
				add_rows(document, &hosts[i], json_object_iter_key(m),
					 json_object_iter_value(m));
		}
		hours += remote_number(report, "total_gpu_hours");
		reservations += remote_number(report, "total_reservations");
		json_array_append_new(list, report ? rest_json(&hosts[i]) : away_json(&hosts[i]));
	}
	json_object_set_new(document, "total_gpu_hours",
			    json_real((double)(int64_t)(hours * 1e6 + 0.5) / 1e6));
	json_object_set_new(document, "total_reservations", json_integer((json_int_t)reservations));
	json_object_set_new(document, "hosts", list);
	return document;
}
