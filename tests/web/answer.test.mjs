// The answer of the page: what is free, what is next, whom to ask; and in which words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, freeWords, gpuNumbers, gpusText, line, nextFree, placeOf, ranges, types, wants, whomToAsk } from "../../web/answer.js";
import { askWords, lineWords, newWords, nextWords } from "../../web/headline.js";
import { startWords } from "../../web/queue.js";

const HOUR = 3600000;
const at = (hours) => new Date(Date.parse("2026-11-30T10:00:00Z") + hours * HOUR).toISOString();
const free = (id, more) => ({ gpu_id: id, status: "AVAILABLE", ...more });
const used = (id, user, more) => ({ gpu_id: id, status: "IN_USE", user, account: user, reservation_id: `r${id}`, ...more });

test("the next free GPU is the one that is given back first to anybody", () => {
  const next = (...gpus) => nextFree(gpus)?.gpu.gpu_id ?? null;

  assert.equal(next(), null);
  assert.equal(next(free(0)), null);
  assert.equal(next(used(0, "alice")), null, "no end is known");
  assert.equal(next(used(0, "alice", { ends_at: at(2) }), used(1, "bob", { ends_at: at(1) })), 1);
  // The first of equals.
  assert.equal(next(used(4, "alice", { ends_at: at(1) }), used(5, "alice", { ends_at: at(1) })), 4);
  // Nobody gets what goes out of service, or what is kept for a request that waits.
  for (const more of [{ drained_by: "root" }, { retired_at: at(0) }, { excluded: true }, { queue_id: "q" }])
    assert.equal(next(used(0, "alice", { ends_at: at(1), ...more }), used(1, "bob", { ends_at: at(2) })), 1);
  // Someone without a reservation gives back nothing.
  assert.equal(next({ gpu_id: 0, status: "UNRESERVED", ends_at: at(1) }), null);
  assert.equal(nextFree([used(0, "alice", { ends_at: at(1), ends_at_estimated: true })]).estimated, true);
  assert.equal(nextFree([used(0, "alice", { ends_at: at(1) })]).estimated, false);
});

test("types are told apart only where GPUs differ", () => {
  const h100 = { gpu_model: "NVIDIA H100 80GB" };
  const a100 = { gpu_model: "NVIDIA A100 40GB" };

  assert.deepEqual(types([free(0, h100), free(1, h100)]), []);
  assert.deepEqual(types([free(0), free(1, h100)]), [], "an unknown card is no type");
  const found = types([free(0, a100), used(1, "alice", { ...h100, ends_at: at(1) }), used(2, "bob", h100)]);
  assert.deepEqual(
    found.map(({ name, free: count, total, next }) => [name, count, total, next?.gpu.gpu_id ?? null]),
    [
      ["H100 80GB", 0, 2, 1],
      ["A100 40GB", 1, 1, null],
    ],
  );
  // Of several makers the whole names.
  assert.deepEqual(
    types([free(0, a100), free(1, { gpu_model: "AMD MI300X" })]).map(({ name }) => name),
    ["AMD MI300X", "NVIDIA A100 40GB"],
  );
  // Instances of one card are of different kinds.
  assert.equal(types([free(0, { ...h100, profile: "1g.10gb" }), free(1, { ...h100, profile: "3g.40gb" })]).length, 2);
});

test("whom to ask: who holds and does nothing, who did not reserve, whose end nobody knows", () => {
  const ask = (...gpus) => whomToAsk(gpus).map(({ who, why, gpus }) => `${who} ${why} ${gpus.map(({ gpu_id: id }) => id).join("+")}`);

  assert.deepEqual(ask(free(0), used(1, "alice", { ends_at: at(1) })), []);
  assert.deepEqual(
    ask(
      used(0, "open"),
      { gpu_id: 1, status: "UNRESERVED", unreserved_users: ["eve", "mallory"] },
      used(2, "bob", { idle_seconds: 700 }),
      used(3, "alice", { idle_seconds: 9000, ends_at: at(1) }),
      used(4, "alice", { idle_seconds: 800 }),
    ),
    ["alice idle 3+4", "bob idle 2", "eve and mallory unreserved 1", "open open 0"],
  );
  // Unknown is not idle; neither is a short pause; what is collected waits for others.
  assert.deepEqual(ask(used(0, "a", { idle_seconds: null, ends_at: at(1) }), used(1, "b", { idle_seconds: 599, ends_at: at(1) })), []);
  assert.deepEqual(ask(used(0, "a", { idle_seconds: 9000, queue_id: "q" })), []);
  // Nobody can ask who is not known.
  assert.deepEqual(ask({ gpu_id: 0, status: "UNRESERVED" }, { gpu_id: 1, status: "UNRESERVED", unreserved_users: ["unknown"] }), []);
  assert.deepEqual(ask({ gpu_id: 1, status: "UNRESERVED", unreserved_users: ["unknown", "eve"] }), ["eve unreserved 1"]);
  // Nobody else gets it.
  assert.deepEqual(ask(used(0, "a", { idle_seconds: 9000, drained_by: "root" })), []);
});

test("how long the queue is, and when the last of it starts", () => {
  const entry = (hours, more) => ({ user: "u", estimated_start: hours === null ? null : at(hours), ...more });

  assert.deepEqual(line([]), { waiting: 0, head: null, last_ms: null });
  assert.equal(line([entry(1), entry(3), entry(2)]).last_ms, Date.parse(at(3)));
  assert.equal(line([entry(1), entry(null)]).last_ms, null, "one of them is unknown");
  const cancelled = entry(5, { state: "cancelled" });
  assert.deepEqual([line([cancelled, entry(1)]).waiting, line([cancelled, entry(1)]).last_ms], [1, Date.parse(at(1))]);
});

test("the first words", () => {
  const words = (...gpus) => freeWords(answer(gpus, []));

  assert.equal(words(), "No GPUs");
  assert.equal(words(used(0, "a")), "None free now");
  assert.equal(words(free(0), used(1, "a"), free(2)), "2 free now");
  assert.equal(words({ gpu_id: 0, status: "DRAINED" }), "None free now");
  assert.equal(answer([used(0, "a", { idle_seconds: 601 }), used(1, "a", { idle_seconds: 1 })], []).idle, 1);
});

test("ids as people write them", () => {
  assert.equal(ranges([]), "");
  assert.equal(ranges([3]), "3");
  assert.equal(ranges([1, 0]), "0, 1");
  assert.equal(ranges([3, 1, 2, 7]), "1–3, 7");
  assert.equal(gpuNumbers([free(1), free(2), free(0)]), "0–2");
  assert.equal(gpuNumbers([free(5, { node: "n1\u202e", node_gpu: 1 })]), "n1\\u202e 1");
  const nodes = [free(0, { node: "n1", node_gpu: 0 }), free(1, { node: "n1", node_gpu: 1 }), free(4, { node: "n2", node_gpu: 0 })];
  assert.equal(gpuNumbers(nodes), "n1 0, 1, n2 0");
  assert.deepEqual(placeOf(nodes.slice(0, 2)), { node: "n1", numbers: "0, 1" });
  assert.deepEqual(placeOf([free(0, { node: "n1.lab.example", node_gpu: 3 })]), { node: "n1", numbers: "3" });
  assert.deepEqual(placeOf(nodes), { node: "", numbers: "n1 0, 1, n2 0" }, "of several nodes");
  assert.deepEqual(placeOf([free(3)]), { node: "", numbers: "3" });
  assert.equal(gpusText([4]), "GPU 4");
  assert.equal(wants({ requested: 1, requested_ids: null }), "1 GPU");
  assert.equal(wants({ requested: 2, requested_ids: null, gpu_type: "A100", min_memory_mb: 40000 }), "2 A100 with 40000 MiB");
  assert.equal(wants({ requested: 2, requested_ids: [2, 3] }), "GPUs 2, 3");
});

test("the headline in words: when, which and who; who waits; whom to ask", (t) => {
  t.mock.method(Date, "now", () => new Date(2026, 10, 30, 12, 0).getTime());
  const clock = (hour, minute) => new Date(2026, 10, 30, hour, minute).getTime();
  const next = (more) => nextWords({ gpu: used(3, "bob"), at_ms: clock(13, 10), estimated: false, ...more });
  const head = { user: "dana", account: "root", requested: 2, requested_ids: null };
  const waiting = (count, more) => ({ waiting: count, head: { ...head, ...more }, last_ms: null });
  const asked = (why, gpus, seconds = 0) => askWords({ who: "bob", why, gpus: gpus.map((id) => (typeof id === "number" ? { gpu_id: id } : id)), seconds });

  assert.equal(next({ estimated: true }), "about 13:10, GPU 3, bob");
  assert.equal(next({}), "13:10, GPU 3, bob");
  assert.equal(next({ at_ms: clock(11, 59), estimated: true }), "any moment, GPU 3, bob");
  assert.match(next({ at_ms: clock(37, 10) }), /^\w.* 13:10, GPU 3, bob$/, "of another day, with the day");
  assert.equal(lineWords({ waiting: 0, head: null }), "Nobody is waiting");
  const start = (hour) => new Date(clock(hour, 10)).toISOString();
  assert.equal(lineWords(waiting(1, { estimated_start: start(13) })), "dana is waiting: 2 GPUs, about 13:10");
  assert.equal(lineWords(waiting(20, { estimated_start: start(13) })), "20 waiting, first dana: 2 GPUs, about 13:10");
  assert.equal(lineWords(waiting(2, { estimated_start: start(11) })), "2 waiting, first dana: 2 GPUs, any moment");
  assert.equal(lineWords(waiting(2, { estimated_start: null, requested_ids: [4, 7] })), "2 waiting, first dana: GPUs 4, 7");
  assert.equal(lineWords(waiting(2, { estimated_start: null, requested: 7, requested_ids: [0, 2, 4, 6, 8, 10, 12] })), "2 waiting, first dana: 7 GPUs");
  assert.equal(newWords({ last_ms: clock(22, 10) }, 0), "a new one starts after 22:10, in 10h");
  // No promise where one is free, or where it is unknown.
  for (const [last_ms, free] of [[clock(22, 10), 1], [null, 0], [clock(11, 0), 0]]) assert.equal(newWords({ last_ms }, free), "");
  assert.equal(asked("idle", [2, 3], 7800), "bob: GPUs 2, 3, idle for 2h");
  assert.equal(asked("unreserved", [7]), "bob: GPU 7, without a reservation");
  assert.equal(asked("unreserved", [{ gpu_id: 9, node: "n2", node_gpu: 1 }]), "bob: GPU n2 1, without a reservation", "as it is called in a cluster");
  assert.equal(asked("open", [0, 2, 4, 6, 8, 10, 12]), "bob: 7 GPUs, no known end");
});

test("when a waiting request is expected to start", (t) => {
  t.mock.method(Date, "now", () => new Date(2026, 10, 30, 12, 0).getTime());
  const start = (minutes) => startWords({ estimated_start: minutes === null ? null : new Date(Date.now() + minutes * 60000).toISOString() });

  assert.deepEqual(start(610), { start: "in 10h", at: "about 22:10" });
  assert.deepEqual(start(0), { start: "soon", at: "" });
  assert.deepEqual(start(null), { start: "unknown", at: "" });
});
