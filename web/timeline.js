// Who had which GPU when, who has it until when, and who is expected to start: one line per GPU, or one row for several of many.
// The arrow keys move between the blocks; the block that has the focus, or is pointed at, tells its details in a small box.
import { byId, el, patchList, setAttribute, setText, show } from "./dom.js";
import { now, shown, time } from "./format.js";
import { expectedOf, lanesOf, packLanes, periodOf, timesOf } from "./future.js";
import { startTable, startWhose } from "./history.js";
import { createMark, createRow, createWaiting, marksOf } from "./lines.js";
import { meet } from "./people.js";
import { chooseLanes, findUser, namesOf, rowsOf, usersOf } from "./rows.js";
import { startArrows, startPointing, startTip } from "./tip.js";

// More lines of what waits are no help: the queue has the rest.
const WAITING_MOST = 3;
// A request is so wide, to have room for a name.
const WAITING_REM = 6;
const MARK_REM = 3.25;
// The line of now moves, though nothing happens.
const REDRAW_MS = 60000;

// What is there to draw of all that the server has told.
function readAll({ document, gpus, waiting }, whose, days) {
  const period = periodOf({ from: time(document.from), now: now(), days, times: timesOf(gpus, waiting) });
  const lanes = lanesOf(document, gpus, period);
  const expected = expectedOf(waiting, period);
  return { period, lanes, expected, users: usersOf(lanes, expected.map(({ user }) => user)), chosen: whose };
}

// days() is the chosen period, show(document, gpus, waiting) draws it, future(gpus, waiting) what has changed of now and later.
// onDays() is called when another period is chosen.
export function startTimeline(onDays) {
  const root = byId("timeline");
  const section = root.closest("section");
  const lines = el("div", { class: "lines" });
  const axis = el("div", { class: "axis", "aria-hidden": "true" });
  const tip = startTip(byId("tip"));
  const choice = byId("timeline-days");
  const empty = byId("timeline-empty");
  const note = byId("timeline-note");
  const opened = new Set();
  const table = startTable(root);
  const who = startWhose(section.querySelector(".panel-head"), section, () => {
    if (Object.keys(who.whose()).length) table.open();
    draw();
  });
  let last = null;
  let key = "";
  let drawn = 0;
  let visible = false;

  root.append(axis, lines);
  const settle = startArrows(root);
  startPointing(root, tip);
  choice.addEventListener("change", () => onDays());

  const onOpen = (name) => {
    if (!opened.delete(name)) opened.add(name);
    draw();
  };
  const drawRows = (lanes, expected, period) => {
    const track_px = axis.clientWidth;
    const rem_px = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const least = Math.min(((WAITING_REM * rem_px) / Math.max(1, track_px)) * (period.to - period.from), period.to - period.now);
    const waits = packLanes(expected, least, WAITING_MOST).map((lane, i) => ({ lane, least, first: i === 0, period }));
    patchList(
      lines,
      [
        ...waits.map((item, i) => ({ key: `waiting ${i}`, create: createWaiting, item })),
        ...rowsOf(lanes, opened).map((row) => ({
          key: `${row.size} ${row.name}`,
          create: () => createRow(row, onOpen),
          item: { row, period, track_px, rem_px, whole: !last.document.note },
        })),
      ],
      (each) => each.key,
      ({ create }) => {
        const view = create();
        return { node: view.node, update: ({ item }) => view.update(item) };
      },
    );
    patchList(axis, marksOf(period, (MARK_REM * rem_px) / Math.max(1, track_px)), (mark) => mark.key, createMark);
  };

  const draw = () => {
    if (!last || !visible) return;
    const all = readAll(last, who.whose(), days());
    const { user } = all.chosen;
    const person = user === undefined ? undefined : findUser(all.users, user);
    if (person !== user) who.rename(person);
    const whose = { ...all.chosen, ...(person === undefined ? {} : { user: person }) };
    const named = all.lanes.find(({ gpu }) => gpu === whose.gpu) ?? { gpu: whose.gpu };
    const title = person ?? (whose.gpu === undefined ? "" : `GPU ${namesOf([named])}`);
    const expected =
      whose.gpu !== undefined ? [] : all.expected.filter((each) => person === undefined || each.user === person);
    const lanes = chooseLanes(all.lanes, whose);
    const any = expected.length > 0 || lanes.some(({ spans }) => spans.length > 0);

    drawn = performance.now();
    meet(all.users);
    who.offer(all.users, all.lanes);
    setAttribute(root, "data-nodes", all.lanes.some(({ place }) => place?.node !== undefined) ? "" : null);
    // First, because what is not shown has no width.
    show(root, any);
    show(byId("timeline-legend"), any);
    show(byId("timeline-cut"), last.document.truncated === true);
    setText(note, last.document.note ? shown(last.document.note) : "");
    show(note, Boolean(last.document.note));
    show(empty, !any);
    const hint = days() < 30 ? "; a longer one may have more" : "";
    setText(empty, title ? `Nothing of ${title} in this period${hint}.` : "No reservations in this period.");
    drawRows(lanes, expected, all.period);
    table.show(lanes, expected, all.period, title);
    if (tip.owner() && !tip.owner().isConnected) tip.hide();
    settle();
  };
  const days = () => Number(choice.querySelector(":checked").value);

  // Nobody sees it far below: it is drawn when it comes near.
  new IntersectionObserver(
    ([entry]) => {
      visible = entry.isIntersecting;
      draw();
    },
    { rootMargin: "50% 0px" },
  ).observe(section);
  // More room, more names.
  new ResizeObserver(() => draw()).observe(root);
  if (Object.keys(who.whose()).length) table.open();

  return {
    days,
    show(document, gpus, waiting) {
      last = { document, gpus, waiting };
      key = "";
      this.future(gpus, waiting);
    },
    future(gpus, waiting) {
      if (!last) return;
      last = { ...last, gpus, waiting };
      const next = JSON.stringify([
        gpus.map((gpu) => [gpu.gpu_id, gpu.status, gpu.start_time, gpu.ends_at, gpu.expiry_time, gpu.queue_id, gpu.unreserved_users]),
        waiting.map((entry) => [entry.id, entry.estimated_start]),
      ]);
      if (next === key && performance.now() - drawn < REDRAW_MS) return;
      key = next;
      draw();
    },
  };
}
