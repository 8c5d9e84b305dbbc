// The page follows the pool without being loaded again: by the event stream, without it, and over the end of the server.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { assertNoProblems, card, LIMIT_MS, openWorld, shows, test, textOf, until } from "./world.mjs";

const live = (page) => shows(page.locator("#connection"), /^Live$/);

test("a change appears without a reload, in place", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();

  await live(page);
  await page.evaluate(() => {
    window.stillHere = true;
    window.cardBefore = document.querySelector('.card[data-gpu="2"]');
  });
  await world.chg("reserve", "--gpu-ids", "2", "--user", "alice", "--note", "mine for now");
  await shows(card(page, 2), /In use .*alice .*mine for now/);
  await shows(page.locator('.total[data-state="in-use"] .total-number'), /^1$/);
  await world.chg("release", "--gpu-ids", "2");
  await shows(card(page, 2), /Available .*Free/);
  assert.ok(await page.evaluate(() => window.stillHere), "the page was not loaded again");
  assert.ok(
    await page.evaluate(() => window.cardBefore === document.querySelector('.card[data-gpu="2"]')),
    "the card was patched, not replaced",
  );
  assertNoProblems(world);
});

test("what the driver shows appears, too, without a change in the pool", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();

  await live(page);
  await world.fake([
    { index: 0, memory_used_mb: 9000, processes: [{ pid: process.pid, name: "stray", memory_mb: 9000 }] },
  ]);
  await shows(card(page, 0), /Unreserved .*9000MB used by PID \d+ \(stray\)/);
  assertNoProblems(world);
});

test("values that change move nothing", async (t) => {
  const world = await openWorld(t, { gpus: 2 });
  const values = (load, memory_used_mb, watts) => [0, 1].map((index) => ({
    index,
    memory_used_mb,
    memory_total_mb: 81920,
    utilization_percent: load,
    temperature_c: load,
    power_mw: watts * 1000,
    power_limit_mw: 700000,
  }));
  for (const gpu of ["0", "1"]) await world.chg("reserve", "--gpu-ids", gpu, "--user", "alice");
  await world.fake(values(7, 2000, 9));
  for (const density of ["cards", "tiles"]) {
    const page = await world.openPage({ where: `?tiles=${density}` });
    const boxes = () =>
      page.evaluate(() =>
        [...document.querySelectorAll("#answer, .total, #gpus > *, .unit, .facts, .measures, .track, .bar, .panel, .recipe")].map((node) => {
          const { x, y, width, height } = node.getBoundingClientRect();
          return `${node.className} ${x} ${y} ${width} ${height}`;
        }),
      );
    // Of what is not drawn yet nobody knows the height.
    await page.locator("#report table").waitFor();
    await page.locator("#timeline-empty, .block").first().waitFor({ state: "attached" });
    const before = await boxes();
    await world.fake(values(100, 81000, 700));
    await until("the new values", () =>
      page.evaluate(() =>
        [...document.querySelectorAll(".meter-number")].some((node) => node.textContent === "100 %") ||
        [...document.querySelectorAll(".bar.load")].some((node) => node.style.getPropertyValue("--part") === "100%"),
      ),
    );
    assert.deepEqual(await boxes(), before, density);
    await world.fake(values(7, 2000, 9));
    await page.context().close();
  }
  assertNoProblems(world);
});

test("durations go on by themselves", async (t) => {
  const world = await openWorld(t);
  await world.chg("reserve", "--gpu-ids", "0");
  const page = await world.openPage();
  const lasting = card(page, 0).locator(".lasting");
  const seconds = async () => {
    const [, minutes = "0", rest] = /^(?:(\d+)m )?(\d+)s$/.exec(await textOf(lasting));
    return 60 * Number(minutes) + Number(rest);
  };

  await shows(lasting, /^(\d+m )?\d+s$/);
  // Nothing comes from the server any more.
  await page.route("**/api/**", (route) => route.abort());
  const before = await seconds();
  await until("two seconds more", async () => (await seconds()) >= before + 2);
});

test("a clock of this computer that is an hour off does not matter", async (t) => {
  const world = await openWorld(t);
  await world.chg("reserve", "--gpu-ids", "0");
  for (const ahead_ms of [3600000, -3600000]) {
    const page = await world.openPage({}, (fresh) => fresh.clock.install({ time: Date.now() + ahead_ms }));

    await live(page);
    await shows(card(page, 0).locator(".lasting"), /^(\d+m )?\d+s$/);
    await shows(card(page, 0), /expires in (7h 5\dm \d\ds|8h 00m 00s)/);
  }
  assertNoProblems(world);
});

test("focus and an opened text stay where they are while things change", async (t) => {
  const world = await openWorld(t);
  await world.chg("reserve", "--gpu-ids", "1", "--note", "long ".repeat(100).trim());
  const page = await world.openPage();
  const more = card(page, 1).getByRole("button", { name: "Show all" });

  await live(page);
  await more.focus();
  await page.keyboard.press("Enter");
  await world.chg("reserve", "--gpu-ids", "0");
  await shows(card(page, 0), "In use");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Show less");
  assertNoProblems(world);
});

test("a screen reader hears of changes, politely", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();

  await live(page);
  assert.equal(await page.locator("#spoken").getAttribute("aria-live"), "polite");
  await world.chg("reserve", "--gpu-ids", "1", "--user", "alice");
  await until("the words", async () =>
    /^GPU 1: In use, alice \(\w+\)$/.test(await page.locator("#spoken").textContent()),
  );
  assertNoProblems(world);
});

test("the server ends and comes back: the page says so, and goes on by itself", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();

  await live(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);
  await page.evaluate(() => (window.stillHere = true));
  await world.stop("SIGKILL");
  await shows(page.locator("#trouble"), /Connection lost, last update \d\d:\d\d:\d\d, trying again\./);
  await shows(page.locator("#connection"), "Connection lost");
  assert.equal(await card(page, 0).isVisible(), true, "what was known is still shown");

  await world.chg("reserve", "--gpu-ids", "0", "--user", "meanwhile");
  await world.serve();
  await shows(card(page, 0), "meanwhile");
  await live(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);
  assert.ok(await page.evaluate(() => window.stillHere), "without a reload");
  assertNoProblems(world);
});

test("a newer server brings its own page", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();

  await live(page);
  await page.evaluate(() => (window.stillHere = true));
  await page.route("**/api/host", async (route) => {
    try {
      const response = await route.fetch({ headers: { ...route.request().headers(), "if-none-match": "" } });
      await route.fulfill({ response, json: { ...(await response.json()), version: "99.0" } });
    } catch {
      // The server is away; or the page is, which asked.
      await route.abort().catch(() => {});
    }
  });
  await world.stop("SIGKILL");
  await shows(page.locator("#trouble"), "Connection lost");
  await world.serve();
  await until("the page is loaded again", () => page.evaluate(() => !window.stillHere).catch(() => false));
  await live(page);
  await shows(page.locator("#about"), "canhazgpu 99.0");
  assertNoProblems(world);
});

test("a server that cannot read the pool is told from one that is away", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();
  const button = page.getByRole("button", { name: "Try now" });
  const answer = { status: 503, contentType: "application/json", body: '{"error":"the store is away"}' };

  await live(page);
  // Away until somebody presses the button: what the page asks of itself meanwhile must not take the button away.
  await page.route("**/api/status", async (route) => {
    const pressed = await page.evaluate(() => window.pressed).catch(() => false);
    await (pressed ? route.continue() : route.fulfill(answer)).catch(() => {});
  });
  await world.chg("reserve", "--gpu-ids", "0");
  await shows(page.locator("#trouble"), /Server error: the store is away, last update .*, trying again\./);
  await button.evaluate((element) => element.addEventListener("click", () => (window.pressed = true), true));
  await button.click();
  await shows(card(page, 0), "In use");
  await live(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);
  // The same before anything was known, on a wall, too: nothing is loading for ever.
  await page.goto(`${world.address()}?view=wall`);
  await shows(page.locator("#answer-free"), "No data yet");
  await shows(page.locator("#connection"), "Server error");
  assert.equal(await page.locator("body[data-wall]").count(), 1);
  assertNoProblems(world);
});

test("the pool of another host has a banner, as long as it is that", async (t) => {
  const world = await openWorld(t);
  await world.sql("UPDATE pool SET host_id = 'other', host_boot_id = 'other', host_name = 'node9<i>';");
  const page = await world.openPage();

  await live(page);
  await shows(page.locator("#warning"), /^Warning: the GPU pool in .* is that of another host, node9<i>$/);
  await world.chg("admin", "--gpus", "4", "--provider", "fake", "--force");
  await until("the banner is gone", async () => !(await page.locator("#warning").isVisible()));
  await shows(card(page, 0), /Available/);
  assertNoProblems(world);
});

test("without the event stream the page looks again every 30 seconds", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage({}, async (fresh) => {
    await fresh.clock.install();
    await fresh.route("**/api/events", (route) => route.fulfill({ status: 503, body: "" }));
  });

  await shows(page.locator("#connection"), /^Every 30 s$/);
  assert.equal(await page.locator("#trouble").isVisible(), false);
  await world.chg("reserve", "--gpu-ids", "3", "--user", "later");
  for (let i = 0; i < LIMIT_MS / 5000 && !(await textOf(card(page, 3))).includes("later"); i++) {
    await page.clock.runFor(31000);
    await page.waitForTimeout(200);
  }
  await shows(card(page, 3), "later");
  assertNoProblems(world);
});

// Counts the streams, and lets tests say whether somebody looks.
async function prepareHiding(page, state) {
  await page.clock.install();
  await page.addInitScript((first) => {
    window.streams = [];
    window.changes = 0;
    window.EventSource = class extends EventSource {
      constructor(address) {
        super(address);
        window.streams.push(this);
        this.addEventListener("change", () => window.changes++);
      }
    };
    window.show = (value) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    if (first === "hidden") window.show(first);
  }, state);
}

const streams = (page) =>
  page.evaluate(() => window.streams.filter(({ readyState }) => readyState !== EventSource.CLOSED).length);

test("a page that nobody looks at lets go of its stream, and catches up when somebody does; a doubtful one is opened again", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage({}, (fresh) => prepareHiding(fresh, "visible"));

  await live(page);
  await until("one stream", async () => (await streams(page)) === 1);
  await page.evaluate(() => window.show("hidden"));
  await page.clock.runFor(61000);
  await until("no stream", async () => (await streams(page)) === 0);
  await world.chg("reserve", "--gpu-ids", "0", "--user", "alice");
  await page.evaluate(() => window.show("visible"));
  await shows(card(page, 0), "alice");
  await until("one stream again", async () => (await streams(page)) === 1);

  // The network is away for a while, and no word of it reaches the stream: it may be dead, so there is a new one.
  await live(page);
  const before = await page.evaluate(() => window.streams.length);
  await page.route("**/api/status", (route) => route.abort());
  await until("it is noticed", async () => {
    await page.clock.runFor(31000);
    return (await page.locator("#connection").getAttribute("data-mode")) === "lost";
  });
  assert.equal(await page.evaluate(() => window.streams.length), before, "the stream knows nothing of it");
  await page.unroute("**/api/status");
  await until("a new stream", async () => {
    await page.clock.runFor(31000);
    return (await page.evaluate(() => window.streams.length)) === before + 1;
  });
  await live(page);
  assert.equal(await streams(page), 1);
  // The computer slept: no timer ran, and all of them are late.
  await page.clock.fastForward(3600000);
  await until("a new stream again", async () => (await page.evaluate(() => window.streams.length)) === before + 2);
  await live(page);
  assertNoProblems(world);
});

test("a page that is opened in the background lets go of its stream, too", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage({}, (fresh) => prepareHiding(fresh, "hidden"));

  await until("one stream", async () => (await streams(page)) === 1);
  await page.clock.runFor(61000);
  await until("no stream", async () => (await streams(page)) === 0);
  assertNoProblems(world);
});

test("an answer that comes when nobody looks any more does not begin everything again", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage({}, (fresh) => prepareHiding(fresh, "visible"));
  let held = null;
  let asked = 0;

  await live(page);
  // From here on its time is ours alone: it must not fall asleep before it has asked.
  await page.clock.pauseAt(Date.now() + 10 * LIMIT_MS);
  await page.evaluate(() => window.show("hidden"));
  await page.clock.runFor(58000);
  await page.route("**/api/status", async (route) => {
    asked++;
    await new Promise((resolve) => (held = resolve));
    await route.continue();
  });
  await world.chg("reserve", "--gpu-ids", "0", "--user", "alice");
  await until("the page asks", async () => {
    await page.clock.runFor(1);
    return held;
  });
  // It hears of another change while it waits for the answer.
  const changes = await page.evaluate(() => window.changes);
  await world.chg("reserve", "--gpu-ids", "1", "--user", "bob");
  await until("another change", async () => (await page.evaluate(() => window.changes)) > changes);
  await page.clock.runFor(3000);
  await until("no stream", async () => (await streams(page)) === 0);
  await until("the server knows", async () => {
    const answer = await fetch(`${world.address()}api/status`);
    return (await answer.text()).includes("bob");
  });
  held();
  await shows(card(page, 0), "alice");
  await shows(card(page, 1), "bob");
  assert.equal(asked, 1);
  await page.clock.runFor(61000);
  await page.waitForTimeout(500);
  assert.equal(asked, 1, "nothing is asked for while nobody looks");
  assertNoProblems(world);
});

test("the token does not stay in the address", async (t) => {
  const world = await openWorld(t);
  await writeFile(world.path("token"), "abcdefghijklmnop\n");
  const address = await world.serve("--token-file", world.path("token"));
  const page = await world.openPage({}, async (fresh) => {
    await fresh.goto(`${address}?token=abcdefghijklmnop&a=b`);
    await card(fresh, 0).waitFor();
    assert.equal(fresh.url(), `${address}?a=b`);
  });

  await live(page);
  assert.equal(await page.evaluate(() => window.history.length), 3, "about:blank and two pages");
  assertNoProblems(world);
});
