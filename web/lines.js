// The lines of the timeline: blocks of one GPU, the map of several, what waits, and the marks of the axis.
import { el, patchList, setAttribute, setText, show } from "./dom.js";
import { clock, day, moment, plural, roughDuration, shown } from "./format.js";
import { hueOf } from "./people.js";
import { mergeNarrow, reservedShare } from "./rows.js";

const HOUR_MS = 3600000;
const DAY_MS = 24 * HOUR_MS;
const SVG = "http://www.w3.org/2000/svg";

// What is written in a block, if it fits there.
function nameIn(block, width_px, rem_px) {
  const name = block.count > 1 ? `${block.count} ×` : shown(block.user);
  return (name.length * 0.43 + 0.9) * rem_px <= width_px ? name : "";
}

function whenOf(block) {
  if (block.kind === "unreserved")
    return block.since === null ? "now" : `since ${moment(block.since)}, ${roughDuration(block.finish - block.since)}`;
  const begun = moment(block.since ?? block.begin);
  if (!block.running)
    return `${begun}, until ${moment(block.finish)}, ${roughDuration(block.finish - (block.since ?? block.begin))}`;
  const ends = block.ends === null ? "" : `, ${block.estimated ? "ends about" : "until"} ${moment(block.ends)}`;
  return `${begun}, still running, ${roughDuration(block.now - (block.since ?? block.begin))}${ends}`;
}

export function describe(block) {
  const when = whenOf(block);
  if (block.count > 1) {
    const users = block.users.length > 3 ? plural(block.users.length, "user") : block.users.map(shown).join(", ");
    return { who: `${plural(block.count, "short reservation")}: ${users}`, when };
  }
  const kind = block.kind === "collected" ? "collected for a waiting request" : block.type;
  return { who: `${shown(block.user)}, ${kind}`, when };
}

function place(node, begin, finish, { from, to }) {
  node.style.left = `${((begin - from) / (to - from)) * 100}%`;
  node.style.width = `${((finish - begin) / (to - from)) * 100}%`;
}

const endKind = (block) => {
  if (!block.running || block.kind === "unreserved") return null;
  if (block.ends === null) return "open";
  return block.beyond ? "beyond" : block.estimated ? "about" : "known";
};

function createBlock() {
  const name = el("span", { class: "other" });
  // What is still to come.
  const ahead = el("i", { class: "ahead" });
  const node = el("button", { type: "button", class: "block", tabindex: -1 }, ahead, name);
  const update = ({ block, period, gpu, track_px, rem_px }) => {
    const width = (block.finish - block.begin) / (period.to - period.from);
    const hue = block.users.length > 1 ? "nobody" : hueOf(block.user);
    const { who, when } = describe({ ...block, now: period.now });
    const rest = block.running && block.finish > period.now ? (block.finish - period.now) / (block.finish - block.begin) : 0;
    node.details = { who, when };
    place(node, block.begin, block.finish, period);
    show(ahead, rest > 0);
    if (rest > 0) ahead.style.width = `${Math.min(1, rest) * 100}%`;
    setAttribute(node, "class", `block hue-${hue}`);
    setAttribute(node, "data-type", block.count > 1 ? "several" : block.kind === "reserved" ? block.type : block.kind);
    setAttribute(node, "data-open", endKind(block));
    setAttribute(node, "aria-label", `GPU ${gpu}: ${who}, ${when}`);
    setText(name, nameIn(block, width * track_px, rem_px));
  };
  return { node, update };
}

// One path for all blocks of one look: a row of thirty GPUs has as many nodes as one of eight.
function pathsOf(lanes, period) {
  const paths = new Map();
  const scale = 1000 / (period.to - period.from);
  const add = (look, x, y, width) => paths.set(look, `${paths.get(look) ?? ""}M${x} ${y + 0.1}h${width}v.8h-${width}z`);
  lanes.forEach(({ spans }, y) => {
    for (const block of mergeNarrow(spans, period)) {
      const x = Math.round((block.begin - period.from) * scale);
      const look = block.kind === "unreserved" ? "unreserved" : `hue-${block.users.length > 1 ? "nobody" : hueOf(block.user)}`;
      const until = Math.min(block.finish, period.now);
      if (until > block.begin) add(look, x, y, Math.max(2, Math.round((until - block.begin) * scale)));
      if (block.finish > period.now)
        add(`${look} ahead`, Math.round((period.now - period.from) * scale), y, Math.round((block.finish - period.now) * scale));
    }
  });
  return paths;
}

function createMap() {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("class", "map");
  node.setAttribute("preserveAspectRatio", "none");
  node.setAttribute("aria-hidden", "true");
  const update = ({ lanes, period }) => {
    setAttribute(node, "viewBox", `0 0 1000 ${lanes.length}`);
    patchList(
      node,
      [...pathsOf(lanes, period)],
      ([look]) => look,
      ([look]) => {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("class", look);
        return { node: path, update: ([, d]) => setAttribute(path, "d", d) };
      },
    );
  };
  return { node, update };
}

// A line of one GPU, or of a group that can be opened: onOpen(name).
export function createRow({ size }, onOpen) {
  const track = el("div", { class: size > 1 ? "blocks maps" : "blocks" });
  const busy = el("span", { class: "busy" });
  const name = el("span", { class: "line-name", "aria-hidden": "true" });
  const opener = el("button", { type: "button", class: "opener", tabindex: -1 });
  const map = size > 1 ? createMap() : null;
  const node = el("div", { class: "line", role: "group" }, map ? opener : name, track, busy);
  let shownName = "";

  if (map) track.append(map.node);
  opener.addEventListener("click", () => onOpen(shownName));
  // whole: all of the past is known, and so how much of it was reserved.
  const update = ({ row, period, track_px, rem_px, whole }) => {
    const share = whole ? `${Math.round(reservedShare(row.lanes, period) * 100)} %` : "";
    const what = row.lanes.length > 1 ? "GPUs" : "GPU";
    const label = `${what} ${row.name}${share && `, reserved ${share} of the time`}`;
    shownName = row.name;
    setText(map ? opener : name, row.name);
    setText(busy, share);
    setAttribute(node, "data-inside", row.inside ? "" : null);
    setAttribute(node, "aria-label", label);
    if (map) {
      setAttribute(opener, "aria-expanded", row.open);
      setAttribute(opener, "aria-label", label);
      node.style.setProperty("--lanes", row.lanes.length);
      map.update({ lanes: row.lanes, period });
      return;
    }
    const [{ spans }] = row.lanes;
    patchList(
      track,
      mergeNarrow(spans, period).map((block) => ({ block, period, gpu: row.name, track_px, rem_px })),
      ({ block }) => `${block.kind} ${block.running ? "open" : block.finish} ${block.user} ${block.type}`,
      createBlock,
    );
  };
  return { node, update };
}

// ---- what waits ----

function expectation(block) {
  const others = block.more.length ? `, and ${plural(block.more.length, "more request")} soon after` : "";
  const which = block.ids ? ` (${block.ids.join(", ")})` : "";
  return {
    who: `${shown(block.user)} waits for ${plural(block.gpus, "GPU")}${which}${others}`,
    when: `${block.type}, expected to start about ${moment(block.begin)}`,
  };
}

function createExpected() {
  const name = el("span", { class: "other" });
  const node = el("button", { type: "button", class: "block expected", tabindex: -1 }, name);
  const update = ({ block, finish, period }) => {
    const { who, when } = expectation(block);
    node.details = { who, when };
    place(node, block.begin, finish, period);
    setAttribute(node, "aria-label", `${who}, ${when}`);
    // Beside the name, which is what is read aloud.
    setAttribute(node, "data-more", block.more.length || null);
    setText(name, shown(block.user));
  };
  return { node, update };
}

// A line of requests: none is longer than up to the next one.
export function createWaiting() {
  const track = el("div", { class: "blocks" });
  const name = el("span", { class: "line-name", "aria-hidden": "true" });
  const node = el("div", { class: "line waiting", role: "group", "aria-label": "Expected starts" }, name, track, el("span"));
  const update = ({ lane, least, first, period }) => {
    setText(name, first ? "next" : "");
    patchList(
      track,
      lane.map((block) => ({ block, finish: Math.min(block.begin + least, period.to), period })),
      ({ block }) => block.id,
      createExpected,
    );
  };
  return { node, update };
}

// ---- the axis ----

// Where the axis has marks: every three hours, or every midnight, of the local clock; and now. Names have a distance of `least`
// (a part of the whole), also to the word "now".
export function marksOf({ from, to, now }, least) {
  const daily = to - from > 2 * DAY_MS;
  const mark = new Date(from);
  const whole = to - from;
  const found = [{ key: "now", at: (now - from) / whole, text: "now", now: true }];
  const named = [(now - from) / whole];
  mark.setMinutes(0, 0, 0);
  if (daily) mark.setHours(0);
  while (mark.getTime() < to) {
    const at = (mark.getTime() - from) / whole;
    if (at > 0 && (daily || mark.getHours() % 3 === 0)) {
      // A name at the very edge would be cut.
      const fits = at >= least / 2 && at <= 1 - least / 2 && named.every((other) => Math.abs(other - at) >= least);
      if (fits) named.push(at);
      found.push({ key: mark.getTime(), at, text: fits ? (daily ? day : clock)(mark.getTime()) : "" });
    }
    if (daily) mark.setDate(mark.getDate() + 1);
    else mark.setHours(mark.getHours() + 1);
  }
  return found;
}

export function createMark() {
  const name = el("span");
  const node = el("div", { class: "mark-line" }, name);
  const update = ({ at, text, now }) => {
    node.style.left = `${at * 100}%`;
    setAttribute(node, "data-minor", text ? null : "");
    setAttribute(node, "data-now", now ? "" : null);
    setText(name, text);
  };
  return { node, update };
}
