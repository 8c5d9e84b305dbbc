// Which of the windows of one browser has the event stream: browsers allow six connections per host, so that one stream is
// shared by all windows. Pure; times in milliseconds.

// How often the leader says that it is there, and after how much silence it is taken for dead: closed, frozen, crashed.
export const BEAT_MS = 1000;
export const SILENT_MS = 4000;
// For so long a new window waits for an answer to the question who leads.
export const ASK_MS = 200;
// After a leader has said goodbye, not all others should begin in the same moment.
export const SPREAD_MS = 200;

// Identifiers are in the order of the windows' ages, so that a window that is opened later does not take the stream over.
export function windowId(opened_ms, random) {
  return opened_ms.toString(36).padStart(9, "0") + random.toString(36).slice(2, 10).padEnd(8, "0");
}

// Of two that lead at the same time the older one goes on.
export const yieldsTo = (id, other) => other < id;

// "lead", "follow", or "ask": not known yet. asked: since when somebody who leads would have answered; woken: when this window
// last began to run again after it stood still, since what it heard before that is old; leader: {id, heard} or null.
export function roleOf({ now, id, asked, woken, leader }) {
  if (leader?.id === id) return "lead";
  if (!leader) return now - asked >= ASK_MS ? "lead" : "ask";
  return now - Math.max(leader.heard, woken) >= SILENT_MS ? "lead" : "follow";
}

// What this window believes after a message of another one. A leader that it does not give way to is answered: `assert`.
export function afterMessage({ id, leader, asked }, { from, kind }, { now, random }) {
  if (kind === "lead") {
    if (leader?.id === id && !yieldsTo(id, from)) return { leader, asked, assert: true };
    return { leader: { id: from, heard: now }, asked, assert: false };
  }
  if (kind === "hello") return { leader, asked, assert: leader?.id === id };
  if (kind === "bye" && leader?.id === from)
    return { leader: null, asked: now - ASK_MS + random * SPREAD_MS, assert: false };
  return { leader, asked, assert: false };
}
