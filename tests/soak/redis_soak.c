/*
 * Many clients at random on one pool in Redis: ours, through src/pool as the commands use it, and
 * simulated ones of another program. Each writes what it took and gave back, and when; check.py
 * reads that afterwards and knows nothing of the programs.
 *
 * Usage: redis_soak SOCKET FOLDER GPUS OURS OTHERS ALLOCATIONS SEED CUT_EVERY
 *
 * With CUT_EVERY, ours go through a proxy that breaks the connection at every so many requests, by
 * chance (0: no proxy). $SOAK_URL_END is added to the URL of the store. With $SOAK_CARELESS, some
 * of what is held is left behind, and the others clean that up without their lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../contract/redis_proxy.h"
#include "base/mem.h"
#include "other_client.h"
#include "pool/pool.h"

static const char *server_socket, *our_socket, *folder;
static int gpus;
static bool careless;

/* The word of one client: "<ns> take|give|drop|lost <gpu>". What is dropped leaves no record. */
static FILE *log_file;

static void say(int64_t time_ns, const char *what, int gpu)
{
	fprintf(log_file, "%" PRId64 " %s %d\n", time_ns, what, gpu);
	fflush(log_file);
}

static void open_log(const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s.log", folder, name);

	log_file = fopen(path, "we");
	if (!log_file)
		abort();
}

static void hold_a_while(void)
{
	usleep((useconds_t)(random() % 5000));
}

static struct pool *open_pool(void)
{
	struct pool_config config = {.memory_threshold_mb = 1024};
	const char *url_end = getenv("SOAK_URL_END");
	struct pool *pool = NULL;
	struct err e = {0};

	config.store_url = mem_printf("unix://%s?db=0%s", our_socket, url_end ? url_end : "");
	if (pool_open(&config, &pool, &e) < 0)
		abort();
	pool_config_clear(&config);
	return pool;
}

/* What is held on a GPU is left behind now and then: from now on nobody claims it. */
static bool leave(struct other_client *o, int gpu)
{
	enum leaving how = (enum leaving)(random() % LEAVINGS);

	if (!careless || random() % 16)
		return false;
	say(clock_monotonic_ns(), how == LEFT_COLLECTED ? "drop" : "give", gpu);
	other_leave(o, gpu, how);
	return true;
}

/* Whether it is still there, of which nobody has said that it has ended. */
static void check_held(struct other_client *o, int gpu, const char *text)
{
	if (careless && !other_sees(o, gpu, text))
		say(clock_monotonic_ns(), "lost", gpu);
}

/* Gives back by id until it is certain: the server may be away, or the answer lost. */
static void end_surely(struct pool *pool, const struct plan_actor *actor, const char *id)
{
	struct err e = {0};

	while (pool_end(pool, actor, id, clock_boot_ns(), &e) < 0)
		usleep(20000);
}

/*
 * One reservation. After a failure nobody knows whether it was made: then it is ended by its id,
 * and nothing is claimed about it.
 */
static bool allocate(struct pool *pool, const struct plan_actor *actor, struct other_client *raw)
{
	char id[ID_SIZE];
	struct pool_grant grant = {0};
	struct plan_request request = {
		.actor = *actor,
		.type = RESERVATION_MANUAL,
		.count = random() % 4 ? 1 : 2,
		.duration_ns = NS_PER_HOUR,
		.id = id,
	};
	struct err e = {0};
	int64_t took_ns;
	int r;

	id_new(id);
	r = pool_reserve(pool, &request, &grant, &e);
	took_ns = clock_monotonic_ns();
	if (r == -EBUSY || r == -ERANGE)
		return false;
	if (r < 0) {
		fprintf(stderr, "ours: %s\n", e.text);
		end_surely(pool, actor, id);
		return false;
	}
	for (size_t i = 0; i < grant.reservation->gpus_count; i++)
		say(took_ns, "take", grant.reservation->gpus[i]);
	hold_a_while();
	for (size_t i = 0; i < grant.reservation->gpus_count; i++)
		check_held(raw, grant.reservation->gpus[i], id);
	for (size_t i = 0; i < grant.reservation->gpus_count; i++) {
		if (!leave(raw, grant.reservation->gpus[i]))
			say(clock_monotonic_ns(), "give", grant.reservation->gpus[i]);
	}
	end_surely(pool, actor, id);
	pool_grant_clear(&grant);
	return true;
}

static void our_client(const char *name, int allocations)
{
	struct plan_actor actor = {.uid = (uid_t)(5000 + random() % 1000), .account = name};
	struct pool *pool = open_pool();

	struct other_client raw;

	other_open(&raw, server_socket, name, gpus);
	open_log(name);
	for (int done = 0; done < allocations;) {
		if (allocate(pool, &actor, &raw))
			done++;
		else
			usleep((useconds_t)(random() % 1000));
		/* As commands do, which are a process each. */
		if (random() % 8 == 0) {
			pool_close(pool);
			pool = open_pool();
		}
	}
	pool_close(pool);
	other_close(&raw);
}

static void other_client(const char *name, int allocations)
{
	struct other_client o;

	other_open(&o, server_socket, name, gpus);
	o.careful = careless;
	open_log(name);
	for (int done = 0; done < allocations;) {
		/* Its script takes what has expired at once, whatever others are about to do. */
		bool by_script = !careless && random() % 2;
		int gpu;

		if (careless && random() % 4 == 0)
			other_cleanup(&o);
		gpu = by_script ? other_take_by_script(&o) : other_take_locked(&o);
		if (gpu < 0) {
			usleep((useconds_t)(random() % 1000));
			continue;
		}
		say(clock_monotonic_ns(), "take", gpu);
		hold_a_while();
		if (!by_script)
			other_heartbeat(&o, gpu);
		check_held(&o, gpu, name);
		done++;
		if (leave(&o, gpu)) {
			if (random() % 2)
				other_release_late(&o, gpu);
			continue;
		}
		say(clock_monotonic_ns(), "give", gpu);
		other_release(&o, gpu);
	}
	other_close(&o);
}

/* Ends what was left behind last. */
static void clean_up(void)
{
	struct other_client o;

	other_open(&o, server_socket, "last", gpus);
	while (other_cleanup(&o))
		continue;
	other_close(&o);
}

/* The pool, by our own admin; then all clients at once. */
int main(int argc, char **argv)
{
	static struct redis_proxy proxy;
	int ours, others, allocations, cut_every, failed = 0, status;
	struct pool_admin_request request = {.provider = "fake", .force = true};
	struct pool *pool;
	struct err e = {0};

	if (argc != 9)
		return 2;
	server_socket = argv[1];
	our_socket = argv[1];
	folder = argv[2];
	gpus = atoi(argv[3]);
	ours = atoi(argv[4]);
	others = atoi(argv[5]);
	allocations = atoi(argv[6]) / (ours + others) + 1;
	cut_every = atoi(argv[8]);
	careless = getenv("SOAK_CARELESS") != NULL;
	request.count = gpus;
	request.actor = (struct plan_actor){.uid = getuid(), .account = "soak"};
	pool = open_pool();
	while (pool_admin(pool, &request, &gpus, &e) < 0)
		usleep(20000);
	pool_close(pool);
	if (cut_every) {
		redis_proxy_start(&proxy, folder, server_socket);
		proxy.control->every = cut_every;
		our_socket = proxy.socket;
	}
	for (int i = 0; i < ours + others; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%d", i < ours ? "ours" : "other", i);
		if (fork() == 0) {
			srandom((unsigned)(atoi(argv[7]) + i));
			if (i < ours)
				our_client(name, allocations);
			else
				other_client(name, allocations);
			_exit(0);
		}
	}
	for (int i = 0; i < ours + others; i++) {
		wait(&status);
		failed += status != 0;
	}
	if (cut_every)
		redis_proxy_stop(&proxy);
	if (careless)
		clean_up();
	if (failed)
		fprintf(stderr, "redis_soak: %d clients failed\n", failed);
	return failed ? 1 : 0;
}
