// Which GPUs are shown, as what, and in which order. Pure.
import { gpuNumbers, numberOf, shortNumbers } from "./answer.js";
import { personOf, time } from "./format.js";
import { idleSeconds, stateOf } from "./states.js";
import { isHeld, nobodyShort, remarks } from "./words.js";

// GPUs that one reservation has, or one request has collected, are one thing; one with another state stands for itself.
function ownerOf(gpu) {
  const owner = gpu.queue_id ?? gpu.reservation_id;
  return owner === undefined ? `gpu ${gpu.gpu_id}` : `${gpu.status} ${owner}`;
}

// [{ key, gpus }], in the order of their first GPU, which is the key: what shows a GPU goes on showing it when others get it.
export function groupGpus(gpus) {
  const groups = new Map();
  for (const gpu of gpus) {
    const owner = ownerOf(gpu);
    if (!groups.has(owner)) groups.set(owner, { key: gpu.gpu_id, gpus: [] });
    groups.get(owner).gpus.push(gpu);
  }
  return [...groups.values()];
}

export const SORTS = { free: "Free first", number: "Number", user: "User", end: "End" };

const first = (group) => group.gpus[0];
const byNumber = (a, b) => first(a).gpu_id - first(b).gpu_id;
const userOf = (group) => (first(group).user ? personOf(first(group)) : (first(group).unreserved_users?.[0] ?? ""));
// What is free is there at once; what has no known end, last.
const endOf = (group) =>
  stateOf(first(group)).name === "available" ? -Infinity : (time(first(group).ends_at) ?? Infinity);

// Infinity minus itself is no order.
export const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const ORDERS = {
  free: (a, b) => stateOf(first(a)).rank - stateOf(first(b)).rank,
  number: () => 0,
  // Nobody's come last.
  user: (a, b) => compare(userOf(a) === "", userOf(b) === "") || userOf(a).localeCompare(userOf(b)),
  end: (a, b) => compare(endOf(a), endOf(b)),
};

export function sortGroups(groups, sort) {
  const order = ORDERS[sort] ?? ORDERS.free;
  return [...groups].sort((a, b) => order(a, b) || byNumber(a, b));
}

// Whether a GPU is of the state that a total counts; "" is all.
export function hasState(gpu, state) {
  if (state === "idle") return idleSeconds(gpu) !== null;
  return state === "" || stateOf(gpu).name === state;
}

// A search: its words, and the number where it is nothing but one.
function parse(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const number = words.length === 1 ? /^#?(\d+)$/.exec(words[0]) : null;
  return { words, number: number ? Number(number[1]) : null };
}

const hasWords = (parts, words) => {
  const text = parts.filter(Boolean).join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
};

// All that a search looks at: also what the page itself says of it.
function textsOf(gpu) {
  return [
    `gpu ${gpuNumbers([gpu])}`,
    gpu.node,
    gpu.visible,
    gpu.user,
    gpu.account,
    ...(gpu.unreserved_users ?? []),
    stateOf(gpu).label,
    isHeld(gpu) ? gpu.type : nobodyShort(gpu),
    idleSeconds(gpu) === null ? "" : "idle",
    ...remarks([gpu]),
    gpu.gpu_model,
    gpu.profile,
    gpu.note,
    gpu.model?.model,
    gpu.uuid,
    ...(gpu.processes ?? []).flatMap(({ name, account }) => [name, account]),
  ];
}

// Every word must be somewhere in it; a bare number is the GPU of that number, in a cluster that of each node.
export function matches(gpu, query) {
  const { words, number } = parse(query);
  return number === null ? hasWords(textsOf(gpu), words) : numberOf(gpu) === number;
}

// The id of the GPU of that number, in a cluster of that node and number: "n2 3"; undefined: there is none.
export function gpuNamed(gpus, text) {
  const wanted = text.trim().toLowerCase().replace(/\s+/g, " ");
  return gpus.find((gpu) => [gpuNumbers([gpu]), shortNumbers([gpu])].some((name) => name.toLowerCase() === wanted))?.gpu_id;
}

// Whether a GPU is what the search and the total mean.
export const isMeant = (gpu, { state = "", query = "" }) => hasState(gpu, state) && matches(gpu, query);

// What is shown of the pool: groups, in order. A group is whole where any of its GPUs is meant.
export function choose(gpus, choice) {
  return sortGroups(
    groupGpus(gpus).filter((group) => group.gpus.some((gpu) => isMeant(gpu, choice))),
    choice.sort,
  );
}

// The same for waiting requests; those that a number means asked for that GPU, or keep it already.
export function waiterMatches(entry, query) {
  const { words, number } = parse(query);
  if (number !== null) return [...(entry.requested_ids ?? []), ...(entry.allocated ?? [])].includes(number);
  return hasWords([entry.user, entry.account, entry.note, entry.type, entry.gpu_type], words);
}
