// The dashboard: starts the parts of the page and gives them what the server tells.
import { showConnection } from "./connection.js";
import { startDetails } from "./details.js";
import { byId, setAttribute, setText, show } from "./dom.js";
import { fetchDocument, startFeed } from "./feed.js";
import { plural, shown } from "./format.js";
import { startGrid } from "./grid.js";
import { startHeadline } from "./headline.js";
import { startHosts } from "./hosts.js";
import { startKeys } from "./keys.js";
import { startOverview } from "./overview.js";
import { startQueue } from "./queue.js";
import { startReport } from "./report.js";
import { startSpeaking } from "./speak.js";
import { startTimeline } from "./timeline.js";
import { startTools } from "./tools.js";
import { startTotals } from "./totals.js";
import { startWall } from "./wall.js";

// History changes with each reservation, and slowly by itself.
const HISTORY_MS = 60000;

// First, because it removes a token from the address.
hideToken();

const tools = startTools(() => (loaded ? showNow() : showWall()));
const headline = startHeadline();
const hosts = startHosts();
const totals = startTotals(byId("totals"), byId("share"));
const overview = startOverview(byId("overview"), (id) => details.goTo(id));
const grid = startGrid(byId("gpus"), byId("gpus-empty"), (id) => details.goTo(id));
const details = startDetails(grid);
const queue = startQueue(byId("queue"), byId("queue-count"), byId("queue-more"), byId("queue-empty"));
const speaking = startSpeaking(byId("spoken"));
const wall = startWall(byId("wall"));
const timeline = startTimeline(() => loadTimeline().catch(feedProblem));
const report = startReport(() => loadReport().catch(feedProblem));

// The host that the page shows, where it is not that of the server.
const viewed = new URLSearchParams(window.location.search).get("host") || null;
const ofHost = (path) => (viewed === null ? path : `${path}?host=${encodeURIComponent(viewed)}`);

let loaded = false;
let host = null;
let version = null;
let gpus = [];
let waiting = [];
let hoursOfDay = null;
let history = { reservations: "", time: -HISTORY_MS };
let historyLoading = null;

// ---- the address ----

// A token that stands in it is in a cookie by now, and need not be where others look at the screen.
function hideToken() {
  const address = new URL(location.href);
  if (!address.searchParams.has("token")) return;
  address.searchParams.delete("token");
  window.history.replaceState(null, "", address);
}

// ---- the header ----

function setLink(id, address) {
  const link = byId(id);
  const good =
    Boolean(address) && URL.canParse(address, location) && /^https?:$/.test(new URL(address, location).protocol);
  show(link, good);
  if (good) setAttribute(link, "href", address);
}

// A newer server has a newer page: a wall screen gets it by itself. Another host's version means nothing.
function checkVersion(next) {
  if (version !== null && version !== next) window.location.reload();
  version = next;
}

function showHost(next) {
  if (viewed === null) checkVersion(next.version);
  host = next;
  // Of Slurm it is the version of its own.
  const driver = host.driver_version ? `${host.provider === "slurm" ? " " : ", driver "}${shown(host.driver_version)}` : "";
  setText(byId("host"), shown(host.host));
  setText(byId("subtitle"), plural(host.gpus, "GPU"));
  setText(
    byId("about"),
    `canhazgpu ${shown(host.version ?? "of an unknown version")}, GPUs by ${shown(host.provider ?? "an unknown provider")}${driver}`,
  );
  show(byId("demo"), host.demo === true);
  setText(byId("warning"), host.warning ? `Warning: ${shown(host.warning)}` : "");
  show(byId("warning"), Boolean(host.warning));
  setLink("documentation", host.documentation);
  setLink("source", host.source);
}

function showTitle(free) {
  const title = host ? `${free} free · ${shown(host.host)}` : "canhazgpu";
  if (document.title !== title) document.title = title;
}

// ---- loading ----

async function loadTimeline() {
  const days = timeline.days();
  const next = await fetchDocument(`api/timeline?days=${days}`);
  // Unless another period was chosen meanwhile.
  if (days === timeline.days()) timeline.show(next, gpus, waiting);
}

async function loadReport() {
  const asked = report.query();
  const [chosen, today] = await Promise.all([
    fetchDocument(`api/report?${asked}`),
    fetchDocument("api/report?days=1"),
  ]).catch((problem) => {
    report.fail(problem.message, asked);
    throw problem;
  });
  hoursOfDay = today.total_gpu_hours;
  report.show(chosen, asked);
}

// What the history depends on: who holds which GPU. It grows by itself, too, but slowly. False if there was nothing to do.
async function loadHistory() {
  const reservations = gpus.map((gpu) => `${gpu.reservation_id ?? gpu.user ?? ""}/${gpu.start_time ?? ""}`).join();
  const age = performance.now() - history.time;
  if (reservations === history.reservations && age < HISTORY_MS) return false;
  await Promise.all([loadTimeline(), loadReport()]);
  history = { reservations, time: performance.now() };
  return true;
}

// Loads it where it is needed, and again for what changed meanwhile. Where it cannot be had, the next load tries again.
function followHistory() {
  const done = (loaded) => {
    historyLoading = null;
    if (!loaded) return;
    showNow();
    followHistory();
  };
  historyLoading ??= loadHistory().then(done, () => done(false));
}

// The shape of a wall does not wait for what it shows.
const showWall = () => wall.show(tools.choice(), tools.link({ wall: !tools.choice().wall }));

function showNow() {
  const choice = tools.choice();
  showWall();
  showTitle(headline.show(gpus, waiting).free);
  totals.show(gpus, waiting.length, hoursOfDay, tools);
  overview.show(gpus, choice);
  queue.show(waiting, choice);
  tools.showCount(grid.show(gpus, waiting, choice), gpus.length);
  details.show(gpus, waiting);
  timeline.future(gpus, waiting);
}

// The list of hosts. Nobody waits for it.
async function loadHosts() {
  const list = (await fetchDocument("api/hosts")).hosts;
  const here = list.find((each) => each.here);
  if (viewed !== null && here) checkVersion(here.version);
  hosts.show(list, viewed);
  const address = list.find((each) => !each.here && each.host === viewed)?.url;
  setLink("elsewhere-link", address);
  setText(byId("elsewhere-link"), `the page of ${shown(viewed ?? "")}`);
  show(byId("elsewhere"), viewed !== null && Boolean(address));
}

async function load() {
  loadHosts().catch(() => {});
  const [nextHost, nextGpus, nextQueue] = await Promise.all([
    fetchDocument(ofHost("api/host")),
    fetchDocument(ofHost("api/status")),
    fetchDocument(ofHost("api/queue")),
  ]);
  if (nextHost !== host) showHost(nextHost);
  speaking.note(gpus, nextGpus);
  [gpus, waiting] = [nextGpus, nextQueue.entries];
  loaded = true;
  showNow();
  // Nobody waits for the history: the next change is shown at once. That of another host is on its own page.
  if (viewed === null) followHistory();
}

// ---- the connection ----

const feed = startFeed({ load, onState: showConnection });

function feedProblem() {
  history.time = -HISTORY_MS;
  feed.retry();
}

// ---- the rest of the page ----

function showTheme() {
  for (const input of document.querySelectorAll("#theme input")) input.checked = input.value === window.theme.choice();
}

byId("retry").addEventListener("click", () => feed.retry());
byId("theme").addEventListener("change", (event) => window.theme.choose(event.target.value));
document.addEventListener("theme", showTheme);
showTheme();
setAttribute(document.body, "data-elsewhere", viewed === null ? null : "");
startKeys((text) => details.goTo(details.named(text)));
showWall();

setInterval(() => {
  if (document.visibilityState === "hidden") return;
  for (const part of [headline, hosts, grid, details, queue]) part.tick();
}, 1000);
