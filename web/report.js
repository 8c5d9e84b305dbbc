// Who used how much in the last 1 to 90 days, or in a month.
import { byId, el, otherText, patchList, setAttribute, setBar, setText, show } from "./dom.js";
import { count, hours, percent, personOf, plural, shown } from "./format.js";
import { hueOf } from "./people.js";

const KEY = "canhazgpu-report-days";

const nameOf = ({ name, account }) => personOf({ user: name, account });

// Hours that were reserved and not used, where the server knows of any: a value that is absent is unknown, not zero.
export const hasIdle = (report) => report.users.some((row) => Number.isFinite(row.idle_hours));
export const idleSum = (report) => report.users.reduce((sum, row) => sum + (row.idle_hours ?? 0), 0);
const idleText = (value) => (Number.isFinite(value) ? hours(value) : "");

const TITLES = ["GPU hours", "Held, idle", "Share", "Runs", "Manual"];
const IDLE = TITLES.indexOf("Held, idle");

// A cell per figure. set(texts, idle): the column of what was idle is there or not.
function figures(tag, attributes) {
  const nodes = TITLES.map(() => el(tag, { class: "figure", ...attributes }));
  const set = (texts, idle) => {
    nodes.forEach((node, i) => setText(node, texts[i]));
    show(nodes[IDLE], idle);
  };
  return { nodes, set };
}

// Longer names are cut, with a button for the rest, which a link must not contain.
const LINKED_MOST = 64;

// The name, as a link to what that user had when.
function createName(row) {
  const name = nameOf(row);
  if (name.length <= LINKED_MOST)
    return el("a", { class: "other", href: `?${new URLSearchParams({ user: name })}`, "data-whose": name }, shown(name));
  const text = otherText();
  text.set(name);
  return text.node;
}

function createRow({ row: { name: display, account } }) {
  const fill = el("div", { class: "fill" });
  const track = el("div", { class: "track", "aria-hidden": "true" }, fill);
  const cells = figures("td");
  const node = el("tr", null, el("th", { scope: "row" }, createName({ name: display, account }), track), ...cells.nodes);
  const update = ({ row, most, idle }) => {
    setBar(fill, most > 0 ? Math.max((row.gpu_hours / most) * 100, 0.5) : 0);
    setAttribute(track, "class", `track hue-${hueOf(nameOf(row))}`);
    cells.set(
      [hours(row.gpu_hours), idleText(row.idle_hours), percent(row.percentage), count(row.run_count), count(row.manual_count)],
      idle,
    );
  };
  return { node, update };
}

function createTable() {
  const caption = el("caption");
  const body = el("tbody");
  const titles = figures("th", { scope: "col" });
  const sums = figures("td");
  const node = el(
    "table",
    null,
    caption,
    el("thead", null, el("tr", null, el("th", { scope: "col" }, "User"), ...titles.nodes)),
    body,
    el("tfoot", null, el("tr", null, el("th", { scope: "row" }, "Total"), ...sums.nodes)),
  );
  const update = (report) => {
    const most = Math.max(...report.users.map((row) => row.gpu_hours));
    const total = (member) => count(report.users.reduce((sum, row) => sum + row[member], 0));
    const idle = hasIdle(report);
    setText(
      caption,
      `${report.start_date} to ${report.end_date}: ${plural(report.total_reservations, "reservation")} of ${plural(report.unique_users, "user")}`,
    );
    titles.set(TITLES, idle);
    patchList(
      body,
      report.users.map((row) => ({ row, most, idle })),
      ({ row }) => `${row.account} ${row.name}`,
      createRow,
    );
    sums.set(
      [
        hours(report.total_gpu_hours),
        hours(idleSum(report)),
        percent(report.total_gpu_hours > 0 ? 100 : 0),
        total("run_count"),
        total("manual_count"),
      ],
      idle,
    );
  };
  return { node, update };
}

function keptDays() {
  try {
    const days = Number(window.localStorage.getItem(KEY));
    return Number.isInteger(days) && days >= 1 && days <= 90 ? days : 30;
  } catch {
    return 30;
  }
}

// query() is the chosen period as the server is asked for it, show(report, query) draws what was asked for so, fail(problem, query) says why
// there is nothing to draw. onChoice() is
// called when another one is chosen.
export function startReport(onChoice) {
  const input = byId("report-days");
  const monthInput = byId("report-month");
  const problem = byId("report-problem");
  const empty = byId("report-empty");
  const table = createTable();
  let days = keptDays();
  let month = "";

  const query = () => (month ? `month=${month}` : `days=${days}`);
  const chooseMonth = () => {
    // A browser without a field for months has one for text, which may not be complete.
    const chosen = monthInput.value.trim();
    const good = chosen === "" || /^\d{4}-(0[1-9]|1[0-2])$/.test(chosen);
    setAttribute(monthInput, "aria-invalid", good ? null : "true");
    setText(problem, good ? "" : "Choose a month such as 2026-10.");
    if (!good || chosen === month) return;
    month = chosen;
    onChoice();
  };
  const choose = () => {
    const chosen = input.value.trim() === "" ? NaN : Number(input.value);
    const good = Number.isInteger(chosen) && chosen >= 1 && chosen <= 90;
    setAttribute(input, "aria-invalid", good ? null : "true");
    setText(problem, good ? "" : "Choose a whole number of days from 1 to 90.");
    if (!good || (chosen === days && !month)) return;
    days = chosen;
    month = monthInput.value = "";
    setAttribute(monthInput, "aria-invalid", null);
    try {
      window.localStorage.setItem(KEY, String(days));
    } catch {
      // Not kept for the next visit.
    }
    onChoice();
  };
  input.value = String(days);
  input.addEventListener("input", choose);
  monthInput.addEventListener("input", chooseMonth);
  byId("report-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (document.activeElement === monthInput) chooseMonth();
    else choose();
  });
  byId("report-print").addEventListener("click", () => window.print());
  table.node.hidden = true;
  let shownQuery = null;

  byId("report").append(table.node);

  return {
    query,
    show(report, asked) {
      // An answer that was overtaken by another choice.
      if (asked !== query()) return;
      shownQuery = asked;
      show(table.node, report.users.length > 0);
      show(empty, report.users.length === 0);
      setText(empty, `No reservations in ${month || `the last ${plural(report.days, "day")}`}.`);
      if (report.users.length > 0) table.update(report);
    },
    // Why there is none. What was shown of the same period stays.
    fail(problem, asked) {
      if (asked !== query() || !problem) return;
      if (shownQuery !== asked) show(table.node, false);
      show(empty, true);
      setText(empty, shown(problem));
    },
  };
}
