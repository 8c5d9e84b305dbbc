// The pool at a glance: GPUs by state as numbers and as one bar, the queue, and the hours of the last day. The number of a
// state is a link that shows only these.
import { el, icon, patchList, setAttribute, setText } from "./dom.js";
import { count, hours } from "./format.js";
import { idleSeconds, stateNames, stateOf } from "./states.js";

// These are always there; the others where there is one.
const ALWAYS = ["available", "in-use", "unreserved"];

// What is counted: [{ key, label, text, zero, filter }], and of it as parts of the bar those with a `number`. Pure.
export function countStates(gpus, waiting, hoursOfDay) {
  const numbers = Object.fromEntries(stateNames.map(({ name }) => [name, 0]));
  for (const gpu of gpus) numbers[stateOf(gpu).name]++;
  const items = stateNames
    .filter(({ name }) => numbers[name] > 0 || ALWAYS.includes(name))
    .map(({ name, label }) => ({ key: name, label, number: numbers[name], filter: name }));
  // Only where somebody looks for it.
  if (gpus.some((gpu) => gpu.idle_seconds !== undefined || gpu.last_active !== undefined)) {
    const idle = gpus.filter((gpu) => idleSeconds(gpu) !== null).length;
    const at = items.findIndex(({ key }) => key === "in-use") + 1;
    items.splice(at, 0, { key: "idle", label: "Held, idle", number: idle, filter: "idle" });
  }
  items.push({ key: "waiting", label: "Waiting", number: waiting, link: "#queue-title" });
  return [
    ...items.map((item) => ({ ...item, text: count(item.number), zero: item.number === 0 })),
    {
      key: "hours",
      label: "GPU hours, 24 h",
      text: hoursOfDay === null ? "–" : hours(hoursOfDay),
      zero: !hoursOfDay,
      link: "#report-title",
    },
  ];
}

function tile({ key, label, filter }) {
  const value = el("span", { class: "total-number" });
  const symbol = filter ? [icon(key)] : [];
  const link = el("a", { "class": "total", "data-state": key, "data-filter": filter }, value, el("span", { class: "total-name" }, ...symbol, label));
  const node = el("li", null, link);
  const update = (item) => {
    setText(value, item.text);
    setAttribute(link, "href", item.href);
    setAttribute(link, "aria-current", item.current ? "true" : null);
    setAttribute(link, "data-zero", item.zero ? "" : null);
  };
  return { node, update };
}

function part({ key }) {
  const node = el("span", { "data-state": key });
  const update = ({ number }) => {
    node.style.flexGrow = number;
  };
  return { node, update };
}

// show(gpus, waiting, hoursOfDay, tools) draws them; hoursOfDay is null as long as it is not known.
export function startTotals(tiles, share) {
  return {
    show(gpus, waiting, hoursOfDay, tools) {
      const { state } = tools.choice();
      const items = countStates(gpus, waiting, hoursOfDay);
      const parts = items.filter(({ key, number, filter }) => filter && key !== "idle" && number > 0);
      patchList(share, parts, ({ key }) => key, part);
      patchList(
        tiles,
        items.map((item) => ({
          ...item,
          current: item.filter !== undefined && item.filter === state,
          href: item.link ?? tools.link({ state: item.filter === state ? "" : item.filter }),
        })),
        ({ key }) => key,
        tile,
      );
    },
  };
}
