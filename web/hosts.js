// The list of hosts, where this server shows more than its own. Each is a link to the page with that host.
import { byId, el, patchList, setAttribute, setText, show } from "./dom.js";
import { HOST_SORTS, chooseHosts, hostAddress, hostWords, sumWords, typesOf } from "./fleet.js";
import { shortText } from "./format.js";

const PARTS = { "available": "available", "in-use": "in_use", "unreserved": "unreserved", "drained": "other" };

function createHost() {
  const name = el("span", { class: "host-name other" });
  const label = el("span", { class: "host-label other" });
  const free = el("span", { class: "host-free" });
  const words = el("span", { class: "host-words other" });
  const share = el("span", { "class": "share", "aria-hidden": "true" });
  const parts = Object.keys(PARTS).map((state) => el("span", { "data-state": state }));
  const link = el("a", { class: "host" }, name, free, share, words, label);
  const node = el("li", null, link);
  share.append(...parts);
  const update = ({ host, free: count, total, current }) => {
    setText(name, shortText(host.host));
    setText(label, shortText(host.label ?? "", 80));
    show(label, Boolean(host.label));
    setText(free, host.status === "up" ? `${count} of ${total} free` : host.status === "away" ? "away" : "…");
    setText(words, hostWords(host));
    Object.values(PARTS).forEach((member, i) => {
      parts[i].style.flexGrow = host[member] ?? 0;
    });
    show(share, host.status === "up");
    setAttribute(link, "href", hostAddress(window.location.search, host));
    setAttribute(link, "aria-current", current ? "page" : null);
    setAttribute(link, "data-status", host.status);
    setAttribute(link, "data-free", count > 0 ? "" : null);
  };
  return { node, update };
}

// show(hosts, viewed) draws it; viewed is the name of the host that the page shows, null: this one.
export function startHosts() {
  const type = byId("hosts-type");
  const sort = byId("hosts-sort");
  let [hosts, viewed] = [[], null];
  const parameters = new URLSearchParams(window.location.search);
  let wanted = parameters.get("type") ?? "";

  for (const [value, label] of Object.entries(HOST_SORTS)) sort.append(el("option", { value }, label));
  sort.value = parameters.get("hosts") === "name" ? "name" : "free";

  const isCurrent = (host) => (viewed === null ? host.here : host.host.toLowerCase() === viewed.toLowerCase());
  const draw = () => {
    const names = typesOf(hosts);
    const options = ["", ...names, ...(wanted === "" || names.includes(wanted) ? [] : [wanted])];
    patchList(type, options.map((name) => ({ name })), ({ name }) => name, ({ name }) => {
      const node = el("option", { value: name }, name === "" ? "All types" : shortText(name));
      return { node, update() {} };
    });
    if (type.value !== wanted) type.value = wanted;
    show(byId("hosts-types"), names.length > 1 || wanted !== "");
    const rows = chooseHosts(hosts, { type: wanted, sort: sort.value });
    setText(byId("hosts-sum"), sumWords(rows));
    patchList(
      byId("hosts-list"),
      rows.map((row) => ({ ...row, current: isCurrent(row.host) })),
      ({ host }) => `${host.here} ${host.host}`,
      createHost,
    );
    show(byId("hosts"), hosts.length > 1);
  };
  const remember = () => {
    const next = new URLSearchParams(window.location.search);
    if (wanted === "") next.delete("type");
    else next.set("type", wanted);
    if (sort.value === "free") next.delete("hosts");
    else next.set("hosts", sort.value);
    const text = next.toString();
    window.history.replaceState(null, "", `${window.location.pathname}${text ? `?${text}` : ""}${window.location.hash}`);
    draw();
  };
  type.addEventListener("change", () => {
    wanted = type.value;
    remember();
  });
  sort.addEventListener("change", remember);
  return {
    show(next, name) {
      [hosts, viewed] = [next, name];
      draw();
    },
    tick() {
      if (hosts.length > 1) draw();
    },
  };
}
