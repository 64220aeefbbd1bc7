// What happened lately, newest first.

import { byId, el } from "./dom.js";
import * as format from "./format.js";

const MOST = 150;
const SIGNS = { info: "·", warning: "!", error: "✕" };
const LEVELS = { info: null, warning: "warn", error: "bad" };

export function clearLog() {
  byId("log").replaceChildren();
}

export function tellLog(message) {
  const list = byId("log");
  const about = [message.archive, format.readable(message.product) || message.product].filter(Boolean).join(" · ");
  list.prepend(
    el(
      "li",
      { "data-level": LEVELS[message.level] },
      el("time", { datetime: message.time, class: "muted mono", text: message.time.slice(11, 19) }),
      el("span", { class: "sign", "aria-hidden": "true", text: SIGNS[message.level] ?? "·" }),
      el("span", { class: "name" }, message.level === "info" ? null : el("span", { class: "hidden", text: `${message.level}: ` }), el("span", { text: message.name.replaceAll("-", " ") })),
      el("span", { class: "text", title: message.product || null }, about ? el("strong", { text: about }) : null, about && message.text ? " — " : null, message.text),
    ),
  );
  while (list.childElementCount > MOST) list.lastElementChild.remove();
}
