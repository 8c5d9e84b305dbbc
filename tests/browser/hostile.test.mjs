// Names, notes, models and processes are other people's text: it is shown as text, whatever it holds.
import assert from "node:assert/strict";
import { HISTORY, QUEUE, assertNoProblems, card, drawTimeline, openWorld, overflows, shows, test, textOf } from "./world.mjs";

const MARKUP = `<img src=x onerror=alert(1)><script>alert(2)</script>"'>&lt;`;
const ESCAPES = "\u001b[31mred\u001b]0;title\u0007 \u202egnp.exe\u202c \u2066\u200b\u0085end";

// A text as SQL: the bytes, whatever they are.
const sql = (text) => `CAST(X'${Buffer.from(text).toString("hex")}' AS TEXT)`;

async function hostile(t, { user, note }) {
  const world = await openWorld(t);
  await world.chg("reserve", "--gpu-ids", "0");
  await world.sql(`UPDATE reservations SET user = ${sql(user)}, account = ${sql(user)}, note = ${sql(note)};
    INSERT INTO ${HISTORY} VALUES ((unixepoch() - 3600) * 1000000000, 1, 'r1', ${sql(user)}, ${sql(user)}, 1234, 'run', 1,
      (unixepoch() - 36000) * 1000000000, 'released', NULL);
    INSERT INTO ${QUEUE} VALUES (NULL, 'q1', 1, ${sql(user)}, ${sql(user)}, 0, 'run', 4, 0, ${sql(note)},
      (unixepoch() - 125) * 1000000000, unixepoch() * 1000000000, 0, NULL, NULL, 0, 0, 0, 0);`);
  await world.fake([
    { index: 1, memory_used_mb: 9000, name: user, processes: [{ pid: process.pid, name: note, memory_mb: 9000 }] },
    { index: 2, memory_used_mb: null, processes: null, problem: note },
  ]);
  return world;
}

test("markup is shown as it is written, everywhere", async (t) => {
  const world = await hostile(t, { user: MARKUP, note: MARKUP });
  const page = await world.openPage();

  await shows(card(page, 0).locator(".user"), MARKUP);
  await shows(card(page, 0), `Note ${MARKUP}`);
  await shows(card(page, 1).locator(".product"), MARKUP);
  await shows(card(page, 1), MARKUP);
  await shows(card(page, 2), `Problem ${MARKUP}`);
  await shows(page.locator(".waiter"), MARKUP);
  await shows(page.locator("#report table tbody"), MARKUP);
  await drawTimeline(page);
  await page.locator(".block").first().hover();
  await shows(page.locator("#tip"), MARKUP);
  assert.equal(await page.locator("img, body script, [onerror]").count(), 0);
  assert.equal(await overflows(page), false);
  assertNoProblems(world);
});

test("control characters and turned lines are spelled out", async (t) => {
  const world = await hostile(t, { user: ESCAPES, note: ESCAPES });
  const page = await world.openPage();
  const plain = "\\x1b[31mred\\x1b]0;title\\x07 \\u202egnp.exe\\u202c \\u2066\\u200b\\x85end";

  await shows(card(page, 0).locator(".user"), plain);
  await shows(card(page, 0), `Note ${plain}`);
  await shows(page.locator(".waiter"), plain);
  await shows(page.locator("#report table tbody"), plain);
  await shows(card(page, 1), "gnp.exe");
  const left = await page.evaluate(() =>
    document.documentElement.textContent.match(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/gu,
    ),
  );
  assert.equal(left, null);
  assertNoProblems(world);
});

test("a text of 10 kB is cut, and shown whole when asked for", async (t) => {
  const note = "All work and no play makes a dull note. ".repeat(256).trim();
  for (const viewport of [
    { width: 360, height: 740 },
    { width: 1280, height: 900 },
  ]) {
    const world = await hostile(t, { user: "u".repeat(10240), note });
    const page = await world.openPage({ viewport });
    const row = card(page, 0).locator(".row").filter({ hasText: "Note" });
    const height = async () => (await card(page, 0).boundingBox()).height;

    await shows(row, "All work");
    assert.equal(await overflows(page), false);
    assert.ok((await height()) < 800, `the card keeps its size: ${await height()}`);
    assert.ok((await page.locator("#answer").boundingBox()).height < 250, "so does the answer");
    assert.ok((await page.locator(".waiter").boundingBox()).height < 350, "so does the queue");
    const before = await height();
    await row.getByRole("button", { name: "Show all" }).click();
    assert.ok((await height()) > before + 200);
    assert.ok((await textOf(row)).includes(note.slice(-30)));
    assert.equal(await overflows(page), false);
    await row.getByRole("button", { name: "Show less" }).click();
    assert.equal(await height(), before);
    await page.goto(`${world.address()}?tiles=tiles`);
    await page.locator(".tile").first().waitFor();
    assert.equal(await overflows(page), false);
    assert.ok((await page.locator(".tile").first().boundingBox()).height < 120, "and a tile");
    assertNoProblems(world);
  }
});

test("a name that reads from right to left does not turn what stands beside it", async (t) => {
  const name = "\u0645\u062d\u0645\u062f";
  const world = await hostile(t, { user: name, note: `${name} 123` });
  const page = await world.openPage();
  const box = async (selector) => (await card(page, 0).locator(selector).first().boundingBox()).x;

  await shows(card(page, 0).locator(".user"), name);
  assert.ok((await box(".user")) < (await box(".lasting")));
  assert.equal(
    await card(page, 0)
      .locator(".user .other")
      .evaluate((node) => getComputedStyle(node).unicodeBidi),
    "isolate",
  );
  assertNoProblems(world);
});
