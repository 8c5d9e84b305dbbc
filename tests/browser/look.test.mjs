// How the page looks and can be reached: themes, phone and wall, keyboard, and what axe-core says of it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { QUEUE, allTests, assertNoProblems, card, drawTimeline, openWorld, overflows, shows, test, textOf, until } from "./world.mjs";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const theme = (page) => page.evaluate(() => document.documentElement.dataset.theme);

// Worlds for all tests: they only look.
let busyWorld = null;
let quietWorld = null;
const busy = () => (busyWorld ??= openBusy(allTests));
const quiet = () => (quietWorld ??= openWorld(allTests));

// A pool with something in every part of the page.
async function openBusy(t) {
  const world = await openWorld(t, { gpus: 8 });
  await world.chg(
    "reserve",
    "--gpu-ids",
    "1,2",
    "--user",
    "alice",
    "--note",
    "a note that is long enough to be cut, because it goes on and on ".repeat(5).trim(),
  );
  await world.chg("reserve", "--gpu-ids", "3", "--user", "bob");
  await world.chg("admin", "--drain", "2,6");
  await world.sql(`INSERT INTO ${QUEUE} VALUES (NULL, 'q1', 1, 'dana', 'root', 0, 'run', 4, 0, 'a sweep',
      (unixepoch() - 125) * 1000000000, unixepoch() * 1000000000, 0, NULL, NULL, 0, 0, 0, 0);
    INSERT INTO queue_gpus VALUES ('q1', 'collected', 3);
    UPDATE reservations SET queue_id = 'q1' WHERE user = 'bob';`);
  await world.fake([
    {
      index: 0,
      memory_used_mb: 5120,
      utilization_percent: 12,
      processes: [{ pid: process.pid, name: "notebook", memory_mb: 5120 }],
    },
    {
      index: 1,
      memory_used_mb: 70000,
      utilization_percent: 98,
      temperature_c: 70,
      power_mw: 600000,
      power_limit_mw: 700000,
    },
    { index: 7, memory_used_mb: null, processes: null, problem: "it has fallen off the bus" },
  ]);
  return world;
}

test("dark by default, and the choice is remembered", async (t) => {
  const world = await quiet();
  const page = await world.openPage({ colorScheme: "light" });
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  assert.equal(await theme(page), "dark");
  const dark = await back();
  await page.getByRole("radio", { name: "Light" }).check({ force: true });
  assert.equal(await theme(page), "light");
  assert.notEqual(await back(), dark);
  await page.reload();
  assert.equal(await theme(page), "light");
  assert.ok(await page.getByRole("radio", { name: "Light" }).isChecked());
  assertNoProblems(world);
});

test("Auto follows the system, at once", async (t) => {
  const world = await quiet();
  const page = await world.openPage({ colorScheme: "light" });

  await page.getByRole("radio", { name: "Auto" }).check({ force: true });
  assert.equal(await theme(page), "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await until("it is dark", async () => (await theme(page)) === "dark");
  await page.emulateMedia({ colorScheme: "light" });
  await until("it is light", async () => (await theme(page)) === "light");
  assertNoProblems(world);
});

test("a phone, a laptop and a wall show all without scrolling sideways", async (t) => {
  const world = await busy();
  for (const [width, height, columns] of [
    [360, 740, 1],
    [1280, 800, 3],
    [2560, 1440, 4],
  ]) {
    const page = await world.openPage({ where: "?tiles=cards", viewport: { width, height } });

    await shows(card(page, 7), "fallen off");
    await drawTimeline(page);
    await page.locator("#report table").waitFor();
    assert.equal(await overflows(page), false);
    // All columns of the report are there.
    assert.equal(await page.locator("#report").evaluate((box) => box.scrollWidth - box.clientWidth), 0, `the report, ${width}`);
    // Nothing sticks out of its panel, either.
    const outside = await page.evaluate(() =>
      [...document.querySelectorAll(".card, .panel, .answer, .tools")].flatMap((box) =>
        [...box.querySelectorAll("*")]
          .filter(
            (node) =>
              node.offsetParent &&
              !node.closest(".hidden, svg") &&
              node.getBoundingClientRect().right > box.getBoundingClientRect().right + 1,
          )
          .map((node) => `${node.className}: ${node.textContent.slice(0, 40)}`),
      ),
    );
    assert.deepEqual(outside, []);
    // One that has two GPUs is two columns wide.
    const tracks = await page.locator("#gpus").evaluate((grid) => getComputedStyle(grid).gridTemplateColumns.split(" ").length);
    assert.equal(tracks, columns, `columns of cards, ${width}`);
    await page.context().close();
  }
  assertNoProblems(world);
});

test("a wall has larger letters than a laptop", async (t) => {
  const world = await quiet();
  const size = async (width) => {
    const page = await world.openPage({ viewport: { width, height: 900 } });
    return page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
  };

  assert.ok((await size(2560)) > 1.3 * (await size(1280)));
});

test("everything can be reached with the keyboard, and where the focus is can be seen", async (t) => {
  const world = await busy();
  const page = await world.openPage();
  const reached = [];

  await drawTimeline(page);
  await page.locator("#report table").waitFor();
  await card(page, 1).getByRole("button", { name: "Show all" }).waitFor();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return null;
      // The ring of a radio button is drawn around its label.
      const drawn = node.type === "radio" ? node.nextElementSibling : node;
      const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
      return {
        name: (node.textContent || node.value || node.id).trim().slice(0, 20),
        kind: node.className || node.name || node.id,
        ring: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      };
    });
    if (!stop) break;
    assert.ok(stop.ring, `the focus cannot be seen on ${JSON.stringify(stop)}`);
    reached.push(`${stop.kind} ${stop.name}`);
  }
  const all = reached.join("\n");
  for (const wanted of [
    /^skip Skip to the GPUs/,
    /Documentation/,
    /theme dark/,
    /more Show all/,
    /timeline-days/,
    /block /,
    /report-days/,
    /report-month/,
    /API/,
  ]) {
    assert.match(all, wanted);
  }
  assert.equal(reached.filter((stop) => stop.startsWith("block ")).length, 1, "one stop in the timeline");
  assertNoProblems(world);
});

test("the skip link leads to the GPUs", async (t) => {
  const world = await quiet();
  const page = await world.openPage();

  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until("the GPUs have the focus", () => page.evaluate(() => document.activeElement.id === "gpus"));
});

test("who wants less motion gets none", async (t) => {
  const world = await busy();
  const page = await world.openPage({ reducedMotion: "reduce" });

  await page.locator(".fill").first().waitFor({ state: "attached" });
  const moving = () =>
    page.evaluate(() => {
      // As after a change.
      for (const node of document.querySelectorAll(".card")) node.classList.add("changed");
      const styles = [...document.querySelectorAll("*")].map((node) => getComputedStyle(node));
      return {
        transitions: styles.some((style) => parseFloat(style.transitionDuration) > 0),
        animations: styles.some((style) => style.animationName !== "none"),
      };
    });
  assert.deepEqual(await moving(), { transitions: false, animations: false });
  await page.emulateMedia({ reducedMotion: "no-preference" });
  assert.deepEqual(await moving(), { transitions: true, animations: true });
});

test("what is chosen can be seen where the system chooses the colours", async () => {
  const world = await quiet();
  const page = await world.openPage({ forcedColors: "active" });
  const backs = await page.locator("#theme span").evaluateAll((all) => all.map((node) => getComputedStyle(node).backgroundColor));

  assert.notEqual(backs[0], backs[1]);
  assert.equal(backs[1], backs[2]);
});

test("axe-core finds nothing in either theme: page, tiles, details, keys, the guide and the wall", async (t) => {
  const world = await busy();
  const axe = await readFile(axePath, "utf8");
  for (const colours of ["dark", "light"]) {
    for (const width of [360, 1280]) {
      const page = await world.openPage({ viewport: { width, height: 900 }, reducedMotion: "reduce" }, (fresh) =>
        fresh.addInitScript((value) => window.localStorage.setItem("canhazgpu-theme", value), colours),
      );
      const look = async (what) => {
        const { violations, passes } = await page.evaluate(() => window.axe.run());
        assert.ok(passes.length > 10, "axe-core looked at something");
        const found = violations.map(
          ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`,
        );
        assert.deepEqual(found, [], `${what}, ${colours}, ${width}`);
      };

      await drawTimeline(page);
      await page.locator("#report table").waitFor();
      assert.equal(await theme(page), colours);
      // Through the debugger: the content policy lets no other script in.
      await page.evaluate(axe);
      await look(width === 360 ? "tiles" : "cards");
      if (width === 360) await page.locator(".tile").nth(3).click();
      else await page.keyboard.press("?");
      await look("a dialog");
      await page.goto(`${world.address()}guide.html`);
      await page.evaluate(axe);
      await look("the guide");
      await page.goto(`${world.address()}?view=wall`);
      await page.locator(".tile").first().waitFor();
      await page.evaluate(axe);
      await look("the wall");
      await page.context().close();
    }
  }
  assertNoProblems(world);
});

test("the lost connection is readable, too", async (t) => {
  const world = await busy();
  const page = await world.openPage();

  // The last test of this file: the server does not come back.
  await shows(page.locator("#connection"), /^Live$/);
  await world.stop("SIGKILL");
  await shows(page.locator("#trouble"), "Connection lost");
  await page.evaluate(await readFile(axePath, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(
    violations
      .filter(({ impact }) => ["serious", "critical"].includes(impact))
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`),
    [],
  );
  assert.match(await textOf(page.locator("#trouble")), /Try now/);
});
