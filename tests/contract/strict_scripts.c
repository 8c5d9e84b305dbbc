/*
 * For programs that are linked with --wrap=redis_run_script: every script of the store runs as on a
 * server that lets it touch no key but those of KEYS, as Dragonfly does. Redis itself does not
 * mind.
 */
#include "strict_scripts.h"

#include <errno.h>

#include "base/mem.h"

bool scripts_are_strict = true;
void (*before_script)(void);

static const char strict[] =
	"local declared, server = {}, redis\n"
	"for _, key in ipairs(KEYS) do declared[key] = true end\n"
	"local function check(name, ...)\n"
	"  local keys = {...}\n"
	"  for i = 1, name == 'PUBLISH' and 0 or name == 'MGET' and #keys or 1 do\n"
	"    if not declared[keys[i]] then error('undeclared key ' .. tostring(keys[i])) end\n"
	"  end\n"
	"end\n"
	"local redis = {error_reply = server.error_reply,\n"
	"  call = function(...) check(...) return server.call(...) end,\n"
	"  pcall = function(...) check(...) return server.pcall(...) end}\n";

int __real_redis_run_script(struct redis_store *s, const struct redis_script *script, size_t count,
			    const char **words, const size_t *lengths, redisReply **ret_reply,
			    struct err *e);
int __wrap_redis_run_script(struct redis_store *s, const struct redis_script *script, size_t count,
			    const char **words, const size_t *lengths, redisReply **ret_reply,
			    struct err *e);

int __wrap_redis_run_script(struct redis_store *s, const struct redis_script *script, size_t count,
			    const char **words, const size_t *lengths, redisReply **ret_reply,
			    struct err *e)
{
	AUTO_FREE char *text = mem_printf("%s%s", scripts_are_strict ? strict : "", script->text);
	/* A hash that the server does not know: it gets the text. */
	const struct redis_script copy = {.text = text,
					  .sha1 = "0000000000000000000000000000000000000000"};

	if (before_script)
		before_script();
	return __real_redis_run_script(s, &copy, count, words, lengths, ret_reply, e);
}
