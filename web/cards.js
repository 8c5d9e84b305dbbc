// One card per GPU: its state, who has it, what runs there, and how busy it is.
import { el, icon, meter, otherText, patchList, row, setAttribute, setIcon, setText, show } from "./dom.js";
import { duration, list, memory, now, personOf, plural, roughDuration, shown, time } from "./format.js";

const STATES = {
  AVAILABLE: { name: "available", label: "Available" },
  IN_USE: { name: "in-use", label: "In use" },
  UNRESERVED: { name: "unreserved", label: "Unreserved" },
  DRAINED: { name: "drained", label: "Drained" },
  ERROR: { name: "error", label: "Error" },
};

// A state that this page does not know is shown as one that nobody can rely on.
export const stateOf = (gpu) => STATES[gpu.status] ?? STATES.ERROR;

const TYPES = { RUN: "run", MANUAL: "manual" };

// What stands in the first line: who, or for how long the GPU has been free.
function headline(gpu) {
  if (gpu.status === "UNRESERVED") return list(gpu.unreserved_users ?? ["unknown"]);
  if (gpu.user) return personOf(gpu);
  if (gpu.status === "AVAILABLE") return gpu.last_released ? "Free" : "Never used";
  if (gpu.status === "DRAINED") return "Out of service";
  return gpu.health === "faulty" ? "Faulty" : "Use unknown";
}

// Since when it is in its state, where that is known.
function sinceOf(gpu) {
  if (gpu.status === "AVAILABLE") return time(gpu.last_released);
  if (gpu.status === "DRAINED") return time(gpu.drained_at ?? gpu.retired_at);
  return time(gpu.start_time);
}

// How long: reserved, free or out of service. From the times, so that it goes on between two answers.
function lasting(gpu) {
  const since = sinceOf(gpu);
  if (since !== null) return duration(now() - since);
  return gpu.duration ?? "";
}

// A heartbeat that is older is late.
const LATE_MS = 120_000;

// When a run ends, as far as that is known; its heartbeat where it is late, or nothing else is known.
function lifeOfRun(gpu) {
  const heartbeat = time(gpu.last_heartbeat);
  const ends = time(gpu.ends_at);
  const left = ends === null ? "" : roughDuration(ends - now());
  const parts = [];
  if (heartbeat !== null && (ends === null || now() - heartbeat > LATE_MS))
    parts.push(`heartbeat ${duration(now() - heartbeat)} ago`);
  if (ends !== null && gpu.ends_at_estimated) parts.push(left.startsWith("less") ? `${left} left` : `about ${left} left`);
  else if (ends !== null) parts.push(ends > now() ? `ends in ${left}` : "its time limit was reached");
  return parts.join(", ");
}

function details(gpu) {
  // The times of what is only collected say nothing; which request it is for does.
  if (gpu.queue_id !== undefined) return gpu.details ?? "";
  const expiry = time(gpu.expiry_time);
  if (gpu.type === "RUN") return lifeOfRun(gpu);
  if (expiry !== null) return expiry > now() ? `expires in ${duration(expiry - now())}` : "expired";
  // The first line, or the coloured box, says the same already.
  if (gpu.status === "AVAILABLE" || gpu.status === "UNRESERVED") return "";
  return gpu.status === "DRAINED" && gpu.drained_by ? drained(gpu) : (gpu.details ?? "");
}

// Who took it out of service, and why.
function drained(gpu) {
  return `drained by ${gpu.drained_by}${gpu.drained_note === undefined ? "" : `: ${gpu.drained_note}`}`;
}

// How long the oldest process runs that is in the way; null where nobody knows, or nothing is.
function oldest(gpu) {
  const theirs = (gpu.processes ?? []).filter((process) => !process.ignored && (process.foreign || gpu.status === "UNRESERVED"));
  const times = theirs.map((process) => time(process.started_at)).filter((each) => each !== null);
  return times.length > 0 ? duration(now() - Math.min(...times)) : null;
}

// The violet line of a GPU that is kept for a request that waits for more.
function heldFor(gpu, queue) {
  const entry = queue.find((other) => other.id === gpu.queue_id);
  if (!entry) return "Collected for a waiting request";
  return `Collected for request ${entry.position} in the queue, which needs ${plural(entry.requested, "GPU")}`;
}

function power(gpu) {
  if (gpu.power_mw === undefined) return null;
  const watts = Math.round(gpu.power_mw / 1000);
  const limit = Math.round((gpu.power_limit_mw ?? 0) / 1000);
  return limit > 0 ? `${watts} / ${limit} W` : `${watts} W`;
}

function number(label) {
  const value = el("dd");
  const node = el("div", null, el("dt", { class: "hidden" }, label), value);
  const set = (text) => {
    show(node, text !== null);
    setText(value, text ?? "");
  };
  return { node, set };
}

function createCard({ gpu: { gpu_id: id } }, queueOf) {
  const title = `gpu-${id}-title`;
  const badgeIcon = icon("error");
  const badgeText = el("span");
  const badge = el("span", { class: "badge" }, badgeIcon, badgeText);
  const product = el("span", { class: "product other" });
  const leavingText = el("span");
  const leaving = el("p", { class: "leaving" }, icon("drained"), leavingText);
  const held = el("p", { class: "held" }, icon("held"));
  const heldText = el("span");
  held.append(heldText);
  const user = otherText("user");
  const length = el("dd", { class: "lasting" });
  const lengthName = el("dt", { class: "hidden" }, "Duration");
  const rows = {
    name: row("For programs"),
    place: row("Place"),
    type: row("Type"),
    model: row("Model"),
    note: row("Note"),
    details: row("Details"),
    validation: row("Usage"),
    foreign: row("Not the holder's", "warning"),
    unreserved: row("Without reservation", "warning"),
    running: row("Running for"),
    attention: row("Needs attention", "warning"),
    error: row("Problem", "warning"),
  };
  const userName = el("dt", { class: "hidden" }, "User");
  const first = el("div", { class: "headline" }, userName, el("dd", null, user.node), lengthName, length);
  const bars = { memory: meter("Memory"), load: meter("Utilisation") };
  const numbers = { temperature: number("Temperature"), power: number("Power") };
  const node = el(
    "article",
    { class: "card", "aria-labelledby": title, "data-gpu": id },
    el("header", null, el("h3", { id: title }, el("span", { class: "small" }, "GPU "), String(id)), badge, product),
    held,
    leaving,
    el("dl", { class: "facts" }, first, ...Object.values(rows).map((each) => each.node)),
    el(
      "div",
      { class: "measures" },
      bars.memory.node,
      bars.load.node,
      el("dl", { class: "numbers" }, numbers.temperature.node, numbers.power.node),
    ),
  );
  let shownGpu = null;

  const tick = () => {
    setText(length, lasting(shownGpu));
    rows.details.set(details(shownGpu));
    rows.running.set(oldest(shownGpu));
  };

  const update = ({ gpu }) => {
    const state = stateOf(gpu);
    shownGpu = gpu;
    setAttribute(node, "data-state", state.name);
    setIcon(badgeIcon, state.name);
    setText(badgeText, state.label);
    setText(product, shown(gpu.gpu_model ?? "Unknown card"));
    setAttribute(product, "title", gpu.gpu_model ? shown(gpu.gpu_model) : null);
    show(held, gpu.queue_id !== undefined);
    if (gpu.queue_id !== undefined) setText(heldText, heldFor(gpu, queueOf()));
    const why = gpu.drained_note === undefined ? "" : `: ${shown(gpu.drained_note)}`;
    setText(leavingText, `Goes out of service when its reservation ends${why}`);
    show(leaving, gpu.status === "IN_USE" && (gpu.drained_by !== undefined || gpu.retired_at !== undefined || gpu.excluded === true));
    user.set(headline(gpu));
    setAttribute(first, "data-nobody", gpu.user || gpu.unreserved_users ? null : "");
    setText(userName, gpu.user || gpu.unreserved_users ? "User" : "State");
    setText(lengthName, { AVAILABLE: "Free for", DRAINED: "Out of service for" }[gpu.status] ?? "Duration");
    rows.name.set(gpu.visible === String(gpu.gpu_id) ? null : gpu.visible);
    rows.place.set(place(gpu));
    rows.type.set(TYPES[gpu.type] ?? gpu.type);
    rows.model.set(gpu.model?.model);
    rows.note.set(gpu.note);
    rows.validation.set(gpu.status === "ERROR" ? null : gpu.validation);
    rows.foreign.set(gpu.status === "UNRESERVED" ? null : gpu.process_info);
    rows.unreserved.set(gpu.status === "UNRESERVED" ? (gpu.process_info ?? gpu.details) : null);
    rows.attention.set(gpu.health === "warning" || (gpu.health && gpu.status !== "ERROR") ? gpu.health_reason : null);
    rows.error.set(gpu.status === "ERROR" ? (gpu.error ?? "no answer") : null);
    setMeasures(gpu, bars, numbers);
    tick();
  };
  return { node, update, tick };
}

/** With which others it is linked, and to which processor it is near, where that is recorded. */
function place({ island, numa_node: node }) {
  const parts = [];
  if (island !== undefined) parts.push(`Linked group ${island}`);
  if (node !== undefined) parts.push(`NUMA node ${node}`);
  return parts.length ? parts.join(", ") : null;
}

function setMeasures(gpu, bars, numbers) {
  const { memory_used_mb: used, memory_total_mb: total, utilization_percent: load, temperature_c: degrees } = gpu;
  const share = gpu.memory_shared ? ", shared" : "";
  bars.memory.set(used !== undefined && total > 0 ? used / total : null, memory(used ?? 0, total ?? 0) + share);
  bars.load.set(load !== undefined ? load / 100 : null, `${load} %`);
  numbers.temperature.set(degrees !== undefined ? `${degrees} °C` : null);
  numbers.power.set(power(gpu));
}

// As many columns as fit, but rows of like length: eight cards are 4 + 4, not 5 + 3.
function balance(grid, cards) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const most = Math.max(1, Math.floor((grid.clientWidth + rem) / (19 * rem)));
  const rowsNeeded = Math.ceil(cards / most);
  grid.style.setProperty("--columns", Math.max(1, Math.ceil(cards / Math.max(1, rowsNeeded))));
}

// show(gpus, queue) draws the cards, tick() lets their durations go on.
export function startCards(grid, empty) {
  let queue = [];
  let views = new Map();
  const create = (item) => createCard(item, () => queue);

  new ResizeObserver(() => balance(grid, views.size)).observe(grid);
  return {
    show(gpus, nextQueue) {
      queue = nextQueue;
      const size = views.size;
      views = patchList(
        grid,
        gpus.map((gpu) => ({ gpu })),
        ({ gpu }) => gpu.gpu_id,
        create,
      );
      if (views.size !== size) balance(grid, views.size);
      show(empty, gpus.length === 0);
      setText(empty, "This pool has no GPUs. An administrator can create one with: canhazgpu admin --gpus N");
    },
    tick() {
      for (const view of views.values()) view.tick();
    },
  };
}
