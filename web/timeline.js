// Who had which GPU when: one line per GPU, one block per reservation. The arrow keys move between the blocks; the block
// that has the focus, or is pointed at, tells its details in a small box.
import { byId, el, patchList, setAttribute, setText, show } from "./dom.js";
import { clock, day, moment, personOf, plural, roughDuration, shown, time } from "./format.js";
import { hueOf, meet } from "./people.js";

const HOUR_MS = 3600000;
const DAY_MS = 24 * HOUR_MS;
// What is narrower than this part of the whole is drawn together with narrow neighbours, up to blocks of this width: a
// thousand short runs of one night are a few blocks.
const NARROW = 0.004;
const MERGED = 0.02;

// ---- what to draw ----

// Neighbours that would be too narrow to see become one block that counts them.
function merge(intervals, period) {
  const whole = period.to - period.from;
  const blocks = [];
  for (const each of intervals) {
    const user = personOf(each);
    const begin = time(each.start) ?? period.from;
    const finish = time(each.end) ?? period.to;
    const narrow = finish - begin < NARROW * whole;
    const last = blocks.at(-1);
    if (narrow && last?.narrow && begin - last.finish < NARROW * whole && finish - last.begin < MERGED * whole) {
      Object.assign(last, { finish, end: each.end, count: last.count + 1, busy: last.busy + finish - begin });
      if (!last.users.includes(user)) last.users.push(user);
    } else {
      blocks.push({
        user,
        type: each.type,
        end: each.end,
        begin,
        finish,
        narrow,
        count: 1,
        busy: finish - begin,
        users: [user],
      });
    }
  }
  return blocks;
}

// What is written in a block, if it fits there.
function nameIn(block, width_px) {
  const name = block.count > 1 ? `${block.count} ×` : shown(block.user);
  const rem_px = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return (name.length * 0.43 + 0.9) * rem_px <= width_px ? name : "";
}

function describe(block) {
  const length = roughDuration(block.finish - block.begin);
  const until = block.end === null ? "still running" : `until ${moment(block.finish)}`;
  const when = `${moment(block.begin)}, ${until}, ${length}`;
  if (block.count > 1) {
    const users = block.users.length > 3 ? plural(block.users.length, "user") : block.users.map(shown).join(", ");
    return { who: `${plural(block.count, "short reservation")}: ${users}`, when };
  }
  return { who: `${shown(block.user)}, ${block.type}`, when };
}

// Where the axis has marks: every three hours, or every midnight, of the local clock.
function marks({ from, to }) {
  const daily = to - from > 2 * DAY_MS;
  const mark = new Date(from);
  const found = [];
  mark.setMinutes(0, 0, 0);
  if (daily) mark.setHours(0);
  while (mark.getTime() < to) {
    const at = mark.getTime();
    if (at > from && (daily || mark.getHours() % 3 === 0)) {
      found.push({
        at: (at - from) / (to - from),
        text: daily ? day(at) : clock(at),
        minor: !daily && mark.getHours() % 6 !== 0,
      });
    }
    if (daily) mark.setDate(mark.getDate() + 1);
    else mark.setHours(mark.getHours() + 1);
  }
  return found;
}

// ---- drawing ----

function createBlock() {
  const name = el("span", { class: "other" });
  const node = el("button", { type: "button", class: "block", tabindex: -1 }, name);
  const update = ({ block, period, gpu, track_px }) => {
    const whole = period.to - period.from;
    const width = (block.finish - block.begin) / whole;
    const hue = block.users.length > 1 ? "nobody" : hueOf(block.user);
    const { who, when } = describe(block);
    node.details = { who, when };
    node.style.left = `${((block.begin - period.from) / whole) * 100}%`;
    node.style.width = `${width * 100}%`;
    setAttribute(node, "class", `block hue-${hue}`);
    setAttribute(node, "data-type", block.count > 1 ? "several" : block.type);
    setAttribute(node, "data-open", block.end === null ? "" : null);
    setAttribute(node, "aria-label", `GPU ${gpu}: ${who}, ${when}`);
    setText(name, nameIn(block, width * track_px));
  };
  return { node, update };
}

function createLine({ gpu }) {
  const track = el("div", { class: "blocks" });
  const busy = el("span", { class: "busy" });
  const node = el(
    "div",
    { class: "line", role: "group", "aria-label": `GPU ${gpu}` },
    el("span", { class: "line-name", "aria-hidden": "true" }, String(gpu)),
    track,
    busy,
  );
  const update = ({ blocks, period, track_px }) => {
    const reserved = blocks.reduce((sum, block) => sum + block.busy, 0) / (period.to - period.from);
    const text = `${Math.round(Math.min(reserved, 1) * 100)} %`;
    setText(busy, text);
    setAttribute(node, "aria-label", `GPU ${gpu}, reserved ${text} of the time`);
    const key = ({ block }) => `${block.end ?? "open"} ${block.user} ${block.type}`;
    patchList(
      track,
      blocks.map((block) => ({ block, period, gpu, track_px })),
      key,
      createBlock,
    );
  };
  return { node, update };
}

function createMark() {
  const name = el("span");
  const node = el("div", { class: "mark-line" }, name);
  const update = ({ at, text, minor }) => {
    node.style.left = `${at * 100}%`;
    setAttribute(node, "data-minor", minor ? "" : null);
    // A name at the very edge would be cut.
    setText(name, at < 0.03 || at > 0.97 ? "" : text);
  };
  return { node, update };
}

// ---- the small box ----

function startTip(tip) {
  const who = el("strong", { class: "other" });
  const when = el("span");
  let owner = null;
  tip.append(who, when);

  const hide = () => {
    owner = null;
    show(tip, false);
  };
  const place = (block) => {
    owner = block;
    setText(who, block.details.who);
    setText(when, block.details.when);
    show(tip, true);
    const at = block.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const left = Math.min(
      Math.max(8, at.left + at.width / 2 - box.width / 2),
      document.documentElement.clientWidth - box.width - 8,
    );
    const above = at.top - box.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  // It goes along with its block, as long as that is in sight.
  const follow = () => {
    if (!owner) return;
    const { top, bottom } = owner.getBoundingClientRect();
    if (bottom < 0 || top > window.innerHeight) hide();
    else place(owner);
  };
  window.addEventListener("scroll", follow, { passive: true });
  return { place, hide, owner: () => owner };
}

// ---- moving ----

// One block of all can be reached with the tab key; the arrow keys go on from there.
function startKeys(root) {
  const linesOf = () =>
    [...root.querySelectorAll(".blocks")]
      .map((track) => [...track.children].sort((a, b) => parseFloat(a.style.left) - parseFloat(b.style.left)))
      .filter((line) => line.length);
  const middle = (block) => parseFloat(block.style.left) + parseFloat(block.style.width) / 2;
  const nearest = (line, block) =>
    line.reduce((best, other) =>
      Math.abs(middle(other) - middle(block)) < Math.abs(middle(best) - middle(block)) ? other : best,
    );

  const settle = (chosen) => {
    const all = linesOf().flat();
    const wanted = chosen ?? all.find((block) => block.tabIndex === 0) ?? all.at(0);
    for (const block of all) {
      const index = block === wanted ? 0 : -1;
      if (block.tabIndex !== index) block.tabIndex = index;
    }
  };
  const target = (key, block) => {
    const lines = linesOf();
    const y = lines.findIndex((line) => line.includes(block));
    const x = lines[y]?.indexOf(block);
    if (key === "ArrowRight") return lines[y][x + 1];
    if (key === "ArrowLeft") return lines[y][x - 1];
    if (key === "Home") return lines[y][0];
    if (key === "End") return lines[y].at(-1);
    if (key === "ArrowDown" && lines[y + 1]) return nearest(lines[y + 1], block);
    if (key === "ArrowUp" && y > 0) return nearest(lines[y - 1], block);
    return null;
  };
  root.addEventListener("keydown", (event) => {
    const block = event.target.closest(".block");
    if (!block || !["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const next = target(event.key, block);
    if (!next) return;
    settle(next);
    next.focus();
  });
  return settle;
}

function startPointing(root, tip) {
  const blockOf = (event) => event.target.closest?.(".block");
  const onBlock = (event) => blockOf(event) && tip.place(blockOf(event));
  root.addEventListener("pointerover", onBlock);
  root.addEventListener("focusin", onBlock);
  root.addEventListener("click", onBlock);
  root.addEventListener(
    "pointerout",
    (event) => blockOf(event) && blockOf(event) !== document.activeElement && tip.hide(),
  );
  root.addEventListener("focusout", tip.hide);
}

// days() is the chosen period, show(document) draws it. onDays() is called when another is chosen.
export function startTimeline(onDays) {
  const root = byId("timeline");
  const lines = el("div", { class: "lines" });
  const axis = el("div", { class: "axis", "aria-hidden": "true" });
  const tip = startTip(byId("tip"));
  const choice = byId("timeline-days");
  const empty = byId("timeline-empty");
  root.append(axis, lines);
  const settle = startKeys(root);

  startPointing(root, tip);
  choice.addEventListener("change", () => onDays());
  let last = null;
  const draw = () => {
    const { gpus } = last;
    const period = { from: time(last.from), to: time(last.to) };
    const any = gpus.some(({ intervals }) => intervals.length > 0);
    meet(gpus.flatMap(({ intervals }) => intervals.map(personOf)));
    // First, because what is not shown has no width.
    show(root, any);
    show(byId("timeline-legend"), any);
    show(byId("timeline-cut"), last.truncated === true);
    show(empty, !any);
    setText(empty, "No reservations in this period.");
    patchList(
      lines,
      gpus.map(({ gpu, intervals }) => ({ gpu, period, track_px: axis.clientWidth, blocks: merge(intervals, period) })),
      ({ gpu }) => gpu,
      createLine,
    );
    patchList(axis, marks(period), ({ at }) => at, createMark);
    if (tip.owner() && !tip.owner().isConnected) tip.hide();
    settle();
  };
  // More room, more names.
  new ResizeObserver(() => last && draw()).observe(root);
  return {
    days: () => Number(choice.querySelector(":checked").value),
    show(timeline) {
      last = timeline;
      draw();
    },
  };
}
