// The list of hosts (api/hosts): which are shown, in which order, and in which words. Pure.
import { compare } from "./choose.js";
import { expected, moment, plural, shortText, time } from "./format.js";

export const HOST_SORTS = { free: "Free first", name: "By name" };

// The types that any host has, in alphabetical order.
export function typesOf(hosts) {
  return [...new Set(hosts.flatMap((host) => (host.types ?? []).map(({ name }) => name)))].sort();
}

// What a host has of a type; "" is all of it. null: that is not known at present.
export function freeOf(host, type) {
  if (host.status !== "up") return null;
  if (type === "") return { free: host.available, total: host.gpus };
  const found = (host.types ?? []).find(({ name }) => name === type);
  return found ? { free: found.available, total: found.gpus } : { free: 0, total: 0 };
}

const nextOf = (host) => time(host.next_free) ?? Infinity;

// Most free ones first, then those where one is free soonest; hosts that are away, last.
const ORDERS = {
  free: (a, b, type) => {
    const [one, other] = [freeOf(a, type), freeOf(b, type)];
    if (!one || !other) return compare(!one, !other);
    return compare(other.free, one.free) || compare(nextOf(a), nextOf(b)) || compare(a.waiting ?? 0, b.waiting ?? 0);
  },
  name: () => 0,
};

// [{ host, free, total }] of those that have GPUs of that type. One that is away may have: it stays.
export function chooseHosts(hosts, { type = "", sort = "free" }) {
  const order = ORDERS[sort] ?? ORDERS.free;
  return hosts
    .map((host) => ({ host, ...freeOf(host, type) }))
    .filter(({ host, total }) => type === "" || host.status !== "up" || total > 0)
    .sort((a, b) => order(a.host, b.host, type) || a.host.host.localeCompare(b.host.host, "en", { numeric: true }));
}

// "5 of 24 GPUs free on 3 hosts, 1 host away"
export function sumWords(rows) {
  const up = rows.filter(({ host }) => host.status === "up");
  const away = rows.filter(({ host }) => host.status === "away").length;
  const sum = (name) => up.reduce((all, row) => all + row[name], 0);
  const words = `${sum("free")} of ${plural(sum("total"), "GPU")} free on ${plural(up.length, "host")}`;
  return away === 0 ? words : `${words}, ${plural(away, "host")} away`;
}

// What stands below the number of free ones.
export function hostWords(host) {
  const { status, problem, last_seen, waiting, next_free, next_free_estimated } = host;
  if (status === "connecting") return "connecting";
  if (status !== "up") {
    const seen = time(last_seen);
    return `${shortText(problem ?? "no answer", 120)}${seen === null ? "" : `, last seen ${moment(seen)}`}`;
  }
  const words = [`${host.in_use} in use`];
  const next = time(next_free);
  if (host.unreserved > 0) words.push(`${host.unreserved} unreserved`);
  if (waiting > 0) words.push(`${waiting} waiting`);
  if (next !== null) words.push(`next ${expected(next, next_free_estimated)}`);
  return words.join(", ");
}

// The address of the page of a host, from that of the present one: what is searched for stays, one user's or GPU's history does
// not. A host without a name in the address is this one.
export function hostAddress(search, host) {
  const next = new URLSearchParams(search);
  for (const name of ["user", "gpu", "host"]) next.delete(name);
  if (!host.here) next.set("host", host.host);
  const text = next.toString();
  return text === "" ? "./" : `./?${text}`;
}
