// Every state that a GPU can be in appears on its card, with who and what; the totals and the queue beside it.
import assert from "node:assert/strict";
import { QUEUE, allTests, assertNoProblems, card, drawTimeline, openWorld, shows, test, textOf, until } from "./world.mjs";

const GIB = 1024;

// One for all tests that only look at it.
let states = null;
const everyState = () => (states ??= openStates(allTests));

// Six GPUs: free, run, unreserved, held for somebody who waits, unknown, manual.
async function openStates(t) {
  const world = await openWorld(t, { gpus: 6 });
  const train = await world.idler("train");
  const pid = await world.start(
    ["--gpu-ids", "1", "--user", "alice", "--note", "fine-tuning", "--timeout", "2h"],
    [train, "--model", "mistralai/Mistral-7B-v0.1"],
  );
  await world.chg("reserve", "--gpu-ids", "3", "--user", "charlie", "--duration", "4h");
  await world.chg("reserve", "--gpu-ids", "5", "--user", "erik", "--duration", "4h");
  await world.sql(`
    INSERT INTO ${QUEUE} VALUES (NULL, 'q1', 1, 'dana', 'root', 0, 'run', 4, 0, 'a sweep',
      (unixepoch() - 125) * 1000000000, unixepoch() * 1000000000, 0, NULL, NULL, 0, 0, 0, 0);
    INSERT INTO queue_gpus VALUES ('q1', 'collected', 3);
    UPDATE reservations SET queue_id = 'q1' WHERE user = 'charlie';`);
  await world.fake([
    { index: 0, name: "NVIDIA H100 80GB HBM3", memory_used_mb: 4 },
    {
      index: 1,
      memory_used_mb: 60 * GIB,
      memory_total_mb: 80 * GIB,
      utilization_percent: 97,
      temperature_c: 71,
      power_mw: 612000,
      power_limit_mw: 700000,
      processes: [{ pid, name: "train", memory_mb: 60 * GIB }],
    },
    { index: 2, memory_used_mb: 5120, processes: [{ pid: process.pid, name: "notebook", memory_mb: 5120 }] },
    {
      index: 4,
      memory_used_mb: null,
      utilization_percent: null,
      temperature_c: null,
      power_mw: null,
      processes: null,
      problem: "it has fallen off the bus",
    },
  ]);
  return world;
}

test("each state is on a card, as a word and not by colour alone", async (t) => {
  const world = await everyState();
  const page = await world.openPage();
  const badge = (gpu) => card(page, gpu).locator(".badge");

  await shows(badge(0), /^Available$/);
  await shows(card(page, 0), "Never used");
  await shows(card(page, 0), "NVIDIA H100 80GB HBM3");

  await shows(badge(1), /^In use$/);
  await shows(card(page, 1), /User alice \(\w+\) Duration \d+/);
  // The heartbeat is shown only where it is late, or nothing else is known.
  await shows(card(page, 1), /Type run Model mistralai.Mistral-7B-v0\.1 Note fine-tuning Details ends in (2h 00m|1h 59m) Usage/);
  await shows(card(page, 1), "61440MB, 1 processes");
  await shows(card(page, 1), "Memory 60 / 80 GiB Utilisation 97 % Temperature 71 °C Power 612 / 700 W");

  await shows(badge(2), /^Unreserved$/);
  await shows(card(page, 2), /Without reservation 5120MB used by PID \d+ \(notebook\)/);

  await shows(badge(3), /^In use$/);
  await shows(card(page, 3), /User charlie \(\w+\) Duration .*Type manual Details collected for request q1 \(1\/4\)/);
  await shows(card(page, 3), "Collected for request 1 in the queue, which needs 4 GPUs");

  await shows(badge(5), /^In use$/);
  await shows(
    card(page, 5),
    /User erik \(\w+\) Duration .*Type manual Details expires in 3h 5\dm \d\ds Usage no usage detected/,
  );

  await shows(badge(4), /^Error$/);
  await shows(card(page, 4), "Problem it has fallen off the bus");
  assert.equal(await card(page, 4).locator('[role="meter"]:visible').count(), 0, "no bars of what is not known");

  // Each state has a shape of its own, too.
  const shapes = await page.locator(".badge use").evaluateAll((all) => all.map((use) => use.getAttribute("href")));
  assert.deepEqual(
    shapes.map((shape) => shape.replace("#icon-", "")),
    ["available", "in-use", "in-use", "in-use", "unreserved", "error"],
  );
  assertNoProblems(world);
});

test("a GPU out of service is shown with who took it out, also while it is still in use", async (t) => {
  const world = await openWorld(t);
  const page = await world.openPage();

  assert.equal(await page.locator('.total[data-state="drained"]').count(), 0);
  await world.chg("reserve", "--gpu-ids", "1", "--user", "alice");
  await world.chg("admin", "--drain", "0,1", "--note", "the fan");
  await shows(card(page, 0).locator(".badge"), /^Drained$/);
  await shows(card(page, 0), /Out of service .*Details drained by \S+: the fan/);
  await shows(card(page, 1).locator(".badge"), /^In use$/);
  await shows(card(page, 1), /Goes out of service when its reservation ends: the fan/);
  await shows(card(page, 1), "Goes out of service when its reservation ends");
  await shows(page.locator('.total[data-state="drained"] .total-number'), /^1$/);
  await world.chg("admin", "--undrain", "0,1");
  await shows(card(page, 0).locator(".badge"), /^Available$/);
  assert.equal(await card(page, 1).locator(".leaving").isVisible(), false);
  assertNoProblems(world);
});

test("the bars are as long as what they stand for, for eyes and for screen readers", async (t) => {
  const world = await everyState();
  const page = await world.openPage();
  const bar = card(page, 1).getByRole("meter", { name: "Memory" });

  await until("the bar is drawn", async () => (await bar.getAttribute("aria-valuenow")) === "75");
  assert.equal(await bar.getAttribute("aria-valuetext"), "60 / 80 GiB");
  await until("three quarters of it are filled", () =>
    bar.evaluate((track) => {
      const { left, width } = track.getBoundingClientRect();
      return Math.abs((track.firstChild.getBoundingClientRect().right - left) / width - 0.75) < 0.01;
    }),
  );
  assertNoProblems(world);
});

test("host, totals and queue at a glance", async (t) => {
  const world = await everyState();
  const page = await world.openPage();
  const total = (state) => page.locator(`.total[data-state="${state}"] .total-number`);

  await shows(total("available"), /^1$/);
  await shows(total("in-use"), /^3$/);
  await shows(total("unreserved"), /^1$/);
  await shows(total("error"), /^1$/);
  await shows(total("waiting"), /^1$/);
  await shows(page.locator(".waiter"), /dana \(\w+\) Wants any 4 GPUs, run Expected start in [34]h about \d\d:\d\d Waiting since \d\d:\d\d, \dm Collected 1 of 4 \(3\) a sweep/);

  const host = (await textOf(page.locator("h1"))).trim();
  assert.equal(host, (await import("node:os")).hostname());
  assert.equal(await page.title(), `1 free · ${host}`);
  assertNoProblems(world);
});

test("who waits for certain GPUs is shown with those who have them", async (t) => {
  const world = await openWorld(t);
  await world.chg("reserve", "--gpu-ids", "2", "--user", "alice");
  await world.sql(`
    INSERT INTO ${QUEUE} VALUES (NULL, 'q1', 1, 'dana', 'root', 0, 'run', 2, 0, NULL,
      (unixepoch() - 125) * 1000000000, unixepoch() * 1000000000, 0, NULL, NULL, 0, 0, 0, 0);
    INSERT INTO queue_gpus VALUES ('q1', 'requested', 2), ('q1', 'requested', 3);`);
  const page = await world.openPage();

  await shows(page.locator(".waiter"), /dana \(\w+\) Wants GPUs 2, 3, run .*waiting for GPUs: alice \(\w+\) 2, .* 3/);
  assertNoProblems(world);
});

test("where nobody waits and nothing was reserved, the page says so", async (t) => {
  const world = await openWorld(t, { gpus: 1 });
  const page = await world.openPage();

  await shows(page.locator("#queue-empty"), "No requests are waiting.");
  await shows(page.locator("#timeline-empty"), "No reservations in this period.");
  await shows(page.locator("#report-empty"), "No reservations in the last 30 days.");
  assertNoProblems(world);
});

test("links lead to the documentation, which is there without another network, and to the source", async (t) => {
  const world = await openWorld(t, { gpus: 1 });
  world.set("CANHAZGPU_WEB_SOURCE_URL", "https://example.org/source");
  const page = await world.openPage();
  const target = async (name) => new URL(await page.getByRole("link", { name }).getAttribute("href"), page.url());
  const documentation = await target("Documentation");

  assert.equal(documentation.host, new URL(page.url()).host);
  assert.equal((await fetch(documentation)).status, 200);
  assert.equal((await target("Source")).href, "https://example.org/source");
  assertNoProblems(world);
});

test("a link that is none is left out", async (t) => {
  const world = await openWorld(t, { gpus: 1 });
  world.set("CANHAZGPU_WEB_SOURCE_URL", "javascript:alert(1)");
  const page = await world.openPage();

  await page.getByRole("link", { name: "Documentation" }).waitFor();
  assert.equal(await page.locator("#source").isVisible(), false);
  assert.equal(await page.locator("#source").getAttribute("href"), null);
});

test("simulated data is called so", async (t) => {
  const world = await openWorld(t);
  const demo = await world.serve("--demo");
  const page = await world.openPage();

  assert.equal(page.url(), demo);
  await shows(page.locator("#demo"), "Simulated data");
  await until("eight GPUs", async () => (await page.locator(".card .unit").count()) === 8);
  await drawTimeline(page);
  await page.locator("#report tbody tr").first().waitFor();
  assertNoProblems(world);
});
