// What the timeline decides: the future (future.js), the rows and the table (rows.js), the marks of the axis (lines.js).
import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedOf, lanesOf, packLanes, periodOf, timesOf } from "../../web/future.js";
import { describe, marksOf } from "../../web/lines.js";
import {
  chooseLanes,
  findUser,
  groupSize,
  mergeNarrow,
  namesOf,
  reservedShare,
  rowsOf,
  sumOf,
  tableOf,
  usersOf,
} from "../../web/rows.js";

const HOUR = 3600000;
const NOW = Date.parse("2026-11-30T12:00:00Z");
const at = (hours) => new Date(NOW + hours * HOUR).toISOString().replace(".000Z", "Z");
const period = { from: NOW - 24 * HOUR, now: NOW, to: NOW + 12 * HOUR };
const interval = (start, end, user = "alice", more = {}) => ({
  start: at(start),
  end: end === null ? null : at(end),
  user,
  account: user,
  type: "run",
  ...more,
});
const documentOf = (...gpus) => ({ from: at(-24), to: at(0), gpus: gpus.map((intervals, gpu) => ({ gpu, intervals })) });
const inUse = (gpu_id, start, more = {}) => ({
  gpu_id,
  status: "IN_USE",
  user: "alice",
  account: "alice",
  start_time: at(start),
  ...more,
});

test("how much of the future is shown", () => {
  const to = (days, ...times) => (periodOf({ from: 0, now: NOW, days, times }).to - NOW) / HOUR;
  assert.equal(to(1), 1, "nothing is known: a little room behind the line");
  assert.equal(to(1, null, NOW - HOUR), 1);
  assert.equal(to(1, NOW + 2.5 * HOUR), 3);
  assert.equal(to(1, NOW + 3 * HOUR), 4, "not at the very edge");
  assert.equal(to(1, NOW + 200 * HOUR), 12, "not more than half of the past");
  assert.equal(to(7, NOW + 200 * HOUR), 84);
  assert.ok(to(30, NOW + 200 * HOUR) <= 96);
  assert.deepEqual(timesOf([inUse(0, -1, { ends_at: at(2) }), { gpu_id: 1, status: "AVAILABLE" }], [{ estimated_start: at(3) }]), [
    NOW + 2 * HOUR,
    NOW + 3 * HOUR,
  ]);
});

test("what is running goes on to its end, as far as that is known and of the same reservation", () => {
  const document = documentOf([interval(-30, -20), interval(-2, null)]);
  const spanOf = (gpu) => lanesOf(document, [gpu], period)[0].spans[1];
  const finish = (gpu) => (spanOf(gpu).finish - NOW) / HOUR;

  assert.equal(lanesOf(document, [], period)[0].spans[0].begin, period.from, "what began before is cut");
  assert.equal(finish(inUse(0, -2)), 0);
  assert.equal(spanOf(inUse(0, -2)).ends, null);
  assert.equal(finish(inUse(0, -2, { ends_at: at(3), ends_at_estimated: true })), 3);
  assert.equal(spanOf(inUse(0, -2, { ends_at: at(3), ends_at_estimated: true })).estimated, true);
  assert.equal(finish(inUse(0, -2, { expiry_time: at(4) })), 4);
  assert.equal(finish(inUse(0, -2, { ends_at: at(-1) })), 0, "it should have ended");
  assert.equal(finish(inUse(0, -1, { ends_at: at(3) })), 0, "another reservation by now");
  const late = spanOf(inUse(0, -2, { ends_at: at(50) }));
  assert.equal(late.finish, period.to);
  assert.equal(late.beyond, true);
  assert.equal(spanOf(inUse(0, -2, { queue_id: "q" })).kind, "collected");
});

test("use without a reservation ends now, and begins when its oldest process did", () => {
  const gpu = (processes) => ({ gpu_id: 0, status: "UNRESERVED", unreserved_users: ["bob", "eve"], processes });
  const spanOf = (processes) => lanesOf(documentOf([]), [gpu(processes)], period)[0].spans[0];
  const known = spanOf([{ started_at: at(-3) }, { started_at: at(-5) }, { started_at: at(-9), ignored: { by: "root" } }]);

  assert.equal(known.kind, "unreserved");
  assert.equal(known.user, "bob and eve");
  assert.equal(known.begin, NOW - 5 * HOUR);
  assert.equal(known.finish, NOW);
  const unknown = spanOf([{}]);
  assert.equal(unknown.since, null);
  assert.ok(unknown.begin < NOW, "it can be seen");
  assert.equal(reservedShare([{ spans: [known] }], period), 0);
});

test("expected starts, and that they have room", () => {
  const entry = (id, start) => ({ id, user: "dana", account: "dana", type: "run", requested: 2, requested_ids: null, estimated_start: start });
  const found = expectedOf([entry("a", at(3)), entry("b", null), entry("c", at(-1)), entry("d", at(99))], period);
  assert.deepEqual(
    found.map(({ id, begin }) => [id, (begin - NOW) / HOUR]),
    [
      ["c", 0],
      ["a", 3],
    ],
  );
  const lanes = (begins, most) =>
    packLanes(
      begins.map((begin, id) => ({ id, begin })),
      2,
      most,
    ).map((lane) => lane.map(({ begin, more }) => `${begin}${"+".repeat(more.length)}`).join(" "));
  assert.deepEqual(lanes([0, 2, 4], 3), ["0 2 4"]);
  assert.deepEqual(lanes([0, 1, 2, 3], 3), ["0 2", "1 3"]);
  assert.deepEqual(lanes([0, 0, 0, 0, 5], 2), ["0 5", "0++"]);
  assert.deepEqual(lanes([], 3), []);
});

test("rows depend on the number of GPUs alone, and can be opened", () => {
  assert.deepEqual([4, 24, 25, 64, 192, 193, 500].map(groupSize), [1, 1, 8, 8, 8, 16, 32]);
  const lanes = Array.from({ length: 500 }, (_, gpu) => ({ gpu, spans: [] }));
  const rows = rowsOf(lanes, new Set());
  assert.equal(rows.length, 16);
  assert.deepEqual([rows[0].name, rows.at(-1).name, rows.at(-1).lanes.length], ["0–31", "480–499", 20]);
  const opened = rowsOf(lanes, new Set(["0–31"]));
  assert.equal(opened.length, 48);
  assert.deepEqual([opened[0].open, opened[1].name, opened[1].inside, opened[33].name], [true, "0", true, "32–63"]);
  assert.equal(rowsOf(lanes.slice(0, 8), new Set()).length, 8);
});

test("in a larger cluster a row is a node, or several of them", () => {
  const cluster = (nodes, each) =>
    Array.from({ length: nodes * each }, (_, gpu) => {
      const place = { gpu_id: gpu, node: `n${Math.floor(gpu / each) + 1}`, node_gpu: gpu % each };
      return { gpu, place, spans: [] };
    });
  const names = (lanes, open = []) => rowsOf(lanes, new Set(open)).map(({ name }) => name);

  assert.deepEqual(names(cluster(7, 4)), [1, 2, 3, 4, 5, 6, 7].map((node) => `n${node} 0–3`));
  assert.deepEqual(names(cluster(7, 4), ["n2 0–3"]).slice(1, 7), ["n2 0–3", "n2 0", "n2 1", "n2 2", "n2 3", "n3 0–3"]);
  assert.deepEqual([names(cluster(100, 8)).length, names(cluster(100, 8))[0], names(cluster(100, 8)).at(-1)], [20, "n1–n5", "n96–n100"]);
  assert.deepEqual(names(cluster(30, 1))[0], "n1–n2");
  assert.deepEqual(names([]), []);
});

test("one user, or one GPU", () => {
  const document = documentOf([interval(-9, -8), interval(-7, -6, "bob")], [interval(-5, -4, "bob")], []);
  const lanes = lanesOf(document, [], period);
  const shape = (chosen) => chosen.map(({ gpu, spans }) => [gpu, spans.length]);

  assert.deepEqual(shape(chooseLanes(lanes, {})), [[0, 2], [1, 1], [2, 0]]);
  assert.deepEqual(shape(chooseLanes(lanes, { user: "bob" })), [[0, 1], [1, 1]]);
  assert.deepEqual(shape(chooseLanes(lanes, { gpu: 2 })), [[2, 0]]);
  assert.deepEqual(shape(chooseLanes(lanes, { user: "nobody" })), []);
  assert.deepEqual(usersOf(lanes, ["carol", "bob"]), ["alice", "bob", "carol"]);
  const users = ["alice", "boss (alice)", "dan (dana)", "eve (eva)", "eve (evb)"];
  for (const [name, person] of [["alice", "alice"], ["dana", "dan (dana)"], ["dan", "dan (dana)"], ["eve", "eve"], ["x", "x"]])
    assert.equal(findUser(users, name), person);
});

test("many short reservations are few blocks, and what runs is never one of them", () => {
  const short = Array.from({ length: 200 }, (_, i) => interval(-4 + i / 180, -4 + i / 180 + 1 / 360, i % 2 ? "bob" : "carol"));
  const [{ spans }] = lanesOf(documentOf([...short, interval(-1 / 60, null)]), [], period);
  const blocks = mergeNarrow(spans, period);

  assert.ok(blocks.length < 12, String(blocks.length));
  assert.equal(blocks.reduce((sum, { count }) => sum + count, 0), 201);
  assert.equal(blocks.at(-1).count, 1);
  const counts = (...intervals) => mergeNarrow(lanesOf(documentOf(intervals), [], period)[0].spans, period).map(({ count }) => count);
  assert.deepEqual(counts(interval(-0.04, -0.03), interval(-0.02, -0.01), interval(-0.01, null)), [2, 1]);
  assert.deepEqual(counts(interval(-0.4, -0.39), interval(-0.1, -0.09)), [1, 1], "too far from each other");
  assert.match(describe({ ...blocks[0], now: NOW }).who, /^\d+ short reservations: carol, bob$/);
});

test("in a cluster GPUs are called by node and number", () => {
  const gpus = [0, 1, 2, 3].map((id) => inUse(id, -2, { node: id < 2 ? "n1" : "n2", node_gpu: id % 2 }));
  const lanes = lanesOf(documentOf([], [], [], []), gpus, period);

  assert.deepEqual(rowsOf(lanes, new Set()).map(({ name }) => name), ["n1 0", "n1 1", "n2 0", "n2 1"]);
  assert.deepEqual(rowsOf(chooseLanes(lanes, { gpu: 3 }), new Set()).map(({ name }) => name), ["n2 1"]);
  assert.equal(namesOf(lanes), "n1 0, 1, n2 0, 1");
  assert.equal(namesOf([{ gpu: 7 }]), "7", "one that is not there now");
});

test("the share of the past that was reserved has nothing of the future in it", () => {
  const lanes = lanesOf(documentOf([interval(-12, null)], []), [inUse(0, -12, { ends_at: at(12) })], period);
  assert.equal(reservedShare(lanes.slice(0, 1), period), 0.5);
  assert.equal(reservedShare(lanes, period), 0.25);
});

test("the table has each reservation once, with all of its GPUs, and what runs first", () => {
  const document = documentOf([interval(-9, -8), interval(-2, null, "bob")], [interval(-9, -8), interval(-1, -0.5)], [interval(-2, null, "bob")]);
  const table = tableOf(lanesOf(document, [inUse(0, -2, { ends_at: at(1) }), inUse(2, -2, { ends_at: at(1) })], period));

  assert.deepEqual(table.map(({ user, lanes }) => [user, lanes.map(({ gpu }) => gpu)]), [["bob", [0, 2]], ["alice", [1]], ["alice", [0, 1]]]);
  assert.deepEqual(sumOf(table, period), { reservations: 3, hours: 6.5 });
});

test("what a block says", () => {
  const words = (more) => describe({ kind: "reserved", user: "alice", type: "run", count: 1, begin: NOW - HOUR, since: NOW - HOUR, finish: NOW, now: NOW, ends: null, ...more });
  assert.match(words({}).when, /, until .*, 1h 00m$/);
  assert.match(words({ running: true }).when, /still running, 1h 00m$/);
  assert.match(words({ running: true, ends: NOW + HOUR }).when, /still running, 1h 00m, until /);
  assert.match(words({ running: true, ends: NOW + HOUR, estimated: true }).when, /still running, 1h 00m, ends about /);
  assert.match(words({ kind: "unreserved", running: true }).when, /^since .*, 1h 00m$/);
  assert.equal(words({ kind: "unreserved", running: true, since: null }).when, "now");
  assert.equal(words({ kind: "collected" }).who, "alice, collected for a waiting request");
});

test("the names on the axis do not touch each other, nor now", () => {
  for (const [hours, least] of [[24, 0.05], [24, 0.2], [24 * 7, 0.1], [24 * 30, 0.08]]) {
    const marks = marksOf({ from: NOW - hours * HOUR, now: NOW, to: NOW + 12 * HOUR }, least);
    const named = marks.filter(({ text }) => text).map((mark) => mark.at).sort((a, b) => a - b);
    assert.ok(marks.some(({ now, text }) => now && text === "now"));
    assert.ok(named.length >= 2, "more than now");
    for (let i = 1; i < named.length; i++) assert.ok(named[i] - named[i - 1] >= least - 1e-9);
    assert.equal(new Set(marks.map(({ key }) => key)).size, marks.length);
  }
});
