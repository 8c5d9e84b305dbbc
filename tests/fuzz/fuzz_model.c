/* Command lines that any account may give its processes: the first argument is the process name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO_FREE const char **argv = mem_alloc(size + 1, sizeof(*argv));
	AUTO(model_clear) struct model m = {0};
	size_t argc = 0;

	if (size > 0)
		memcpy(text, data, size);
	/* '|' ends an argument too, so that seeds are plain text. */
	for (size_t i = 0; i < size; i++)
		if (text[i] == '|')
			text[i] = '\0';
	for (size_t i = 0; i < size; i += strlen(text + i) + 1)
		argv[argc++] = text + i;
	if (argc == 0 || !model_recognise(argv[0], argv + 1, argc - 1, &m))
		return 0;
	if (!m.model || !*m.model || strlen(m.model) > MODEL_NAME_MAX)
		abort();
	if (m.provider && (strncmp(m.model, m.provider, strlen(m.provider)) != 0 ||
			   m.model[strlen(m.provider)] != '/'))
		abort();
	return 0;
}
