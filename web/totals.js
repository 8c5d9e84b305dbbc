// The pool at a glance: GPUs by state as numbers and as one bar, the queue, and the hours of the last day.
import { el, patchList, setAttribute, setText } from "./dom.js";
import { stateOf } from "./cards.js";
import { count, hours } from "./format.js";

const KINDS = [
  ["available", "Available"],
  ["in-use", "In use"],
  ["unreserved", "Unreserved"],
  ["drained", "Drained"],
  ["error", "Error"],
];

function tile({ key, label }) {
  const value = el("dd");
  const node = el("div", { class: "total", "data-state": key }, el("dt", null, label), value);
  const update = ({ text, zero }) => {
    setText(value, text);
    setAttribute(node, "data-zero", zero ? "" : null);
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

// show(gpus, waiting, hoursOfDay) draws them; hoursOfDay is null as long as it is not known. Returns how many are
// free.
export function startTotals(tiles, share) {
  return {
    show(gpus, waiting, hoursOfDay) {
      const numbers = Object.fromEntries(KINDS.map(([key]) => [key, 0]));
      for (const gpu of gpus) numbers[stateOf(gpu).name]++;
      const items = KINDS.map(([key, label]) => ({
        key,
        label,
        number: numbers[key],
        text: count(numbers[key]),
        zero: !numbers[key],
      }));
      const there = items.filter(({ number }) => number > 0);
      patchList(share, there, ({ key }) => key, part);
      // Most hosts never have one of these.
      const tilesShown = items.filter((item) => item.key !== "drained" || item.number > 0);
      tilesShown.push({ key: "waiting", label: "Waiting", text: count(waiting), zero: !waiting });
      tilesShown.push({
        key: "hours",
        label: "GPU hours, 24 h",
        text: hoursOfDay === null ? "–" : hours(hoursOfDay),
        zero: !hoursOfDay,
      });
      patchList(tiles, tilesShown, ({ key }) => key, tile);
      return { free: numbers.available };
    },
  };
}
