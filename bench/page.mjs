// Measures the web page in a real browser: what goes over the wire, and how long it takes until it can be used.
// Called by bench/run: node bench/page.mjs PROGRAM. Needs what the tests of the page need.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";

const ROUNDS = 20;
const { chromium } = createRequire(path.resolve("tests/browser/world.mjs"))("playwright-core");

async function startServer(program) {
  const server = spawn(program, ["web", "--demo", "--host", "127.0.0.1", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const text of server.stderr.setEncoding("utf8")) {
    const address = /http:\/\/\S+\//.exec(text);
    if (address) return { server, address: address[0] };
  }
  throw new Error("the server ended before it said where it is");
}

// One visit with an empty cache: bytes of the page's own files and of the data, and milliseconds until the cards are drawn
// (the page's controls work before that).
async function visit(browser, address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const network = await context.newCDPSession(page);
  const paths = new Map();
  const bytes = { page: 0, data: 0 };

  await network.send("Network.enable");
  network.on("Network.requestWillBeSent", ({ requestId, request }) =>
    paths.set(requestId, new URL(request.url).pathname),
  );
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    bytes[paths.get(requestId)?.startsWith("/api/") ? "data" : "page"] += encodedDataLength;
  });
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector(".card")) return;
      window.usableAt = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(address);
  await page.waitForFunction(() => window.usableAt && document.querySelector("#report tbody tr"));
  const usable = await page.evaluate(() => window.usableAt);
  await context.close();
  return { ...bytes, usable };
}

const { server, address } = await startServer(path.resolve(process.argv[2]));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  await visit(browser, address);
  const visits = [];
  for (let i = 0; i < ROUNDS; i++) visits.push(await visit(browser, address));
  const times = visits.map(({ usable }) => usable).sort((a, b) => a - b);
  const kilobytes = (kind) => (visits[0][kind] / 1000).toFixed(1);
  console.log(`page over the wire, with headers         ${kilobytes("page")} kB (<= 60)`);
  console.log(`first data                               ${kilobytes("data")} kB`);
  console.log(
    `usable, median of ${ROUNDS} visits             ${times[ROUNDS / 2].toFixed(0)} ms (<= 300), most ${times.at(-1).toFixed(0)} ms`,
  );
} finally {
  await browser.close();
  server.kill();
  await once(server, "exit");
}
