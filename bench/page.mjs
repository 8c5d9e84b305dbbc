// Measures the web page in a real browser: what goes over the wire, how long it takes until it can be used, and how long the
// script of an update of all GPUs runs. Called by bench/run: node bench/page.mjs PROGRAM [GPUS]. Needs what the tests of the page
// need.
import { createRequire } from "node:module";
import path from "node:path";
import { openPool } from "./pool.mjs";

const VISITS = 20;
const UPDATES = 20;
const POOLS = [
  { gpus: 8, waiting: 3 },
  { gpus: 64, waiting: 20, limits: { bytes: 70, usable: 300, update: 16 } },
  { gpus: 500, waiting: 20 },
];
const { chromium } = createRequire(path.resolve("tests/browser/world.mjs"))("playwright-core");

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const most = (values) => Math.max(...values);

// Runs in the page, before its own scripts: notes when the GPUs are there.
function observe() {
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".card, .tile, [data-gpu]")) return;
    window.usableAt = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
}

// One visit with an empty cache: kilobytes of the page's files and of the documents, with headers, as served; and milliseconds
// until the GPUs are drawn (the page's controls work before that).
async function visit(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const network = await context.newCDPSession(page);
  const paths = new Map();
  const bytes = new Map();

  await network.send("Network.enable");
  network.on("Network.requestWillBeSent", ({ requestId, request }) => paths.set(requestId, new URL(request.url).pathname));
  // A document that is asked for again is another answer, mostly "not modified": the first one counts.
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const name = paths.get(requestId);
    if (!bytes.has(name)) bytes.set(name, encodedDataLength);
  });
  await page.addInitScript(observe);
  await page.goto(address);
  await page.waitForFunction(() => window.usableAt && document.querySelector("#report tbody tr"));
  const usable = await page.evaluate(() => window.usableAt);
  const sum = (wanted) =>
    [...bytes].filter(([name]) => name.includes("/api/") === wanted).reduce((all, [, size]) => all + size, 0) / 1000;
  await context.close();
  return { files: sum(false), documents: sum(true), usable };
}

// Milliseconds of script, and of style and layout, per update in which every GPU shows other values.
async function updates(browser, { address, change }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const profiler = await context.newCDPSession(page);
  const read = async () => {
    const { metrics } = await profiler.send("Performance.getMetrics");
    const of = Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1000]));
    return { script: of.ScriptDuration, layout: of.LayoutDuration + of.RecalcStyleDuration };
  };

  await page.addInitScript(() => {
    window.answers = 0;
    const { fetch } = window;
    window.fetch = async (...words) => {
      const answer = await fetch(...words);
      if (String(words[0]).includes("api/status") && answer.status === 200) window.answers++;
      return answer;
    };
  });
  await page.goto(address);
  await page.waitForSelector("#report tbody tr");
  await profiler.send("Performance.enable");
  await page.waitForTimeout(1000);
  const found = [];
  for (let i = 0; i < UPDATES; i++) {
    const answers = await page.evaluate(() => window.answers);
    const before = await read();
    change();
    while ((await page.evaluate(() => window.answers)) === answers) await page.waitForTimeout(50);
    await page.waitForTimeout(150);
    const after = await read();
    found.push({ script: after.script - before.script, layout: after.layout - before.layout });
  }
  await context.close();
  return { script: median(found.map((one) => one.script)), most: most(found.map((one) => one.script)), layout: median(found.map((one) => one.layout)) };
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const columns = ["GPUs", "waiting", "files kB", "documents kB", "all kB", "usable ms", "most ms", "update ms", "most ms", "layout ms"];
const line = (cells) => console.log(cells.map((cell) => String(cell).padStart(13)).join(""));
try {
  line(columns);
  for (const { gpus, waiting, limits } of POOLS) {
    if (process.argv[3] && gpus !== Number(process.argv[3])) continue;
    const pool = await openPool(path.resolve(process.argv[2]), { gpus, waiting });
    try {
      await visit(browser, pool.address);
      const visits = [];
      for (let i = 0; i < VISITS; i++) visits.push(await visit(browser, pool.address));
      const [{ files, documents }] = visits;
      const usable = visits.map((one) => one.usable);
      const update = await updates(browser, pool);
      line([
        gpus,
        waiting,
        files.toFixed(1),
        documents.toFixed(1),
        (files + documents).toFixed(1),
        median(usable).toFixed(0),
        most(usable).toFixed(0),
        update.script.toFixed(1),
        update.most.toFixed(1),
        update.layout.toFixed(1),
      ]);
      if (limits) line(["limit", "", "", "", limits.bytes, limits.usable, "", limits.update, "", ""]);
    } finally {
      await pool.close();
    }
  }
} finally {
  await browser.close();
}
