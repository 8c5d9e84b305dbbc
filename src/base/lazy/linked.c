/*
 * lazy.h for programs that are linked with the libraries. The table keeps all of them linked, even
 * one that the program does not call: the packages' tools read in canhazgpu-web what both programs
 * need, since canhazgpu itself does not show it.
 */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <yaml.h>

#include "base/lazy/lazy.h"

typedef void function(void);

__attribute__((used)) static function *const linked[] = {
	[LAZY_HIREDIS] = (function *)redisReaderCreate,
	[LAZY_JANSSON] = (function *)json_object,
	[LAZY_YAML] = (function *)yaml_parser_initialize,
};

int lazy_load(enum lazy library, struct err *e)
{
	return 0;
}
