/* Values of the documents; see json.h. */
#include "view/json.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

json_t *view_json_text(const char *text)
{
	AUTO_FREE char *valid = text_utf8(text);

	return valid ? json_string(valid) : json_null();
}

json_t *view_json_time(int64_t time_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	return json_string(clock_rfc3339(time_ns, text));
}

json_t *view_json_estimate(int64_t time_ns)
{
	if (time_ns == TIME_NONE || time_ns > INT64_MAX - NS_PER_MINUTE)
		return json_null();
	time_ns += NS_PER_MINUTE - 1;
	return view_json_time(time_ns - time_ns % NS_PER_MINUTE);
}

json_t *view_json_ids(const int *ids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer(ids[i]));
	return list;
}
