/* libyaml, loaded when there is a YAML file to read; see lazy.h. */
#include <yaml.h>

#include "base/lazy/forward.h"

#define LIBRARY LAZY_YAML

#define FUNCTIONS(X)                                                                     \
	X(void, yaml_event_delete, (yaml_event_t * event), (event))                      \
	X(int, yaml_parser_initialize, (yaml_parser_t * p), (p))                         \
	X(void, yaml_parser_delete, (yaml_parser_t * p), (p))                            \
	X(int, yaml_parser_parse, (yaml_parser_t * p, yaml_event_t * event), (p, event)) \
	X(void, yaml_parser_set_encoding, (yaml_parser_t * p, yaml_encoding_t encoding), \
	  (p, encoding))                                                                 \
	X(void, yaml_parser_set_input_string,                                            \
	  (yaml_parser_t * p, const unsigned char *text, size_t size), (p, text, size))

static struct {
	FUNCTIONS(LAZY_POINTER)
} functions;

struct lazy_library lazy_yaml = {
	.file = CANHAZGPU_LIBYAML,
	.package = "libyaml",
	.names = FUNCTIONS(LAZY_NAME),
	.functions = &functions,
};

FUNCTIONS(LAZY_FORWARD)
