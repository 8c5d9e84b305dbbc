// What is said of a GPU, as texts. Pure, but for the clock.
import { duration, list, now, personOf, plural, roughDuration, time, tinyDuration } from "./format.js";
import { idleSeconds, isCollected, isLeaving } from "./states.js";

// Who has it, or why nobody has.
export function holder(gpu) {
  if (gpu.status === "UNRESERVED") return list(gpu.unreserved_users ?? ["unknown"]);
  if (gpu.user) return personOf(gpu);
  if (gpu.status === "AVAILABLE") return gpu.last_released ? "Free" : "Never used";
  if (gpu.status === "DRAINED") return "Out of service";
  return gpu.health === "faulty" ? "Faulty" : "Use unknown";
}

// Whether that is somebody.
export const isHeld = (gpu) => Boolean(gpu.user || gpu.unreserved_users);

// Since when it is in its state, where that is known.
function sinceOf(gpu) {
  if (gpu.status === "AVAILABLE") return time(gpu.last_released);
  if (gpu.status === "DRAINED") return time(gpu.drained_at ?? gpu.retired_at);
  return time(gpu.start_time);
}

// How long: reserved, free or out of service. From the times, so that it goes on between two answers.
export function lasting(gpu) {
  const since = sinceOf(gpu);
  if (since !== null) return duration(now() - since);
  return gpu.duration ?? "";
}

// The few characters of a tile that say when it ends: "9h", "~40m", "due", "".
export function endShort(gpu) {
  if (gpu.status !== "IN_USE" || isCollected(gpu)) return "";
  const ends = time(gpu.ends_at);
  if (ends === null) return "";
  if (ends <= now()) return "due";
  return `${gpu.ends_at_estimated ? "~" : ""}${tinyDuration(ends - now())}`;
}

// A heartbeat that is older is late.
const LATE_MS = 120_000;

// When a run ends, as far as that is known; its heartbeat where it is late, or nothing else is known.
function lifeOfRun(gpu) {
  const heartbeat = time(gpu.last_heartbeat);
  const ends = time(gpu.ends_at);
  const left = ends === null ? "" : roughDuration(ends - now());
  const parts = [];
  if (heartbeat !== null && (ends === null || now() - heartbeat > LATE_MS))
    parts.push(`heartbeat ${duration(now() - heartbeat)} ago`);
  if (ends !== null && gpu.ends_at_estimated) parts.push(left.startsWith("less") ? `${left} left` : `about ${left} left`);
  else if (ends !== null) parts.push(ends > now() ? `ends in ${left}` : "its time limit was reached");
  return parts.join(", ");
}

export function details(gpu) {
  // The times of what is only collected say nothing; which request it is for does.
  if (isCollected(gpu)) return gpu.details ?? "";
  const expiry = time(gpu.expiry_time);
  if (gpu.type === "RUN") return lifeOfRun(gpu);
  if (expiry !== null) return expiry > now() ? `expires in ${duration(expiry - now())}` : "expired";
  // The first line, or the coloured box, says the same already.
  if (gpu.status === "AVAILABLE" || gpu.status === "UNRESERVED") return "";
  return gpu.status === "DRAINED" && gpu.drained_by ? drained(gpu) : (gpu.details ?? "");
}

// Who took it out of service, and why.
function drained(gpu) {
  return `drained by ${gpu.drained_by}${gpu.drained_note === undefined ? "" : `: ${gpu.drained_note}`}`;
}

// "idle 2h 10m": reserved, and nothing runs there; null where that is not known.
export function idleWords(gpu) {
  const seconds = idleSeconds(gpu);
  return seconds === null ? null : `idle ${roughDuration(seconds * 1000)}`;
}

// How long the oldest process runs that is in the way; null where nobody knows, or nothing is.
export function oldest(gpu) {
  const theirs = (gpu.processes ?? []).filter((process) => !process.ignored && (process.foreign || gpu.status === "UNRESERVED"));
  const times = theirs.map((process) => time(process.started_at)).filter((each) => each !== null);
  return times.length > 0 ? duration(now() - Math.min(...times)) : null;
}

// The violet line of a GPU that is kept for a request that waits for more.
export function heldFor(gpu, queue) {
  const entry = queue.find((other) => other.id === gpu.queue_id);
  if (!entry) return "Collected for a waiting request";
  return `Collected for request ${entry.position} in the queue, which needs ${plural(entry.requested, "GPU")}`;
}

// What becomes of it after its present use; null where nothing special does.
export function leavingWords(gpu) {
  if (gpu.status !== "IN_USE" || !isLeaving(gpu)) return null;
  return `Goes out of service when its reservation ends${gpu.drained_note === undefined ? "" : `: ${gpu.drained_note}`}`;
}

export function power(gpu) {
  if (gpu.power_mw === undefined) return null;
  const watts = Math.round(gpu.power_mw / 1000);
  const limit = Math.round((gpu.power_limit_mw ?? 0) / 1000);
  return limit > 0 ? `${watts} / ${limit} W` : `${watts} W`;
}

// With which others it is linked, and to which processor it is near, where that is recorded.
export function place({ island, numa_node: node }) {
  const parts = [];
  if (island !== undefined) parts.push(`Linked group ${island}`);
  if (node !== undefined) parts.push(`NUMA node ${node}`);
  return parts.length ? parts.join(", ") : null;
}

// Whether somebody should look at it, although it is in use: another's process, or what the driver says.
export const needsLook = (gpu) =>
  gpu.status === "IN_USE" && (gpu.process_info !== undefined || gpu.health !== undefined);

// What the symbols of a tile mean.
export function remarks(gpus) {
  return [
    isCollected(gpus[0]) ? "collected for a waiting request" : "",
    gpus.some(needsLook) ? "needs attention" : "",
    gpus.some((gpu) => leavingWords(gpu) !== null) ? "goes out of service" : "",
  ].filter(Boolean);
}
