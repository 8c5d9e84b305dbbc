// Who used how much in the last 1 to 90 days, or in a month.
import { byId, el, otherText, patchList, setAttribute, setText, show } from "./dom.js";
import { count, hours, percent, plural } from "./format.js";
import { hueOf } from "./people.js";

const KEY = "canhazgpu-report-days";

// "alice", or "boss (alice)" where the name is not the account's own.
const nameOf = ({ name = "unknown", account }) => (account && account !== name ? `${name} (${account})` : name);

function cells(...values) {
  return values.map((value) => el("td", { class: "figure" }, value));
}

function createRow() {
  const name = otherText();
  const fill = el("div", { class: "fill" });
  const track = el("div", { class: "track", "aria-hidden": "true" }, fill);
  const figures = cells("", "", "", "");
  const node = el("tr", null, el("th", { scope: "row" }, name.node, track), ...figures);
  const update = ({ row, most }) => {
    name.set(nameOf(row));
    fill.style.width = `${most > 0 ? Math.max((row.gpu_hours / most) * 100, 0.5) : 0}%`;
    setAttribute(track, "class", `track hue-${hueOf(nameOf(row))}`);
    [hours(row.gpu_hours), percent(row.percentage), count(row.run_count), count(row.manual_count)].forEach((text, i) =>
      setText(figures[i], text),
    );
  };
  return { node, update };
}

function createTable() {
  const caption = el("caption");
  const body = el("tbody");
  const foot = el("tr");
  const titles = ["GPU hours", "Share", "Runs", "Manual"].map((text) =>
    el("th", { scope: "col", class: "figure" }, text),
  );
  const node = el(
    "table",
    null,
    caption,
    el("thead", null, el("tr", null, el("th", { scope: "col" }, "User"), ...titles)),
    body,
    el("tfoot", null, foot),
  );
  const sums = cells("", "", "", "");
  foot.append(el("th", { scope: "row" }, "Total"), ...sums);
  const update = (report) => {
    const most = Math.max(...report.users.map((row) => row.gpu_hours));
    const total = (member) => count(report.users.reduce((sum, row) => sum + row[member], 0));
    setText(
      caption,
      `${report.start_date} to ${report.end_date}: ${plural(report.total_reservations, "reservation")} of ${plural(report.unique_users, "user")}`,
    );
    patchList(
      body,
      report.users.map((row) => ({ row, most })),
      ({ row }) => `${row.account} ${row.name}`,
      createRow,
    );
    [
      hours(report.total_gpu_hours),
      report.total_gpu_hours > 0 ? percent(100) : percent(0),
      total("run_count"),
      total("manual_count"),
    ].forEach((text, i) => setText(sums[i], text));
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

// query() is the chosen period as the server is asked for it, show(report, query) draws what was asked for so. onChoice() is
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
  table.node.hidden = true;
  byId("report").append(table.node);

  return {
    query,
    show(report, asked) {
      // An answer that was overtaken by another choice.
      if (asked !== query()) return;
      show(table.node, report.users.length > 0);
      show(empty, report.users.length === 0);
      setText(empty, `No reservations in ${month || `the last ${plural(report.days, "day")}`}.`);
      if (report.users.length > 0) table.update(report);
    },
  };
}
