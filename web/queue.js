// The waiting requests, in the order in which they will be served.
import { el, meter, otherText, patchList, setText, show } from "./dom.js";
import { duration, moment, now, personOf, plural, shown, time } from "./format.js";

function fact(label, className) {
  const value = el("dd");
  const node = el("div", { class: className }, el("dt", null, label), value);
  return { node, value };
}

function wanted(entry) {
  const kind = [
    entry.gpu_type !== undefined ? `of type ${shown(entry.gpu_type)}` : null,
    entry.min_memory_mb !== undefined ? `with ${entry.min_memory_mb} MiB` : null,
  ].filter(Boolean);

  if (!entry.requested_ids) return [`any ${plural(entry.requested, "GPU")}`, ...kind].join(" ");
  return `GPU${entry.requested_ids.length === 1 ? "" : "s"} ${entry.requested_ids.join(", ")}`;
}

function collected(entry) {
  const ids = entry.allocated ?? [];
  return `${ids.length} of ${entry.requested}${ids.length ? ` (${ids.join(", ")})` : ""}`;
}

// What is unusual about a request.
const STATES = { absent: "others are served first", cancelled: "cancelled" };

function createEntry() {
  const position = el("span");
  const user = otherText("user");
  const note = otherText("note");
  const awaited = otherText("note");
  const reason = otherText("note");
  const state = el("p", { class: "note" });
  const wants = fact("Wants", "wants");
  const have = meter("Collected");
  const waits = fact("Waiting", "waits");
  const start = fact("Expected start", "start");
  const node = el(
    "li",
    { class: "waiter" },
    el("span", { class: "position" }, el("span", { class: "hidden" }, "Number "), position),
    el("div", { class: "who" }, user.node, note.node, awaited.node, state, reason.node),
    el("dl", null, wants.node, waits.node, start.node),
    have.node,
  );
  let shownEntry = null;

  const tick = () => {
    const since = time(shownEntry.waiting_since);
    setText(waits.value, duration(since === null ? shownEntry.waiting_seconds * 1000 : now() - since));
  };
  const update = (entry) => {
    shownEntry = entry;
    const begins = time(entry.estimated_start);
    setText(position, String(entry.position));
    user.set(personOf(entry));
    note.set(entry.note ?? "");
    show(note.node, Boolean(entry.note));
    // For any GPUs it would be a list of all cards.
    const names = entry.requested_ids ? (entry.waiting_for ?? "") : "";
    awaited.set(`waiting for GPUs: ${names}`);
    show(awaited.node, names !== "");
    setText(state, STATES[entry.state] ?? "");
    reason.set(`passed over: ${entry.passed_over ?? ""}`);
    show(reason.node, Boolean(entry.passed_over));
    setText(wants.value, `${wanted(entry)}, ${entry.type}`);
    have.set(entry.requested > 0 ? (entry.allocated ?? []).length / entry.requested : 0, collected(entry));
    setText(start.value, begins === null ? "unknown" : begins <= now() ? "soon" : moment(begins));
    tick();
  };
  return { node, update, tick };
}

// show(queue) draws the list, tick() lets the waiting times go on.
export function startQueue(listNode, countNode, empty) {
  let views = new Map();
  return {
    show(queue) {
      views = patchList(listNode, queue, (entry) => entry.id, createEntry);
      setText(countNode, queue.length ? `${plural(queue.length, "request")} waiting` : "");
      show(listNode, queue.length > 0);
      show(empty, queue.length === 0);
      setText(empty, "No requests are waiting. A request that cannot be met at once appears here until it starts.");
    },
    tick() {
      for (const view of views.values()) view.tick();
    },
  };
}
