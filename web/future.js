// What the timeline shows: the past of the timeline's document, and what status and queue say of now and of what is to come. Pure.
import { list, personOf, time } from "./format.js";

const HOUR_MS = 3600000;
const DAY_MS = 24 * HOUR_MS;

// How much of the future is shown: as far as something is known, in whole steps so that it does not move all the time, and never
// more than half of the past.
export function periodOf({ from, now, days, times }) {
  const step = days > 7 ? DAY_MS : days > 1 ? 6 * HOUR_MS : HOUR_MS;
  const most = days > 7 ? 3 * DAY_MS : (days * DAY_MS) / 2;
  const last = Math.max(now, ...times.filter((each) => each !== null && each <= now + most));
  const anyLater = times.some((each) => each !== null && each > now + most);
  const to = Math.ceil((last + step / 4) / step) * step;
  return { from, now, to: anyLater ? Math.ceil((now + most) / step) * step : to };
}

// Who uses a GPU that is not reserved, and since when as far as that is known.
function unreservedSpan(gpu, period) {
  const begins = (gpu.processes ?? [])
    .filter(({ ignored }) => !ignored)
    .map((process) => time(process.started_at))
    .filter((each) => each !== null);
  const known = begins.length > 0;
  return {
    kind: "unreserved",
    user: list(gpu.unreserved_users ?? ["unknown"]),
    type: "without reservation",
    // Now at least, though nobody knows since when.
    begin: known ? Math.max(period.from, Math.min(...begins)) : period.now - (period.to - period.from) / 50,
    since: known ? Math.min(...begins) : null,
    finish: period.now,
    running: true,
    ends: null,
  };
}

// When a reservation that is running ends, if the status is of the same one.
function endOf(interval, gpu) {
  const same = gpu && gpu.user !== undefined && time(gpu.start_time) === time(interval.start);
  return {
    ends: same ? time(gpu.ends_at ?? gpu.expiry_time) : null,
    estimated: same && gpu.ends_at_estimated === true,
    collected: same && gpu.queue_id !== undefined,
  };
}

function reservedSpan(interval, gpu, period) {
  const running = interval.end === null;
  const { ends, estimated, collected } = running ? endOf(interval, gpu) : { ends: null };
  const begin = time(interval.start) ?? period.from;
  const finish = running ? Math.max(period.now, ends ?? 0) : time(interval.end);
  return {
    kind: collected ? "collected" : "reserved",
    user: personOf(interval),
    type: interval.type,
    begin: Math.max(begin, period.from),
    since: begin,
    finish: Math.min(finish, period.to),
    running,
    ends,
    estimated: estimated === true,
    beyond: finish > period.to,
  };
}

// [{gpu, place, spans}], in the order of the GPUs, place being what is known of it now; spans in the order of time.
export function lanesOf(document, gpus, period) {
  const states = new Map(gpus.map((gpu) => [gpu.gpu_id, gpu]));
  return document.gpus.map(({ gpu: id, intervals }) => {
    const gpu = states.get(id);
    const spans = intervals.map((interval) => reservedSpan(interval, gpu, period));
    if (gpu?.status === "UNRESERVED") spans.push(unreservedSpan(gpu, period));
    return { gpu: id, place: gpu, spans };
  });
}

// What waits and has an expected start, by that; where it starts is not known before.
export function expectedOf(waiting, period) {
  return waiting
    .map((entry) => ({
      id: entry.id,
      user: personOf(entry),
      type: entry.type,
      gpus: entry.requested,
      ids: entry.requested_ids,
      begin: time(entry.estimated_start),
    }))
    .filter(({ begin }) => begin !== null && begin < period.to)
    .map((each) => ({ ...each, begin: Math.max(each.begin, period.now) }))
    .sort((a, b) => a.begin - b.begin);
}

// Puts blocks with a width of at least `least` (in ms of the axis) into as few lanes as possible, `most` at most; what has no room
// is counted by the block before it.
export function packLanes(blocks, least, most) {
  const lanes = [];
  for (const block of blocks) {
    const free = lanes.find((lane) => lane.at(-1).begin + least <= block.begin);
    if (free) free.push({ ...block, more: [] });
    else if (lanes.length < most) lanes.push([{ ...block, more: [] }]);
    else lanes.at(-1).at(-1).more.push(block);
  }
  return lanes;
}

// The times that the future should reach to.
export function timesOf(gpus, waiting) {
  return [
    ...gpus.filter(({ user }) => user !== undefined).map((gpu) => time(gpu.ends_at ?? gpu.expiry_time)),
    ...waiting.map((entry) => time(entry.estimated_start)),
  ];
}
