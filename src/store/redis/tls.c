/* TLS by OpenSSL, loaded at run time; see tls.h. */
#include "store/redis/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "base/library.h"
#include "base/mem.h"
#include "store/redis/connection.h"

#define LIBRARY "libssl.so.3"

/* What is used of OpenSSL; libcrypto's part is found through libssl. */
#define FUNCTIONS(X)                        \
	X(TLS_client_method)                \
	X(SSL_CTX_new)                      \
	X(SSL_CTX_free)                     \
	X(SSL_CTX_ctrl)                     \
	X(SSL_CTX_set_verify)               \
	X(SSL_CTX_set_default_verify_paths) \
	X(SSL_CTX_load_verify_locations)    \
	X(SSL_new)                          \
	X(SSL_free)                         \
	X(SSL_set_fd)                       \
	X(SSL_ctrl)                         \
	X(SSL_get0_param)                   \
	X(SSL_connect)                      \
	X(SSL_read)                         \
	X(SSL_write)                        \
	X(SSL_shutdown)                     \
	X(SSL_get_error)                    \
	X(SSL_get_verify_result)            \
	X(X509_verify_cert_error_string)    \
	X(X509_VERIFY_PARAM_set1_host)      \
	X(X509_VERIFY_PARAM_set1_ip_asc)    \
	X(ERR_clear_error)                  \
	X(ERR_peek_error)                   \
	X(ERR_reason_error_string)

static struct {
#define POINTER(name) __typeof__(name) *(name);
	FUNCTIONS(POINTER)
#undef POINTER
} ssl;

#define NAME(name) #name "\0"
static const char names[] = FUNCTIONS(NAME);
#undef NAME

struct redis_tls {
	SSL_CTX *context;
	SSL *session;
};

static int load_library(struct err *e)
{
	int r = ssl.SSL_new ? 0 : library_open(LIBRARY, names, &ssl, e);

	if (r == -ENOENT)
		return err_set(e, ENOTSUP, "rediss:// needs " LIBRARY " (install OpenSSL 3)");
	return r < 0 ? err_prefix(e, "rediss://") : 0;
}

/* The authorities: the file that the user names, read with the user's own rights, or the system's.
 */
static int load_authorities(struct redis_tls *t, const struct redis_address *a, struct err *e)
{
	int own_group = setfsgid(getgid()), done;

	done = a->ca_file ? ssl.SSL_CTX_load_verify_locations(t->context, a->ca_file, NULL)
			  : ssl.SSL_CTX_set_default_verify_paths(t->context);
	setfsgid((gid_t)own_group);
	if (done == 1)
		return 0;
	return err_set(e, EINVAL, "the certificates in '%s' cannot be read (redis.ca-file)",
		       a->ca_file ? a->ca_file : "the system's folder");
}

static int prepare(struct redis_tls *t, int fd, const struct redis_address *a, const char *host,
		   struct err *e)
{
	X509_VERIFY_PARAM *check;
	int r;

	t->context = ssl.SSL_CTX_new(ssl.TLS_client_method());
	if (!t->context)
		return err_set(e, ENOMEM, "OpenSSL cannot be started");
	ssl.SSL_CTX_ctrl(t->context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	ssl.SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	r = load_authorities(t, a, e);
	if (r < 0)
		return r;
	t->session = ssl.SSL_new(t->context);
	if (!t->session || ssl.SSL_set_fd(t->session, fd) != 1)
		return err_set(e, ENOMEM, "OpenSSL cannot be started");
	check = ssl.SSL_get0_param(t->session);
	/* An address is compared with the addresses of the certificate, a name with its names. */
	if (ssl.X509_VERIFY_PARAM_set1_ip_asc(check, host) != 1) {
		if (ssl.X509_VERIFY_PARAM_set1_host(check, host, 0) != 1)
			return err_set(e, EINVAL, "Redis at %s: the host name cannot be checked",
				       a->server);
		ssl.SSL_ctrl(t->session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			     (void *)(uintptr_t)host);
	}
	return 0;
}

/* What OpenSSL said about its last failure, as an errno; fills *ret_events where it only waits. */
static int tls_problem(struct redis_tls *t, int result, short *ret_events)
{
	int code = errno;

	switch (ssl.SSL_get_error(t->session, result)) {
	case SSL_ERROR_WANT_READ:
		*ret_events = POLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*ret_events = POLLOUT;
		return -EAGAIN;
	case SSL_ERROR_SYSCALL:
		return code ? -code : -ECONNRESET;
	default:
		return -ECONNRESET;
	}
}

static int handshake_failed(struct redis_tls *t, const struct redis_address *a, int code,
			    struct err *e)
{
	long verdict = ssl.SSL_get_verify_result(t->session);
	const char *reason = ssl.ERR_reason_error_string(ssl.ERR_peek_error());

	if (verdict != X509_V_OK)
		return err_set(e, EACCES,
			       "Redis at %s: its certificate is refused: %s (see redis.ca-file)",
			       a->server, ssl.X509_verify_cert_error_string(verdict));
	return err_set(e, code,
		       "Redis at %s: no TLS connection: %s (does it speak TLS on that port?)",
		       a->server, reason ? reason : strerror(code));
}

/* OpenSSL writes to a socket without MSG_NOSIGNAL: ignores SIGPIPE while it works. */
static void ignore_pipe(struct sigaction *before)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGPIPE, &ignore, before);
	ssl.ERR_clear_error();
	errno = 0;
}

static void put_back_pipe(const struct sigaction *before)
{
	int code = errno;

	sigaction(SIGPIPE, before, NULL);
	errno = code;
}

static int handshake(struct redis_tls *t, int fd, const struct redis_address *a,
		     int64_t deadline_ns, struct err *e)
{
	for (;;) {
		struct sigaction before;
		short events = 0;
		int done, r;

		ignore_pipe(&before);
		done = ssl.SSL_connect(t->session);
		put_back_pipe(&before);
		if (done == 1)
			return 0;
		r = tls_problem(t, done, &events);
		if (r == -EAGAIN)
			r = redis_wait(fd, events, deadline_ns);
		if (r < 0)
			return handshake_failed(t, a, -r, e);
	}
}

int redis_tls_open(int fd, const struct redis_address *a, const char *host, int64_t deadline_ns,
		   struct redis_tls **ret_tls, struct err *e)
{
	struct redis_tls *t;
	int r = load_library(e);

	if (r < 0)
		return r;
	t = mem_alloc(1, sizeof(*t));
	r = prepare(t, fd, a, host, e);
	if (r == 0)
		r = handshake(t, fd, a, deadline_ns, e);
	if (r < 0)
		redis_tls_close(t, false);
	else
		*ret_tls = t;
	return r;
}

ssize_t redis_tls_read(struct redis_tls *t, void *bytes, size_t size, short *ret_events)
{
	struct sigaction before;
	int n;

	ignore_pipe(&before);
	n = ssl.SSL_read(t->session, bytes, (int)size);
	put_back_pipe(&before);
	return n > 0 ? n : tls_problem(t, n, ret_events);
}

ssize_t redis_tls_write(struct redis_tls *t, const void *bytes, size_t size, short *ret_events)
{
	struct sigaction before;
	int n;

	/* At most 1 MiB at a time: SSL_write counts in int. */
	ignore_pipe(&before);
	n = ssl.SSL_write(t->session, bytes, size > 1 << 20 ? 1 << 20 : (int)size);
	put_back_pipe(&before);
	return n > 0 ? n : tls_problem(t, n, ret_events);
}

void redis_tls_close(struct redis_tls *t, bool say)
{
	struct sigaction before;

	if (!t)
		return;
	if (t->session && say) {
		ignore_pipe(&before);
		ssl.SSL_shutdown(t->session);
		put_back_pipe(&before);
	}
	if (t->session)
		ssl.SSL_free(t->session);
	if (t->context)
		ssl.SSL_CTX_free(t->context);
	free(t);
}
