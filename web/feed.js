// Where the data comes from: documents fetched with ETags, and the event stream that says when to fetch them again.
// Where there is no stream they are fetched every 30 s; where there is no server, it is asked again with growing pauses. All
// windows of a browser share one stream: see share.js.
import { now, setServerTime } from "./format.js";
import { shareStream } from "./share.js";

const POLL_MS = 30000;
// A timer that is later than this has been through a sleep of the computer.
const LATE_MS = 15000;
const TIMEOUT_MS = 10000;
// Changes that come in bursts are fetched together.
const GAP_MS = 150;
// A hidden page takes no part any more: a server that nobody looks at need not look at its GPUs.
const HIDDEN_MS = 60000;

const kept = new Map();

// The document at a path: parsed, the same object as before where nothing changed. Throws an Error for people.
export async function fetchDocument(path) {
  const old = kept.get(path);
  let answer;
  try {
    answer = await fetch(path, {
      cache: "no-store",
      headers: old ? { "If-None-Match": old.tag } : {},
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Error("");
  }
  setServerTime(answer.headers.get("Date"));
  if (answer.status === 304 && old) return old.document;
  if (!answer.ok) throw new Error(await problemOf(answer));
  const document = await answer.json();
  const tag = answer.headers.get("ETag");
  if (tag) kept.set(path, { tag, document });
  return document;
}

async function problemOf(answer) {
  if (answer.status === 401)
    return "the server requires a token: open this page once with ?token=TOKEN added to its address";
  try {
    return (await answer.json()).error ?? `the server answered ${answer.status}`;
  } catch {
    return `the server answered ${answer.status}`;
  }
}

// Calls load() whenever there may be something new, and onState({mode, since, problem}) when the mode changes: "live",
// "polling", "lost"; since: time of the last data, null before the first. load throws where the server does not answer.
export function startFeed({ load, onState }) {
  let pollTimer = 0;
  let gapTimer = 0;
  let hiddenTimer = 0;
  let loading = false;
  let again = false;
  let last = 0;
  let pollAt = Infinity;
  // A stream that says nothing since the network was away may be dead, and does not know it: nobody tells it.
  let doubtful = false;
  const state = { mode: "connecting", since: null, problem: "" };

  const tell = (mode, problem = "") => {
    Object.assign(state, { mode, problem });
    onState(state);
  };

  const refresh = async () => {
    clearTimeout(gapTimer);
    gapTimer = 0;
    clearTimeout(pollTimer);
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    last = performance.now();
    if (Date.now() - pollAt > LATE_MS) doubtful = true;
    try {
      await load();
      state.since = now();
      tell({ true: "live", false: "polling" }[share.open()] ?? "connecting");
      if (doubtful && share.open()) share.retry();
      doubtful = false;
    } catch (error) {
      doubtful ||= share.open() === true;
      tell("lost", error.message);
    }
    loading = false;
    pollAt = Infinity;
    if (share.joined()) {
      pollAt = Date.now() + POLL_MS;
      pollTimer = setTimeout(refresh, POLL_MS);
    }
    if (again) {
      again = false;
      changed();
    }
  };

  const changed = () => {
    const wait = last + GAP_MS - performance.now();
    if (wait <= 0) refresh();
    else if (!gapTimer) gapTimer = setTimeout(refresh, wait);
  };

  const heard = () => {
    doubtful = false;
    changed();
  };
  const share = shareStream({ onHeard: heard, onFailed: refresh });

  const retry = () => {
    share.retry();
    refresh();
  };

  const sleep = () => {
    share.leave();
    // What has changed while something was loaded is asked for when somebody looks again.
    again = false;
    clearTimeout(gapTimer);
    gapTimer = 0;
    clearTimeout(pollTimer);
    pollAt = Infinity;
  };

  const wake = () => {
    if (share.joined()) changed();
    else retry();
  };

  const sleepWhileHidden = () => {
    clearTimeout(hiddenTimer);
    if (document.visibilityState === "hidden") hiddenTimer = setTimeout(sleep, HIDDEN_MS);
  };

  document.addEventListener("visibilitychange", () => {
    sleepWhileHidden();
    if (document.visibilityState !== "hidden") wake();
  });
  // A page that the browser stops, or keeps for the way back, must not be the one that others wait for.
  document.addEventListener("freeze", sleep);
  document.addEventListener("resume", () => document.visibilityState === "hidden" || wake());
  window.addEventListener("pagehide", sleep);
  window.addEventListener("pageshow", ({ persisted }) => persisted && wake());
  window.addEventListener("online", () => share.joined() && retry());
  retry();
  // It may have been opened in the background.
  sleepWhileHidden();
  return { retry };
}
