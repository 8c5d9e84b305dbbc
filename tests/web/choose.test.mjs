// What is shown of the pool, in which order, and how it is remembered.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gpuOfHash, keepChoice, readChoice, writeChoice } from "../../web/choice.js";
import { choose, gpuNamed, groupGpus, hasState, matches, sortGroups, waiterMatches } from "../../web/choose.js";
import { queueWords } from "../../web/queue.js";
import { changes } from "../../web/speak.js";
import { countStates } from "../../web/totals.js";

const gpu = (id, status, more) => ({ gpu_id: id, status, ...more });
const used = (id, user, reservation, more) => gpu(id, "IN_USE", { user, account: user, reservation_id: reservation, ...more });
const ids = (groups) => groups.map(({ gpus }) => gpus.map(({ gpu_id: id }) => id).join("+")).join(" ");

const POOL = [
  used(0, "carol", "r1", { ends_at: "2026-11-30T15:00:00Z", note: "Fine-Tuning" }),
  gpu(1, "UNRESERVED", { unreserved_users: ["bob"], processes: [{ name: "notebook", account: "bob" }] }),
  used(2, "carol", "r1", { ends_at: "2026-11-30T15:00:00Z" }),
  gpu(3, "AVAILABLE", { gpu_model: "NVIDIA A100" }),
  gpu(4, "DRAINED"),
  used(5, "alice", "r2", { ends_at: "2026-11-30T12:00:00Z", idle_seconds: 3600 }),
  used(6, "alice", "r3", { queue_id: "q1" }),
  gpu(7, "of the future"),
  used(8, "dana", "r4", { queue_id: "q1" }),
];

test("one reservation is one thing, and what is collected for one request", () => {
  assert.equal(ids(groupGpus(POOL)), "0+2 1 3 4 5 6+8 7");
  // One that has trouble stands for itself.
  assert.equal(ids(groupGpus([used(0, "a", "r"), { ...used(1, "a", "r"), status: "ERROR" }, used(2, "a", "r")])), "0+2 1");
  // Without an id nothing says that they belong together.
  assert.equal(ids(groupGpus([used(0, "a"), used(1, "a")])), "0 1");
  assert.deepEqual(groupGpus([]), []);
});

test("a group keeps its key while others get its GPU", () => {
  const before = groupGpus([gpu(0, "AVAILABLE"), used(1, "a", "r1")]).map(({ key }) => key);
  const after = groupGpus([used(0, "b", "r2"), gpu(1, "AVAILABLE")]).map(({ key }) => key);

  assert.deepEqual(before, after);
});

test("orders", () => {
  const sorted = (sort) => ids(sortGroups(groupGpus(POOL), sort));

  assert.equal(sorted("free"), "3 0+2 5 6+8 1 7 4");
  assert.equal(sorted("number"), "0+2 1 3 4 5 6+8 7");
  assert.equal(sorted("user"), "5 6+8 1 0+2 3 4 7");
  assert.equal(sorted("end"), "3 5 0+2 1 4 6+8 7");
  assert.equal(sorted("no order"), sorted("free"));
});

test("filter and search", () => {
  const found = (choice) => ids(choose(POOL, { sort: "number", ...choice }));

  assert.equal(found({ state: "available" }), "3");
  assert.equal(found({ state: "in-use" }), "0+2 5 6+8");
  assert.equal(found({ state: "idle" }), "5");
  assert.equal(found({ state: "error" }), "7", "what this page does not know");
  assert.equal(found({ query: "carol" }), "0+2");
  assert.equal(found({ query: "fine-tuning CAROL" }), "0+2", "every word, in any case; the whole reservation");
  assert.equal(found({ query: "bob" }), "1");
  assert.equal(found({ query: "notebook" }), "1");
  assert.equal(found({ query: "a100" }), "3");
  assert.equal(found({ query: "2" }), "0+2", "a number is a GPU");
  assert.equal(found({ query: "#8" }), "6+8");
  assert.equal(found({ query: "nobody" }), "");
  // What the page says of a GPU is found, too.
  assert.equal(found({ query: "free" }), "3");
  assert.equal(found({ query: "drained" }), "4");
  assert.equal(found({ query: "unknown" }), "7");
  assert.equal(found({ query: "idle" }), "5");
  assert.equal(found({ query: "alice collected" }), "6+8");
  assert.equal(found({ query: "  " }), found({}));
  assert.equal(found({ query: "alice", state: "idle" }), "5");
  assert.ok(hasState(POOL[0], "") && matches(POOL[0], ""));
  assert.ok(waiterMatches({ user: "dana", note: "a sweep" }, "Dana sweep"));
  assert.ok(!waiterMatches({ user: "dana", note: null }, "bob"));
  const numbers = (entry) => [2, 3, 4].filter((id) => waiterMatches({ user: "user3", note: "4 runs", ...entry }, String(id)));
  assert.deepEqual(numbers({ requested_ids: null }), [], "a number is a GPU, here as there");
  assert.deepEqual(numbers({ requested_ids: [2, 3] }), [2, 3]);
  assert.deepEqual(numbers({ allocated: [4] }), [4]);
});

test("in a cluster a number is that of each node, and a GPU has the name of its node", () => {
  const cluster = [0, 1, 2, 3].map((id) => gpu(id, "AVAILABLE", { node: id < 2 ? "n1.lab" : "n2.lab", node_gpu: id % 2 }));
  const found = (query) => cluster.filter((each) => matches(each, query)).map(({ gpu_id: id }) => id).join(" ");

  assert.deepEqual([found("1"), found("n2"), found("n2.lab 1"), found("3")], ["1 3", "2 3", "3", ""]);
  assert.deepEqual(["n2 1", " N2.LAB  1", "3", "n2", ""].map((text) => gpuNamed(cluster, text)), [3, 3, undefined, undefined, undefined]);
  assert.deepEqual(["3", "11", "x"].map((text) => gpuNamed(POOL, text)), [3, undefined, undefined]);
});

test("a queue of which nothing is shown says why", () => {
  assert.match(queueWords(0, 0).empty, /^No requests are waiting\./);
  assert.deepEqual(queueWords(20, 20), { count: "20 requests waiting", empty: "" });
  assert.deepEqual(queueWords(1, 20), { count: "1 of 20 requests shown", empty: "" });
  assert.deepEqual(queueWords(0, 20), { count: "0 of 20 requests shown", empty: "No request matches." });
});

test("a choice survives the address and the memory, and nonsense in either", () => {
  const read = (text, kept) => readChoice(new URLSearchParams(text), kept);
  const standard = { query: "", state: "", sort: "free", density: "", wall: false };

  for (const kept of [undefined, null, "x", 3, [], { sort: "toString", state: "__proto__", tiles: 1, q: null }])
    assert.deepEqual(read("", kept), standard, JSON.stringify(kept));
  assert.deepEqual(read("sort=constructor&state=x&tiles=y&view=z"), standard);
  const choice = { query: "a&b=c #1", state: "idle", sort: "end", density: "tiles", wall: true };
  assert.deepEqual(readChoice(writeChoice("", choice), null), choice);
  assert.deepEqual(read("", JSON.parse(JSON.stringify(keepChoice(choice)))), { ...choice, wall: false }, "a wall is an address");
  assert.equal(read("view=wall", { state: "idle", q: "x" }).state, "", "a wall leaves nothing out");
  assert.equal(read("sort=user", { sort: "end" }).sort, "user", "the address says more");
  assert.equal(read("state=", { state: "idle" }).state, "", "also that nothing is left out");
  assert.equal(writeChoice("user=alice&view=wall", standard).toString(), "user=alice", "what is another's stays");
  assert.equal(read(`q=${"x".repeat(999)}`).query.length, 200);
});

test("the GPU of an address", () => {
  assert.equal(gpuOfHash("#gpu-12"), 12);
  for (const hash of ["", "#gpu-", "#gpu--1", "#gpu-1e3", "#gpu-1234567", "#gpus", "#x#gpu-1"]) assert.equal(gpuOfHash(hash), null);
});

test("the totals: what there is, held but idle where somebody looks for it", () => {
  const totals = (gpus) => countStates(gpus, 2, null).map(({ key, text }) => `${key} ${text}`).join(", ");

  assert.equal(totals([gpu(0, "AVAILABLE")]), "available 1, in-use 0, unreserved 0, waiting 2, hours –");
  assert.match(totals([used(0, "a", "r", { last_active: "2026-11-30T12:00:00Z" })]), /idle 0/);
  assert.equal(
    totals(POOL),
    "available 1, in-use 5, idle 1, unreserved 1, error 1, drained 1, waiting 2, hours –",
  );
});

test("what has changed is said of what was there before", () => {
  const next = [gpu(0, "AVAILABLE"), used(1, "bob", "r"), used(2, "carol", "r2")];

  assert.deepEqual(changes([], next), []);
  assert.deepEqual(changes(next, next), []);
  assert.deepEqual(changes([used(0, "alice", "r0"), used(1, "alice", "r1")], next), ["GPU 0: Available", "GPU 1: In use, bob"]);
});
