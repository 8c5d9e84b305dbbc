// The event stream of all windows of this browser that show this page: one of them, the leader, has it, and tells the others.
// They talk over a BroadcastChannel, which there is over plain HTTP, too, other than locks; leader.js decides who leads.
import { ASK_MS, BEAT_MS, SILENT_MS, afterMessage, roleOf, windowId } from "./leader.js";
import { openStream } from "./stream.js";

// Pages of several hosts may be behind one proxy; and a page of another release may say other things.
const CHANNEL = `canhazgpu 1 ${new URL("api/events", location).pathname}`;

// Where storage is forbidden, windows must not talk to each other, either: each is then alone.
function openChannel() {
  try {
    return new BroadcastChannel(CHANNEL);
  } catch {
    return { postMessage() {}, addEventListener() {}, close() {} };
  }
}

// Calls onHeard() when something may have changed, and onFailed() when there is no stream. join() takes part, leave() does
// not any more, retry() tries a stream that failed at once.
export function shareStream({ onHeard, onFailed }) {
  const id = windowId(Date.now(), Math.random());
  let channel = null;
  let stream = null;
  let state = { leader: null, asked: 0 };
  let woken = 0;
  let ticked = 0;
  let timer = 0;
  let open = null;

  const say = (kind) => channel.postMessage({ from: id, kind, open });
  const setOpen = (next) => {
    const before = open;
    open = next;
    if (next === true) onHeard();
    else if (next === false && before !== false) onFailed();
  };

  const follow = () => {
    stream?.close();
    stream = null;
  };
  const lead = () => {
    state = { ...state, leader: { id, heard: 0 } };
    stream = openStream({
      onHeard() {
        open = true;
        say("heard");
        onHeard();
      },
      onFailed() {
        open = false;
        say("failed");
        onFailed();
      },
    });
    say("lead");
  };

  const check = () => {
    const now = performance.now();
    if (now - ticked >= SILENT_MS) woken = now;
    ticked = now;
    if (stream) say("lead");
    else if (roleOf({ now, id, woken, ...state }) === "lead") lead();
  };

  // A little later: timers may be early by a millisecond.
  const checkAfter = (ms) => setTimeout(() => channel && !state.leader && check(), ms + 5);

  const hear = ({ data }) => {
    const { assert, ...next } = afterMessage({ id, ...state }, data, { now: performance.now(), random: Math.random() });
    const gone = state.leader && !next.leader;
    state = next;
    if (stream && state.leader?.id !== id) follow();
    if (assert) say("lead");
    if (gone) checkAfter(state.asked + ASK_MS - performance.now());
    // A window that comes back asks for that, too: a stream that works stays.
    if (data.kind === "retry" && open !== true) stream?.retry();
    if (data.from !== state.leader?.id) return;
    state.leader.heard = performance.now();
    if (data.kind === "heard") setOpen(true);
    else if (data.kind === "failed") {
      open = false;
      onFailed();
    } else if (data.kind === "lead" && data.open !== null && data.open !== open) setOpen(data.open);
  };

  const leave = () => {
    if (!channel) return;
    clearInterval(timer);
    if (stream) say("bye");
    follow();
    channel.close();
    channel = null;
    state = { leader: null, asked: 0 };
    open = null;
  };
  const join = () => {
    if (channel) return;
    channel = openChannel();
    channel.addEventListener("message", hear);
    ticked = performance.now();
    state = { leader: null, asked: ticked };
    timer = setInterval(check, BEAT_MS);
    checkAfter(ASK_MS);
    say("hello");
  };
  const retry = () => {
    join();
    if (stream) stream.retry();
    else say("retry");
  };
  return { join, leave, retry, joined: () => channel !== null, open: () => open };
}
