// Where the data comes from: documents fetched with ETags, and the event stream that says when to fetch them again.
// Where there is no stream they are fetched every 30 s; where there is no server, it is asked again with growing pauses.
import { setServerTime } from "./format.js";

const POLL_MS = 30000;
const TIMEOUT_MS = 10000;
const RETRY_LEAST_MS = 1000;
const RETRY_MOST_MS = 30000;
// Changes that come in bursts are fetched together.
const GAP_MS = 150;
// A hidden page lets go of its stream: browsers allow only a few connections per host, and a server that nobody looks
// at need not look at its GPUs.
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
  let stream = null;
  let streamOpen = false;
  let failures = 0;
  let retryTimer = 0;
  let pollTimer = 0;
  let gapTimer = 0;
  let hiddenTimer = 0;
  let loading = false;
  let again = false;
  let asleep = false;
  let last = 0;
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
    try {
      await load();
      state.since = Date.now();
      tell(streamOpen ? "live" : "polling");
    } catch (error) {
      tell("lost", error.message);
    }
    loading = false;
    if (!asleep) pollTimer = setTimeout(refresh, POLL_MS);
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

  const close = () => {
    clearTimeout(retryTimer);
    stream?.close();
    stream = null;
    streamOpen = false;
  };

  // EventSource would try again by itself, but not after an answer like 503, and without pauses that grow.
  const failed = () => {
    close();
    const pause = Math.min(RETRY_LEAST_MS * 2 ** failures, RETRY_MOST_MS) * (0.8 + Math.random() * 0.4);
    failures++;
    retryTimer = setTimeout(open, pause);
    refresh();
  };

  const open = () => {
    close();
    stream = new EventSource("api/events");
    const heard = () => {
      streamOpen = true;
      failures = 0;
      changed();
    };
    stream.addEventListener("status", heard);
    stream.addEventListener("change", heard);
    stream.addEventListener("error", failed);
  };

  const retry = () => {
    asleep = false;
    failures = 0;
    open();
    refresh();
  };

  const sleep = () => {
    asleep = true;
    // What has changed while something was loaded is asked for when somebody looks again.
    again = false;
    close();
    clearTimeout(gapTimer);
    gapTimer = 0;
    clearTimeout(pollTimer);
  };

  const sleepWhileHidden = () => {
    clearTimeout(hiddenTimer);
    if (document.visibilityState === "hidden") hiddenTimer = setTimeout(sleep, HIDDEN_MS);
  };

  document.addEventListener("visibilitychange", () => {
    sleepWhileHidden();
    if (document.visibilityState === "hidden") return;
    if (stream) changed();
    else retry();
  });
  window.addEventListener("online", () => asleep || retry());
  retry();
  // It may have been opened in the background.
  sleepWhileHidden();
  return { retry };
}
