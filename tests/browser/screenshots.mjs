// Takes the pictures of the page that the documentation shows, of simulated GPUs: node screenshots.mjs FOLDER.
// Called by scripts/screenshots; CANHAZGPU_BIN names the program.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { chromium } from "playwright-core";

const PICTURES = [
  { name: "page-dark", theme: "dark", width: 1280, height: 800 },
  { name: "page-light", theme: "light", width: 1280, height: 800 },
  { name: "page-phone", theme: "dark", width: 390, height: 844, scale: 2, part: true },
];

async function startServer() {
  const server = spawn(process.env.CANHAZGPU_BIN, ["web", "--demo", "--host", "127.0.0.1", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const text of server.stderr.setEncoding("utf8")) {
    const address = /http:\/\/\S+\//.exec(text);
    if (address) return { server, address: address[0] };
  }
  throw new Error("the server ended before it said where it is");
}

async function take(browser, address, folder, { name, theme, width, height, scale = 1, part = false }) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  await page.addInitScript((value) => window.localStorage.setItem("canhazgpu-theme", value), theme);
  await page.goto(address);
  for (const selector of [".card", ".block", "#report tbody tr", '#connection[data-mode="live"]'])
    await page.locator(selector).first().waitFor();
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: !part });
  await context.close();
}

const { server, address } = await startServer();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  for (const picture of PICTURES) await take(browser, address, process.argv[2], picture);
} finally {
  await browser.close();
  server.kill();
  await once(server, "exit");
}
