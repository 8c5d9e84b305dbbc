// The page with 4 to 500 GPUs and a queue of 20: what stands in the first screen, the wall, and how one GPU is found.
import assert from "node:assert/strict";
import { openCrowd } from "./crowd.mjs";
import { assertNoProblems, card, overflows, shows, test, textOf, until } from "./world.mjs";

const tile = (page, gpu) => page.locator(`.tile[data-gpu~="${gpu}"]`);
const bottom = (page, selector) =>
  page.evaluate((what) => Math.max(...[...document.querySelectorAll(what)].map((node) => node.getBoundingClientRect().bottom)), selector);
const focused = (page) => page.evaluate(() => document.activeElement.dataset.gpu ?? document.activeElement.id);

// Every GPU once, and with a state.
async function assertAll(page, gpus) {
  const shown = await page.evaluate(() =>
    [...document.querySelectorAll("#gpus > *")].flatMap((node) => (node.dataset.state ? node.dataset.gpu.split(" ").map(Number) : [])),
  );
  assert.deepEqual(shown.sort((a, b) => a - b), Array.from({ length: gpus }, (_, id) => id));
}

// What openCrowd() makes of each GPU.
const statesOf = (gpus) =>
  Array.from({ length: gpus }, (_, id) => {
    if (gpus > 8 && id === 5) return "unreserved";
    if (gpus > 8 && id === 13) return "error";
    return id % 8 === 5 ? "available" : "in-use";
  });

// The state of each GPU of which a cell, a tile or a card is wholly within the height, by number. One that has neither a
// shape nor a colour of its own says nothing.
const statesInView = (page, height) =>
  page.evaluate((most) => {
    const states = [];
    for (const node of document.querySelectorAll("#overview .cell, #gpus > [data-gpu]")) {
      const box = node.getBoundingClientRect();
      const symbol = node.querySelector(".icon");
      const size = symbol.getBoundingClientRect().width;
      // Of a card that is longer the state is at its top.
      const low = node.matches(".card") ? symbol.getBoundingClientRect().bottom : box.bottom;
      if (box.width < 24 || box.height < 24 || size < 8 || box.top < 0 || low > most) continue;
      const ids = node.matches(".cell") ? [node.hash.slice("#gpu-".length)] : node.dataset.gpu.split(" ");
      for (const id of ids) states[id] = node.dataset.state;
      if (symbol.firstChild.getAttribute("href") !== `#icon-${node.dataset.state}`) throw new Error(`shape of ${ids}`);
    }
    return states;
  }, height);

// A change of the size reaches the layout a moment later. What is seen then is the first screen.
const resize = async (page, width, height) => {
  await page.setViewportSize({ width, height });
  await page.evaluate(() => {
    scrollTo(0, 0);
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  });
};

for (const gpus of [4, 16, 64, 500]) {
  test(`${gpus} GPUs: the answer and the queue in the first screen, nothing to scroll sideways, a wall that holds all`, async (t) => {
    const world = await openCrowd(t, { gpus });
    const page = await world.openPage({ viewport: { width: 1440, height: 900 } });
    const free = { 4: 0, 16: 0, 64: 6, 500: 60 }[gpus];

    await shows(page.locator("#answer-free"), free ? `${free} free now` : "None free now");
    await shows(page.locator("#answer-next"), /^next \d\d:\d\d, GPU 0, alice$/);
    await shows(page.locator("#answer-line"), /^20 waiting, first alice: 4 GPUs, /);
    await assertAll(page, gpus);
    if (gpus === 16) {
      assert.equal(await page.locator(".waiter").count(), 10);
      await page.getByRole("button", { name: "10 more" }).click();
      assert.equal(await page.locator(".waiter").count(), 20);
    }
    for (const [width, height] of [[360, 740], [800, 900], [1440, 900], [2560, 1440]]) {
      await resize(page, width, height);
      const what = `in the first screen of ${width} x ${height}`;
      assert.equal(await overflows(page), false, `${width} pixels`);
      assert.ok((await bottom(page, "#answer")) < height / 2, `the answer ${what}`);
      assert.ok((await bottom(page, "#totals")) < height, `the totals ${what}`);
      // The head of the queue: in the headline where the queue itself is further down.
      const head = await page.locator("#answer-line").boundingBox();
      assert.ok(head.y >= 0 && head.y + head.height < height / 2 && head.x + head.width <= width, `the head of the queue ${what}`);
      if (width >= 1440) assert.ok((await bottom(page, ".waiter:first-child")) < height / 2, `the first row of the queue ${what}`);
      if (gpus <= 64) assert.deepEqual(await statesInView(page, height), statesOf(gpus), `every GPU's state ${what}`);
      if (width === 360 && gpus === 64) assert.ok((await bottom(page, ".tile")) <= 3 * height, "three screens of a phone");
    }
    await page.goto(`${world.address()}?view=wall`);
    await page.locator(".waiter").first().waitFor();
    for (const [width, height] of [[800, 480], [480, 800], [1440, 900], [3840, 2160]]) {
      await resize(page, width, height);
      const what = `a wall of ${width} x ${height}`;
      await until(`${what} is fitted`, async () => (await bottom(page, ".tile")) <= height);
      assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]), [0, 0], what);
      await assertAll(page, gpus);
      const outside = await page.evaluate(() => {
        const box = document.querySelector("#gpus").getBoundingClientRect();
        return [...document.querySelectorAll(".tile")].filter((node) => {
          const { right, bottom: low, width: wide } = node.getBoundingClientRect();
          return wide < 8 || right > box.right + 1 || low > box.bottom + 1;
        }).length;
      });
      assert.equal(outside, 0, what);
      assert.ok((await bottom(page, ".waiter, #queue-more")) <= height, `the queue, ${what}`);
      assert.match(await textOf(page.locator("#queue-more")), /^\d+ more$/, what);
    }
    assertNoProblems(world);
  });
}

test("64 GPUs of two types with as many users still fit one view of a laptop, and three screens of a phone", async (t) => {
  const world = await openCrowd(t, { gpus: 64, types: 2, sizes: [1] });
  const page = await world.openPage({ viewport: { width: 1440, height: 900 } });

  await assertAll(page, 64);
  assert.equal(await page.locator(".tile").count(), 64);
  assert.ok((await bottom(page, ".tile")) <= 900, `${await bottom(page, ".tile")}`);
  // Nothing that tells one from another is cut.
  const cut = await page.locator(".tile :is(.ids, .end)").evaluateAll((all) => all.filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent));
  assert.deepEqual(cut, []);
  await resize(page, 360, 740);
  assert.ok((await bottom(page, ".tile")) <= 3 * 740, `${await bottom(page, ".tile")}`);
  assertNoProblems(world);
});

test("64 GPUs on a phone: a cell of the overview leads to its GPU, and shows what the search means", async (t) => {
  const world = await openCrowd(t, { gpus: 64 });
  const page = await world.openPage({ viewport: { width: 360, height: 740 } });
  const cell = (id) => page.locator(`.cell[href="#gpu-${id}"]`);

  assert.equal(await page.locator("#share").isVisible(), false, "the bar says the same");
  assert.equal(await cell(5).getAttribute("aria-label"), "GPU 5: Unreserved, root");
  await cell(9).click();
  await shows(page.locator("#details"), /GPUs 7–12 .*erik .*GPU 9 /);
  await page.keyboard.press("Escape");
  await until("closed, and the focus is back", () => page.evaluate(() => !document.querySelector("dialog[open]") && document.activeElement.hash === "#gpu-9"));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.hash), "#gpu-18");
  await world.chg("reserve", "--gpu-ids", "21", "--user", "somebody", "--force");
  await until("it is in use", async () => (await cell(21).getAttribute("data-state")) === "in-use");
  assert.equal(await page.evaluate(() => document.activeElement.hash), "#gpu-18", "the focus stays");
  await page.locator("#search").fill("carol");
  await until("the others are pale", async () => (await page.locator(".cell:not([data-out])").count()) < 20);
  assert.equal(await page.locator(".cell").count(), 64, "none is gone");
  // The head of the queue is a link to it.
  await page.locator("#search").fill("");
  await page.locator("#answer-line").click();
  await until("the queue is in view", () => page.evaluate(() => document.querySelector("#queue-title").getBoundingClientRect().top < 200));

  // In a cluster a row is a node, and a tile says node and number, however long the name is.
  await page.route("**/api/status", async (route) => {
    try {
      const response = await route.fetch({ headers: { ...route.request().headers(), "if-none-match": "" } });
      const all = await response.json();
      for (const gpu of all) Object.assign(gpu, { node: `a-rather-long-name-of-rack-${gpu.gpu_id >> 3}.lab.example`, node_gpu: gpu.gpu_id % 8 });
      await route.fulfill({ response, json: all });
    } catch {
      await route.abort().catch(() => {});
    }
  });
  await page.goto(world.address());
  await until("eight nodes", async () => (await page.locator(".cell-node").count()) === 8);
  assert.equal(await cell(18).getAttribute("aria-label"), "GPU a-rather-long-name-of-rack-2.lab.example 2: In use, alice");
  const hidden = await page.locator(".tile").evaluateAll((tiles) => {
    const oneNode = (node) => new Set(node.dataset.gpu.split(" ").map((id) => id >> 3)).size === 1;
    return tiles.filter((node) => {
      const [head, node_name, which] = [".tile-head", ".node", ".which"].map((part) => node.querySelector(part).getBoundingClientRect());
      return which.bottom > head.bottom + 1 || which.right > head.right + 1 || which.width < 6 || (oneNode(node) && node_name.width < 20);
    }).length;
  });
  assert.equal(hidden, 0);
  assert.equal(await overflows(page), false);
  assertNoProblems(world);
});

test("64 GPUs: found by search, number, link and total; the focus stays; what was chosen is remembered", async (t) => {
  const world = await openCrowd(t, { gpus: 64 });
  const page = await world.openPage({ viewport: { width: 1440, height: 900 } });
  const shownTiles = () => page.locator(".tile").count();
  const all = await shownTiles();

  // One reservation is one tile.
  await shows(tile(page, 2), /GPUs 0–3 , In use.*alice/);
  // Search.
  await page.keyboard.press("/");
  assert.equal(await focused(page), "search");
  await page.keyboard.type("carol");
  await until("fewer", async () => (await shownTiles()) < all);
  assert.ok((await page.locator(".tile .who").allInnerTexts()).every((who) => who === "carol"));
  await shows(page.locator("#filtered"), /^\d+ of 64 GPUs shown Show all$/);
  assert.match(page.url(), /\?q=carol$/);
  await page.reload();
  await until("the same after a reload", async () => (await page.locator("#search").inputValue()) === "carol" && (await shownTiles()) < all);
  await page.locator("#search").press("Escape");
  await until("all again", async () => (await shownTiles()) === all);
  // A total is a link; once more, and all are there again.
  await page.locator('.total[data-state="available"]').click();
  await until("the free ones", async () => (await shownTiles()) === 6);
  assert.match(page.url(), /state=available/);
  await page.locator('.total[data-state="available"]').click();
  await until("all again", async () => (await shownTiles()) === all);
  // An order, remembered for the next visit.
  await page.locator("#sort").selectOption("number");
  await page.goto(world.address());
  await until("by number", async () => (await page.locator(".tile").first().getAttribute("data-gpu")) === "0 1 2 3");
  await page.locator("#sort").selectOption("free");

  // The arrows move, Enter opens, Escape closes: the focus is where it was.
  await page.locator(".tile").first().focus();
  await page.keyboard.press("ArrowRight");
  const second = await focused(page);
  await page.keyboard.press("Enter");
  await shows(page.locator("#details"), new RegExp(`GPU ${second} Available`));
  assert.equal(new URL(page.url()).hash, `#gpu-${second}`);
  await page.keyboard.press("Escape");
  await until("closed", async () => !(await page.locator("#details").isVisible()));
  await until("no link", async () => new URL(page.url()).hash === "" && (await focused(page)) === second);
  // Others get a GPU before it, and it itself moves to those in use: the focus goes with it.
  await world.chg("reserve", "--gpu-ids", "61", "--user", "somebody", "--force");
  await shows(tile(page, 61), "somebody");
  assert.equal(await focused(page), second);
  await world.chg("reserve", "--gpu-ids", second, "--user", "else", "--force");
  await shows(tile(page, second), "else");
  assert.equal(await focused(page), second);

  // By number; one that is not there is said so. The focus was nowhere, and goes on from there.
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("g");
  await page.keyboard.type("999");
  await page.keyboard.press("Enter");
  await shows(page.locator("#go-problem"), "There is no GPU 999.");
  await page.keyboard.type("9");
  await page.keyboard.press("Enter");
  await shows(page.locator("#details"), /GPUs 7–12 .*erik .*GPU 9 /);
  // What it shows goes on.
  await world.sql("UPDATE reservations SET note = 'changed meanwhile' WHERE id = (SELECT reservation_id FROM gpus WHERE id = 9); UPDATE gpus SET version = version + 1 WHERE id = 9;");
  await world.chg("release", "--gpu-ids", "61");
  await shows(page.locator("#details"), "changed meanwhile");
  await page.keyboard.press("Escape");
  await until("its tile has the focus", async () => (await focused(page)) === "7 8 9 10 11 12");
  // By a link, also in a page that is open.
  await page.goto(`${world.address()}#gpu-15`);
  await shows(page.locator("#details"), /GPUs 15, 16 /);
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await shows(page.locator("#help"), "search for a user");
  assertNoProblems(world);
});

test("few GPUs: a link leads to the card; held but idle is counted and said; types are told apart; a command is copied", async (t) => {
  const world = await openCrowd(t, { gpus: 4, waiting: 0, types: 2 });
  const page = await world.openPage({ where: "#gpu-2" }, (fresh) =>
    fresh.route("**/api/status", async (route) => {
      try {
        const response = await route.fetch({ headers: { ...route.request().headers(), "if-none-match": "" } });
        const gpus = await response.json();
        for (const gpu of gpus) Object.assign(gpu, { idle_seconds: 7800, last_active: null });
        await route.fulfill({ response, json: gpus });
      } catch {
        // The server ends while the page asks.
        await route.abort().catch(() => {});
      }
    }),
  );

  await shows(card(page, 2), /GPUs 0–3 In use .*GPU 2 .*Activity idle 2h 10m/);
  await until("the card has the focus", async () => (await focused(page)) === "0 1 2 3");
  await shows(page.locator('.total[data-state="idle"]'), "4 Held, idle");
  await shows(page.locator("#answer-ask-row"), "Ask alice: GPUs 0–3, idle for 2h");
  await shows(page.locator("#answer-types"), /A100-PCIE-40GB 0 of 2 free next .*H100 80GB HBM3 0 of 2 free next /);
  await shows(page.locator("#answer-line"), "Nobody is waiting");
  await page.getByRole("radio", { name: "Tiles" }).check({ force: true });
  await shows(tile(page, 0), /GPUs 0–3 , In use.* alice , idle for 2h /);

  // A command is copied; the guide has more of them.
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const button = page.getByRole("button", { name: "Copy: canhazgpu reserve --duration 2h" });
  await button.click();
  await shows(button, "Copied");
  await page.getByRole("link", { name: "All commands" }).click();
  await shows(page.locator("h1"), "How to get a GPU");
  await page.locator("pre.command + .copy").first().click();
  await shows(page.locator(".copy").first(), /Copied|Selected/);
  assert.equal(await overflows(page), false);
  assertNoProblems(world);
});
