/* The TOML reader of configuration files: no bytes crash it, hang it, or give a broken tree. */
#include "fuzz_doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	doc_free(fuzz_read(DOC_TOML, data, size));
	return 0;
}
