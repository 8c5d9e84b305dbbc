// The history on the page: the report with its days, and the timeline with its keys.
import assert from "node:assert/strict";
import { HISTORY, assertNoProblems, openWorld, shows, test, textOf, until } from "./world.mjs";

// Usage records: alice 6 hours of yesterday on GPU 0, bob 3 hours twenty days ago on GPU 1, carol many short runs.
async function withHistory(t) {
  const world = await openWorld(t);
  const uids = { alice: 1001, bob: 1002, carol: 1003 };
  const record = (key, user, gpu, begin_s, end_s, type = "run") =>
    `INSERT INTO ${HISTORY} VALUES ((unixepoch() - ${end_s}) * 1000000000, ${key}, 'r${key}', '${user}', '${user}', ${uids[user]}, '${type}', ${gpu},
      (unixepoch() - ${begin_s}) * 1000000000, 'released', NULL);`;
  const hour = 3600;
  const short = Array.from({ length: 200 }, (_, i) =>
    record(100 + i, "carol", 2, 4 * hour - i * 20, 4 * hour - i * 20 - 10),
  );
  await world.sql(`BEGIN; ${record(1, "alice", 0, 12 * hour, 6 * hour)} ${record(2, "alice", 0, 5 * hour, 2 * hour, "manual")}
    ${record(3, "bob", 1, 20 * 24 * hour, 20 * 24 * hour - 3 * hour)} ${short.join(" ")} COMMIT;`);
  await world.chg("reserve", "--gpu-ids", "3", "--user", "dana");
  return world;
}

test("the report counts the chosen days, from 1 to 90, and remembers them", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  const days = page.getByRole("spinbutton", { name: /Last/ });
  const table = page.locator("#report table");

  await shows(table, /alice 9\.0/);
  await shows(table, /bob 3\.0/);
  assert.equal(await days.inputValue(), "30");

  await days.fill("7");
  await until("bob is gone", async () => !(await textOf(table)).includes("bob"));
  await shows(table, /alice 9\.0 .*Total 9\./);
  await page.reload();
  await shows(table, /alice 9\.0/);
  assert.equal(await days.inputValue(), "7");
  assert.ok(!(await textOf(table)).includes("bob"));
  assertNoProblems(world);
});

test("days that make no sense are refused with the reason, and the report stays", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  const days = page.getByRole("spinbutton", { name: /Last/ });

  await shows(page.locator("#report table"), "bob");
  for (const wrong of ["0", "91", "1.5", "-3", ""]) {
    await days.fill(wrong);
    await shows(page.locator("#report-problem"), "Choose a whole number of days from 1 to 90.");
    assert.equal(await days.getAttribute("aria-invalid"), "true");
  }
  await shows(page.locator("#report table"), "bob");
  await days.fill("90");
  await until("the problem is gone", async () => (await textOf(page.locator("#report-problem"))) === "");
  assertNoProblems(world);
});

test("the report of a month, and back to days", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  const month = page.getByLabel("or month");
  const table = page.locator("#report table");
  const long_ago = `${new Date().getFullYear() - 1}-01`;

  await shows(table, "bob");
  await month.fill(long_ago);
  await shows(page.locator("#report-empty"), `No reservations in ${long_ago}.`);
  await page.getByRole("spinbutton", { name: /Last/ }).fill("7");
  await shows(table, /alice 9\.0/);
  assert.equal(await month.inputValue(), "");
  assertNoProblems(world);
});

test("a report that cannot be had says why, and a timeline without the past says so", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  await shows(page.locator("#report table"), "alice");

  await page.route("**/api/report?*", (route) => route.fulfill({ status: 503, json: { error: "no accounting \u202e" } }));
  const at = (hours) => new Date(Date.now() + hours * 3600000).toISOString();
  const runs = { start: at(-1), end: null, user: "dana", account: "dana", type: "run", state: "running" };
  const gpus = [0, 1, 2, 3].map((gpu) => ({ gpu, intervals: gpu < 3 ? [] : [runs] }));
  const timeline = { from: at(-24), to: at(0), truncated: false, note: "only what runs", gpus };
  await page.route("**/api/timeline?*", (route) => route.fulfill({ json: timeline }));
  await page.reload();
  await shows(page.locator("#report-empty"), "no accounting \\u202e");
  assert.equal(await page.locator("#report table").isVisible(), false);
  await shows(page.locator("#timeline-note"), "only what runs");
  // Nobody knows how much of that time was reserved.
  await until("no share", async () => (await page.locator("#timeline .busy").allTextContents()).join("|") === "|||");
  await page.unroute("**/api/report?*");
  await page.reload();
  await shows(page.locator("#report table"), "alice");
});

test("the timeline shows reservations as blocks, in hours and in days, up to their ends", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  const blocks = (gpu) => page.locator(".line:not(.waiting)").nth(gpu).locator(".block");
  const widthOf = (block) => block.evaluate((node) => parseFloat(node.style.width));
  // Where the line of now is: the part of the whole that has passed.
  const past = () => page.locator(".mark-line[data-now]").evaluate((node) => parseFloat(node.style.left));

  await until("alice has two blocks", async () => (await blocks(0).count()) === 2);
  for (const [block, hours] of [
    [blocks(0).nth(0), 6],
    [blocks(0).nth(1), 3],
  ])
    assert.ok(Math.abs((await widthOf(block)) / (await past()) - hours / 24) < 0.003, `${hours} of 24 hours`);
  assert.equal(await blocks(1).count(), 0);
  // A manual reservation of eight hours: it goes on behind now.
  assert.match(
    await blocks(3).getAttribute("aria-label"),
    /^GPU 3: dana \(\w+\), manual, (.*, )?\d\d:\d\d, still running, .*, until /,
  );
  assert.ok(Math.abs((await widthOf(blocks(3))) / (await past()) - 8 / 24) < 0.01, "eight hours to come");
  assert.ok((await blocks(2).count()) < 20, "two hundred short runs are few blocks");
  assert.match(await blocks(2).first().getAttribute("aria-label"), /\d+ short reservations: carol/);

  await page.getByRole("radio", { name: "7 days" }).check();
  await until("a week is shown", async () => Math.abs((await widthOf(blocks(0).first())) / (await past()) - 6 / 168) < 0.001);
  assertNoProblems(world);
});

test("the history of one user or GPU, by address and by choice, and as a table", async (t) => {
  const world = await withHistory(t);
  await world.fake([{ index: 1, memory_used_mb: 9000, processes: [{ pid: process.pid, name: "stray", memory_mb: 9000 }] }]);
  const page = await world.openPage();
  const lines = page.locator(".line:not(.waiting)");
  const table = page.locator("#timeline-table table");
  const choice = page.getByRole("combobox", { name: "Whose history" });
  const rows = async () => (await table.locator("tbody tr").allInnerTexts()).map((text) => text.replace(/\s+/g, " "));

  await page.goto(`${world.address()}?user=alice`);
  await until("alice had one GPU", async () => (await lines.count()) === 1);
  await shows(page.locator("#timeline-sum"), /^alice: 2 reservations, 9\.0 GPU hours$/);
  await shows(table, /alice manual .* 3h 00m .*alice run .* 6h 00m/);

  // From elsewhere on the page.
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("whose", { detail: { gpu: 3 } })));
  await shows(page.locator("#timeline-sum"), /^GPU 3: 1 reservation/);
  assert.equal(new URL(page.url()).search, "?gpu=3");
  assert.match((await rows())[0], /^3 dana \(\w+\) manual /);
  await page.goBack();
  await shows(page.locator("#timeline-sum"), /^alice: 2/);

  await page.locator("#report").getByRole("link", { name: "carol" }).click();
  await shows(page.locator("#timeline-sum"), /^carol: 200 reservations/);
  assert.equal(new URL(page.url()).search, "?user=carol");

  await choice.selectOption({ label: "All" });
  await until("all GPUs", async () => (await lines.count()) === 4);
  assert.equal(new URL(page.url()).search, "");
  const stray = lines.nth(1).locator('.block[data-type="unreserved"]');
  await stray.waitFor();
  assert.match(await stray.getAttribute("aria-label"), /^GPU 1: \w+, without reservation, since /);
  assertNoProblems(world);
});

test("with many GPUs several share a row, which the keys open and close", async (t) => {
  const world = await openWorld(t, { gpus: 64 });
  await world.chg("reserve", "--gpu-ids", "9,10", "--user", "alice");
  const page = await world.openPage();
  const opener = page.getByRole("button", { name: /^GPUs 8–15, reserved \d+ % of the time$/ });
  const lines = page.locator(".line:not(.waiting)");

  await opener.waitFor();
  assert.equal(await lines.count(), 8);
  assert.equal(await page.locator(".map path").count(), 2, "what was, and what is to come");
  await page.locator('.opener[tabindex="0"]').focus();
  await page.keyboard.press("ArrowDown");
  assert.ok(await opener.evaluate((node) => node === document.activeElement));
  await page.keyboard.press("Enter");
  await until("its GPUs are there", async () => (await lines.count()) === 16);
  assert.equal(await opener.getAttribute("aria-expanded"), "true");
  await page.keyboard.press("ArrowDown");
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^GPU 9: alice /);
  await opener.click();
  await until("it is closed", async () => (await lines.count()) === 8);
  assertNoProblems(world);
});

test("the printed report is dark on white, without the rest of the page, on one sheet", async (t) => {
  const world = await openWorld(t);
  const users = Array.from({ length: 25 }, (_, i) => `(unixepoch() * 1000000000 - ${i}, ${i + 1}, 'r${i}', 'user${i}', 'user${i}', ${2000 + i}, 'run', 0,
    (unixepoch() - 3600) * 1000000000, 'released', NULL)`);
  await world.sql(`INSERT INTO ${HISTORY} VALUES ${users.join()};`);
  const page = await world.openPage({}, (fresh) =>
    fresh.route("**/api/report?days=30", async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      json.users[0].idle_hours = 0.5;
      await route.fulfill({ response, json });
    }),
  );
  const table = page.locator("#report table");

  await shows(table, /user24/);
  await shows(table, /Held, idle .* 0\.5 .*Total .* 0\.5/);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#timeline").isVisible(), false);
  assert.equal(await page.locator("#report-form").isVisible(), false);
  assert.equal(await page.locator("#queue").isVisible(), false);
  assert.equal(await page.locator("#host").isVisible(), true);
  const colours = await table.evaluate((node) => {
    const { color } = getComputedStyle(node);
    return [color, getComputedStyle(document.body).backgroundColor];
  });
  assert.deepEqual(colours, ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]);
  // From the wall, which has no report on the screen.
  const wall = await page.context().newPage();
  await wall.goto(`${world.address()}?view=wall`);
  await shows(wall.locator("#connection"), /^Live$/);
  assert.equal(await wall.locator("#report").isVisible(), false);
  await wall.emulateMedia({ media: "print" });
  await until("the wall prints it, too", () => wall.locator("#report").isVisible());
  assert.equal(await wall.locator("#queue").isVisible(), false);
  const sheets = (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type \/Page\b/g);
  assert.equal(sheets.length, 1);
  assertNoProblems(world);
});

test("the arrow keys move in the timeline, and say where they are", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label"));

  await page.locator(".block").first().waitFor();
  assert.equal(await page.locator('.block[tabindex="0"]').count(), 1, "one stop for the tab key");
  await page.locator('.block[tabindex="0"]').focus();
  assert.match(await focused(), /^GPU 0: alice, run/);
  await page.keyboard.press("ArrowRight");
  assert.match(await focused(), /^GPU 0: alice, manual/);
  await shows(page.locator("#tip"), /alice, manual/);
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(), /^GPU 2: /);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Home");
  assert.match(await focused(), /^GPU 0: alice, run/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#tip").isVisible(), false);
  assertNoProblems(world);
});
