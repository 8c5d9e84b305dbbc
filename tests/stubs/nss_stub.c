/*
 * A name service that never answers, for tests: in /etc/nsswitch.conf it is called `hang`. It
 * leaves a line in the file that CANHAZGPU_STUB_NSS names for every question, so that a test sees
 * that it was asked.
 */
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

__attribute__((noreturn)) static void hang(void)
{
	const char *path = getenv("CANHAZGPU_STUB_NSS");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;

	if (fd >= 0 && write(fd, "asked\n", 6) == 6)
		close(fd);
	for (;;)
		pause();
}

EXPORT enum nss_status _nss_hang_getpwuid_r(uid_t uid, struct passwd *ret_entry, char *buffer,
					    size_t size, int *ret_code);
EXPORT enum nss_status _nss_hang_getpwnam_r(const char *name, struct passwd *ret_entry,
					    char *buffer, size_t size, int *ret_code);
EXPORT enum nss_status _nss_hang_getgrnam_r(const char *name, struct group *ret_entry, char *buffer,
					    size_t size, int *ret_code);

enum nss_status _nss_hang_getpwuid_r(uid_t uid, struct passwd *ret_entry, char *buffer, size_t size,
				     int *ret_code)
{
	hang();
}

enum nss_status _nss_hang_getpwnam_r(const char *name, struct passwd *ret_entry, char *buffer,
				     size_t size, int *ret_code)
{
	hang();
}

enum nss_status _nss_hang_getgrnam_r(const char *name, struct group *ret_entry, char *buffer,
				     size_t size, int *ret_code)
{
	hang();
}
