// Many windows of one browser: all live with one event stream, whichever of them is closed, crashes or is hidden. A browser has
// six connections per host, so that each window with a stream of its own would be the end at the sixth.
import assert from "node:assert/strict";
import { assertNoProblems, openWorld, shows, test, until } from "./world.mjs";

const live = (page) => shows(page.locator("#connection"), /^Live$/);
const eachOf = (pages, check) => Promise.all(pages.map(check));

// Counts the streams of a window, and lets tests say whether somebody looks.
function prepare(context) {
  return context.addInitScript(() => {
    window.streams = [];
    window.EventSource = class extends EventSource {
      constructor(address) {
        super(address);
        window.streams.push(this);
      }
    };
    window.show = (value) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    };
  });
}

const streamsOf = (page) =>
  page.evaluate(() => window.streams.filter(({ readyState }) => readyState !== EventSource.CLOSED).length);

// How many these windows have opened up to now.
const openedBy = async (pages) =>
  (await eachOf(pages, (page) => page.evaluate(() => window.streams.length))).reduce((sum, count) => sum + count);

// The window that has the one stream of all.
function leaderOf(pages) {
  return until("one of the windows has a stream", async () => {
    const counts = await eachOf(pages, streamsOf);
    return counts.reduce((sum, count) => sum + count) === 1 && pages[counts.indexOf(1)];
  });
}

async function openWindows(world, count, options = () => {}) {
  const first = await world.openPage({}, async (page) => {
    await options(page);
    await prepare(page.context());
  });
  const others = await Promise.all(
    Array.from({ length: count - 1 }, async () => {
      const page = await first.context().newPage();
      page.on("pageerror", (error) => world.problems.push(`thrown: ${error.stack}`));
      await page.goto(world.address());
      return page;
    }),
  );
  return [first, ...others];
}

test("ten windows are live with one stream; the one that has it is closed, crashes; the server restarts", async (t) => {
  const world = await openWorld(t);
  let pages = await openWindows(world, 10);
  const everywhere = async (user) => {
    await world.chg("reserve", "--gpu-ids", "0", "--user", user);
    // Well below the 30 s after which a window without a stream would ask.
    await eachOf(pages, (page) => page.getByText(user).first().waitFor({ timeout: 15000 }));
    await world.chg("release", "--gpu-ids", "0");
  };

  await eachOf(pages, live);
  await leaderOf(pages);
  await everywhere("alice");

  const closed = await leaderOf(pages);
  pages = pages.filter((page) => page !== closed);
  const before = await openedBy(pages);
  await closed.close();
  await leaderOf(pages);
  await everywhere("bob");
  await eachOf(pages, live);
  // One takes over; a second one only where the first stood still.
  const opened = (await openedBy(pages)) - before;
  assert.ok(opened >= 1 && opened <= 3, `${opened} streams were opened`);

  const crashed = await leaderOf(pages);
  pages = pages.filter((page) => page !== crashed);
  const debuggers = await crashed.context().newCDPSession(crashed);
  const crash = crashed.waitForEvent("crash");
  // Nobody is left to answer this.
  debuggers.send("Page.crash").catch(() => {});
  await crash;
  await leaderOf(pages);
  await everywhere("carol");
  await eachOf(pages, live);

  await world.stop("SIGKILL");
  await eachOf(pages, (page) => shows(page.locator("#connection"), "Connection lost"));
  await world.serve();
  await eachOf(pages, live);
  await leaderOf(pages);
  await everywhere("dana");
  assertNoProblems(world);
});

test("a window that is hidden for long hands the stream on, and catches up when it is looked at again", async (t) => {
  const world = await openWorld(t);
  const pages = await openWindows(world, 3, (page) => page.clock.install());
  const [clock] = pages;

  await eachOf(pages, live);
  const hidden = await leaderOf(pages);
  const others = pages.filter((page) => page !== hidden);
  await hidden.evaluate(() => window.show("hidden"));
  await clock.clock.runFor(61000);
  await until("the hidden window has none", async () => (await streamsOf(hidden)) === 0);
  const leader = await leaderOf(others);
  await eachOf(others, live);
  const opened = () => leader.evaluate(() => window.streams.length);
  const before = await opened();
  await world.chg("reserve", "--gpu-ids", "0", "--user", "erin");
  await eachOf(others, (page) => page.getByText("erin").first().waitFor());
  assert.equal(await hidden.getByText("erin").count(), 0);
  await hidden.evaluate(() => window.show("visible"));
  await hidden.getByText("erin").first().waitFor();
  await live(hidden);
  assert.equal(await streamsOf(hidden), 0, "another has it now");
  assert.equal(await opened(), before, "and keeps it");
  await leaderOf(pages);

  // Nobody looks any more: nor does the server have to.
  await eachOf(pages, (page) => page.evaluate(() => window.show("hidden")));
  await clock.clock.runFor(61000);
  await until("no stream", async () => (await eachOf(pages, streamsOf)).every((count) => count === 0));
  assertNoProblems(world);
});

test("where windows must not talk to each other, each is live by itself", async (t) => {
  const world = await openWorld(t);
  const pages = await openWindows(world, 2, (page) =>
    page.context().addInitScript(() => {
      window.BroadcastChannel = class {
        constructor() {
          throw new DOMException("forbidden", "SecurityError");
        }
      };
    }),
  );

  await eachOf(pages, live);
  assert.deepEqual(await eachOf(pages, streamsOf), [1, 1]);
  assertNoProblems(world);
});
