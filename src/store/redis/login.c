/* The password of a login. That of a file is read each time it is needed, because a file may
   change during the life of a waiting request. Called by connect.c. */
#include "base/file.h"
#include "base/mem.h"
#include "store/redis/connect.h"

int redis_login_password(const struct redis_login *l, char **ret_password, struct err *e)
{
	if (l->password_file)
		return file_read_password(l->password_file, "redis.password-file", ret_password, e);
	*ret_password = mem_strdup(l->password);
	return 0;
}
