/* The password of a login. That of a file is read each time it is needed, because a file may
   change during the life of a waiting request. Called by connect.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/redis/connect.h"

#define PASSWORD_MAX 1024

/* The first line of the file, read with the user's own rights. */
static int read_file(const char *path, char **ret_password, struct err *e)
{
	char text[PASSWORD_MAX + 2] = "";
	AUTO_FCLOSE FILE *file = file_stream_as_user(path);
	int code = errno;

	if (!file || !fgets(text, sizeof(text), file))
		return err_set(e, file ? ENODATA : code,
			       "cannot read the password in '%s' (redis.password-file): %s", path,
			       file ? "it is empty" : strerror(code));
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text || strlen(text) > PASSWORD_MAX)
		return err_usage(e,
				 "'%s' (redis.password-file) must hold a password of 1 to %d "
				 "bytes",
				 path, PASSWORD_MAX);
	*ret_password = mem_strdup(text);
	explicit_bzero(text, sizeof(text));
	return 0;
}

int redis_login_password(const struct redis_login *l, char **ret_password, struct err *e)
{
	if (l->password_file)
		return read_file(l->password_file, ret_password, e);
	*ret_password = mem_strdup(l->password);
	return 0;
}
