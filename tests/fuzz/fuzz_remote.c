/* What another host may answer: read within limits, and shown in every form. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "remote/answer.h"
#include "view/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(struct table *table)
{
	FILE *out = fopen("/dev/null", "we");

	if (table && out)
		table_print(table, out, false);
	table_free(table);
	if (out)
		fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum remote_topic topics[] = {REMOTE_STATUS, REMOTE_QUEUE, REMOTE_REPORT};

	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		struct host_reply host = {.name = "gpu1", .problem = "away"};
		json_t *document;
		char *text;

		if (remote_read(topics[i], (const char *)data, size, &host.document, NULL) < 0)
			host.document = NULL;
		if (topics[i] == REMOTE_REPORT) {
			show(view_hosts_report_table(&host, 1, size % 2));
			document = view_hosts_report_json(&host, 1);
		} else {
			show(view_hosts_status_table(&host, 1));
			show(view_hosts_summary_table(&host, 1));
			show(view_hosts_queue_table(&host, 1));
			document = i == 0 ? view_hosts_status_json(&host, 1)
					  : view_hosts_queue_json(&host, 1);
		}
		text = json_dumps(document, JSON_ENSURE_ASCII);
		if (!text)
			abort();
		free(text);
		json_decref(document);
		json_decref(host.document);
	}
	return 0;
}
