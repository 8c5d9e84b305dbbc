// What every browser test opens: a world of its own with home, store, fake GPUs and web server, and a page in real
// Chromium that looks at it. CANHAZGPU_BIN names the program under test.
//
//   test("...", async (t) => {
//     const world = await openWorld(t, { gpus: 4 });
//     await world.chg("reserve", "--gpus", "2");
//     const page = await world.openPage();
//
// Nothing waits for a fixed time: `until` looks again and again, with a limit that a busy machine does not reach.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test as nodeTest } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const LIMIT_MS = Number(process.env.LIMIT_MS ?? 60000);
const MARKER = "CANHAZGPU_TEST_WORLD";
const run = promisify(execFile);

// The table of waiting requests, as a statement that inserts into it names it: there may be more columns.
export const QUEUE = `queue(key, id, version, user, account, uid, type, requested_count, duration_ns, note, enqueued_ns,
  heartbeat_ns, give_up_ns, host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks)`;

// The same of what has ended.
export const HISTORY = "usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor)";

// Like node's, with a limit; what failed is said on standard error, too, where the runner looks for it.
export function test(name, body) {
  nodeTest(name, { timeout: 5 * LIMIT_MS }, async (t) => {
    try {
      await body(t);
    } catch (error) {
      console.error(`${name}: ${error.stack}`);
      throw error;
    }
  });
}

// Looks until check() gives something true, and returns that.
export async function until(what, check, limit_ms = LIMIT_MS) {
  const end = Date.now() + limit_ms;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) assert.fail(`not within ${limit_ms / 1000} s: ${what}`);
    await pause(50);
  }
}

// ---- the browser: one per test file ----

let browser = null;

export async function openBrowser() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    timeout: 2 * LIMIT_MS,
  });
  return browser;
}

// What is done when all tests of the file have ended: for a world that several of them look at.
const closers = [];
export const allTests = { after: (close) => closers.push(close) };

after(async () => {
  for (const close of closers) await close();
  await browser?.close();
});

// ---- the world ----

class World {
  problems = [];
  #folder;
  #environment;
  #server = null;
  // An address of its own: on 127.0.0.1 another program might take the port while the server is away.
  #host = `127.${randomInt(20, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`;
  #port = 0;

  async open(gpus) {
    const program = process.env.CANHAZGPU_BIN;
    assert.ok(program, "CANHAZGPU_BIN must name the program under test");
    this.#folder = await mkdtemp(path.join(tmpdir(), "chg-browser."));
    for (const name of ["home", "state", "bin"]) await mkdir(path.join(this.#folder, name));
    await symlink(path.resolve(program), this.path("bin/canhazgpu"));
    this.#environment = {
      PATH: `${this.path("bin")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: this.path("home"),
      XDG_STATE_HOME: this.path("state"),
      LANG: "C.UTF-8",
      CANHAZGPU_STORE: `sqlite:${this.path("pool.db")}`,
      CANHAZGPU_FAKE_STATE: this.path("fake.json"),
      [MARKER]: this.#folder,
    };
    for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"]) {
      if (process.env[name]) this.#environment[name] = process.env[name];
    }
    await this.fake([]);
    await this.chg("admin", "--gpus", String(gpus), "--provider", "fake");
  }

  path(name) {
    return path.join(this.#folder, name);
  }

  // Runs canhazgpu and returns what it prints.
  async chg(...words) {
    const { stdout } = await run(this.path("bin/canhazgpu"), words, { env: this.#environment, timeout: LIMIT_MS });
    return stdout;
  }

  // Starts a command on reserved GPUs and waits until it has them. Returns its pid.
  async start(options, command) {
    const id = options[options.indexOf("--gpu-ids") + 1];
    const child = spawn(this.path("bin/canhazgpu"), ["run", ...options, "--", ...command], {
      env: this.#environment,
      stdio: "ignore",
    });
    await until(`GPU ${id} is in use`, async () => {
      const gpus = JSON.parse(await this.chg("status", "--json"));
      return gpus.find((gpu) => String(gpu.gpu_id) === id.split(",")[0])?.status === "IN_USE";
    });
    return child.pid;
  }

  // What the fake GPUs show from now on.
  async fake(gpus) {
    await writeFile(this.path("fake.json.new"), JSON.stringify({ driver_version: "550.90.07", gpus }));
    await rename(this.path("fake.json.new"), this.path("fake.json"));
  }

  // Sets a variable of the environment for what is started from now on.
  set(name, value) {
    this.#environment[name] = value;
  }

  // SQL in the world's database, for what no command would write.
  async sql(text) {
    const running = run("sqlite3", ["-batch", "-bail", "-cmd", ".timeout 20000", this.path("pool.db")]);
    running.child.stdin.end(text);
    await running;
  }

  // A program that does nothing, but has a command line. Returns its path.
  async idler(name) {
    await writeFile(this.path(`bin/${name}`), "#!/bin/sh\nwhile :; do sleep 1000; done\n", { mode: 0o755 });
    return this.path(`bin/${name}`);
  }

  // Starts the server, on the same port as before where there was one, and returns its address.
  async serve(...words) {
    const child = spawn(
      this.path("bin/canhazgpu"),
      ["web", "--host", this.#host, "--allow-host", this.#host, "--port", String(this.#port), ...words],
      {
        env: this.#environment,
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    this.#server = child;
    const address = await until("the server says where it is", () => {
      assert.equal(child.exitCode, null, `the server ended: ${said}`);
      return /http:\/\/\S+:(\d+)\//.exec(said);
    });
    this.#port = Number(address[1]);
    return this.address();
  }

  address() {
    return `http://${this.#host}:${this.#port}/`;
  }

  // Ends the server and waits until it is gone.
  async stop(signal = "SIGTERM") {
    const child = this.#server;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  // Opens the page, serving it first where nobody does, and waits until it shows data. What the page must never do (throw,
  // log an error, ask another host, break the content policy) is collected in world.problems.
  // `where` is added to its address.
  async openPage({ where = "", ...options } = {}, prepare = async () => {}) {
    const address = this.#server ? this.address() : await this.serve();
    const context = await (
      await openBrowser()
    ).newContext({
      locale: "en-GB",
      timezoneId: "UTC",
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    context.setDefaultTimeout(LIMIT_MS);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.problems.push(`thrown: ${error.stack}`));
    page.on("dialog", (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("console", (message) => {
      // That a server is away is a thing that tests do on purpose.
      if (message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text()))
        this.problems.push(`logged: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(address)) this.problems.push(`asked another host: ${request.url()}`);
    });
    await prepare(page);
    await page.goto(address + where);
    await page.locator(".card, .tile, #gpus-empty:not([hidden])").first().waitFor();
    return page;
  }

  async close() {
    await this.stop("SIGKILL");
    for (;;) {
      const pids = await this.#processes();
      if (pids.length === 0) break;
      for (const pid of pids) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      }
      await pause(20);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  // Pids of what carries this world's marker.
  async #processes() {
    const pids = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
      if (environment.split("\0").includes(`${MARKER}=${this.#folder}`)) pids.push(Number(name));
    }
    return pids;
  }
}

// A world that is gone with the test, or with all tests of a file: openWorld(allTests). The test fails where its pages did what they must not do.
export async function openWorld(t, { gpus = 4 } = {}) {
  const world = new World();
  t.after(() => world.close());
  await world.open(gpus);
  return world;
}

// ---- looking at the page ----

export const card = (page, gpu) => page.locator(`.card[data-gpu~="${gpu}"]`);

// The text of an element without needless blanks.
export async function textOf(locator) {
  return (await locator.innerText()).replace(/\s+/g, " ").trim();
}

export async function shows(locator, pattern) {
  let text = "";
  await until(`'${pattern}' in ${locator}`, async () => {
    // What is hidden has a text, too.
    text = (await locator.count()) === 1 && (await locator.isVisible()) ? await textOf(locator) : "";
    return pattern instanceof RegExp ? pattern.test(text) : text.includes(pattern);
  }).catch((error) => assert.fail(`${error.message}; there is: ${text}`));
}

// The timeline is drawn when it comes near what is seen.
export async function drawTimeline(page) {
  await page.locator("#timeline-title").scrollIntoViewIfNeeded();
  await page.locator(".block").first().waitFor();
}

// True if something can be scrolled sideways.
export function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

export function assertNoProblems(world) {
  assert.deepEqual(world.problems, []);
}
