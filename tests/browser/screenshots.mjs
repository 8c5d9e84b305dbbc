// Takes the pictures of the page that the documentation shows, of simulated GPUs: node screenshots.mjs FOLDER.
// Called by scripts/screenshots; CANHAZGPU_BIN names the program.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { chromium } from "playwright-core";

const PICTURES = [
  { name: "page-dark", gpus: 64, theme: "dark", width: 1440, height: 900, part: true },
  { name: "page-light", gpus: 8, theme: "light", width: 1440, height: 900 },
  { name: "page-wall", gpus: 64, where: "?view=wall", theme: "dark", width: 1280, height: 720, part: true },
  { name: "page-phone", gpus: 64, theme: "dark", width: 390, height: 844, scale: 2, part: true },
];

async function startServer(gpus) {
  const words = ["web", "--demo", "--demo-gpus", String(gpus), "--host", "127.0.0.1", "--port", "0"];
  const server = spawn(process.env.CANHAZGPU_BIN, words, { stdio: ["ignore", "ignore", "pipe"] });
  for await (const text of server.stderr.setEncoding("utf8")) {
    const address = /http:\/\/\S+\//.exec(text);
    if (address) return { server, address: address[0] };
  }
  throw new Error("the server ended before it said where it is");
}

async function take(browser, folder, { name, gpus, where = "", theme, width, height, scale = 1, part = false }) {
  const { server, address } = await startServer(gpus);
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  await page.addInitScript((value) => window.localStorage.setItem("canhazgpu-theme", value), theme);
  await page.goto(address + where);
  for (const selector of [".card, .tile", ".waiter", "#report tbody tr", '#connection[data-mode="live"]'])
    await page.locator(selector).first().waitFor({ state: "attached" });
  await page.locator('.total[data-state="hours"] .total-number', { hasText: /\d/ }).waitFor();
  if (!part) {
    // The timeline is drawn when it comes near what is seen.
    await page.locator("#timeline-title").scrollIntoViewIfNeeded();
    await page.locator(".block").first().waitFor();
    await page.evaluate(() => window.scrollTo(0, 0));
  }
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: !part });
  await context.close();
  server.kill();
  await once(server, "exit");
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  for (const picture of PICTURES) await take(browser, process.argv[2], picture);
} finally {
  await browser.close();
}
