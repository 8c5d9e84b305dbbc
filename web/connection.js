// Whether what the page shows is up to date, in the header; where it is not, a line with the reason.
import { byId, setAttribute, setText, show } from "./dom.js";
import { clockSeconds, shown } from "./format.js";

const MODES = { connecting: "Connecting", live: "Live", polling: "Every 30 s", lost: "Connection lost" };

// What stands in the header, in the line of trouble ("" for none), and where there are no data yet. since: time of the last
// data, null before the first; problem: what a server said that has none. Pure.
export function connectionWords({ mode, since, problem }) {
  if (mode !== "lost") return { state: MODES[mode], trouble: "", waiting: "Loading" };
  const silent = since === null ? "The server is not responding" : MODES.lost;
  const when = since === null ? "" : `, last update ${clockSeconds(since)}`;
  return {
    // A server that answers is there.
    state: problem ? "Server error" : MODES.lost,
    trouble: `${problem ? `Server error: ${shown(problem)}` : silent}${when}, trying again.`,
    waiting: "No data yet",
  };
}

export function showConnection(connection) {
  const { mode, since } = connection;
  const words = connectionWords(connection);
  const node = byId("connection");
  setAttribute(node, "data-mode", mode);
  setAttribute(node, "title", since === null ? null : `Last update ${clockSeconds(since)}`);
  setText(byId("connection-text"), words.state);
  setAttribute(document.body, "data-stale", mode === "lost" ? "" : null);
  show(byId("trouble"), words.trouble !== "");
  setText(byId("trouble-text"), words.trouble);
  if (since !== null) return;
  for (const empty of document.querySelectorAll("[data-waiting]")) setText(empty, words.waiting);
}
