/* What a pass of guard does in which case: plan_guard. */
#include "test.h"

#include "base/hours.h"
#include "base/mem.h"
#include "base/str.h"
#include "guard_world.h"

#define R0 "00000000-0000-0000-0000-000000000000"
#define USED "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,10,-,stop:300 u1001; "
#define IDLE "hold 0 1 1000 manual; "
#define AWAITED                                                             \
	IDLE "hold 1 5 1002 manual; idle 0 900; wait 1001 1; mark idle " R0 \
	     " 0=900,800,-,release-when-awaited 7200 1800; rule idle awaited"

static const struct {
	const char *what, *world, *steps, *marks; /* marks NULL: any */
} cases[] = {
	{"an empty pool", "rule idle release unreserved stop expiry-stop", "", ""},

	/* ---- idle ---- */
	{"not idle for long enough", IDLE "idle 0 89; rule idle release", "", ""},
	{"idle: warned before its time", IDLE "idle 0 90; rule idle release", "warn 0",
	 "idle " R0 " 0"},
	{"no rule", IDLE "idle 0 900", "", ""},
	{"warned once",
	 IDLE "idle 0 119; mark idle " R0 " 0=119,29,-,release 7200 1800; rule idle release", "",
	 NULL},
	{"its time is over",
	 IDLE "idle 0 120; mark idle " R0 " 0=120,30,-,release 7200 1800; rule idle release",
	 "release 0", ""},
	{"the warning came late: its own time counts",
	 IDLE "idle 0 900; mark idle " R0 " 0=900,29,-,release 7200 1800; rule idle release", "",
	 NULL},
	{"a first pass after days warns, and does nothing", IDLE "idle 0 900; rule idle release",
	 "warn 0", NULL},
	{"nothing is known",
	 IDLE "mark idle " R0 " 0=900,800,-,release 7200 1800; rule idle release", "",
	 "idle " R0 " 0"},
	{"used again",
	 IDLE "active 0 1; mark idle " R0 " 0=120,30,-,release 7200 1800; rule idle release",
	 "withdraw 0", ""},
	{"used and idle again since",
	 IDLE "active 0 5; idle 0 5; mark idle " R0
	      " 0=120,30,-,release 7200 1800; rule idle release",
	 "withdraw 0", ""},
	{"idle again, not for long enough by what is known",
	 IDLE "idle 0 60; mark idle " R0 " 0=900,800,-,release 7200 1800; rule idle release", "",
	 NULL},
	{"warned before a time of which nothing is known: warned again",
	 IDLE "idle 0 120; mark idle " R0 " 0=900,800,-,release 7200 1800; rule idle release",
	 "warn 0", "idle " R0 " 0"},
	{"told before such a time: once will do",
	 IDLE "idle 0 120; mark idle " R0 " 0=900,800,-,tell; rule idle", "", NULL},
	{"told, and nothing else", IDLE "idle 0 120; rule idle", "warn 0", NULL},
	{"told at the time, not before", IDLE "idle 0 119; rule idle", "", NULL},
	{"told once", IDLE "idle 0 900; mark idle " R0 " 0=900,800,-,tell; rule idle", "", NULL},
	{"the rule was made harder: nobody was warned of that",
	 IDLE "idle 0 900; mark idle " R0 " 0=900,800,-,tell; rule idle release", "warn 0", NULL},
	{"nobody waits",
	 IDLE "idle 0 900; mark idle " R0
	      " 0=900,800,-,release-when-awaited 7200 1800; rule idle awaited",
	 "", NULL},
	{"somebody waits who can take a free GPU",
	 IDLE "idle 0 900; wait 1001 1; mark idle " R0
	      " 0=900,800,-,release-when-awaited 7200 1800; rule idle awaited",
	 "", NULL},
	{"somebody waits", AWAITED, "release 0", ""},
	{"somebody waits for less than there is",
	 "hold 0 3 1000 manual; hold 3 3 1002 manual; idle 0 900; idle 1 900; idle 2 900; wait 1001 1; mark idle " R0
	 " 0=900,800,-,release-when-awaited 7200 1800; mark idle " R0
	 " 1=900,800,-,release-when-awaited 7200 1800; mark idle " R0
	 " 2=900,800,-,release-when-awaited 7200 1800; rule idle awaited",
	 "release 0", NULL},
	{"one of three GPUs is idle",
	 "hold 0 3 1000 manual; idle 1 900; mark idle " R0
	 " 1=900,800,-,release 7200 1800; rule idle release",
	 "release 1", ""},
	{"the reservation has ended",
	 "mark idle " R0 " 0=900,800,-,release 7200 1800; rule idle release", "", ""},
	{"somebody else has the GPU",
	 "hold 0 1 1001 manual; idle 0 900; mark idle "
	 "99999999-0000-0000-0000-000000000000 0=900,800,-,release 7200 1800; "
	 "rule idle release",
	 "warn 0", "idle " R0 " 0"},
	{"the rule is gone", IDLE "idle 0 900; mark idle " R0 " 0=900,800,-,release 7200 1800", "",
	 ""},
	{"outside the hours",
	 IDLE "idle 0 900; mark idle " R0
	      " 0=900,800,-,release 7200 1800; rule idle release; night",
	 "", NULL},
	{"spared",
	 IDLE "idle 0 900; mark idle " R0
	      " 0=900,800,-,release 7200 1800; rule idle release; spare "
	      "1000",
	 "", NULL},
	{"an account that nobody knows", "hold 0 1 1234 manual; idle 0 900; rule idle release", "",
	 NULL},
	{"an idle run is told", "hold 0 2 1000 run; idle 0 120; idle 1 120; rule idle", "warn 0,1",
	 NULL},
	{"an idle run is warned of the signal", "hold 0 1 1000 run; idle 0 90; rule idle signal",
	 "warn 0", NULL},
	{"an idle run is signalled",
	 "hold 0 1 1000 run; idle 0 120; mark idle " R0
	 " 0=120,30,-,signal 7200 1800; rule idle signal",
	 "signal 0 5000", "idle " R0 " 0; stop " R0},
	{"a run that uses one of its GPUs is not",
	 "hold 0 2 1000 run; idle 0 120; mark idle " R0
	 " 0=120,30,-,signal 7200 1800; rule idle signal",
	 "", NULL},
	{"a run is signalled once",
	 "hold 0 1 1000 run; idle 0 900; mark idle " R0
	 " 0=900,800,-,signal 7200 1800; mark stop " R0 "=700,700; rule idle signal",
	 "", NULL},
	{"a pass was killed before it had signalled",
	 "hold 0 1 1000 run; idle 0 900; mark idle " R0
	 " 0=900,800,-,signal 7200 1800; mark stop " R0 "=1,-; rule idle signal",
	 "signal 0 5000", NULL},
	{"another pass is about to signal it",
	 "hold 0 1 1000 run; idle 0 900; mark idle " R0
	 " 0=900,800,-,signal 7200 1800; mark stop " R0 "=0,-; rule idle signal",
	 "", NULL},
	{"root's run",
	 "hold 0 1 0 run; idle 0 900; mark idle " R0
	 " 0=900,800,-,signal 7200 1800; rule idle signal",
	 "", NULL},
	{"only root signals",
	 "hold 0 1 1000 run; idle 0 900; mark idle " R0
	 " 0=900,800,-,signal 7200 1800; rule idle signal; nonroot",
	 "", NULL},
	{"a run of a spared program",
	 "hold 0 1 1000 run; idle 0 900; process 0 5000 1000 5000 90 "
	 "Xorg; command Xorg; mark idle " R0 " 0=900,800,-,signal 7200 1800; rule idle signal",
	 "", NULL},

	/* ---- unreserved ---- */
	{"no rule: it is noticed", "process 3 4711 1001 5000 20", "unreserved-begun 3",
	 "unreserved 3 1001"},
	{"noticed once", "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,-,-,- u1001", "",
	 NULL},
	{"over", "mark unreserved 3 1001=20,-,-,- u1001", "unreserved-ended 3", ""},
	{"over, of nobody", "mark unreserved 3 -=20,-,-,- ", "unreserved-ended 3", ""},
	{"not seen is not over", "unseen 3; mark unreserved 3 1001=20,-,-,- u1001", "",
	 "unreserved 3 1001"},
	{"the driver's pids are others", "blind; process 3 4711 1001 5000 20; rule unreserved stop",
	 "", NULL},
	{"of a pool that had more GPUs",
	 "mark unreserved 77 1001=20,-,-,- u1001; mark sick 77=5,-; mark idle " R0 " 77=5,-", "",
	 ""},
	{"warned at once where it will be stopped",
	 "process 3 4711 1001 5000 1; rule unreserved stop", "unreserved-begun 3; warn 3", NULL},
	{"told only when it lasts", "process 3 4711 1001 5000 1; rule unreserved",
	 "unreserved-begun 3", NULL},
	{"told",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=5,-,-,- u1001; rule unreserved",
	 "warn 3", NULL},
	{"told once",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,15,-,tell u1001; rule "
	 "unreserved",
	 "", NULL},
	{"told: the rule says stop by now",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,15,-,tell u1001; rule unreserved "
	 "stop",
	 "warn 3", NULL},
	{"nobody is told",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=5,-,-,- u1001; rule "
	 "unreserved silent",
	 "", NULL},
	{"nobody is stopped untold", "process 3 4711 1001 5000 20; rule unreserved silent stop",
	 "unreserved-begun 3; warn 3", NULL},
	{"stopped", USED "rule unreserved stop", "stop 3 4711", "stop 4711:99; unreserved 3 1001"},
	{"not before the warning is old enough",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,4,-,stop:300 u1001; rule unreserved stop",
	 "spare 3 4711", NULL},
	{"not before it is old enough itself",
	 "process 3 4711 1001 5000 4; mark unreserved 3 1001=20,10,-,stop:300 u1001; rule unreserved stop",
	 "spare 3 4711", NULL},
	{"the second signal", USED "mark stop 4711:99=2,1; rule unreserved stop", "kill 3 4711",
	 NULL},
	{"not before the grace is over", USED "mark stop 4711:99=0,0; rule unreserved stop",
	 "wait 3 4711", NULL},
	{"another pass is about to send the second signal",
	 USED "mark stop 4711:99=0,1; rule unreserved stop", "", NULL},
	{"no third signal", USED "mark stop 4711:99=9,8,7; rule unreserved stop", "", NULL},
	{"another pass is about to signal", USED "mark stop 4711:99=0,-; rule unreserved stop", "",
	 NULL},
	{"a pass was killed before it had signalled",
	 USED "mark stop 4711:99=1,-; rule unreserved stop", "stop 3 4711", NULL},
	{"never SIGKILL without SIGTERM", USED "mark stop 4711:99=60,-; rule unreserved stop",
	 "stop 3 4711", NULL},
	{"the pid is another process's", USED "mark stop 4711:98=9,8; rule unreserved stop",
	 "stop 3 4711", "stop 4711:99; unreserved 3 1001"},
	{"it has reserved the GPU since",
	 "hold 3 1 1001 manual; " USED "mark stop 4711:99=2,1; rule unreserved stop",
	 "unreserved-ended 3", ""},
	{"it has left",
	 "mark unreserved 3 1001=20,10,-,stop:300 u1001; mark stop 4711:99=2,1; rule "
	 "unreserved stop",
	 "unreserved-ended 3", ""},
	{"where nobody can see it is kept",
	 "unseen 3; mark unreserved 3 1001=20,10,-,stop:300 u1001; mark "
	 "stop 4711:99=2,1; rule unreserved stop",
	 "", "stop 4711:99; unreserved 3 1001"},
	{"on another's GPU", "hold 3 1 1000 manual; " USED "rule unreserved stop", "stop 3 4711",
	 NULL},
	{"its holder's through sudo",
	 "hold 3 1 1000 manual; process 3 4711 1001 5000 20 sudo; rule "
	 "unreserved stop",
	 "", ""},
	{"reserved since the scan", "hold 3 1 1000 manual; late 3; " USED "rule unreserved stop",
	 "", NULL},
	{"a little memory on another's GPU",
	 "hold 3 1 1000 manual; process 3 4711 1001 300 20; rule "
	 "unreserved stop",
	 "", ""},
	{"of two, who has a little is let alone",
	 "process 3 4711 1001 5000 20; process 3 4712 1002 300 20; mark unreserved 3 "
	 "1001=20,10,-,stop:300 u1001; mark unreserved 3 1002=20,10,-,stop:300 u1002; rule unreserved stop",
	 "spare 3 4712; stop 3 4711", NULL},
	{"memory is not known",
	 "process 3 4711 1001 -1 20; mark unreserved 3 1001=20,10,-,stop:300 u1001; "
	 "rule unreserved stop",
	 "spare 3 4711", NULL},
	{"root's",
	 "process 3 4711 0 5000 20; mark unreserved 3 0=20,10,-,stop:300 root; rule unreserved "
	 "stop",
	 "spare 3 4711", NULL},
	{"root is not warned", "process 3 4711 0 5000 20; rule unreserved stop",
	 "unreserved-begun 3; spare 3 4711", NULL},
	{"its owner is unknown",
	 "process 3 4711 ? 5000 20; mark unreserved 3 ?=20,10,-,stop:300 ; rule "
	 "unreserved stop",
	 "spare 3 4711", NULL},
	{"its age is unknown",
	 "process 3 4711 1001 5000 20 ageless; mark unreserved 3 "
	 "1001=20,10,-,stop:300 u1001; rule unreserved stop",
	 "spare 3 4711", NULL},
	{"in a container",
	 "process 3 4711 1001 5000 20 container; mark unreserved 3 "
	 "1001=20,10,-,stop:300 u1001; rule unreserved stop",
	 "spare 3 4711", NULL},
	{"ignored",
	 "process 3 4711 1001 5000 20 ignored; mark unreserved 3 1001=20,10,-,stop:300 u1001; "
	 "rule unreserved stop",
	 "unreserved-ended 3", NULL},
	{"spared", USED "spare 1001; rule unreserved stop", "spare 3 4711", NULL},
	{"the spared are not warned",
	 "process 3 4711 1001 5000 20; spare 1001; rule unreserved stop",
	 "unreserved-begun 3; spare 3 4711", NULL},
	{"a spared program",
	 "process 3 4711 1001 5000 20 Xorg; command Xorg; mark unreserved 3 "
	 "1001=20,10,-,stop:300 u1001; rule unreserved stop",
	 "spare 3 4711", NULL},
	{"an account that nobody knows",
	 "process 3 4711 1234 5000 20; mark unreserved 3 "
	 "1234=20,10,-,stop:300 u1234; rule unreserved stop",
	 "spare 3 4711", NULL},
	{"outside the hours", USED "rule unreserved stop; night", "", NULL},
	{"only root stops", USED "rule unreserved stop; nonroot", "spare 3 4711", NULL},
	{"one process on two GPUs is stopped once",
	 "process 3 4711 1001 5000 20; process 4 4711 1001 5000 20; mark unreserved 3 "
	 "1001=20,10,-,stop:300 u1001; mark unreserved 4 1001=20,10,-,stop:300 u1001; rule unreserved stop",
	 "stop 3,4 4711", NULL},
	{"after days without a pass: the same process",
	 "process 3 4711 1001 5000 9000; mark unreserved 3 1001=9000,8000,-,stop:300 u1001; pass 7000; "
	 "rule unreserved stop",
	 "stop 3 4711", NULL},
	{"after days without a pass: another one",
	 "process 3 4711 1001 5000 60; mark unreserved 3 1001=9000,8000,-,stop:300 u1001; pass 7000; "
	 "rule unreserved stop",
	 "unreserved-begun 3; warn 3", NULL},

	/* ---- the end of a reservation ---- */
	{"it ends soon", "hold 0 2 1000 manual 10", "expiring 0,1", "expiring " R0},
	{"not so soon", "hold 0 1 1000 manual 11", "", ""},
	{"told once", "hold 0 1 1000 manual 5; mark expiring " R0 "=-5,5,-,tell 1000 0", "", NULL},
	{"extended since", "hold 0 1 1000 manual 50; mark expiring " R0 "=-5,5,-,tell 1000 0", "",
	 ""},
	{"the rule says stop by now",
	 "hold 0 1 1000 manual 5; mark expiring " R0 "=-5,5,-,tell 1000 0; rule expiry-stop",
	 "expiring 0", NULL},
	{"released before its end", "mark expiring " R0 "=-5,5,-,stop 1000 0; rule expiry-stop", "",
	 ""},
	{"goes on",
	 "process 3 4711 1001 5000 90; mark expiring " R0
	 "=2,12,-,stop 1001 3; mark unreserved 3 1001=2,-,-,- u1001; rule expiry-stop",
	 "stop 3 4711", NULL},
	{"goes on, nobody was warned",
	 "process 3 4711 1001 5000 90; mark unreserved 3 1001=2,-,-,- u1001; rule expiry-stop", "",
	 NULL},
	{"goes on, told without the rule",
	 "process 3 4711 1001 5000 90; mark expiring " R0
	 "=2,12,-,tell 1001 3; mark unreserved 3 1001=2,-,-,- u1001; rule expiry-stop",
	 "", "unreserved 3 1001"},
	{"warned a moment before the end",
	 "process 3 4711 1001 5000 90; mark expiring " R0
	 "=2,9,-,stop 1001 3; mark unreserved 3 1001=2,-,-,- u1001; rule expiry-stop",
	 "", NULL},
	{"begun after the end",
	 "process 3 4711 1001 5000 1; mark expiring " R0
	 "=2,12,-,stop 1001 3; mark unreserved 3 1001=2,-,-,- u1001; rule "
	 "expiry-stop",
	 "", "unreserved 3 1001"},
	{"reserved again",
	 "hold 3 1 1001 manual; process 3 4711 1001 5000 90; mark expiring "
	 "99999999-0000-0000-0000-000000000000=2,12,-,stop 1001 3; rule "
	 "expiry-stop",
	 "", ""},
	{"another's process there",
	 "process 3 4711 1002 5000 90; mark expiring " R0
	 "=2,12,-,stop 1001 3; mark unreserved 3 1002=2,-,-,- u1002; rule "
	 "expiry-stop",
	 "", "unreserved 3 1002"},
	{"both rules: one signal",
	 "mark expiring " R0 "=12,22,-,stop 1001 3; " USED "rule unreserved stop expiry-stop",
	 "stop 3 4711", NULL},

	/* ---- who has not been told ---- */
	{"a pass was killed before it told: the next one tells",
	 USED "told 11; rule unreserved stop", "warn 3", NULL},
	{"told a moment after the warning: nothing yet",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,1,-,stop:300 u1001; told 2; rule "
	 "unreserved stop",
	 "spare 3 4711", NULL},
	{"told by a pass that came too late: warned again, idle",
	 IDLE "idle 0 120; mark idle " R0
	      " 0=120,30,-,release 7200 1800; told 31; rule idle release",
	 "warn 0", NULL},
	{"an administrator's pass tells nobody, and takes nothing",
	 IDLE "idle 0 120; mark idle " R0
	      " 0=120,30,-,release 7200 1800; told 31; rule idle release; nonroot",
	 "wait 0", "idle " R0 " 0"},
	{"its own holder's pass need not be told",
	 "hold 0 1 1900 manual; idle 0 120; mark idle " R0
	 " 0=120,30,-,release 7200 1800; told 31; rule idle release; nonroot; known 1900",
	 "release 0", ""},
	{"a warning that was not told is not withdrawn",
	 IDLE "active 0 1; mark idle " R0
	      " 0=120,30,-,release 7200 1800; told 31; rule idle release",
	 "", ""},
	{"a warning that was too old when others were told is void",
	 IDLE "idle 0 120; mark idle " R0 " 0=120,-,-,release 7200 1800; rule idle release",
	 "warn 0", NULL},
	{"the end was not told: told again",
	 "hold 0 1 1000 manual 5; mark expiring " R0
	 "=-5,5,-,stop 1000 0; told 6; rule expiry-stop",
	 "expiring 0", NULL},
	{"the end was not told: nothing follows",
	 "process 3 4711 1001 5000 90; mark expiring " R0
	 "=2,12,-,stop 1001 3; mark unreserved 3 1001=2,-,-,- u1001; told 13; rule expiry-stop",
	 "", "unreserved 3 1001"},

	/* ---- rules that are changed, reservations in between, holders that nobody knows ---- */
	{"the time was made shorter: warned of that first",
	 "process 3 4711 1001 5000 20; mark unreserved 3 1001=20,10,-,stop:600 u1001; rule "
	 "unreserved stop",
	 "warn 3", NULL},
	{"the time to release was made shorter: warned of that first",
	 IDLE "idle 0 120; mark idle " R0 " 0=120,30,-,release 9000 1800; rule idle release",
	 "warn 0", NULL},
	{"reserved after the last pass, and given back: a new use",
	 "process 3 4711 1001 5000 9000; mark unreserved 3 1001=9000,8000,-,stop:300 u1001; pass "
	 "7000; freed 3 1; rule unreserved stop",
	 "unreserved-begun 3; warn 3", NULL},
	{"a holder whose uid is unknown: it may be its own process",
	 "hold 3 1 1000 manual; nameless 3; " USED "rule unreserved stop", "spare 3 4711", NULL},
	{"nobody is warned of what may be its own",
	 "hold 3 1 1000 manual; nameless 3; process 3 4711 1001 5000 20; rule unreserved stop",
	 "unreserved-begun 3; spare 3 4711", NULL},
	{"nobody is warned of a container's process",
	 "process 3 4711 1001 5000 20 container; rule unreserved stop",
	 "unreserved-begun 3; spare 3 4711", NULL},

	/* ---- sick ---- */
	{"sick", "sick 2", "sick 2", "sick 2"},
	{"told once", "sick 2; mark sick 2=5,-", "", "sick 2"},
	{"well", "mark sick 2=5,-", "well 2", ""},
	{"not seen is not well", "unseen 2; mark sick 2=5,-", "", "sick 2"},
};

static void test_cases(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct guard_world w;
		AUTO_FREE char *steps = NULL, *marks = NULL, *again = NULL;

		guard_world_open(&w, cases[i].world);
		steps = guard_world_pass(&w);
		if (strcmp(steps, cases[i].steps) != 0)
			fail_msg("%s: '%s' instead of '%s'", cases[i].what, steps, cases[i].steps);
		marks = guard_world_marks(&w);
		if (cases[i].marks && strcmp(marks, cases[i].marks) != 0)
			fail_msg("%s: marks '%s' instead of '%s'", cases[i].what, marks,
				 cases[i].marks);
		/* A second pass a moment later does nothing that the first one has done. */
		again = guard_world_pass(&w);
		if (*again && strncmp(again, "spare", 5) != 0 && strncmp(again, "wait", 4) != 0 &&
		    strncmp(again, "kill", 4) != 0)
			fail_msg("%s: a second pass does '%s'", cases[i].what, again);
		guard_world_close(&w);
	}
}

/* Who is about to be stopped, and reserves the GPU a moment before the commit, has kept to the
   rules: the commit compares the GPU. */
static void test_check(void **unused)
{
	AUTO(plan_clear) struct plan plan = {0};
	AUTO(guard_steps_clear) struct guard_steps steps = {0};
	struct guard_world w;
	bool found = false;

	(void)unused;
	guard_world_open(&w, USED "rule unreserved stop");
	plan_guard(&w.state, &w.facts, &w.guard, &w.rules, &plan, &steps);
	for (size_t i = 0; i < plan.changes_count; i++) {
		const struct change *c = &plan.changes[i];

		found |= c->kind == CHANGE_CHECK && c->check.gpus_count == 1 &&
			 c->check.gpus[0] == 3;
	}
	assert_true(found);
	plan_clear(&plan);
	guard_world_close(&w);
}

/* What was sent is an event, also where another pass was so fast that it has seen the end of the
   process, and forgotten it. */
static void test_sent(void **unused)
{
	static const struct {
		const char *mark;
		enum guard_sent sent;
		bool event;
	} rows[] = {
		{"mark stop 4711:99=0,-; ", GUARD_SENT, true},
		{"", GUARD_SENT, true},
		{"mark stop 4711:99=0,0; ", GUARD_SENT, false},
		{"mark stop 4711:99=0,-; ", GUARD_GONE, false},
		{"mark stop 4711:99=0,-; ", GUARD_NOT_SENT, false},
		{"", GUARD_GONE, false},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct guard_step step = {.deed = GUARD_TERM, .process = {4711, 99}};
		const struct guard_steps steps = {.steps = &step, .count = 1};
		AUTO(plan_clear) struct plan plan = {0};
		struct guard_world w;
		bool event = false;

		guard_world_open(&w, rows[i].mark);
		plan_guard_sent(&w.state, &w.facts, &w.guard, &steps, &rows[i].sent, &plan);
		for (size_t k = 0; k < plan.changes_count; k++)
			event |= plan.changes[k].kind == CHANGE_EVENT;
		if (event != rows[i].event)
			fail_msg("row %zu", i);
		guard_world_close(&w);
	}
}

/* What a pass notices or does is one event, of that kind, with whom it concerns and the pass's
   account where that has done it. */
static void test_events(void **unused)
{
	static const struct {
		const char *world;
		enum event_kind kind;
		const char *account, *actor, *reason;
	} rows[] = {
		{"sick 2", EVENT_SICK, NULL, NULL, "cannot be used: "},
		{"mark sick 2=5,-", EVENT_WELL, NULL, NULL, "can be used again"},
		{"process 3 4711 1001 5000 20", EVENT_UNRESERVED_BEGUN, "u1001", NULL, "(python)"},
		{"mark unreserved 3 1001=20,-,-,- u1001", EVENT_UNRESERVED_ENDED, "u1001", NULL,
		 "u1001 no longer uses GPU 3"},
		{"hold 0 2 1000 manual 10", EVENT_EXPIRING, "u1000", NULL, "GPUs 0-1 ends at "},
		{IDLE "idle 0 90; rule idle release", EVENT_WARNED, "u1000", "root",
		 "been idle for 1h 30m: unless it is used, guard releases it at "},
		{IDLE "active 0 1; mark idle " R0
		      " 0=100,10,-,release 7200 1800; rule idle release",
		 EVENT_WARNED, "u1000", "root", "GPU 0 is used again"},
		{AWAITED, EVENT_RELEASED, "u1000", "root", "guard released GPU 0: idle for "},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(plan_clear) struct plan plan = {0};
		AUTO(guard_steps_clear) struct guard_steps steps = {0};
		const struct event *v = NULL;
		struct guard_world w;
		size_t count = 0;

		guard_world_open(&w, rows[i].world);
		plan_guard(&w.state, &w.facts, &w.guard, &w.rules, &plan, &steps);
		for (size_t k = 0; k < plan.changes_count; k++) {
			if (plan.changes[k].kind != CHANGE_EVENT)
				continue;
			v = plan.changes[k].event.event;
			count++;
		}
		if (count != 1 || v->kind != rows[i].kind || !v->gpus_count ||
		    !strstr(v->reason, rows[i].reason) ||
		    strcmp(v->account ? v->account : "", rows[i].account ? rows[i].account : "") !=
			    0 ||
		    strcmp(v->actor ? v->actor : "", rows[i].actor ? rows[i].actor : "") != 0)
			fail_msg("row %zu: %zu events, %s of %s by %s: %s", i, count,
				 v ? event_kind_name(v->kind) : "", v ? v->account : "",
				 v ? v->actor : "", v ? v->reason : "");
		guard_world_close(&w);
	}
}

static const struct event *event_of(const struct plan *p, enum event_kind kind)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_EVENT && c->event.event->kind == kind)
			return c->event.event;
	}
	fail_msg("no event %s", event_kind_name(kind));
	return NULL;
}

/* Whoever was stopped, or has lost GPUs, can be shown what that was decided on: a signal, too,
   whose event is of a later commit, which knows of no scan. */
static void test_explained(void **unused)
{
	enum guard_sent sent[8] = {GUARD_SENT, GUARD_SENT, GUARD_SENT, GUARD_SENT};
	AUTO(plan_clear) struct plan plan = {0}, after = {0}, release = {0};
	AUTO(guard_steps_clear) struct guard_steps steps = {0}, released = {0};
	const struct plan_facts late = {.now_ns = NOW + NS_PER_SECOND};
	struct guard_world w;
	const char *before;

	(void)unused;
	guard_world_open(&w, "hold 0 1 1000 manual; " USED "rule unreserved stop");
	plan_guard(&w.state, &w.facts, &w.guard, &w.rules, &plan, &steps);
	assert_true(steps.count <= ARRAY_SIZE(sent));
	plan_guard_sent(&w.state, &late, &w.guard, &steps, sent, &after);
	before = event_of(&after, EVENT_STOPPED)->before;
	assert_non_null(before);
	assert_non_null(strstr(before, "held 0 manual 00000000 u1000\n"));
	assert_non_null(strstr(before, "used 3 "));
	assert_null(strstr(before, "unknown"));
	assert_non_null(strstr(event_of(&after, EVENT_STOPPED)->details, "\"pid\":4711"));
	guard_world_close(&w);

	guard_world_open(&w, AWAITED);
	plan_guard(&w.state, &w.facts, &w.guard, &w.rules, &release, &released);
	assert_null(released.before);
	before = event_of(&release, EVENT_RELEASED)->before;
	assert_non_null(before);
	assert_non_null(strstr(before, "held 0 "));
	assert_non_null(strstr(before, "\nwaits "));
	guard_world_close(&w);
}

/* Of two passes at once, the one whose scan is older than what the other has recorded. */
static void test_late(void **unused)
{
	static const struct {
		const char *world;
		int scan_minutes; /* ago */
		bool late;
	} rows[] = {
		{"", 5, false},
		{"mark guard=5,-", 4, false},
		{"mark guard=5,-", 5, false},
		{"mark guard=5,-", 6, true},
		{"mark guard=0,-", 1, true},
		{"mark guard=-5,-", 1, false},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t scan_ns = NOW - rows[i].scan_minutes * NS_PER_MINUTE;
		struct guard_world w;

		guard_world_open(&w, rows[i].world);
		for (size_t k = 0; k < w.state.marks_count; k++)
			w.state.marks[k].seen_ns = w.state.marks[k].since_ns;
		if (plan_guard_is_late(&w.state, &w.facts, scan_ns) != rows[i].late)
			fail_msg("row %zu", i);
		guard_world_close(&w);
	}
}

/* What doctor tells of the last pass. */
static void test_pass_text(void **unused)
{
	static const struct {
		const char *world, *text;
	} rows[] = {
		{"sick 2; process 3 4711 1001 5000 20",
		 "1 unreserved use, 0 idle GPUs, 1 GPU that cannot be used; warned 0, released 0, "
		 "stopped 0"},
		{"unseen 3",
		 "0 unreserved uses, 0 idle GPUs, 0 GPUs that cannot be used, 1 GPU that could not "
		 "be looked at; warned 0, released 0, stopped 0"},
		{"blind",
		 "0 unreserved uses, 0 idle GPUs, 0 GPUs that cannot be used, 6 GPUs that could "
		 "not be looked at; warned 0, released 0, stopped 0"},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct guard_world w;

		guard_world_open(&w, rows[i].world);
		free(guard_world_pass(&w));
		assert_string_equal(pool_state_mark(&w.state, PLAN_GUARD_PASS)->text, rows[i].text);
		guard_world_close(&w);
	}
}

/* ---- guard.hours ---- */

static void test_hours(void **unused)
{
	static const struct {
		const char *text;
		int day, minute;
		bool in;
	} rows[] = {
		{"mon-fri 8:00-20:00", 1, 480, true},
		{"mon-fri 8:00-20:00", 1, 479, false},
		{"mon-fri 8:00-20:00", 5, 1199, true},
		{"mon-fri 8:00-20:00", 5, 1200, false},
		{"mon-fri 8:00-20:00", 6, 600, false},
		{"8-20", 0, 600, true},
		{"22-6", 3, 1380, true},
		{"22-6", 3, 359, true},
		{"22-6", 3, 360, false},
		{"sat 22-6", 0, 10, true},
		{"sat 22-6", 6, 10, false},
		{"fri-mon", 0, 0, true},
		{"fri-mon", 2, 0, false},
		{"Sat, Sun 9-12", 6, 0, true},
		{"Sat, Sun 9-12", 0, 0, false},
		{"mon 8:30-24", 1, 1439, true},
		{"mon 8:30-24", 2, 0, false},
	};
	static const char *const bad[] = {
		"",      "work", "8",      "8-8",     "25-26",    "8:60-9",     "mon-", "mon 8-",
		"8-20,", "mon;", "monday", "24:30-3", "8-20 mon", "mon 8-20 x", "24-0", "24-8"};
	struct hours h;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(hours_parse(rows[i].text, &h, NULL), 0);
		if (hours_have(&h, rows[i].day, rows[i].minute) != rows[i].in)
			fail_msg("%s: day %d, minute %d", rows[i].text, rows[i].day,
				 rows[i].minute);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (hours_parse(bad[i], &h, NULL) == 0)
			fail_msg("'%s' is taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),     cmocka_unit_test(test_check),
		cmocka_unit_test(test_sent),      cmocka_unit_test(test_events),
		cmocka_unit_test(test_explained), cmocka_unit_test(test_pass_text),
		cmocka_unit_test(test_late),      cmocka_unit_test(test_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
