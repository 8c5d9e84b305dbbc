// Who has the event stream of several windows: leader.js, in a simulation of windows that are opened, closed and frozen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ASK_MS, BEAT_MS, SILENT_MS, afterMessage, roleOf, windowId, yieldsTo } from "../../web/leader.js";

test("identifiers are in the order of age", () => {
  const ids = [
    windowId(1e12, 0.9),
    windowId(1e12 + 1, 0),
    windowId(1e12 + 35, 0.5),
    windowId(1e12 + 36, 0.1),
    windowId(9e12, 0.001),
  ];
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids.map((id) => id.length)).size, 1);
  assert.ok(yieldsTo(ids[1], ids[0]));
  assert.ok(!yieldsTo(ids[0], ids[1]));
});

test("the role of a window", () => {
  const now = 100000;
  const lead = { id: "other", heard: now - SILENT_MS + 1 };
  for (const [what, state, role] of [
    ["has just asked", { asked: now - ASK_MS + 1, leader: null }, "ask"],
    ["nobody answered", { asked: now - ASK_MS, leader: null }, "lead"],
    ["leads", { asked: 0, leader: { id: "me", heard: 0 } }, "lead"],
    ["hears of a leader", { asked: 0, leader: lead }, "follow"],
    ["hears no more", { asked: 0, leader: { ...lead, heard: now - SILENT_MS } }, "lead"],
    ["stood still itself", { asked: 0, leader: { ...lead, heard: 0 }, woken: now - 10 }, "follow"],
  ]) {
    assert.equal(roleOf({ now, id: "me", woken: 0, ...state }), role, what);
  }
});

// A window as share.js is one: what it believes, and what it says.
class Window {
  constructor(world, number) {
    Object.assign(this, { world, id: windowId(1e12 + number, world.random()), state: null, running: true });
    this.offset = world.random() * BEAT_MS;
  }
  join() {
    this.state = { leader: null, asked: this.world.now };
    this.woken = this.ticked = this.world.now;
    this.next = this.world.now + this.offset;
    this.say("hello");
  }
  say(kind) {
    this.world.say(this, kind);
  }
  leads() {
    return this.state?.leader?.id === this.id;
  }
  leave() {
    if (this.leads()) this.say("bye");
    this.state = null;
  }
  hear(message) {
    const { assert: asserts, ...next } = afterMessage({ id: this.id, ...this.state }, message, {
      now: this.world.now,
      random: this.world.random(),
    });
    this.state = next;
    if (asserts) this.say("lead");
  }
  tick() {
    const now = this.world.now;
    const due = now >= this.next || (!this.state.leader && now >= this.state.asked + ASK_MS);
    if (!due) return;
    if (now - this.ticked >= SILENT_MS) this.woken = now;
    this.ticked = now;
    if (now >= this.next) this.next = now + BEAT_MS;
    if (roleOf({ now, id: this.id, woken: this.woken, ...this.state }) !== "lead") return;
    this.state = { ...this.state, leader: { id: this.id, heard: now } };
    this.say("lead");
  }
}

class World {
  now = 1000;
  windows = [];
  mail = [];
  constructor(seed) {
    this.seed = seed;
  }
  random() {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return this.seed / 2 ** 32;
  }
  say(from, kind) {
    for (const to of this.windows)
      if (to !== from && to.state) this.mail.push({ to, at: this.now + 1 + this.random() * 20, from: from.id, kind });
  }
  open() {
    const window = new Window(this, this.windows.length);
    this.windows.push(window);
    window.join();
    return window;
  }
  run(ms) {
    for (const end = this.now + ms; this.now < end; this.now += 5) {
      // One that is frozen hears what was said as soon as it runs again.
      const due = this.mail.filter(({ at, to }) => at <= this.now && to.running);
      this.mail = this.mail.filter((each) => !due.includes(each));
      for (const { to, from, kind } of due) if (to.state) to.hear({ from, kind });
      for (const each of this.windows) if (each.running && each.state) each.tick();
    }
  }
  leaders() {
    return this.windows.filter((each) => each.running && each.leads());
  }
}

const SECONDS = (SILENT_MS + 2 * BEAT_MS + ASK_MS) / 1000;

test("ten windows at once have one leader, and each knows it", () => {
  const world = new World(1);
  for (let i = 0; i < 10; i++) world.open();
  world.run(2 * BEAT_MS);
  assert.equal(world.leaders().length, 1);
  const [leader] = world.leaders();
  for (const each of world.windows) assert.equal(each.state.leader.id, leader.id);
  const fresh = world.open();
  for (let i = 0; i < 100; i++) {
    world.run(20);
    assert.ok(!fresh.leads(), "a new window is told who leads before it begins by itself");
  }
  assert.deepEqual(world.leaders(), [leader]);
});

test("a leader that is closed is followed at once, one that is silent within seconds", () => {
  const world = new World(2);
  for (let i = 0; i < 10; i++) world.open();
  world.run(3000);
  world.leaders()[0].leave();
  world.run(500);
  assert.equal(world.leaders().length, 1, "after a goodbye");
  const [frozen] = world.leaders();
  frozen.running = false;
  world.run(SECONDS * 1000);
  const [successor, ...more] = world.leaders();
  assert.ok(successor && more.length === 0, "after silence");
  frozen.running = true;
  world.run(500);
  const older = frozen.id < successor.id ? frozen : successor;
  assert.deepEqual(world.leaders().map(({ id }) => id), [older.id], "of two the older one goes on");
});

test("whatever happens, there is one leader as soon as it is quiet", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = new World(seed);
    for (let step = 0; step < 40; step++) {
      const any = world.windows[Math.floor(world.random() * world.windows.length)];
      const what = world.random();
      if (!any || (what < 0.3 && world.windows.length < 12)) world.open();
      else if (what < 0.45 && any.state) any.leave();
      else if (what < 0.55 && !any.state && any.running) any.join();
      else if (what < 0.75) any.running = false;
      else any.running = true;
      world.run(world.random() < 0.5 ? 100 : 3000);
    }
    world.run(SECONDS * 1000);
    const awake = world.windows.filter((each) => each.running && each.state);
    assert.equal(world.leaders().length, awake.length ? 1 : 0, `seed ${seed}`);
    for (const each of awake) assert.equal(each.state.leader.id, world.leaders()[0].id, `seed ${seed}`);
  }
});
