// What happened lately, newest first; or only what went wrong, which lasts longer.

import { attribute, byId, el, text } from "./dom.js";
import * as format from "./format.js";

const MOST = 150;
const MOST_WARNINGS = 100;
const SIGNS = { info: "·", warning: "!", error: "✕" };
const LEVELS = { info: null, warning: "warn", error: "bad" };

const rows = { info: [], warning: [] };

export function beginLog() {
  const [all, few] = [byId("log-all"), byId("log-warnings")];
  const choose = (warnings) => {
    byId("log").toggleAttribute("data-warnings", warnings);
    attribute(all, "aria-pressed", warnings ? "false" : "true");
    attribute(few, "aria-pressed", warnings ? "true" : "false");
    byId("log").scrollTop = 0;
  };
  all.addEventListener("click", () => choose(false));
  few.addEventListener("click", () => choose(true));
}

export function clearLog() {
  rows.info.length = 0;
  rows.warning.length = 0;
  byId("log").replaceChildren();
  told();
}

function told() {
  const count = rows.warning.length;
  text(byId("log-count"), format.count(count));
  byId("log-none").hidden = count > 0;
}

export function tellLog(message) {
  const list = byId("log");
  const about = [message.archive, format.readable(message.product) || message.product].filter(Boolean).join(" · ");
  const warns = message.level !== "info";
  const row = el(
    "li",
    { "data-level": LEVELS[message.level] },
    el("time", { datetime: message.time, class: "muted mono", text: message.time.slice(11, 19) }),
    el("span", { class: "sign", "aria-hidden": "true", text: SIGNS[message.level] ?? "·" }),
    el("span", { class: "name" }, message.level === "info" ? null : el("span", { class: "hidden", text: `${message.level}: ` }), el("span", { text: message.name.replaceAll("-", " ") })),
    el("span", { class: "text", title: message.product || null }, about ? el("strong", { text: about }) : null, about && message.text ? " — " : null, message.text),
  );
  list.prepend(row);
  const kept = warns ? rows.warning : rows.info;
  kept.push(row);
  while (kept.length > (warns ? MOST_WARNINGS : MOST)) kept.shift().remove();
  told();
}
