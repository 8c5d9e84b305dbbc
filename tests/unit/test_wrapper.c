/* sudo, su, doas, pkexec: which variables a command that they start gets (host/wrapper.h). */
#include "host/wrapper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "test.h"

#define NAMES "CUDA,ID"
#define WORDS_MAX 16

/* Splits at blanks; the words end with NULL. */
static void split(char *line, char **words)
{
	size_t count = 0;

	for (char *word = strtok(line, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
		words[count++] = word;
	words[count] = NULL;
}

static void test_sudo(void **state)
{
	static const struct {
		const char *words, *expected; /* NULL: as they are */
	} cases[] = {
		{"sudo true", "sudo --preserve-env=CUDA,ID true"},
		{"sudo", "sudo --preserve-env=CUDA,ID"},
		{"sudo -u bob -- train -E", "sudo --preserve-env=CUDA,ID -u bob -- train -E"},
		{"sudo -nu bob train -l", "sudo --preserve-env=CUDA,ID -nu bob train -l"},
		{"sudo -uE train", "sudo --preserve-env=CUDA,ID -uE train"},
		{"sudo --user bob train --list",
		 "sudo --preserve-env=CUDA,ID --user bob train --list"},
		{"sudo -i train", "sudo --preserve-env=CUDA,ID -i train"},
		{"sudo A=1 train", "sudo --preserve-env=CUDA,ID A=1 train"},
		{"sudo --preserve-env=PATH train", "sudo --preserve-env=PATH,CUDA,ID train"},
		{"sudo -n --preserve-env= train", "sudo -n --preserve-env=CUDA,ID train"},
		{"sudo -n --preserve=PATH train", "sudo -n --preserve-env=PATH,CUDA,ID train"},
		{"sudo train --preserve-env=PATH",
		 "sudo --preserve-env=CUDA,ID train --preserve-env=PATH"},
		{"sudo -E train", NULL},
		{"sudo -nE train", NULL},
		{"sudo --preserve-env train", NULL},
		{"sudo -l", NULL},
		{"sudo -v", NULL},
		{"sudo -K", NULL},
		{"sudo -e file", NULL},
		{"sudo --list", NULL},
		{"sudo --version", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *line = mem_strdup(cases[i].words), *option = NULL;
		AUTO_FREE char **changed = NULL;
		AUTO(str_clear) struct str text = {0};
		char *words[WORDS_MAX + 1];

		split(line, words);
		assert_int_equal(wrapper_check(WRAPPER_SUDO, words, NAMES, NULL), 0);
		wrapper_words(WRAPPER_SUDO, words, NAMES, &changed, &option);
		for (size_t k = 0; changed && changed[k]; k++)
			str_addf(&text, "%s%s", k ? " " : "", changed[k]);
		if (strcmp(str_text(&text), cases[i].expected ? cases[i].expected : "") != 0)
			fail_msg("%s: '%s'", cases[i].words, str_text(&text));
	}
}

static void test_refused(void **state)
{
	static const struct {
		enum wrapper wrapper;
		const char *words, *line; /* to type; NULL: nothing is lost */
	} cases[] = {
		{WRAPPER_NONE, "doas true", NULL},
		{WRAPPER_SU, "su bob -c true", NULL},
		{WRAPPER_SU, "su", NULL},
		{WRAPPER_SU, "su -c - bob", NULL},
		{WRAPPER_SU, "su bob -- -l", NULL},
		{WRAPPER_SU, "su - bob -c a;b", "su -w CUDA,ID - bob -c 'a;b'"},
		{WRAPPER_SU, "su -l bob", "su -w CUDA,ID -l bob"},
		{WRAPPER_SU, "su bob --login", "su -w CUDA,ID bob --login"},
		{WRAPPER_SU, "su bob -pl -c it's", "su -w CUDA,ID bob -pl -c 'it'\\''s'"},
		{WRAPPER_SU, "su -w CUDA,ID - bob", NULL},
		{WRAPPER_SU, "su -wX,ID,CUDA - bob", NULL},
		{WRAPPER_SU, "su --whitelist-environment=CUDA,ID - bob", NULL},
		{WRAPPER_SU, "su -w CUDA - bob", "su -w CUDA,CUDA,ID - bob"},
		{WRAPPER_SU, "su -w CUDAS,ID - bob", "su -w CUDAS,ID,CUDA,ID - bob"},
		{WRAPPER_SU, "su --version", NULL},
		{WRAPPER_DOAS, "doas -u bob train -u x",
		 "sh -c 'exec doas -u bob env CUDA=\"$CUDA\" ID=\"$ID\" \"$@\"' sh train -u x"},
		{WRAPPER_DOAS, "doas env CUDA=1 train", NULL},
		{WRAPPER_DOAS, "doas env A=1 train",
		 "sh -c 'exec doas env CUDA=\"$CUDA\" ID=\"$ID\" \"$@\"' sh env A=1 train"},
		{WRAPPER_PKEXEC, "pkexec --user bob train",
		 "sh -c 'exec pkexec --user bob env CUDA=\"$CUDA\" ID=\"$ID\" \"$@\"' sh train"},
		{WRAPPER_PKEXEC, "pkexec --version", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *line = mem_strdup(cases[i].words), *option = NULL;
		AUTO_FREE char **changed = NULL;
		char *words[WORDS_MAX + 1];
		struct err e = {0};
		const char *typed;
		int r;

		split(line, words);
		r = wrapper_check(cases[i].wrapper, words, NAMES, &e);
		typed = strstr(e.text, "run ... -- ");
		typed = typed ? typed + strlen("run ... -- ") : "";
		if (r != (cases[i].line ? -EINVAL : 0) ||
		    strcmp(typed, cases[i].line ? cases[i].line : "") != 0)
			fail_msg("%s: %d '%s'", cases[i].words, r, e.text);
		wrapper_words(cases[i].wrapper, words, NAMES, &changed, &option);
		assert_null(changed);
	}
}

static void test_names(void **state)
{
	char directory[] = "/tmp/test_wrapper.XXXXXX";
	AUTO_FREE char *file = NULL, *link = NULL;

	(void)state;
	assert_int_equal(wrapper_of("/usr/bin/sudo"), WRAPPER_SUDO);
	assert_int_equal(wrapper_of("sudo"), WRAPPER_SUDO);
	assert_int_equal(wrapper_of("/bin/su"), WRAPPER_SU);
	assert_int_equal(wrapper_of("/usr/sbin/runuser"), WRAPPER_SU);
	assert_int_equal(wrapper_of("./doas"), WRAPPER_DOAS);
	assert_int_equal(wrapper_of("/usr/bin/pkexec"), WRAPPER_PKEXEC);
	assert_int_equal(wrapper_of("/usr/bin/sudoedit"), WRAPPER_NONE);
	assert_int_equal(wrapper_of("/bin/sh"), WRAPPER_NONE);
	assert_non_null(mkdtemp(directory));
	file = mem_printf("%s/doas", directory);
	link = mem_printf("%s/as-root", directory);
	fclose(fopen(file, "we"));
	assert_int_equal(symlink(file, link), 0);
	assert_int_equal(wrapper_of(link), WRAPPER_DOAS);
	unlink(link);
	unlink(file);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sudo),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("wrapper", tests, NULL, NULL);
}
