// The waiting requests, in the order in which they will be served.
import { ranges, wants } from "./answer.js";
import { waiterMatches } from "./choose.js";
import { el, otherText, patchList, setAttribute, setBar, setText, show } from "./dom.js";
import { fitQueue, shortQueue } from "./fit.js";
import { moment, now, personOf, plural, roughDuration, shortDuration, shown, time } from "./format.js";

// What is unusual about a request.
const STATES = { absent: "others are served first", cancelled: "cancelled" };

function collected(entry) {
  const ids = entry.allocated ?? [];
  return `${ids.length} of ${entry.requested}${ids.length ? ` (${ranges(ids)})` : ""}`;
}

// When it is expected to start: "in 9h" and "about 22:10"; "soon"; "unknown".
export function startWords(entry) {
  const begins = time(entry.estimated_start);
  if (begins === null) return { start: "unknown", at: "" };
  if (begins <= now()) return { start: "soon", at: "" };
  return { start: `in ${shortDuration(begins - now())}`, at: `about ${moment(begins)}` };
}

// What stands above the list, and instead of one: { count, empty }. Pure.
export function queueWords(found, all) {
  if (all === 0) return { count: "", empty: "No requests are waiting. A request that cannot be met at once appears here until it starts." };
  const count = found < all ? `${found} of ${plural(all, "request")} shown` : `${plural(all, "request")} waiting`;
  return { count, empty: found === 0 ? "No request matches." : "" };
}

function fact(label, className) {
  const value = el("dd");
  const node = el("div", { class: className }, el("dt", null, label), value);
  return { node, value };
}

function createEntry() {
  const position = el("span");
  const user = otherText("user");
  const note = otherText("note");
  const awaited = otherText("note");
  const reason = otherText("note");
  const state = el("p", { class: "note" });
  const wanted = fact("Wants", "wants");
  const waits = fact("Waiting since", "waits");
  const start = fact("Expected start", "start");
  const have = fact("Collected", "have");
  const startIn = el("strong");
  const startAt = el("span");
  const fill = el("i", { class: "fill" });
  const what = el("span");
  const type = el("span", { class: "type" });
  wanted.value.append(what, type);
  start.value.append(startIn, startAt);
  have.node.append(el("i", { "class": "track", "aria-hidden": "true" }, fill));
  const node = el(
    "li",
    { class: "waiter" },
    el("span", { class: "position" }, el("span", { class: "hidden" }, "Number "), position),
    el("div", { class: "who" }, user.node),
    el("dl", null, wanted.node, start.node, waits.node, have.node),
    el("div", { class: "notes" }, note.node, awaited.node, state, reason.node),
  );
  let shownEntry = null;

  const tick = () => {
    const since = time(shownEntry.waiting_since);
    const words = startWords(shownEntry);
    const length = roughDuration(since === null ? shownEntry.waiting_seconds * 1000 : now() - since);
    setText(waits.value, since === null ? length : `${moment(since)}, ${length}`);
    setText(startIn, words.start);
    setText(startAt, words.at);
  };
  const update = (entry) => {
    shownEntry = entry;
    const ids = entry.allocated ?? [];
    setText(position, String(entry.position));
    user.set(personOf(entry));
    note.set(entry.note ?? "");
    show(note.node, Boolean(entry.note));
    // For any GPUs it would be a list of all cards.
    const names = entry.requested_ids ? (entry.waiting_for ?? "") : "";
    awaited.set(`waiting for GPUs: ${names}`);
    show(awaited.node, names !== "");
    setText(state, STATES[entry.state] ?? "");
    show(state, Boolean(STATES[entry.state]));
    reason.set(`passed over: ${entry.passed_over ?? ""}`);
    show(reason.node, Boolean(entry.passed_over));
    setText(what, `${entry.requested_ids ? "" : "any "}${shown(wants(entry))}`);
    setText(type, `, ${entry.type}`);
    show(have.node, ids.length > 0);
    setText(have.value, collected(entry));
    setBar(fill, entry.requested > 0 ? (100 * ids.length) / entry.requested : 0);
    setAttribute(node, "data-state", entry.state === "active" ? null : entry.state);
    tick();
  };
  return { node, update, tick };
}

// A row of the wall's queue, and what stands above the first, in rem.
const WALL_ROW = 3.25;
const WALL_HEAD = 2.75;

// show(queue, choice) draws the list, tick() lets the waiting times go on.
export function startQueue(listNode, countNode, moreNode, empty) {
  let views = new Map();
  let data = null;
  let open = false;

  const draw = () => {
    const { queue, choice } = data;
    const found = queue.filter((entry) => waiterMatches(entry, choice.query));
    const rem = choice.wall ? parseFloat(getComputedStyle(document.documentElement).fontSize) : 0;
    const short = choice.wall
      ? fitQueue(found.length, listNode.parentNode.clientHeight - WALL_HEAD * rem, WALL_ROW * rem)
      : shortQueue(found.length);
    const most = open && !choice.wall ? found.length : short;
    const shownEntries = found.slice(0, most);
    views = patchList(listNode, shownEntries, (entry) => entry.id, createEntry);
    const words = queueWords(found.length, queue.length);
    setText(countNode, words.count);
    show(listNode, shownEntries.length > 0);
    show(moreNode, short < found.length);
    setText(moreNode, most < found.length ? `${found.length - most} more` : "Show less");
    setAttribute(moreNode, "aria-expanded", choice.wall ? null : most === found.length);
    show(empty, words.empty !== "");
    setText(empty, words.empty);
  };
  moreNode.addEventListener("click", () => {
    open = !open;
    draw();
  });
  new ResizeObserver(() => data?.choice.wall && draw()).observe(listNode.parentNode);
  return {
    show(queue, choice) {
      data = { queue, choice };
      draw();
    },
    tick() {
      for (const view of views.values()) view.tick();
    },
  };
}
