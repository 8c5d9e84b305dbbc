// What people come for: is one free, when do I get one, whom do I ask. Decides it from the documents of the server; pure.
import { list, personOf, plural, shown, time } from "./format.js";
import { idleSeconds, isCollected, isLeaving, stateOf } from "./states.js";

// The GPU that its holder gives back first, as far as that is known: { gpu, at_ms, estimated }, or null.
export function nextFree(gpus) {
  let next = null;
  for (const gpu of gpus) {
    const at_ms = gpu.status === "IN_USE" && !isCollected(gpu) && !isLeaving(gpu) ? time(gpu.ends_at) : null;
    if (at_ms === null || (next && next.at_ms <= at_ms)) continue;
    next = { gpu, at_ms, estimated: gpu.ends_at_estimated === true };
  }
  return next;
}

const isFree = (gpu) => stateOf(gpu).name === "available";

// "NVIDIA H100 80GB HBM3" is "H100 80GB HBM3" where all are of one maker.
function shortNames(names) {
  const makers = new Set(names.map((name) => name.split(" ")[0]));
  return makers.size === 1 && names.every((name) => name.includes(" "))
    ? names.map((name) => name.slice(name.indexOf(" ") + 1))
    : names;
}

// Per type, where the GPUs differ: [{ name, free, total, next }], most GPUs first; empty where they do not.
export function types(gpus) {
  const found = new Map();
  for (const gpu of gpus) {
    const name = gpu.profile ? `${gpu.gpu_model ?? "Unknown card"} ${gpu.profile}` : gpu.gpu_model;
    if (name === undefined) continue;
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(gpu);
  }
  if (found.size < 2) return [];
  const names = [...found.keys()];
  const short = shortNames(names);
  return names
    .map((model, i) => ({ model, name: short[i], gpus: found.get(model) }))
    .map(({ model, name, gpus: same }) => ({
      model,
      name,
      free: same.filter(isFree).length,
      total: same.length,
      next: nextFree(same),
    }))
    .sort((a, b) => b.total - a.total || a.name.localeCompare(b.name));
}

// Whom to ask where nothing is free, most promising first: holders of idle GPUs, users without a reservation, holders
// whose end nobody knows. { who, why, gpus, idle_seconds }
export function whomToAsk(gpus) {
  const people = new Map();
  const add = (rank, gpu, who, why, seconds) => {
    // Whose processes these are is not always known.
    if (who === "" || who === "unknown") return;
    const key = `${rank} ${who}`;
    const known = people.get(key) ?? { rank, who, why, gpus: [], seconds: 0 };
    known.gpus.push(gpu);
    known.seconds = Math.max(known.seconds, seconds);
    people.set(key, known);
  };
  for (const gpu of gpus) {
    const idle = idleSeconds(gpu);
    if (isLeaving(gpu)) continue;
    if (idle !== null) add(0, gpu, personOf(gpu), "idle", idle);
    else if (gpu.status === "UNRESERVED") add(1, gpu, list((gpu.unreserved_users ?? []).filter((user) => user !== "unknown")), "unreserved", 0);
    else if (gpu.status === "IN_USE" && !isCollected(gpu) && gpu.ends_at === undefined)
      add(2, gpu, personOf(gpu), "open", 0);
  }
  return [...people.values()].sort((a, b) => a.rank - b.rank || b.seconds - a.seconds || b.gpus.length - a.gpus.length);
}

// How a new request would stand: how many wait before it, and when the last of these is expected to start.
export function line(queue) {
  const waiting = queue.filter((entry) => entry.state !== "cancelled");
  const starts = waiting.map((entry) => time(entry.estimated_start));
  return {
    waiting: waiting.length,
    head: waiting[0] ?? null,
    last_ms: waiting.length && !starts.includes(null) ? Math.max(...starts) : null,
  };
}

// All of it: { free, total, next, types, ask, line, idle }.
export function answer(gpus, queue) {
  return {
    free: gpus.filter(isFree).length,
    total: gpus.length,
    idle: gpus.filter((gpu) => idleSeconds(gpu) !== null).length,
    next: nextFree(gpus),
    types: types(gpus),
    ask: whomToAsk(gpus),
    line: line(queue),
  };
}

// "3 free now", "None free now": the first words of the page.
export function freeWords({ free, total }) {
  if (total === 0) return "No GPUs";
  return free > 0 ? `${free} free now` : "None free now";
}

// Ids as people write them: "0–3, 7".
export function ranges(ids) {
  const parts = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && id === last[1] + 1) last[1] = id;
    else parts.push([id, id]);
  }
  return parts
    .map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first}, ${last}` : `${first}–${last}`))
    .join(", ");
}

// [[node, items], ...], in the order in which the nodes come; undefined where there are none.
export function byNode(items, nodeOf) {
  const nodes = new Map();
  for (const item of items) nodes.set(nodeOf(item), [...(nodes.get(nodeOf(item)) ?? []), item]);
  return [...nodes];
}

// How people call a GPU: by its id, in a cluster by its number on its node.
export const numberOf = ({ node, node_gpu: number, gpu_id: id }) => (node === undefined ? id : number);

// GPUs by their ids, in a cluster by node and number: "n1 0–3, n2 0".
export function gpuNumbers(gpus) {
  return byNode(gpus, ({ node }) => node)
    .map(([node, of]) => `${node === undefined ? "" : `${shown(node)} `}${ranges(of.map(numberOf))}`)
    .join(", ");
}

// A node without its domain.
export const nodeShort = (node) => shown(node).split(".")[0];

const withShortNode = (gpu) => (gpu.node === undefined ? gpu : { ...gpu, node: nodeShort(gpu.node) });

// The same without domains.
export const shortNumbers = (gpus) => gpuNumbers(gpus.map(withShortNode));

// The same in two parts, where all are of one node: its name, and their numbers. Where there is little room, the numbers stay.
export function placeOf(gpus) {
  const [{ node }] = gpus;
  if (node === undefined || gpus.some((gpu) => gpu.node !== node)) return { node: "", numbers: shortNumbers(gpus) };
  return { node: nodeShort(node), numbers: ranges(gpus.map(numberOf)) };
}

export const gpusText = (ids) => `${ids.length === 1 ? "GPU" : "GPUs"} ${ranges(ids)}`;

// What a waiting request wants: "4 GPUs", "GPUs 2, 3", "1 A100".
export function wants(entry) {
  if (entry.requested_ids) return gpusText(entry.requested_ids);
  const what = entry.gpu_type !== undefined ? `${entry.requested} ${entry.gpu_type}` : plural(entry.requested, "GPU");
  return entry.min_memory_mb !== undefined ? `${what} with ${entry.min_memory_mb} MiB` : what;
}
