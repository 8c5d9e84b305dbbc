/* Following other hosts' web servers; see follow.h. */
#include "remote/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "remote/follow_host.h"

struct follower {
	struct follow_shared shared;
	int epoll_fd;
	int64_t timer_ns;           /* when libcurl wants to be called */
	struct follow_host **hosts; /* pointers: libcurl has the addresses */
	size_t count, turn;
	bool wanted;
};

static int watch_socket(CURL *handle, curl_socket_t fd, int what, void *argument, void *known)
{
	struct follower *f = argument;
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
		epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	return 0;
}

static int set_timer(CURLM *multi, long ms, void *argument)
{
	struct follower *f = argument;

	f->timer_ns = ms < 0 ? INT64_MAX : clock_monotonic_ns() + ms * NS_PER_MS;
	return 0;
}

static void take_ends(struct follower *f)
{
	CURLMsg *message;
	int left;

	while ((message = (curl.curl_multi_info_read)(f->shared.multi, &left))) {
		CURLcode code = message->data.result;
		CURL *handle = message->easy_handle;
		struct follow_transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(curl.curl_easy_getinfo)(handle, CURLINFO_PRIVATE, &t);
		follow_transfer_stop(t);
		follow_host_end(t, code);
	}
}

int follower_new(int64_t limit_ns, struct follower **ret, struct err *e)
{
	struct follower *f;
	int r = curl_load(e);

	if (r < 0)
		return r;
	f = mem_alloc(1, sizeof(*f));
	f->shared.limit_ns = limit_ns;
	f->timer_ns = INT64_MAX;
	f->shared.seed[0] = (unsigned short)getpid();
	f->shared.seed[1] = (unsigned short)clock_monotonic_ns();
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	f->shared.multi = (curl.curl_multi_init)();
	if (f->epoll_fd < 0 || !f->shared.multi) {
		follower_free(f);
		return err_set(e, EIO, "libcurl does not start");
	}
	(curl.curl_multi_setopt)(f->shared.multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(curl.curl_multi_setopt)(f->shared.multi, CURLMOPT_SOCKETDATA, f);
	(curl.curl_multi_setopt)(f->shared.multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(curl.curl_multi_setopt)(f->shared.multi, CURLMOPT_TIMERDATA, f);
	*ret = f;
	return 0;
}

struct follower *follower_free(struct follower *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->count; i++)
		follow_host_free(f->hosts[i]);
	free(f->hosts);
	(curl.curl_multi_cleanup)(f->shared.multi);
	mem_auto_close(&f->epoll_fd);
	free(f);
	return NULL;
}

void follower_add(struct follower *f, const struct remote_server *server)
{
	f->hosts = mem_resize(f->hosts, f->count + 1, sizeof(struct follow_host *));
	f->hosts[f->count++] = follow_host_new(&f->shared, server);
}

void follower_want(struct follower *f, bool wanted)
{
	if (wanted == f->wanted)
		return;
	f->wanted = wanted;
	for (size_t i = 0; i < f->count; i++)
		follow_host_step(f->hosts[i], wanted ? FOLLOW_WANT : FOLLOW_REST);
}

int follower_fd(const struct follower *f)
{
	return f->epoll_fd;
}

int64_t follower_run(struct follower *f)
{
	struct epoll_event events[64];
	int64_t next_ns = INT64_MAX;
	int running, n = epoll_wait(f->epoll_fd, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++) {
		int mask = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
			   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);

		(curl.curl_multi_socket_action)(f->shared.multi, events[i].data.fd, mask, &running);
	}
	if (clock_monotonic_ns() >= f->timer_ns) {
		f->timer_ns = INT64_MAX;
		(curl.curl_multi_socket_action)(f->shared.multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_ends(f);
	for (size_t i = 0; i < f->count; i++) {
		int64_t due_ns = follow_host_settle(f->hosts[i]);

		next_ns = due_ns < next_ns ? due_ns : next_ns;
	}
	return f->timer_ns < next_ns ? f->timer_ns : next_ns;
}

bool follower_has_news(const struct follower *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (follow_host_has_news(f->hosts[i]))
			return true;
	}
	return false;
}

bool follower_next(struct follower *f, size_t *ret_which, struct followed *ret)
{
	/* In turn, so that one that changes all the time keeps no other from being shown. */
	for (size_t n = 0; n < f->count; n++) {
		size_t i = (f->turn + n) % f->count;
		struct follow_host *h = f->hosts[i];

		if (!follow_host_has_news(h))
			continue;
		h->news = false;
		f->turn = i + 1;
		*ret_which = i;
		*ret = (struct followed){
			.status = h->state.status, .problem = h->problem, .seen_ns = h->seen_ns};
		for (int k = 0; k < FOLLOW_TOPICS; k++)
			ret->documents[k] = h->documents[k];
		return true;
	}
	return false;
}

size_t follower_undecided(const struct follower *f)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->hosts[i]->state.status == FOLLOW_CONNECTING;
	return count;
}
