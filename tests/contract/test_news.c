/* The cursor of what people were told (src/pool/news.h), on every store: each event once, whoever
 * tells it. */
#include "store_fixture.h"

#include "base/mem.h"
#include "plan/plan.h"
#include "pool/news.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

static struct pool *open_pool(const struct fixture *f)
{
	const struct pool_config config = {.store_url = f->url};
	struct pool *pool = NULL;
	struct err e = {0};

	if (pool_open(&config, &pool, &e) < 0)
		fail_msg("%s", e.text);
	return pool;
}

static void add_event(struct fixture *f, int64_t ago_ns)
{
	char alice[] = "alice";
	const struct event event = {
		.kind = EVENT_WARNED, .time_ns = clock_now_ns() - ago_ns, .account = alice};
	struct change change = {.kind = CHANGE_EVENT, .event = {.event = &event}};

	/* The cursor may have been moved behind the fixture's back. */
	fixture_load(f->a, STORE_READ, &f->state);
	fixture_commit(f, &change, 1);
}

static struct pool_news read_news(struct pool *pool, size_t known, size_t new)
{
	struct pool_news news;
	struct err e = {0};

	if (pool_news_read(pool, &news, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(news.told, known);
	assert_int_equal(news.count - news.told, new);
	return news;
}

static int take(struct pool *pool, const struct pool_news *news)
{
	struct err e = {0};
	int r = pool_news_take(pool, news, &e);

	if (r < 0)
		fail_msg("%s", e.text);
	return r;
}

static void test_each_event_once(void **state)
{
	struct fixture *f = *state;
	struct pool *a = open_pool(f), *b = open_pool(f);
	struct pool_news first, second;
	char token[ID_SIZE];

	fixture_init(f, 2);
	add_event(f, 30 * MINUTE_NS);
	add_event(f, MINUTE_NS);
	add_event(f, 0);
	/* At first, what is ten minutes old is old. Of two passes at once one tells. */
	first = read_news(a, 0, 2);
	second = read_news(b, 0, 2);
	assert_int_equal(take(a, &first), 1);
	assert_int_equal(take(b, &second), 0);
	assert_int_equal(pool_news_is_taken(b, first.token, NULL), 1);
	assert_int_equal(pool_news_is_taken(a, second.token, NULL), 0);
	/* Nor does it tell them when it tries again. */
	assert_int_equal(take(a, &first), 0);
	memcpy(token, first.token, sizeof(token));
	pool_news_clear(&first);
	pool_news_clear(&second);

	/* What was told counts for repetitions, and what comes then is new. */
	first = read_news(a, 3, 0);
	pool_news_clear(&first);
	for (int i = 0; i < 6; i++) {
		add_event(f, 0);
		first = read_news(b, 3 + (size_t)i, 1);
		assert_int_equal(take(b, &first), 1);
		pool_news_clear(&first);
	}
	/* A process that looks late still finds that it was its own commit. */
	assert_int_equal(pool_news_is_taken(a, token, NULL), 1);
	pool_close(a);
	pool_close(b);
}

static void test_more_than_a_pass(void **state)
{
	struct fixture *f = *state;
	struct pool *pool = open_pool(f);
	struct event event = {.kind = EVENT_WARNED, .time_ns = clock_now_ns()};
	struct change *changes = mem_alloc(NEWS_MAX + 5, sizeof(*changes));
	struct pool_news news;

	fixture_init(f, 2);
	for (int i = 0; i < NEWS_MAX + 5; i++)
		changes[i] = (struct change){.kind = CHANGE_EVENT, .event = {.event = &event}};
	fixture_commit(f, changes, NEWS_MAX + 5);
	news = read_news(pool, 0, NEWS_MAX);
	assert_int_equal(take(pool, &news), 1);
	pool_news_clear(&news);
	news = read_news(pool, NEWS_MAX, 5);
	assert_int_equal(take(pool, &news), 1);
	pool_news_clear(&news);
	free(changes);
	pool_close(pool);
}

static void put_mark(struct fixture *f, const struct mark *mark)
{
	struct change change = {.kind = CHANGE_MARK, .mark = {.mark = mark}};

	fixture_load(f->a, STORE_READ, &f->state);
	fixture_commit(f, &change, 1);
}

/* The mark of `reserve --notify` stays for as long as the end of its reservation may be told. */
static void test_wishes(void **state)
{
	struct fixture *f = *state;
	struct pool *pool = open_pool(f);
	char gone[] = PLAN_WISH "11111111-1111-1111-1111-111111111111", mail[] = "mail",
	     long_gone[] = PLAN_WISH "22222222-2222-2222-2222-222222222222";
	int64_t now_ns = clock_now_ns();
	AUTO_FREE char *lives = NULL;
	struct pool_news news;

	fixture_init(f, 2);
	lives = mem_printf(PLAN_WISH "%s", fixture_grant(f, "alice", GPUS(0))->id);
	put_mark(f, &(struct mark){.key = gone, .since_ns = 1, .seen_ns = 1, .text = mail});
	put_mark(f, &(struct mark){.key = lives, .since_ns = 1, .seen_ns = 1, .text = mail});
	put_mark(f, &(struct mark){.key = long_gone,
				   .since_ns = 1,
				   .seen_ns = 1,
				   .acted_ns = now_ns - 61 * MINUTE_NS,
				   .text = mail});
	for (int round = 0; round < 2; round++) {
		add_event(f, 0);
		news = read_news(pool, (size_t)round, 1);
		assert_int_equal(news.wanted_count, 3 - (size_t)round);
		assert_int_equal(take(pool, &news), 1);
		pool_news_clear(&news);
	}
	fixture_load(f->a, STORE_READ, &f->state);
	assert_null(pool_state_mark(&f->state, long_gone));
	assert_non_null(pool_state_mark(&f->state, gone));
	assert_true(pool_state_mark(&f->state, gone)->acted_ns >= now_ns);
	assert_string_equal(pool_state_mark(&f->state, gone)->text, mail);
	assert_non_null(pool_state_mark(&f->state, lives));
	assert_int_equal(pool_state_mark(&f->state, lives)->acted_ns, TIME_NONE);
	pool_close(pool);
}

/* A pool that was copied from another kind of store has a cursor with an id of that. */
static void test_cursor_of_another_store(void **state)
{
	struct fixture *f = *state;
	struct pool *pool = open_pool(f);
	char told[] = "told", text[] = "1:2 token";
	struct pool_news news;

	fixture_init(f, 2);
	put_mark(f, &(struct mark){.key = told,
				   .since_ns = 1,
				   .seen_ns = clock_now_ns() - 2 * MINUTE_NS,
				   .text = text});
	add_event(f, 3 * MINUTE_NS);
	add_event(f, MINUTE_NS);
	news = read_news(pool, 0, 1);
	assert_int_equal(take(pool, &news), 1);
	pool_news_clear(&news);
	news = read_news(pool, 2, 0);
	pool_news_clear(&news);
	pool_close(pool);
}

static void test_no_pool(void **state)
{
	struct pool *pool = open_pool(*state);
	struct pool_news news = read_news(pool, 0, 0);

	pool_news_clear(&news);
	pool_close(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event_once),
		cmocka_unit_test(test_more_than_a_pass),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_cursor_of_another_store),
		cmocka_unit_test(test_no_pool),
	};

	return fixture_run("news", tests, ARRAY_SIZE(tests));
}
