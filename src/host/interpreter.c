/* What the kernel needs to start a file; see interpreter.h. */
#include "host/interpreter.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "host/command.h"

/* What the kernel looks at of a file, and how many interpreters it follows. */
#define HEAD_SIZE 256
#define DEPTH_MAX 5

#define BLANKS " \t"

#if defined(__x86_64__)
#define NATIVE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#else
#define NATIVE_MACHINE EM_NONE
#endif

static int check(const char *path, int depth, struct err *e);

static int refuse(struct err *e, int code, const char *path, const char *what, const char *name,
		  const char *hint)
{
	bool missing = code == ENOENT || code == ENOTDIR;

	err_set(e, code, "%s: its %s '%s' %s%s", path, what, name,
		missing ? "does not exist" : "cannot be executed", hint);
	return err_exit_status(e, missing ? EXIT_STATUS_NOT_FOUND : EXIT_STATUS_NOT_EXECUTABLE);
}

/* ---- scripts ---- */

/* What `#!/usr/bin/env NAME` and `#!/usr/bin/env -S NAME ...` look for in PATH. NULL: not plain.
   The caller frees it. */
static char *env_looks_for(const char *argument)
{
	if (strncmp(argument, "-S", 2) != 0)
		return *argument && *argument != '-' && !strchr(argument, '=')
			       ? mem_strdup(argument)
			       : NULL;
	argument += 2;
	argument += strspn(argument, BLANKS);
	if (!*argument || *argument == '-' || strpbrk(argument, "\\'\"$=#"))
		return NULL;
	return mem_printf("%.*s", (int)strcspn(argument, BLANKS), argument);
}

static int check_env(const char *path, const char *argument, int depth, struct err *e)
{
	AUTO_FREE char *name = env_looks_for(argument), *found = NULL;
	struct err why = {0};

	if (!name)
		return 0;
	if (host_command_locate(name, &found, &why) == 0)
		return check(found, depth + 1, e);
	err_set(e, why.code, "%s: its interpreter, looked up by env: %s%s", path, why.text,
		strchr(name, '\r') ? " (its lines end with CR LF)" : "");
	return err_exit_status(e, why.exit_status);
}

/* The line begins with #! and ends with the NUL. Names are cut as the kernel cuts them. */
static int check_script(const char *path, char *line, int depth, struct err *e)
{
	char *interpreter = line + 2 + strspn(line + 2, BLANKS);
	char *argument = interpreter + strcspn(interpreter, BLANKS);
	const char *base;
	AUTO_FREE char *found = NULL, *relative = NULL;
	struct err why = {0};
	size_t length;

	if (!*interpreter)
		return 0;
	if (*argument)
		*argument++ = '\0';
	argument += strspn(argument, BLANKS);
	for (length = strlen(argument); length && strchr(BLANKS, argument[length - 1]);)
		argument[--length] = '\0';
	/* A name without a slash is a file in this directory, not a command in PATH. */
	relative = strchr(interpreter, '/') ? mem_strdup(interpreter)
					    : mem_printf("./%s", interpreter);
	if (host_command_locate(relative, &found, &why) < 0)
		return refuse(e, why.code, path, "interpreter", interpreter,
			      strchr(interpreter, '\r') ? " (its lines end with CR LF)" : "");
	base = strrchr(found, '/') + 1;
	if (!strcmp(base, "env"))
		return check_env(path, argument, depth, e);
	return check(found, depth + 1, e);
}

/* ---- programs ---- */

/* The loader's name in a program. "" where there is none, or where this cannot be told. */
static void read_loader(int fd, const unsigned char *head, char name[HEAD_SIZE])
{
	bool wide = head[EI_CLASS] == ELFCLASS64;
	Elf64_Ehdr header64;
	Elf32_Ehdr header32;
	size_t count, size;
	off_t table;

	*name = '\0';
	memcpy(&header64, head, sizeof(header64));
	memcpy(&header32, head, sizeof(header32));
	if (head[EI_DATA] !=
	    (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
		return;
	if (wide ? header64.e_machine != NATIVE_MACHINE
		 : header32.e_machine != EM_386 || NATIVE_MACHINE != EM_X86_64)
		return;
	count = wide ? header64.e_phnum : header32.e_phnum;
	size = wide ? header64.e_phentsize : header32.e_phentsize;
	table = wide ? (off_t)header64.e_phoff : (off_t)header32.e_phoff;
	for (size_t i = 0; i < count; i++) {
		union {
			Elf64_Phdr wide;
			Elf32_Phdr narrow;
		} part = {0};
		size_t length;
		ssize_t n;

		if (pread(fd, &part, wide ? sizeof(part.wide) : sizeof(part.narrow),
			  table + (off_t)(i * size)) <= 0)
			return;
		if ((wide ? part.wide.p_type : part.narrow.p_type) != PT_INTERP)
			continue;
		length = wide ? part.wide.p_filesz : part.narrow.p_filesz;
		n = pread(fd, name, length < HEAD_SIZE ? length : HEAD_SIZE - 1,
			  wide ? (off_t)part.wide.p_offset : (off_t)part.narrow.p_offset);
		name[n > 0 ? n : 0] = '\0';
		return;
	}
}

static int check_program(const char *path, int fd, const unsigned char *head, struct err *e)
{
	char loader[HEAD_SIZE];

	read_loader(fd, head, loader);
	if (*loader && access(loader, X_OK) < 0)
		return refuse(e, errno, path, "loader", loader,
			      head[EI_CLASS] == ELFCLASS32 ? " (a 32-bit program)"
							   : " (a program for another system)");
	return 0;
}

/* ---- both ---- */

static int check(const char *path, int depth, struct err *e)
{
	/* Not to wait where somebody exchanges the file for a pipe. */
	AUTO_CLOSE int fd = file_open_as_user(path, O_NONBLOCK | O_NOCTTY);
	char head[HEAD_SIZE + 1] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, head, HEAD_SIZE);

	if (n < 2)
		return 0;
	if (depth > DEPTH_MAX) {
		err_set(e, ELOOP, "%s: too many interpreters", path);
		return err_exit_status(e, EXIT_STATUS_NOT_EXECUTABLE);
	}
	if (n >= (ssize_t)sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
		return check_program(path, fd, (const unsigned char *)head, e);
	if (head[0] != '#' || head[1] != '!')
		return 0;
	/* A longer line is cut: whether the kernel takes it depends on its version. */
	if (n == HEAD_SIZE && !memchr(head, '\n', HEAD_SIZE))
		return 0;
	head[strcspn(head, "\n")] = '\0';
	return check_script(path, head, depth, e);
}

int host_interpreter_check(const char *path, struct err *e)
{
	return check(path, 0, e);
}
