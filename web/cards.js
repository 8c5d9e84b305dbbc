// The card of a reservation, or of a GPU that nobody reserved: its state, who has it, and for each GPU what runs there and
// how busy it is.
import { gpuNumbers } from "./answer.js";
import { el, icon, meter, otherText, patchList, row, setAttribute, setIcon, setText, show } from "./dom.js";
import { memory, shown } from "./format.js";
import { isCollected, stateOf } from "./states.js";
import { details, heldFor, holder, idleWords, isHeld, lasting, leavingWords, oldest, place, power } from "./words.js";

const TYPES = { RUN: "run", MANUAL: "manual" };

function number(label) {
  const value = el("dd");
  const node = el("div", null, el("dt", { class: "hidden" }, label), value);
  const set = (text) => {
    show(node, text !== null);
    setText(value, text ?? "");
  };
  return { node, set };
}

function setMeasures(gpu, bars, numbers) {
  const { memory_used_mb: used, memory_total_mb: total, utilization_percent: load, temperature_c: degrees } = gpu;
  const share = gpu.memory_shared ? ", shared" : "";
  bars.memory.set(used !== undefined && total > 0 ? used / total : null, memory(used ?? 0, total ?? 0) + share);
  bars.load.set(load !== undefined ? load / 100 : null, `${load} %`);
  numbers.temperature.set(degrees !== undefined ? `${degrees} °C` : null);
  numbers.power.set(power(gpu));
}

// A box with a symbol and a line of words.
function notice(name, symbol) {
  const text = el("span", { class: "other" });
  const node = el("p", { class: name }, icon(symbol), text);
  const set = (words) => {
    show(node, words !== null);
    setText(text, shown(words ?? ""));
  };
  return { node, set };
}

// What belongs to one GPU of the card.
function createUnit(gpu) {
  const name = el("h4", null, el("span", { class: "small" }, "GPU "), gpuNumbers([gpu]));
  const leaving = notice("leaving", "drained");
  const rows = {
    validation: row("Usage"),
    idle: row("Activity"),
    foreign: row("Not the holder's", "warning"),
    unreserved: row("Without reservation", "warning"),
    running: row("Running for"),
    attention: row("Needs attention", "warning"),
    error: row("Problem", "warning"),
    name: row("For programs"),
    place: row("Place"),
  };
  const bars = { memory: meter("Memory"), load: meter("Utilisation") };
  const numbers = { temperature: number("Temperature"), power: number("Power") };
  const node = el(
    "div",
    { class: "unit", "data-unit": gpu.gpu_id },
    name,
    leaving.node,
    el("dl", { class: "facts" }, ...Object.values(rows).map((each) => each.node)),
    el(
      "div",
      { class: "measures" },
      bars.memory.node,
      bars.load.node,
      el("dl", { class: "numbers" }, numbers.temperature.node, numbers.power.node),
    ),
  );
  let shownGpu = null;

  const tick = () => rows.running.set(oldest(shownGpu));
  const update = ({ gpu, single }) => {
    shownGpu = gpu;
    show(name, !single);
    leaving.set(leavingWords(gpu));
    rows.validation.set(gpu.status === "ERROR" ? null : gpu.validation);
    // The usage may say so already.
    rows.idle.set(/\bidle\b/.test(gpu.validation ?? "") ? null : idleWords(gpu));
    rows.foreign.set(gpu.status === "UNRESERVED" ? null : gpu.process_info);
    rows.unreserved.set(gpu.status === "UNRESERVED" ? (gpu.process_info ?? gpu.details) : null);
    rows.attention.set(gpu.health === "warning" || (gpu.health && gpu.status !== "ERROR") ? gpu.health_reason : null);
    rows.error.set(gpu.status === "ERROR" ? (gpu.error ?? "no answer") : null);
    rows.name.set(gpu.visible === String(gpu.gpu_id) ? null : gpu.visible);
    rows.place.set(place(gpu));
    setMeasures(gpu, bars, numbers);
    tick();
  };
  return { node, update, tick };
}

const FREE_FOR = { AVAILABLE: "Free for", DRAINED: "Out of service for" };
let cards = 0;

// queueOf() gives the waiting requests; `heading` is the level that the page needs here.
export function createCard(queueOf, heading = "h3") {
  const title = `card-${++cards}`;
  const ids = el("span");
  const idsLabel = el("span", { class: "small" });
  const badgeIcon = icon("error");
  const badgeText = el("span");
  const product = el("span", { class: "product other" });
  const held = notice("held", "held");
  const user = otherText("user");
  const length = el("dd", { class: "lasting" });
  const lengthName = el("dt", { class: "hidden" }, "Duration");
  const rows = { type: row("Type"), model: row("Model"), note: row("Note"), details: row("Details") };
  const userName = el("dt", { class: "hidden" }, "User");
  const first = el("div", { class: "first" }, userName, el("dd", null, user.node), lengthName, length);
  const units = el("div", { class: "units" });
  const node = el(
    "article",
    { class: "card", "aria-labelledby": title, tabindex: "-1" },
    el(
      "header",
      null,
      el(heading, { id: title }, idsLabel, ids),
      el("span", { class: "badge" }, badgeIcon, badgeText),
      product,
    ),
    held.node,
    el("dl", { class: "facts" }, first, ...Object.values(rows).map((each) => each.node)),
    units,
  );
  let shownGpu = null;
  let views = new Map();

  const tick = () => {
    setText(length, lasting(shownGpu));
    rows.details.set(details(shownGpu));
    for (const view of views.values()) view.tick();
  };
  const update = ({ gpus }) => {
    const [gpu] = gpus;
    const state = stateOf(gpu);
    const numbers = gpus.map(({ gpu_id: id }) => id);
    shownGpu = gpu;
    setAttribute(node, "data-state", state.name);
    setAttribute(node, "data-gpu", numbers.join(" "));
    setText(idsLabel, gpus.length > 1 ? "GPUs " : "GPU ");
    setText(ids, gpuNumbers(gpus));
    setIcon(badgeIcon, state.name);
    setText(badgeText, state.label);
    setText(product, shown(gpu.gpu_model ?? "Unknown card"));
    setAttribute(product, "title", gpu.gpu_model ? shown(gpu.gpu_model) : null);
    held.set(isCollected(gpu) ? heldFor(gpu, queueOf()) : null);
    user.set(holder(gpu));
    setAttribute(first, "data-nobody", isHeld(gpu) ? null : "");
    setText(userName, isHeld(gpu) ? "User" : "State");
    setText(lengthName, FREE_FOR[gpu.status] ?? "Duration");
    rows.type.set(TYPES[gpu.type] ?? gpu.type);
    rows.model.set(gpu.model?.model);
    rows.note.set(gpu.note);
    views = patchList(
      units,
      gpus.map((each) => ({ gpu: each, single: gpus.length === 1 })),
      (item) => item.gpu.gpu_id,
      (item) => createUnit(item.gpu),
    );
    tick();
  };
  return { node, update, tick };
}
