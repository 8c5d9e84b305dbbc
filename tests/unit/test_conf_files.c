/* Settings from configuration files: forms, error messages, kinds of files, three formats alike. */
#include "test_conf.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"

static void test_file_forms(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{"a.yaml", "run:\n  gpus: 3\n  timeout: 1h30m\n  gpu-ids: [1, 3]\n  short: true\n"
			   "  provider: fake\n  note: \"two words\"\nstore: sqlite:/x\n"},
		{"a.yml", "run.gpus: 3\nrun: {timeout: 90m, gpu-ids: \"3,1\", short: true,\n"
			  "  provider: fake, note: two words}\nstore: 'sqlite:/x'\nredis:\n"},
		{"a.conf", "{\"run.gpus\": \"3\", \"run\": {\"timeout\": \"1.5h\",\n"
			   "\"gpu-ids\": \"1,3\", \"short\": true, \"provider\": \"fake\",\n"
			   "\"note\": \"two words\"}, \"store\": \"sqlite:/x\"}"},
		{"a.json", "{\"run\": {\"gpus\": 3, \"timeout\": \"90m\", \"gpu-ids\": [3, 1],\n"
			   "\"short\": true, \"provider\": \"fake\", \"note\": \"two words\"},\n"
			   "\"store\": \"sqlite:/x\"}\n"},
		{"b.toml", "\xef\xbb\xbfstore = 'sqlite:/x'\n[run]\ngpus = 0x3\ntimeout = '90m'\n"
			   "gpu-ids = [1,\n 3,]\nshort = true\nprovider = \"fake\"\n"
			   "note = '''\ntwo words'''\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(settings_freep) struct settings *s = new_settings();
		AUTO_FREE int *ids = NULL;
		struct err e = {0};
		size_t count;

		if (load(s, cases[i].name, cases[i].text, &e))
			fail_msg("%s", e.text);
		assert_int_equal(settings_int(s, "run.gpus"), 3);
		assert_int_equal(settings_duration_ns(s, "run.timeout"), 90 * 60 * NS_PER_SECOND);
		assert_true(settings_flag(s, "run.short"));
		assert_string_equal(settings_text(s, "run.provider"), "fake");
		assert_string_equal(settings_text(s, "run.note"), "two words");
		assert_string_equal(settings_text(s, "store"), "sqlite:/x");
		ids = settings_ids(s, "run.gpu-ids", &count);
		assert_int_equal(count, 2);
		assert_int_equal(ids[0], 1);
		assert_int_equal(ids[1], 3);
	}
}

/* Other hosts, as a list of names and sections, under either key. */
static void test_hosts(void **state)
{
	static const struct option_spec table[] = {{.name = "hosts",
						    .type = OPTION_REMOTES,
						    .other_key = "remote_hosts",
						    .not_on_command_line = true},
						   {.name = NULL}};
	static const struct {
		const char *name, *text, *expected;
	} cases[] = {
		{"a.yaml", "hosts: [gpu1, alice@gpu2]\n", "gpu1, alice@gpu2"},
		{"a.yaml", "hosts: \"gpu1,gpu2\"\n", "gpu1,gpu2"},
		{"a.yaml", "hosts: []\n", ""},
		{"a.yaml",
		 "remote_hosts:\n  - gpu1\n  - name: gpu2\n    label: the big one\n    ssh: a@b\n",
		 "gpu1, gpu2 ssh=a@b label=the big one"},
		{"a.json",
		 "{\"hosts\": [{\"name\": \"a\", \"url\": \"https://a:1\", \"token-file\": \"/t\"}]}",
		 "a url=https://a:1 token-file=/t"},
		{"a.toml", "hosts = [\"gpu1\", {name = \"gpu2\", ssh = \"x@y\"}]\n",
		 "gpu1, gpu2 ssh=x@y"},
		{"a.yaml", "hosts: [a]\nremote_hosts: [b]\n", "a"},
		{"a.yaml", "remote_hosts: [b]\nhosts: [a]\n", "a"},
		{"a.yaml", "hosts: [\"fd00::1\"]\n", "fd00::1"},
		{"a.yaml", "hosts: 3\n",
		 "!a.yaml:1:8: hosts needs a list of hosts, such as [gpu1, {name: gpu2, ssh: "
		 "alice@gpu2}], this is a number"},
		{"a.yaml", "hosts: [3]\n",
		 "!a.yaml:1:9: a host needs a name in quotes, or a section with one"},
		{"a.yaml", "hosts: [{ssh: a}]\n",
		 "!a.yaml:1:9: a host needs a name in quotes, or a section with one"},
		{"a.yaml", "hosts: [\"-oProxyCommand=x\"]\n",
		 "!a.yaml:1:8: hosts: host '-oProxyCommand=x': '-oProxyCommand=x' is no name of a host"},
		{"a.yaml", "hosts: [\"a,b\"]\n", "!a.yaml:1:9: 'a,b' is no name of a host"},
		{"a.yaml", "hosts: [{name: a, ssh: \"b url=c\"}]\n",
		 "!a.yaml:1:24: ssh needs text without commas and spaces"},
		{"a.yaml", "hosts: [{name: a, port: \"1\"}]\n",
		 "!a.yaml:1:19: 'port' is not name, ssh, url, token-file, ca-file or label"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(settings_freep) struct settings *s = settings_new();
		struct err e = {0};

		settings_declare(s, NULL, table);
		if (load(s, cases[i].name, cases[i].text, &e) == 0)
			assert_string_equal(settings_text(s, "hosts"), cases[i].expected);
		else
			assert_string_equal(strstr(e.text, "a."), cases[i].expected + 1);
	}
}

/* What a file says that nobody understands: it is told, and the rest counts. */
static const struct {
	const char *text, *warning;
} unknown_keys[] = {
	{"run:\n  gpsu: 2\n", "a.yaml:2:3: unknown key 'run.gpsu', did you mean 'run.gpus'?"},
	{"gpus: 2\n", "a.yaml:1:1: unknown key 'gpus', did you mean 'run.gpus'?"},
	{"run.gpu_ids: 2\n", "a.yaml:1:1: unknown key 'run.gpu_ids', did you mean 'run.gpu-ids'?"},
	{"xyzzy: {a: [1, 2]}\n", "a.yaml:1:1: unknown key 'xyzzy'"},
	{"\"x\\ny\": 2\n", "a.yaml:1:1: unknown key 'x\\x0ay'"},
};

static void test_unknown_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown_keys); i++) {
		AUTO(settings_freep) struct settings *s = new_settings();
		AUTO_FREE char *text = mem_printf("%srun.note: kept\n", unknown_keys[i].text);
		struct err e = {0};

		assert_int_equal(load(s, "a.yaml", text, &e), 0);
		assert_string_equal(settings_warning(s, 0), unknown_keys[i].warning);
		assert_null(settings_warning(s, 1));
		assert_string_equal(settings_text(s, "run.note"), "kept");
	}
}

/* What is wrong with each, and where. */
static const struct {
	const char *name, *text, *error;
} file_errors[] = {
	{"a.yaml", "config: x\n", "a.yaml:1:1: 'config' can only be given on the command line"},
	{"a.yaml", "run:\n  gpus: two\n", "a.yaml:2:9: run.gpus: 'two' is not a whole number"},
	{"a.yaml", "run:\n  gpus: 2.5\n",
	 "a.yaml:2:9: run.gpus needs a whole number, this is a number with a fraction"},
	{"a.yaml", "run:\n  gpus:\n", "a.yaml:2:8: run.gpus needs a whole number, this is nothing"},
	{"a.yaml", "run: {gpus: [2]}\n",
	 "a.yaml:1:13: run.gpus needs a whole number, this is a list"},
	{"a.yaml", "run: {gpus: {a: 1}}\n",
	 "a.yaml:1:13: run.gpus needs a whole number, this is a section"},
	{"a.yaml", "run: {gpus: 0}\n", "a.yaml:1:13: run.gpus: 0 is out of range (1 to 1024)"},
	{"a.yaml", "run: 3\n", "a.yaml:1:6: run needs a section of settings, this is a number"},
	{"a.yaml", "run: [1]\n", "a.yaml:1:6: run needs a section of settings, this is a list"},
	{"a.yaml", "run: {short: yes}\n",
	 "a.yaml:1:14: run.short needs true or false, this is text"},
	{"a.yaml", "run: {timeout: 30}\n",
	 "a.yaml:1:16: run.timeout needs a unit: \"30s\", \"30m\" or \"30h\""},
	{"a.yaml", "run: {timeout: 1.5}\n",
	 "a.yaml:1:16: run.timeout needs a duration in quotes, such as \"30m\" or \"2h\", "
	 "this is a number with a fraction"},
	{"a.yaml", "run: {gpu-ids: [1, a]}\n",
	 "a.yaml:1:16: run.gpu-ids needs GPU ids, such as [1, 3] or \"0-3\", this is a list"},
	{"a.yaml", "run: {gpu-ids: [1, 1]}\n", "a.yaml:1:16: run.gpu-ids: GPU id 1 is given twice"},
	{"a.yaml", "run: {gpu-ids: []}\n",
	 "a.yaml:1:16: run.gpu-ids: invalid GPU ids '' (use forms like 1,3,5 or 0-3)"},
	{"a.yaml", "run: {provider: intel}\n",
	 "a.yaml:1:17: run.provider: 'intel' is not one of nvidia|amd|fake"},
	{"a.yaml", "run: {note: 42}\n",
	 "a.yaml:1:13: run.note needs text in quotes, this is a number"},
	{"a.yaml", "run: {note: true}\n",
	 "a.yaml:1:13: run.note needs text in quotes, this is true or false"},
	{"a.toml", "[run]\nnote = 1979-05-27\n",
	 "a.toml:2:8: run.note needs text in quotes, this is a date or time"},
	{"a.yaml", "run.gpus: 1\nrun:\n  gpus: 2\n",
	 "a.yaml:3:3: run.gpus is set twice (first on line 1)"},
	{"a.json", "{\"run\": {\"gpus\": 1,}}", "a.json:1:20: string or '}' expected near '}'"},
	/* TOML: a table of dotted keys cannot be opened again. */
	{"a.toml", "store = 'x'\r\nrun.gpus = 3\r\n[run]\r\n",
	 "a.toml:3:2: 'run' is already defined (line 2)"},
	{"a.toml", "[[run]]\ngpus = 1\n",
	 "a.toml:1:3: run needs a section of settings, this is a list"},
	{"a.yaml", "- 1\n", "a.yaml:1:1: the document must be a mapping of keys to values"},
};

static void test_file_errors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_errors); i++) {
		AUTO(settings_freep) struct settings *s = new_settings();
		struct err e = {0};

		if (load(s, file_errors[i].name, file_errors[i].text, &e) == 0)
			fail_msg("accepted: %s", file_errors[i].text);
		assert_string_equal(e.text, file_errors[i].error);
		assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	}
}

static void assert_load_fails(const char *path, const char *text)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct err e = {0};

	assert_int_not_equal(settings_load_file(s, path, &e), 0);
	assert_string_equal(e.text, text);
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
}

/* Whatever the path names: an error at once, never a wait. */
static void test_file_kinds(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct err e = {0};

	assert_load_fails(
		"missing.yaml",
		"cannot read the configuration file 'missing.yaml': No such file or directory");
	assert_load_fails(".", ".: is a directory, not a configuration file");
	assert_int_equal(mkfifo("fifo.yaml", 0600), 0);
	assert_load_fails("fifo.yaml", "fifo.yaml: is not a regular file");
	unlink("fifo.yaml");
	assert_load_fails("/dev/zero", "/dev/zero: is not a regular file");
	write_file("big.yaml", "");
	assert_int_equal(truncate("big.yaml", 1024 * 1024 + 1), 0);
	assert_load_fails("big.yaml", "big.yaml: larger than 1024 KiB");
	unlink("big.yaml");
	assert_int_equal(symlink("loop.yaml", "loop.yaml"), 0);
	assert_load_fails(
		"loop.yaml",
		"cannot read the configuration file 'loop.yaml': Too many levels of symbolic links");
	unlink("loop.yaml");
	assert_int_equal(settings_load_file(s, "/dev/null", &e), 0);
	assert_int_equal(load(s, "empty.yaml", "# nothing\n", &e), 0);
	assert_int_equal(load(s, "empty.toml", "", &e), 0);
}

static void test_personal_file(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	AUTO_FREE char *expected = mem_printf("two configuration files: %s/.canhazgpu.yml and "
					      "%s/.canhazgpu.toml (keep one)",
					      directory, directory);
	struct err e = {0};

	assert_int_equal(settings_load_personal_file(s, NULL, &e), 0);
	assert_int_equal(settings_load_personal_file(s, "", &e), 0);
	assert_int_equal(settings_load_personal_file(s, directory, &e), 0);
	assert_int_equal(settings_load_personal_file(s, "/nonexistent", &e), 0);
	write_file(".canhazgpu.toml", "run.gpus = 7\n");
	assert_int_equal(settings_load_personal_file(s, directory, &e), 0);
	assert_int_equal(settings_int(s, "run.gpus"), 7);
	write_file(".canhazgpu.yml", "run.gpus: 8\n");
	assert_int_not_equal(settings_load_personal_file(s, directory, &e), 0);
	assert_string_equal(e.text, expected);
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	unlink(".canhazgpu.toml");
	write_file(".canhazgpu.yml", "run.gpus: [\n");
	assert_int_not_equal(settings_load_personal_file(s, directory, &e), 0);
	unlink(".canhazgpu.yml");
}

/* ---- the same random configuration in three formats ---- */

struct random_value {
	const char *key;
	char text[160]; /* as settings_text should give it */
	char code[400]; /* as JSON and YAML and TOML all write it */
};

/* A quoted text that all three formats read alike, and what it means. */
static void random_text(struct random_value *v)
{
	static const char *const pieces[][2] = {
		{"a", "a"},       {" ", " "},       {"true", "true"}, {"12", "12"},
		{"\\n", "\n"},    {"\\t", "\t"},    {"\\\"", "\""},   {"\\\\", "\\"},
		{"\\u00e9", "é"}, {"日本", "日本"}, {"#", "#"},       {": ", ": "},
		{"'", "'"},       {"=", "="},       {"- ", "- "},     {"\\u20ac", "€"},
	};
	int count = rand() % 8;

	strcpy(v->code, "\"");
	v->text[0] = '\0';
	for (int i = 0; i < count; i++) {
		size_t piece = (size_t)rand() % ARRAY_SIZE(pieces);

		strcat(v->code, pieces[piece][0]);
		strcat(v->text, pieces[piece][1]);
	}
	strcat(v->code, "\"");
}

static void random_plain(struct random_value *v, int kind)
{
	static const char *const providers[] = {"nvidia", "amd", "fake"};
	static const char *const durations[] = {"30s", "1h30m", "0.5h", "2d"};
	int a = rand() % 100, b = a + 1 + rand() % 5;

	if (kind == 0)
		snprintf(v->text, sizeof(v->text), "%d", 1 + rand() % 1024);
	else if (kind == 1)
		snprintf(v->text, sizeof(v->text), "%s", rand() % 2 ? "true" : "false");
	else if (kind == 2)
		snprintf(v->text, sizeof(v->text), "%d,%d", b, a);
	else
		snprintf(v->text, sizeof(v->text), "%s",
			 kind == 3 ? durations[rand() % 4] : providers[rand() % 3]);
	if (kind < 2)
		snprintf(v->code, sizeof(v->code), "%s", v->text);
	else if (kind == 2)
		snprintf(v->code, sizeof(v->code), "[%s]", v->text);
	else
		snprintf(v->code, sizeof(v->code), "\"%s\"", v->text);
}

static size_t random_values(struct random_value *values)
{
	static const struct {
		const char *key;
		int kind; /* 5: text */
	} keys[] = {{"run.gpus", 0},        {"run.short", 1},    {"run.gpu-ids", 2},
		    {"run.timeout", 3},     {"run.provider", 4}, {"run.note", 5},
		    {"redis.port", 0},      {"redis.host", 5},   {"store", 5},
		    {"memory.threshold", 0}};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (rand() % 3 == 0)
			continue;
		values[count].key = keys[i].key;
		if (keys[i].kind == 5)
			random_text(&values[count++]);
		else
			random_plain(&values[count++], keys[i].kind);
	}
	return count;
}

/* Writes the values; nested chooses how, with sections where a key has one. */
static char *write_values(const struct random_value *values, size_t count, const char *format,
			  bool nested)
{
	struct str out = {0};
	bool json = !strcmp(format, "json"), toml = !strcmp(format, "toml");
	const char *assign = toml ? " = " : ": ";

	str_add(&out, json ? "{" : "");
	for (size_t i = 0; i < count; i++) {
		const char *key = values[i].key, *dot = strchr(key, '.');
		const char *quote = json ? "\"" : "";

		str_add(&out, json && i ? ",\n " : "");
		/* TOML's dotted keys are nested by themselves. JSON may not name a section twice.
		 */
		if (nested && dot && !toml && !json &&
		    (i == 0 || strncmp(values[i - 1].key, key, (size_t)(dot - key) + 1) != 0))
			str_addf(&out, "%.*s:\n", (int)(dot - key), key);
		if (nested && dot && !toml && !json)
			str_addf(&out, "  %s%s%s\n", dot + 1, assign, values[i].code);
		else
			str_addf(&out, "%s%s%s%s%s%s", quote, key, quote, assign, values[i].code,
				 json ? "" : "\n");
	}
	str_add(&out, json ? "}\n" : "");
	return str_steal(&out);
}

static void test_three_formats_agree(void **state)
{
	static const char *const formats[] = {"yaml", "json", "toml"};

	srand(20);
	for (int round = 0; round < 200; round++) {
		struct random_value values[10];
		size_t count = random_values(values);

		for (size_t f = 0; f < ARRAY_SIZE(formats) * 2; f++) {
			AUTO(settings_freep) struct settings *s = new_settings();
			AUTO_FREE char *text = write_values(values, count, formats[f / 2], f % 2);
			AUTO_FREE char *name = mem_printf("random.%s", formats[f / 2]);
			struct setting_view view;
			struct err e = {0};
			size_t set = 0;

			if (load(s, name, text, &e))
				fail_msg("%s\n%s", e.text, text);
			for (size_t i = 0; i < count; i++)
				assert_string_equal(settings_text(s, values[i].key),
						    values[i].text);
			for (size_t i = 0; settings_view(s, i, &view); i++)
				set += settings_is_set(s, view.key);
			assert_int_equal(set, count);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_file_forms),
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_file_kinds),
		cmocka_unit_test(test_personal_file),
		cmocka_unit_test(test_three_formats_agree),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
