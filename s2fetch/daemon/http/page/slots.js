// What each slot does now, and the accounts they belong to.

import { attribute, byId, el, keyed, svg, text } from "./dom.js";
import * as format from "./format.js";

export function showSlots(state) {
  const refused = new Set(state.accounts.filter((account) => account.refused).map((account) => account.name));
  keyed(
    byId("slots").tBodies[0],
    state.slots,
    (slot) => `${slot.account} ${slot.slot}`,
    slotRow,
    (row, slot) => updateSlot(row, slot, refused.has(slot.account) ? "the account is refused" : "free"),
  );
}

function slotRow(slot) {
  const cell = (name, ...inside) => el("td", { role: "cell", class: name }, ...inside);
  return el(
    "tr",
    { role: "row" },
    el("th", { role: "rowheader", scope: "row" }, el("span", { text: slot.account }), el("span", { class: "muted", text: ` ${slot.slot}` })),
    cell("what", el("span", { class: "lead" }), el("span", { class: "mono muted" })),
    cell("progress", el("progress", { max: 1 }), el("span", { class: "muted" })),
    cell("number rate"),
    cell("number left"),
  );
}

function updateSlot(row, slot, idle) {
  const [, what, progress, rate, left] = row.children;
  const busy = Boolean(slot.product);
  attribute(row, "data-busy", busy);
  const words = format.readable(slot.product);
  text(what.firstChild, busy ? `${slot.archive} · ${words || slot.product}` : idle);
  text(what.lastChild, busy && words ? slot.product : "");
  const bar = progress.firstChild;
  bar.hidden = !busy;
  attribute(bar, "aria-label", `Progress of ${slot.product}`);
  const known = busy && slot.size;
  if (known) attribute(bar, "value", (slot.position / slot.size).toFixed(3));
  else attribute(bar, "value", null);
  text(progress.lastChild, busy ? `${format.size(slot.position)}${known ? ` of ${format.size(slot.size)}` : ""}` : "");
  text(rate, busy ? format.rate(slot.rate) : "");
  text(left, known && slot.rate > 0 ? format.duration((slot.size - slot.position) / slot.rate) : "");
}

export function showAccounts(state) {
  keyed(
    byId("accounts"),
    state.accounts,
    (account) => account.name,
    (account) =>
      el(
        "li",
        {},
        el("p", { class: "split" }, el("strong", { text: account.name }), el("span", { class: "muted" })),
        svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { class: "rest", width: 100, height: 6 }), svg("rect", { class: "done", height: 6 })),
        el("p", { class: "muted" }),
        el("p", { class: "said" }),
      ),
    updateAccount,
  );
}

function updateAccount(node, account) {
  const [head, bar, volume, said] = node.children;
  text(head.lastChild, `${account.in_use} of ${format.counted(account.slots, "slot")}`);
  const share = account.quota ? Math.min(1, account.received_30_days / account.quota) : 0;
  attribute(bar, "hidden", !account.quota);
  attribute(bar, "data-level", account.quota_reached ? "warn" : null);
  attribute(bar.lastChild, "width", (share * 100).toFixed(1));
  const received = format.size(account.received_30_days);
  text(volume, account.quota ? `${received} of ${format.size(account.quota)} in 30 days (${format.percent(share)})` : `${received} in 30 days`);
  const words = [];
  if (account.refused) words.push(`✕ ${account.refused}`);
  if (account.throttled) words.push("! The hub has slowed it down");
  if (account.quota_reached) words.push(`! Full on ${format.day(account.quota_reached)} at today’s pace`);
  if (account.token_seconds !== null && !account.refused) words.push(`Token for ${format.duration(account.token_seconds)}`);
  attribute(said, "data-level", account.refused ? "bad" : account.throttled || account.quota_reached ? "warn" : null);
  text(said, words.join(" · "));
}
