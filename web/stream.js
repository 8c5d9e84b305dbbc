// One event stream, kept open: after an error it is tried again, with growing pauses.

const RETRY_LEAST_MS = 1000;
const RETRY_MOST_MS = 30000;
// A proxy may keep the answer for itself: after so long without one there is no stream, though it may still come.
const OPEN_MS = 5000;

export const pauseOf = (failures, random) =>
  Math.min(RETRY_LEAST_MS * 2 ** failures, RETRY_MOST_MS) * (0.8 + random * 0.4);

// Calls onHeard() at each event, and onFailed() whenever there is no stream. close() ends all of it, retry() begins again at once.
export function openStream({ onHeard, onFailed }) {
  let source = null;
  let failures = 0;
  let timer = 0;

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    timer = setTimeout(onFailed, OPEN_MS);
    source = new EventSource("api/events");
    const heard = () => {
      clearTimeout(timer);
      failures = 0;
      onHeard();
    };
    source.addEventListener("status", heard);
    source.addEventListener("change", heard);
    source.addEventListener("hosts", heard);
    // EventSource would try again by itself, but not after an answer like 503, and without pauses that grow.
    source.addEventListener("error", () => {
      close();
      timer = setTimeout(open, pauseOf(failures, Math.random()));
      failures++;
      onFailed();
    });
  };
  const retry = () => {
    failures = 0;
    open();
  };
  open();
  return { retry, close };
}
