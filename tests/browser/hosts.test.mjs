// One page over three hosts: the list, one click to a host, one that is killed and comes back, and one that lies.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { assertNoProblems, card, openWorld, overflows, shows, test, until } from "./world.mjs";

const host = (page, name) => page.locator("#hosts-list li", { has: page.locator(".host-name", { hasText: new RegExp(`^${name}$`) }) });

// Three hosts; the first one's server shows the two others, too.
async function openHosts(t, more = "") {
  const first = await openWorld(t, { gpus: 2 });
  const second = await openWorld(t, { gpus: 3 });
  const third = await openWorld(t, { gpus: 4 });
  const addresses = await Promise.all([second.serve(), third.serve()]);
  first.set("CANHAZGPU_WEB_HOSTS", `second url=${addresses[0]}, third url=${addresses[1]} label=the new one${more}`);
  return { first, second, third };
}

test("three hosts on one page, while one is killed and comes back", async (t) => {
  const { first, second, third } = await openHosts(t);
  await third.chg("reserve", "--gpu-ids", "0,1", "--duration", "1h");
  const page = await first.openPage();
  await shows(host(page, "second"), "3 of 3 free");
  await shows(host(page, "third"), "2 of 4 free");
  await shows(host(page, "third"), "the new one");
  await shows(page.locator("#hosts-sum"), "7 of 9 GPUs free on 3 hosts");
  assert.equal(await page.locator("#hosts-list .host").count(), 3);
  // What happens elsewhere is shown by itself.
  await second.chg("reserve", "--gpu-ids", "2", "--duration", "1h");
  await shows(host(page, "second"), "2 of 3 free");

  await second.stop("SIGKILL");
  await shows(host(page, "second"), /away.*cannot connect to its web server/);
  await shows(page.locator("#hosts-sum"), "4 of 6 GPUs free on 2 hosts, 1 host away");
  // Also with one that is away everything can be read and reached, in both themes and on a phone.
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  for (const theme of ["light", "dark"]) {
    await page.evaluate((name) => window.theme.choose(name), theme);
    const { violations } = await page.evaluate(() => window.axe.run("#hosts"));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
  }
  await page.setViewportSize({ width: 360, height: 740 });
  assert.equal(await overflows(page), false);
  await page.setViewportSize({ width: 1280, height: 900 });
  // It keeps nobody else from being live.
  await third.chg("reserve", "--gpu-ids", "2", "--duration", "1h");
  await shows(host(page, "third"), "1 of 4 free");
  await first.chg("reserve", "--gpu-ids", "0", "--duration", "1h");
  await shows(card(page, 0), "In use");
  await shows(page.locator("#connection"), /^Live$/);

  await second.serve();
  await shows(host(page, "second"), "2 of 3 free");
  assertNoProblems(first);
});

test("one click to a host, whose page lives and says when it is away", async (t) => {
  const { first, second } = await openHosts(t);
  await second.chg("reserve", "--gpu-ids", "1", "--duration", "1h", "--note", "over there");
  const page = await first.openPage();
  await host(page, "second").getByRole("link").click();
  await shows(page.locator("#host"), /^second$/);
  await shows(card(page, 1), "over there");
  assert.equal(new URL(page.url()).searchParams.get("host"), "second");
  assert.equal(await host(page, "second").getByRole("link").getAttribute("aria-current"), "page");
  // The past is on its own page.
  assert.equal(await page.locator("#report").isVisible(), false);
  assert.equal(await page.locator("#elsewhere-link").getAttribute("href"), second.address());
  await second.chg("release", "--gpu-ids", "1");
  await shows(card(page, 1), "Available");

  await second.stop("SIGKILL");
  await shows(page.locator("#trouble-text"), "second is away: cannot connect to its web server");
  await second.serve();
  await until("the page recovers", async () => !(await page.locator("#trouble").isVisible()));
  await shows(page.locator("#connection"), /^Live$/);
  // And back.
  await page.locator("#hosts-list a[href='./']").click();
  await shows(page.locator("#report-title"), "Report");
  assertNoProblems(first);
});

test("a host that lies is other people's text", async (t) => {
  const evil = "<img src=x onerror=alert(1)>\u202e\u001b[2J";
  const rows = [
    { gpu_id: 0, status: evil, user: evil, note: evil, gpu_model: evil, processes: 7, model: [], ends_at: {}, uuid: 3 },
    { gpu_id: 1, status: "IN_USE", user: evil, unreserved_users: "x", processes: [null, { name: evil, pid: evil }] },
    { gpu_id: "2" },
  ];
  const documents = {
    "/api/status": rows,
    "/api/queue": { entries: [{ user: evil, requested: evil, allocated: 7, note: {} }] },
    "/api/host": { version: evil, documentation: "http://evil.example/", warning: evil, gpus: evil },
  };
  const liar = createServer((request, response) => {
    response.statusCode = documents[request.url] ? 200 : 404;
    response.end(JSON.stringify(documents[request.url] ?? {}));
  });
  await new Promise((resolve) => liar.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    liar.close();
    liar.closeAllConnections();
  });
  const { first } = await openHosts(t, `, liar url=http://127.0.0.1:${liar.address().port}`);
  const page = await first.openPage({ where: "?host=liar" });
  await shows(page.locator("#host"), /^liar$/);
  await shows(host(page, "liar"), "0 of 2 free");
  await shows(card(page, 1), "\\u202e\\x1b[2J");
  await shows(page.locator("#warning"), "<img src=x");
  assert.equal(await page.locator("#documentation").isVisible(), false);
  assert.equal(await page.locator("img").count(), 0);
  assertNoProblems(first);
});
