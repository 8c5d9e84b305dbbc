// The answer, as the first thing on the page: is one free, when do I get one, whom do I ask.
import { answer, freeWords, gpuNumbers, wants } from "./answer.js";
import { byId, el, patchList, setAttribute, setText, show } from "./dom.js";
import { count, expected, moment, now, personOf, plural, shortDuration, shortText, time } from "./format.js";

// A long list of numbers helps nobody.
const NUMBERS_MOST = 6;

// A name without the account: the card has both.
const nameOf = (who) => shortText(who.user ?? personOf(who));

// "about 13:10, GPU 3, bob"
export function nextWords({ gpu, at_ms, estimated }) {
  return `${expected(at_ms, estimated)}, GPU ${gpuNumbers([gpu])}, ${nameOf(gpu)}`;
}

// The head of the queue: "20 waiting, first bob: 2 GPUs, about 13:10".
export function lineWords({ waiting, head }) {
  if (waiting === 0) return "Nobody is waiting";
  const start = time(head.estimated_start);
  const what = (head.requested_ids?.length ?? 0) > NUMBERS_MOST ? plural(head.requested, "GPU") : shortText(wants(head));
  const who = nameOf(head);
  const words = waiting === 1 ? `${who} is waiting` : `${count(waiting)} waiting, first ${who}`;
  return `${words}: ${what}${start === null ? "" : `, ${expected(start, true)}`}`;
}

// What a new request may hope for; "" where one is free, or nobody knows.
export function newWords({ last_ms }, free) {
  if (free > 0 || last_ms === null || last_ms <= now()) return "";
  return `a new one starts after ${moment(last_ms)}, in ${shortDuration(last_ms - now())}`;
}

const ASKED_MOST = 2;
const WHY = {
  idle: ({ seconds }) => `idle for ${shortDuration(seconds * 1000)}`,
  unreserved: () => "without a reservation",
  open: () => "no known end",
};

// "bob: GPUs 2, 3, idle for 2h"
export function askWords(ask) {
  const which = ask.gpus.length > NUMBERS_MOST ? plural(ask.gpus.length, "GPU") : `${ask.gpus.length === 1 ? "GPU" : "GPUs"} ${gpuNumbers(ask.gpus)}`;
  return `${shortText(ask.who)}: ${which}, ${WHY[ask.why](ask)}`;
}

function createType() {
  const name = el("span", { class: "type-name other" });
  const free = el("span", { class: "type-free" });
  const next = el("span", { class: "quiet" });
  const node = el("li", null, name, free, next);
  const update = (type) => {
    setText(name, shortText(type.name));
    setText(free, `${type.free} of ${type.total} free`);
    setAttribute(node, "data-free", type.free > 0 ? "" : null);
    setText(next, type.free === 0 && type.next ? `next ${nextWords(type.next)}` : "");
    show(next, type.free === 0 && type.next !== null);
  };
  return { node, update };
}

// show(gpus, queue) draws it and returns what answer() says; tick() lets the times go on.
export function startHeadline() {
  const box = byId("answer");
  let found = null;

  const tick = () => {
    if (!found) return;
    const { free, total, next, line, ask, types } = found;
    const nobody = free === 0 && total > 0 && !next ? "when the next one is free is unknown" : "";
    setText(byId("answer-next"), next ? `next ${nextWords(next)}` : nobody);
    setText(byId("answer-line"), lineWords(line));
    setText(byId("answer-new"), newWords(line, free));
    // Where one is free, nobody needs to be asked.
    const enough = free > 0 && types.every((type) => type.free > 0);
    const asked = enough ? [] : ask.slice(0, ASKED_MOST);
    setText(byId("answer-ask"), asked.map(askWords).join("; "));
    show(byId("answer-ask-row"), asked.length > 0);
  };
  return {
    show(gpus, queue) {
      found = answer(gpus, queue);
      setAttribute(box, "data-answer", found.total === 0 ? null : found.free > 0 ? "yes" : "no");
      setAttribute(byId("answer-use"), "href", `#icon-${found.free > 0 ? "available" : "in-use"}`);
      setText(byId("answer-free"), freeWords(found));
      patchList(byId("answer-types"), found.types, ({ model }) => model, createType);
      show(byId("answer-types"), found.types.length > 0);
      tick();
      return found;
    },
    tick,
  };
}
