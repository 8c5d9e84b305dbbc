/* Becoming an account; see account.h. */
#include "tell/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"

static int take(const struct passwd *entry, int code, const char *what, struct tell_account *ret,
		struct err *e)
{
	if (!entry)
		return err_set(e, code ? code : ENOENT, "there is no account %s", what);
	*ret = (struct tell_account){
		.uid = entry->pw_uid,
		.gid = entry->pw_gid,
		.name = mem_strdup(entry->pw_name),
		.home = mem_strdup(entry->pw_dir),
	};
	return 0;
}

int tell_account_by_uid(uid_t uid, struct tell_account *ret_account, struct err *e)
{
	AUTO_FREE char *what = mem_printf("of uid %u", (unsigned)uid);
	const struct passwd *entry = (errno = 0, getpwuid(uid));

	return take(entry, errno, what, ret_account, e);
}

int tell_account_by_name(const char *name, struct tell_account *ret_account, struct err *e)
{
	AUTO_FREE char *what = mem_printf("'%s'", name);
	const struct passwd *entry = (errno = 0, getpwnam(name));

	return take(entry, errno, what, ret_account, e);
}

void tell_account_clear(struct tell_account *a)
{
	free(a->name);
	free(a->home);
	*a = (struct tell_account){0};
}

/* Root becomes somebody, or fails. */
static void change_ids(const struct tell_account *a)
{
	if ((a->alone ? setgroups(1, &a->gid) : initgroups(a->name, a->gid)) < 0 ||
	    setresgid(a->gid, a->gid, a->gid) < 0 || setresuid(a->uid, a->uid, a->uid) < 0)
		_exit(EXIT_FAILURE);
	/* What is inherited from root's memory is not for the account to read. */
	prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
}

void tell_account_become(const struct tell_account *a)
{
	/* In one's own process the environment's HOME is that of the account. */
	AUTO_FREE char *home = mem_strdup(a->home);

	if (getuid() == a->uid && !a->alone) {
		if (privilege_drop(NULL) < 0)
			_exit(EXIT_FAILURE);
	} else {
		change_ids(a);
	}
	if (getuid() != a->uid || geteuid() != a->uid || (a->uid != 0 && setresuid(0, 0, 0) == 0))
		_exit(EXIT_FAILURE);
	umask(077);
	clearenv();
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("HOME", home && *home == '/' ? home : "/", 1);
	setenv("USER", a->name, 1);
	setenv("LOGNAME", a->name, 1);
	if (chdir(getenv("HOME")) < 0)
		(void)!chdir("/");
}
