// Whose history the timeline shows, chosen in its head or by the address (?user=alice, ?gpu=3), and the same as a table for those
// who do not see the blocks, or want to read them one by one.
import { el, patchList, setText, show } from "./dom.js";
import { hours, moment, plural, roughDuration, shown } from "./format.js";
import { namesOf, sumOf, tableOf } from "./rows.js";

// A table that is longer is no help to anybody.
const ROWS_MOST = 200;

function readAddress() {
  const query = new URLSearchParams(location.search);
  const gpu = query.get("gpu");
  if (gpu !== null && /^\d{1,6}$/.test(gpu)) return { gpu: Number(gpu) };
  return query.get("user") ? { user: query.get("user") } : {};
}

function writeAddress({ user, gpu }) {
  const address = new URL(location.href);
  address.searchParams.delete("user");
  address.searchParams.delete("gpu");
  if (user !== undefined) address.searchParams.set("user", user);
  if (gpu !== undefined) address.searchParams.set("gpu", gpu);
  if (address.href !== location.href) window.history.pushState(null, "", address);
}

const valueOf = ({ user, gpu }) => (user !== undefined ? `user ${user}` : gpu !== undefined ? `gpu ${gpu}` : "");

function readValue(value) {
  if (value.startsWith("user ")) return { user: value.slice(5) };
  return value.startsWith("gpu ") ? { gpu: Number(value.slice(4)) } : {};
}

const createOption = ({ value, text }) => {
  const node = el("option", { value }, text);
  return { node, update: () => {} };
};

function fill(group, items) {
  patchList(group, items, ({ value }) => value, createOption);
}

// A link to a user's history anywhere on the page: shown without a new page, unless it is to be opened elsewhere.
function followLinks(event) {
  const link = event.target.closest?.("a[data-whose]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("whose", { detail: { user: link.dataset.whose } }));
}

// whose() is {user}, {gpu} or {}; offer(users, lanes) makes the choices. onChoice() is called when another one is chosen, here, by
// the address, or by an event "whose" of the document with such an object as its detail.
export function startWhose(head, section, onChoice) {
  const users = el("optgroup", { label: "Users" });
  const gpus = el("optgroup", { label: "GPUs" });
  const select = el("select", { id: "timeline-whose", "aria-label": "Whose history" }, el("option", { value: "" }, "All"), users, gpus);
  let whose = readAddress();

  head.insertBefore(el("label", { class: "whose" }, select), head.lastElementChild);
  // The name in the address may be one that nobody has: it is offered, too, so that the choice says what is shown.
  const settle = () => {
    const value = valueOf(whose);
    if (select.value !== value) select.value = value;
  };
  const choose = (next) => {
    whose = next;
    settle();
    onChoice();
  };
  select.addEventListener("change", () => {
    writeAddress(readValue(select.value));
    choose(readValue(select.value));
  });
  document.addEventListener("click", followLinks);
  window.addEventListener("popstate", () => choose(readAddress()));
  document.addEventListener("whose", ({ detail }) => {
    writeAddress(detail);
    choose(detail);
    section.scrollIntoView({ block: "start" });
  });
  return {
    whose: () => whose,
    offer(names, lanes) {
      const all = whose.user !== undefined && !names.includes(whose.user) ? [...names, whose.user] : names;
      const known = whose.gpu === undefined || lanes.some(({ gpu }) => gpu === whose.gpu);
      const offered = known ? lanes : [...lanes, { gpu: whose.gpu }];
      fill(users, all.map((name) => ({ value: `user ${name}`, text: shown(name) })));
      fill(gpus, offered.map((lane) => ({ value: `gpu ${lane.gpu}`, text: `GPU ${namesOf([lane])}` })));
      settle();
    },
    // The person whose account was named is shown by the full name.
    rename(user) {
      whose = { user };
    },
  };
}

const COLUMNS = ["GPUs", "Who", "What", "From", "Until", "Time"];

function untilOf(row) {
  if (!row.running) return moment(row.finish);
  if (row.kind === "unreserved" || row.ends === null) return "still running";
  return `${row.estimated ? "about " : ""}${moment(row.ends)}`;
}

function createRow() {
  const cells = COLUMNS.map((_, i) => el(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : { class: i < 3 ? "other" : "" }));
  const node = el("tr", null, ...cells);
  const update = ({ row, now }) => {
    const begin = row.since ?? (row.kind === "unreserved" ? null : row.begin);
    [
      namesOf(row.lanes),
      shown(row.user),
      row.kind === "collected" ? "collected" : row.type,
      begin === null ? "unknown" : moment(begin),
      untilOf(row),
      begin === null ? "" : roughDuration((row.running ? now : row.finish) - begin),
    ].forEach((text, i) => setText(cells[i], text));
  };
  return { node, update };
}

const createWaiter = () => {
  const node = el("li");
  return {
    node,
    update: (each) =>
      setText(node, `${shown(each.user)}: ${plural(each.gpus, "GPU")}, ${each.type}, expected to start about ${moment(each.begin)}`),
  };
};

// The table behind the blocks, drawn when somebody opens it.
export function startTable(after) {
  const sum = el("p", { class: "quiet", id: "timeline-sum" });
  const body = el("tbody");
  const cut = el("p", { class: "quiet" });
  const waits = el("ul", { class: "expected-list" });
  const table = el("table", null, el("thead", null, el("tr", null, ...COLUMNS.map((name) => el("th", { scope: "col" }, name)))), body);
  const box = el(
    "details",
    { class: "behind", id: "timeline-table" },
    el("summary", null, "As a table"),
    waits,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Reservations as a table" }, table),
    cut,
  );
  let last = null;

  after.after(sum, box);
  const draw = () => {
    if (!box.open || !last) return;
    const rows = tableOf(last.lanes);
    patchList(
      body,
      rows.slice(0, ROWS_MOST).map((row) => ({ row, now: last.period.now })),
      ({ row }) => `${row.since} ${row.user} ${row.lanes.map(({ gpu }) => gpu)}`,
      createRow,
    );
    show(table, rows.length > 0);
    patchList(waits, last.expected, ({ id }) => id, createWaiter);
    show(waits, last.expected.length > 0);
    setText(cut, rows.length > ROWS_MOST ? `and ${plural(rows.length - ROWS_MOST, "older reservation")}` : "");
  };
  box.addEventListener("toggle", draw);
  return {
    // One person or GPU is read one by one.
    open() {
      box.open = true;
    },
    show(lanes, expected, period, title) {
      const { reservations, hours: spent } = sumOf(tableOf(lanes), period);
      last = { lanes, expected, period };
      setText(sum, title ? `${shown(title)}: ${plural(reservations, "reservation")}, ${hours(spent)} GPU hours` : "");
      show(sum, title !== "");
      draw();
    },
  };
}
