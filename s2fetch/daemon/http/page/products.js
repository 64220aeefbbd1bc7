// What is not settled in the chosen archive: tabs, one for each state, and a table with the reasons.

import { attribute, byId, el, keyed, text } from "./dom.js";
import * as format from "./format.js";

const STATES = [
  ["queued", "Queue", "Nothing is queued."],
  ["waiting", "Waiting", "Nothing waits for the hub."],
  ["failed", "Failed", "Nothing has failed."],
  ["quarantined", "Quarantine", "Nothing is in quarantine."],
  ["withdrawn", "Withdrawn", "The hub has withdrawn nothing."],
];
export const MOST = 100;

export class Products {
  constructor(onChoose) {
    this.state = "queued";
    this.onChoose = onChoose;
    this.panel = byId("products");
    this.tabs = STATES.map(([state, title]) =>
      el("button", { type: "button", role: "tab", id: `tab-${state}`, "aria-controls": "products", onclick: () => this.choose(state), onkeydown: (event) => this.key(event) }, el("span", { text: title }), el("span", { class: "pill" })),
    );
    byId("tabs").append(...this.tabs);
    this.mark();
  }

  // Another archive: what most needs a look comes first.
  begin(archive, list = "") {
    const number = (state) => (state === "queued" ? archive.queued : (archive.products[state] ?? 0));
    this.state = list || ["failed", "quarantined", "waiting", "queued"].find(number) || "queued";
    this.mark();
  }

  choose(state) {
    this.state = state;
    this.mark();
    this.onChoose();
  }

  mark() {
    STATES.forEach(([state], index) => {
      const chosen = state === this.state;
      attribute(this.tabs[index], "aria-selected", chosen ? "true" : "false");
      attribute(this.tabs[index], "tabindex", chosen ? "0" : "-1");
    });
    attribute(this.panel, "aria-labelledby", `tab-${this.state}`);
  }

  key(event) {
    const at = this.tabs.indexOf(event.currentTarget);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const index = (to + this.tabs.length) % this.tabs.length;
    this.tabs[index].focus();
    this.choose(STATES[index][0]);
  }

  counts(archive) {
    STATES.forEach(([state], index) => {
      const number = state === "queued" ? archive.queued : (archive.products[state] ?? 0);
      text(this.tabs[index].lastChild, format.count(number));
    });
  }

  show(rows) {
    if (!rows.length) {
      const [, , nothing] = STATES.find(([state]) => state === this.state);
      this.panel.replaceChildren(el("p", { class: "muted", text: nothing }));
      return;
    }
    let table = this.panel.querySelector("table");
    if (!table) {
      const head = ["Product", "Since", "Reason", "Tries", "Next", "Size"].map((name, index) => el("th", { role: "columnheader", scope: "col", class: index === 3 || index === 5 ? "number" : null, text: name }));
      table = el("table", { class: "rows products", role: "table" }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...head)), el("tbody", { role: "rowgroup" }));
      this.panel.replaceChildren(table, el("p", { class: "muted" }));
    }
    attribute(table, "aria-labelledby", `tab-${this.state}`);
    keyed(table.tBodies[0], rows, (row) => row.id, productRow, updateRow);
    text(this.panel.lastChild, rows.length >= MOST ? `The first ${MOST} are shown.` : "");
  }
}

function productRow(row) {
  const cell = (name) => el("td", { role: "cell", class: name });
  const words = format.readable(row.name);
  return el(
    "tr",
    { role: "row" },
    el("th", { role: "rowheader", scope: "row", class: "what" }, el("span", { class: words ? "lead" : "lead mono", text: words || row.name }), el("span", { class: "mono muted", text: words ? row.name : "" })),
    cell("since"),
    cell("reason"),
    cell("number tries"),
    cell("next"),
    cell("number size"),
  );
}

function updateRow(node, row) {
  const [, since, reason, tries, next, size] = node.children;
  text(since, row.since ? format.ago(row.since) : "");
  attribute(since, "title", row.since ? `${format.moment(row.since)} UTC` : null);
  text(reason, row.reason);
  text(tries, row.attempts ? format.count(row.attempts) : "");
  text(next, row.next_at ? `${row.next} ${format.until(row.next_at)}`.trim() : row.next);
  text(size, row.size === null ? "" : format.size(row.size));
}
