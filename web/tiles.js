// The tile of a reservation, or of a GPU that nobody reserved: numbers, state, user, end, and two thin bars per GPU. A
// button that opens the card with all the rest.
import { placeOf } from "./answer.js";
import { el, icon, patchList, setAttribute, setIcon, setText, show } from "./dom.js";
import { shown, tinyDuration } from "./format.js";
import { idleSeconds, isCollected, isLeaving, stateOf } from "./states.js";
import { endShort, holder, isHeld, needsLook, nobodyShort, remarks } from "./words.js";

// Values of a bar: a part from 0 to 1, null where unknown.
const memoryPart = ({ memory_used_mb: used, memory_total_mb: total }) =>
  used !== undefined && total > 0 ? Math.min(used / total, 1) : null;
const loadPart = ({ utilization_percent: load }) => (load === undefined ? null : Math.min(load / 100, 1));

function bar(name) {
  const node = el("i", { class: `bar ${name}` });
  let old;
  const set = (part) => {
    const percent = part === null ? null : Math.round(part * 100);
    if (percent === old) return;
    old = percent;
    show(node, percent !== null);
    node.style.setProperty("--part", `${percent ?? 0}%`);
  };
  return { node, set };
}

// Its two bars; the number where the tile has several GPUs.
function createPair({ id, gpu: { node_gpu: number } }) {
  const name = el("span", { class: "pair-name" }, String(number ?? id));
  const bars = { load: bar("load"), memory: bar("memory") };
  const node = el("span", { class: "pair-of-bars", "data-unit": id }, name, bars.load.node, bars.memory.node);
  const update = ({ gpu, single }) => {
    show(name, !single);
    setAttribute(node, "data-look", needsLook(gpu) ? "" : null);
    bars.load.set(loadPart(gpu));
    bars.memory.set(memoryPart(gpu));
  };
  return { node, update };
}

// For how long all of them have done nothing; null where one has.
function allIdle(gpus) {
  const seconds = gpus.map(idleSeconds);
  return seconds.includes(null) ? null : Math.min(...seconds);
}

// What stands behind the number: the end; or for what it is not simply in use.
function mark(gpus) {
  const [gpu] = gpus;
  if (isCollected(gpu)) return "held";
  if (gpus.some(needsLook)) return "unreserved";
  return gpu.status === "IN_USE" && gpus.some(isLeaving) ? "drained" : null;
}

export function createTile() {
  const stateIcon = icon("error");
  const place = el("bdi");
  const which = el("span", { class: "which" });
  const ids = el("span", { class: "ids" }, el("span", { class: "node" }, place), " ", which);
  const end = el("span", { class: "end" });
  const extra = icon("held");
  const user = el("span", { class: "who other" });
  const idle = el("span", { class: "idle" });
  const pairs = el("span", { "class": "pairs", "aria-hidden": "true" });
  // For people who do not see it, the words between what is seen.
  const kind = el("span", { class: "hidden" });
  const word = el("span", { class: "hidden" });
  const ends = el("span", { class: "hidden" });
  const idles = el("span", { class: "hidden" });
  const node = el(
    "button",
    { type: "button", class: "tile" },
    el("span", { class: "tile-head" }, stateIcon, kind, ids, extra, word, end, ends),
    el("span", { class: "tile-who" }, user, idles, idle),
    pairs,
  );
  let shownGpus = [];

  const tick = () => {
    const [gpu] = shownGpus;
    const seconds = allIdle(shownGpus);
    const short = endShort(gpu);
    setText(end, short);
    setText(ends, short === "" ? ", " : " left, ");
    setText(idle, seconds === null ? "" : tinyDuration(seconds * 1000));
    setText(idles, seconds === null ? "" : ", idle for ");
  };
  const update = ({ gpus }) => {
    const [gpu] = gpus;
    const state = stateOf(gpu);
    const numbers = gpus.map(({ gpu_id: id }) => id);
    const symbol = mark(gpus);
    const isIdle = allIdle(gpus) !== null;
    shownGpus = gpus;
    setAttribute(node, "data-state", state.name);
    setAttribute(node, "data-gpu", numbers.join(" "));
    setText(kind, gpus.length > 1 ? "GPUs " : "GPU ");
    setText(word, `, ${[state.label, ...remarks(gpus)].join(", ")}${isCollected(gpu) || gpu.ends_at === undefined ? "" : ", "}`);
    setAttribute(node, "data-idle", isIdle ? "" : null);
    setIcon(stateIcon, isIdle ? "idle" : state.name);
    const where = placeOf(gpus);
    setText(place, where.node);
    setText(which, where.numbers);
    show(extra, symbol !== null);
    if (symbol) setIcon(extra, symbol);
    setText(user, isHeld(gpu) ? shown(gpu.user ?? holder(gpu)) : nobodyShort(gpu));
    setAttribute(node, "data-nobody", isHeld(gpu) ? null : "");
    patchList(
      pairs,
      gpus.map((each) => ({ gpu: each, id: each.gpu_id, single: gpus.length === 1 })),
      (item) => item.id,
      createPair,
    );
    tick();
  };
  return { node, update, tick };
}
