/* The names of models as they stand on command lines: hub ids, paths, URLs, lists of pairs. */
#include "model/name.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define COMM_LENGTH 15 /* the kernel cuts process names here */

/* Directories that people keep models in: "models/x" is a path, although it looks like an id. */
static const char model_directories[] =
	"model models checkpoint checkpoints ckpt ckpts weights saved_models output outputs out result "
	"results run runs log logs data exp experiments tmp cache snapshots";

/* "org/name.gguf" is a file in a directory. */
static const char model_files[] =
	".gguf .ggml .bin .safetensors .pt .pth .ckpt .onnx .engine .plan .nemo .h5 .keras .pb .tflite "
	".llamafile .yaml .yml .json .toml .zip .tar .pkl";

bool model_list_has(const char *list, const char *name, size_t length, bool maybe_cut)
{
	maybe_cut = maybe_cut && length == COMM_LENGTH;
	for (const char *entry = list; *entry;) {
		size_t n = strcspn(entry, " ");
		bool prefix = entry[n - 1] == '*';
		size_t shown = prefix ? n - 1 : n;

		if ((shown == length || (prefix && shown < length) ||
		     (maybe_cut && shown > length)) &&
		    memcmp(entry, name, shown < length ? shown : length) == 0)
			return true;
		entry += n + strspn(entry + n, " ");
	}
	return false;
}

static bool text_starts(const char *text, size_t length, const char *start)
{
	size_t n = strlen(start);

	return length >= n && memcmp(text, start, n) == 0;
}

/* Takes text[0..length) as the name and its first provider_length bytes as the provider, if any. */
static bool take_name(const char *text, size_t length, size_t provider_length,
		      struct model *ret_model)
{
	bool letter = false;

	for (size_t i = 0; i < length; i++)
		letter =
			letter || isalpha((unsigned char)text[i]) || (unsigned char)text[i] >= 0x80;
	if (!letter || length > MODEL_NAME_MAX)
		return false;
	ret_model->model = mem_printf("%.*s", (int)length, text);
	ret_model->provider =
		provider_length ? mem_printf("%.*s", (int)provider_length, text) : NULL;
	return true;
}

/* The last component of a path, slashes at its end aside. */
static bool take_last_component(const char *path, size_t length, struct model *ret_model)
{
	const char *slash;

	while (length && path[length - 1] == '/')
		length--;
	slash = memrchr(path, '/', length);
	if (slash) {
		length -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	return take_name(path, length, 0, ret_model);
}

/* "org/name" at the start of text, up to a revision (@), a quantisation (:) or a further slash. */
static bool take_hub_id(const char *text, size_t length, struct model *ret_model)
{
	const char *slash = memchr(text, '/', length);
	size_t provider, end;

	if (!slash || slash == text)
		return false;
	provider = (size_t)(slash - text);
	for (end = 0; end < length; end++)
		if (!isalnum((unsigned char)text[end]) && !strchr("-_.", text[end]) &&
		    end != provider)
			break;
	if (end <= provider + 1 || (end < length && !strchr(":@/?#", text[end])))
		return false;
	return take_name(text, end, provider, ret_model);
}

/* The cache of the model hub: ".../models--org--name/snapshots/<revision>". */
static bool take_hub_cache(const char *path, size_t length, struct model *ret_model)
{
	static const char mark[] = "models--";
	const char *start = memmem(path, length, mark, strlen(mark));
	const char *end, *split;
	AUTO_FREE char *id = NULL;

	if (!start || (start > path && start[-1] != '/'))
		return false;
	start += strlen(mark);
	end = memchr(start, '/', length - (size_t)(start - path));
	if (!end)
		end = path + length;
	split = memmem(start, (size_t)(end - start), "--", 2);
	if (!split)
		return take_name(start, (size_t)(end - start), 0, ret_model);
	id = mem_printf("%.*s/%.*s", (int)(split - start), start, (int)(end - split - 2),
			split + 2);
	return take_hub_id(id, strlen(id), ret_model);
}

/* "org/name" has one slash; with more, a file's ending, or a usual directory it is a local path. */
static bool is_path(const char *text, size_t length)
{
	const char *slash = memchr(text, '/', length);
	const char *dot = memrchr(text, '.', length);

	if (!slash)
		return false;
	if (slash == text || text[0] == '.' || text[0] == '~' || text[0] == '$' ||
	    memchr(slash + 1, '/', length - (size_t)(slash + 1 - text)) || slash[1] == '\0')
		return true;
	return model_list_has(model_directories, text, (size_t)(slash - text), false) ||
	       (dot && model_list_has(model_files, dot, length - (size_t)(dot - text), false));
}

/* Reads what stands where a model's name or path is expected. */
bool model_name_read(const char *text, size_t length, struct model *ret_model)
{
	static const char *const hubs[] = {
		"https://huggingface.co/",
		"http://huggingface.co/",
		"https://hf.co/",
		"huggingface.co/",
		"hf.co/",
		"hf://",
		"HF://",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hubs); i++)
		if (text_starts(text, length, hubs[i]))
			return take_hub_id(text + strlen(hubs[i]), length - strlen(hubs[i]),
					   ret_model);
	if (take_hub_cache(text, length, ret_model))
		return true;
	if (!is_path(text, length) && take_hub_id(text, length, ret_model))
		return true;
	return take_last_component(text, length, ret_model);
}

/* The value of "key": "..." in a JSON object; a look at the text is enough for names of models. */
static bool read_json(const char *text, const char *key, size_t key_length, struct model *ret_model)
{
	AUTO_FREE char *quoted = mem_printf("\"%.*s\"", (int)key_length, key);
	const char *p = strstr(text, quoted);
	AUTO(str_clear) struct str value = {0};

	if (!p)
		return false;
	p += strlen(quoted);
	p += strspn(p, " \t\r\n");
	if (*p++ != ':')
		return false;
	p += strspn(p, " \t\r\n");
	if (*p++ != '"')
		return false;
	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && *++p == '\0')
			return false;
		str_add_bytes(&value, p, 1);
	}
	return *p == '"' && model_name_read(str_text(&value), value.length, ret_model);
}

/* The value of key in "key=value,key=value". */
static bool read_pair(const char *text, const char *key, size_t key_length, struct model *ret_model)
{
	while (*text) {
		size_t length = strcspn(text, ",");

		if (length > key_length && memcmp(text, key, key_length) == 0 &&
		    text[key_length] == '=')
			return model_name_read(text + key_length + 1, length - key_length - 1,
					       ret_model);
		text += length + (text[length] == ',');
	}
	return false;
}

bool model_name_read_pairs(const char *text, struct model *ret_model)
{
	static const char *const keys[] = {"pretrained", "model", "model_name", "path"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strlen(keys[i]);

		if (text[strspn(text, " \t\r\n")] == '{' ? read_json(text, keys[i], n, ret_model)
							 : read_pair(text, keys[i], n, ret_model))
			return true;
	}
	return false;
}
