// The history on the page: the report with its days, and the timeline with its keys.
import assert from "node:assert/strict";
import { assertNoProblems, openWorld, shows, test, textOf, until } from "./world.mjs";

// Usage records: alice 6 hours of yesterday on GPU 0, bob 3 hours twenty days ago on GPU 1, carol many short runs.
async function withHistory(t) {
  const world = await openWorld(t);
  const uids = { alice: 1001, bob: 1002, carol: 1003 };
  const record = (key, user, gpu, begin_s, end_s, type = "run") =>
    `INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor) VALUES ((unixepoch() - ${end_s}) * 1000000000, ${key}, 'r${key}', '${user}', '${user}', ${uids[user]}, '${type}', ${gpu},
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

test("the timeline shows reservations as blocks, in hours and in days", async (t) => {
  const world = await withHistory(t);
  const page = await world.openPage();
  const blocks = (gpu) => page.locator(".line").nth(gpu).locator(".block");

  await until("alice has two blocks", async () => (await blocks(0).count()) === 2);
  const widths = await blocks(0).evaluateAll((all) => all.map((block) => parseFloat(block.style.width)));
  assert.ok(Math.abs(widths[0] - 25) < 0.2 && Math.abs(widths[1] - 12.5) < 0.2, `6 and 3 of 24 hours: ${widths}`);
  assert.equal(await blocks(1).count(), 0);
  assert.match(await blocks(3).getAttribute("aria-label"), /^GPU 3: dana \(\w+\), manual, (.*, )?\d\d:\d\d, still running, /);
  assert.ok((await blocks(2).count()) < 20, "two hundred short runs are few blocks");
  assert.match(await blocks(2).first().getAttribute("aria-label"), /\d+ short reservations: carol/);

  await page.getByRole("radio", { name: "7 days" }).check();
  await until(
    "a week is shown",
    async () =>
      Math.abs(
        parseFloat(
          await blocks(0)
            .first()
            .evaluate((block) => block.style.width),
        ) -
          25 / 7,
      ) < 0.1,
  );
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
