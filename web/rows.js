// Which lines the timeline has, and what is drawn together. Pure.

import { byNode, nodeShort, shortNumbers } from "./answer.js";

// With more GPUs than that, several share a row, which can be opened.
const LINES_MOST = 24;
// What is narrower than this part of the whole is drawn together with narrow neighbours, up to blocks of this width: a
// thousand short runs of one night are a few blocks.
const NARROW = 0.004;
const MERGED = 0.02;

// How many GPUs share a row. It depends on their number alone: the rows stay while reservations come and go.
export function groupSize(lanes) {
  if (lanes <= LINES_MOST) return 1;
  return lanes <= 8 * LINES_MOST ? 8 : lanes <= 16 * LINES_MOST ? 16 : 32;
}

// What their GPUs are called: by number, in a cluster by node and number.
export const namesOf = (lanes) => shortNumbers(lanes.map(({ gpu, place }) => place ?? { gpu_id: gpu }));

// In a cluster whole nodes share a row, as many as leave a few rows.
function nodesOf(lanes) {
  const all = byNode(lanes, ({ place }) => place?.node);
  const most = Math.ceil(all.length / LINES_MOST);
  const groups = [];
  for (let i = 0; i < all.length; i += most) {
    const part = all.slice(i, i + most);
    const inside = part.flatMap(([, each]) => each);
    const name = part.length > 1 ? `${nodeShort(part[0][0] ?? "")}–${nodeShort(part.at(-1)[0] ?? "")}` : namesOf(inside);
    groups.push({ name, lanes: inside });
  }
  return groups;
}

function groupsOf(lanes, size) {
  if (lanes.some(({ place }) => place?.node !== undefined)) return nodesOf(lanes);
  const groups = [];
  for (let i = 0; i < lanes.length; i += size) {
    const part = lanes.slice(i, i + size);
    groups.push({ name: namesOf(part), lanes: part });
  }
  return groups;
}

// [{name, lanes, size}]: size 1 is a GPU of its own, with `inside` where it belongs to an open group.
export function rowsOf(lanes, open) {
  const size = groupSize(lanes.length);
  if (size === 1) return lanes.map((lane) => ({ name: namesOf([lane]), lanes: [lane], size: 1 }));
  return groupsOf(lanes, size).flatMap((group) => [
    { ...group, size, open: open.has(group.name) },
    ...(open.has(group.name) ? group.lanes.map((lane) => ({ name: namesOf([lane]), lanes: [lane], size: 1, inside: true })) : []),
  ]);
}

// Only what is asked for: all, one GPU, or what one user had (and the lines on which that was).
export function chooseLanes(lanes, whose) {
  if (whose.gpu !== undefined) return lanes.filter(({ gpu }) => gpu === whose.gpu);
  if (whose.user === undefined) return lanes;
  return lanes
    .map(({ spans, ...lane }) => ({ ...lane, spans: spans.filter(({ user }) => user === whose.user) }))
    .filter(({ spans }) => spans.length > 0);
}

// "alice (bob)" where the address says "bob" or "alice": the person of that name, if there is only one.
export function findUser(users, name) {
  if (users.includes(name)) return name;
  const found = users.filter((user) => user.startsWith(`${name} (`) || user.endsWith(` (${name})`));
  return found.length === 1 ? found[0] : name;
}

// Neighbours that would be too narrow to see become one block that counts them.
export function mergeNarrow(spans, period) {
  const whole = period.to - period.from;
  const blocks = [];
  for (const span of spans) {
    const narrow = !span.running && span.finish - span.begin < NARROW * whole;
    const last = blocks.at(-1);
    if (narrow && last?.narrow && span.begin - last.finish < NARROW * whole && span.finish - last.begin < MERGED * whole) {
      last.finish = span.finish;
      last.count++;
      last.busy += span.finish - span.begin;
      if (!last.users.includes(span.user)) last.users.push(span.user);
    } else {
      const busy = span.kind === "unreserved" ? 0 : Math.min(span.finish, period.now) - span.begin;
      blocks.push({ ...span, narrow, count: 1, busy, users: [span.user] });
    }
  }
  return blocks;
}

// The part of the past in which the GPUs were reserved.
export function reservedShare(lanes, period) {
  const past = (period.now - period.from) * Math.max(1, lanes.length);
  let sum = 0;
  for (const { spans } of lanes) {
    for (const { kind, begin, finish } of spans)
      if (kind !== "unreserved") sum += Math.max(0, Math.min(finish, period.now) - begin);
  }
  return Math.min(1, sum / past);
}

// Everything as rows of a table, newest first: what began at one moment for one user is one reservation.
export function tableOf(lanes) {
  const found = new Map();
  for (const lane of lanes) {
    for (const span of lane.spans) {
      const key = `${span.since} ${span.user} ${span.type} ${span.running} ${span.running ? 0 : span.finish}`;
      if (!found.has(key)) found.set(key, { ...span, lanes: [] });
      found.get(key).lanes.push(lane);
    }
  }
  return [...found.values()].sort((a, b) => Number(b.running) - Number(a.running) || b.begin - a.begin);
}

// What one line says of it: how many, and how many hours of GPUs up to now.
export function sumOf(table, period) {
  const ms = table
    .filter(({ kind }) => kind !== "unreserved")
    .reduce((sum, { begin, finish, lanes }) => sum + Math.max(0, Math.min(finish, period.now) - begin) * lanes.length, 0);
  return { reservations: table.filter(({ kind }) => kind !== "unreserved").length, hours: ms / 3600000 };
}

// Everybody in the document, by name.
export function usersOf(lanes, waiting) {
  const users = new Set(waiting);
  for (const { spans } of lanes) for (const { user } of spans) users.add(user);
  return [...users].sort((a, b) => a.localeCompare(b));
}
