/*
 * Usage records as nearly all of them are written: one flat object, no escapes, ASCII. A report
 * reads a hundred thousand of them, for which a JSON parser, which makes a tree of each, takes most
 * of the time. Whatever is not as plain as that is left to it: see redis_json_read_usage.
 */
#include <string.h>

#include "base/mem.h"
#include "store/redis/json.h"

/* The times that redis_json_get_time takes end before. */
#define TIME_LIMIT_NS (INT64_C(9000000000) * NS_PER_SECOND)

enum member {
	MEMBER_USER,
	MEMBER_ACCOUNT,
	MEMBER_GPU,
	MEMBER_START,
	MEMBER_END,
	MEMBER_TYPE,
	MEMBER_ID,
	MEMBER_UID,
	MEMBER_REASON,
	MEMBER_ACTOR,
	MEMBER_ACTIVE,
	MEMBER_IDLE,
	MEMBERS, /* and the place of all others */
};

static const char *const names[MEMBERS] = {
	[MEMBER_USER] = "user",         [MEMBER_ACCOUNT] = "actual_user",
	[MEMBER_GPU] = "gpu_id",        [MEMBER_START] = "start_time",
	[MEMBER_END] = "end_time",      [MEMBER_TYPE] = "reservation_type",
	[MEMBER_ID] = "reservation_id", [MEMBER_UID] = "uid",
	[MEMBER_REASON] = "reason",     [MEMBER_ACTOR] = "actor",
	[MEMBER_ACTIVE] = "active_ns",  [MEMBER_IDLE] = "idle_ns",
};

/* A part of the text; NULL: the member is not there. */
struct piece {
	const char *text;
	size_t length;
	bool is_number;
};

/* "text", from its first quote. Returns what follows; NULL: it is not plain. */
static const char *take_string(const char *p, struct piece *ret_piece)
{
	const char *begin = ++p;

	while (*p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	*ret_piece = (struct piece){.text = begin, .length = (size_t)(p - begin)};
	return *p == '"' ? p + 1 : NULL;
}

/* A whole number that any reader takes for the same, or a fraction, which no member here is. */
static const char *take_number(const char *p, struct piece *ret_piece)
{
	size_t digits = strspn(p, "0123456789");
	const char *end = p + digits;

	if (!digits || digits > 18 || (*p == '0' && digits > 1))
		return NULL;
	*ret_piece = (struct piece){.text = p, .length = digits, .is_number = true};
	if (*end == '.') {
		digits = strspn(end + 1, "0123456789");
		end += digits + 1;
		ret_piece->length = 0;
	}
	return digits && *end != 'e' && *end != 'E' ? end : NULL;
}

static enum member member_of(const struct piece *name)
{
	for (int i = 0; i < MEMBERS; i++) {
		if (names[i][0] == *name->text && strlen(names[i]) == name->length &&
		    !memcmp(names[i], name->text, name->length))
			return (enum member)i;
	}
	return MEMBERS;
}

/* {"name":value,...}: the values that are of interest. */
static bool take_object(const char *p, struct piece pieces[MEMBERS + 1])
{
	if (*p++ != '{')
		return false;
	for (;;) {
		struct piece name, value;
		enum member member;

		if (*p != '"' || !(p = take_string(p, &name)) || *p++ != ':')
			return false;
		p = *p == '"' ? take_string(p, &value) : take_number(p, &value);
		if (!p)
			return false;
		member = member_of(&name);
		if (member < MEMBERS && pieces[member].text)
			return false;
		pieces[member] = value;
		if (*p == '}')
			return !p[1];
		if (*p++ != ',')
			return false;
	}
}

static bool take_text(const struct piece *piece, char **ret_text)
{
	if (piece->is_number)
		return false;
	if (piece->text) {
		*ret_text = mem_alloc(piece->length + 1, 1);
		memcpy(*ret_text, piece->text, piece->length);
	}
	return true;
}

static bool take_int(const struct piece *piece, int64_t *ret_value)
{
	int64_t value = 0;

	if (!piece->is_number || !piece->length)
		return false;
	for (size_t i = 0; i < piece->length; i++)
		value = value * 10 + (piece->text[i] - '0');
	*ret_value = value;
	return true;
}

static bool take_quantity(const struct piece *piece, int64_t limit, struct quantity *ret_value)
{
	int64_t value;

	if (!piece->text)
		return true;
	if (!take_int(piece, &value) || value >= limit)
		return false;
	*ret_value = quantity_of(value);
	return true;
}

/* For the functions that want a text of its own. */
static bool copy(const struct piece *piece, char *buffer, size_t size)
{
	if (!piece->text || piece->is_number || piece->length >= size)
		return false;
	memcpy(buffer, piece->text, piece->length);
	buffer[piece->length] = '\0';
	return true;
}

static bool take_time(const struct piece *piece, int64_t *ret_ns)
{
	char text[40];

	return copy(piece, text, sizeof(text)) && clock_rfc3339_parse(text, ret_ns, NULL) == 0 &&
	       *ret_ns > 0 && *ret_ns <= TIME_LIMIT_NS;
}

/* What is not of every record, and what has but a few values. */
static bool take_words(const struct piece pieces[MEMBERS + 1], struct usage_record *u)
{
	char word[32];

	if (!copy(&pieces[MEMBER_TYPE], word, sizeof(word)) ||
	    !reservation_type_parse(word, &u->type))
		return false;
	if (pieces[MEMBER_ID].text && (!copy(&pieces[MEMBER_ID], u->reservation_id, ID_SIZE) ||
				       strchr(u->reservation_id, ' ')))
		return false;
	return !pieces[MEMBER_REASON].text || (copy(&pieces[MEMBER_REASON], word, sizeof(word)) &&
					       end_reason_parse(word, &u->reason));
}

bool redis_usage_take_plain(const char *text, struct usage_record *ret_record)
{
	AUTO(usage_record_clear) struct usage_record u = {0};
	struct piece pieces[MEMBERS + 1] = {0};
	int64_t gpu;

	if (!take_object(text, pieces) || !pieces[MEMBER_USER].length ||
	    !take_int(&pieces[MEMBER_GPU], &gpu) || gpu >= POOL_GPUS_MAX ||
	    !take_time(&pieces[MEMBER_START], &u.start_ns) ||
	    !take_time(&pieces[MEMBER_END], &u.end_ns) || u.end_ns < u.start_ns ||
	    !take_words(pieces, &u) || !take_quantity(&pieces[MEMBER_UID], UINT32_MAX, &u.uid) ||
	    !take_quantity(&pieces[MEMBER_ACTIVE], INT64_MAX, &u.active_ns) ||
	    !take_quantity(&pieces[MEMBER_IDLE], INT64_MAX, &u.idle_ns) ||
	    !take_text(&pieces[MEMBER_USER], &u.user) ||
	    !take_text(&pieces[pieces[MEMBER_ACCOUNT].text ? MEMBER_ACCOUNT : MEMBER_USER],
		       &u.account) ||
	    !take_text(&pieces[MEMBER_ACTOR], &u.actor))
		return false;
	u.gpu = (int)gpu;
	*ret_record = u;
	u = (struct usage_record){0};
	return true;
}
