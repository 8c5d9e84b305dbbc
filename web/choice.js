// What somebody chose to see: search, filter, order, cards or tiles, the wall. It stands in the address, so that it can be
// passed on, and all but the wall is remembered. Pure; tools.js is its controls.
import { SORTS } from "./choose.js";
import { stateNames } from "./states.js";

export const DENSITIES = ["", "cards", "tiles"];
const STATE_NAMES = ["", "idle", ...stateNames.map(({ name }) => name)];

const oneOf = (allowed, value, otherwise) => (allowed.includes(value) ? value : otherwise);

// From the address, where it says something, else from what was remembered: an object, or anything. A wall shows what its
// address says, whatever somebody looked for on that computer.
export function readChoice(parameters, remembered) {
  const wall = parameters.get("view") === "wall";
  const kept = typeof remembered === "object" && remembered !== null && !wall ? remembered : {};
  const said = (name) => parameters.get(name) ?? kept[name];
  return {
    query: String(said("q") ?? "").slice(0, 200),
    state: oneOf(STATE_NAMES, said("state"), ""),
    sort: oneOf(Object.keys(SORTS), said("sort"), "free"),
    density: oneOf(DENSITIES, said("tiles"), ""),
    wall,
  };
}

const DEFAULTS = { q: "", state: "", sort: "free", tiles: "" };
const named = ({ query, state, sort, density }) => ({ q: query, state, sort, tiles: density });

// What is remembered.
export const keepChoice = (choice) => named(choice);

// The address with it; parameters of others stay.
export function writeChoice(parameters, choice) {
  const next = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(named(choice))) {
    if (value === DEFAULTS[name]) next.delete(name);
    else next.set(name, value);
  }
  if (choice.wall) next.set("view", "wall");
  else next.delete("view");
  return next;
}

export const isFiltered = ({ query, state }) => query.trim() !== "" || state !== "";

// The number in "#gpu-3", null in any other.
export function gpuOfHash(hash) {
  const found = /^#gpu-(\d{1,5})$/.exec(hash);
  return found ? Number(found[1]) : null;
}
