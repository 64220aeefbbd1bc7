// The glance: one headline, what needs a look, and the numbers that matter.

import { attribute, byId, el, keyed, text } from "./dom.js";
import * as format from "./format.js";

let limits = { loop_delay_limit: Infinity, stall_limit: Infinity };

const SIGNS = { good: "✓", warn: "!", bad: "✕" };

// What the daemon itself counts as too late, so that page and health check agree.
export function setLimits(given) {
  limits = given;
}

// `show(archive, list)` leads to where an archive's products, or its card, can be looked at.
export function showOverview(state, show) {
  const matters = problems(state);
  const worst = matters.some((one) => one.level === "bad") ? "bad" : matters.length ? "warn" : "good";
  headline(worst, matters);
  const list = byId("attention");
  list.hidden = matters.length === 0;
  keyed(
    list,
    matters,
    (one) => one.text,
    (one) => el("li", {}, el("span", { class: "sign", "aria-hidden": "true" }), words(one, show)),
    (node, one) => {
      attribute(node, "data-level", one.level);
      text(node.firstChild, SIGNS[one.level]);
    },
  );
  tiles(state);
  text(byId("version"), state.version);
  const speed = state.slots.reduce((sum, slot) => sum + slot.rate, 0);
  document.title = `${SIGNS[worst]} s2fetch · ${format.rate(speed)}`;
}

function words({ text: said, archive, list }, show) {
  if (!archive) return el("span", { text: said });
  return el("button", { type: "button", class: "go", text: said, onclick: () => show(archive, list) });
}

function headline(level, matters) {
  const bad = matters.filter((one) => one.level === "bad").length;
  const rest = matters.length - bad;
  const look = rest ? `${format.count(rest)} to look at` : "";
  const wrong = bad ? `${format.counted(bad, "problem")}` : "";
  const said = [wrong, look].filter(Boolean).join(", ") || "All is well";
  const node = byId("headline");
  if (node.dataset.level === level && node.textContent === SIGNS[level] + said) return;
  node.dataset.level = level;
  node.replaceChildren(el("span", { class: "sign", "aria-hidden": "true", text: SIGNS[level] }), el("span", { text: said }));
}

function problems(state) {
  const found = [];
  const bad = (said, archive, list) => found.push({ level: "bad", text: said, archive, list });
  const warn = (said, archive, list) => found.push({ level: "warn", text: said, archive, list });
  // What is wrong with an account is wrong with every archive that uses it, and said once.
  const refusals = new Set(state.accounts.map((account) => account.refused).filter(Boolean));
  const stopped = (refusal) => state.archives.filter((archive) => archive.why === refusal).map((archive) => archive.name);
  if (state.stopping) warn("The daemon is about to end");
  if (!state.hub_reachable) bad(`The hub does not answer, and is asked again until it does: ${state.hub_trouble}`);
  if (state.loop_delay_seconds > limits.loop_delay_limit) bad(`The daemon reacts ${format.duration(state.loop_delay_seconds)} late`);
  if (state.stalled_seconds > limits.stall_limit) bad(`The engine has work and has not moved for ${format.duration(state.stalled_seconds)}`);
  for (const account of state.accounts) {
    if (account.refused) {
      const names = stopped(account.refused);
      bad(`Account ${account.name} cannot be used${names.length ? `, and ${names.join(", ")} cannot go on` : ""}: ${account.refused}`);
    }
    if (account.throttled) warn(`The hub has slowed account ${account.name} down`);
    if (account.quota_reached) warn(`At today’s pace, account ${account.name} reaches its monthly volume on ${format.day(account.quota_reached)}`);
  }
  for (const archive of state.archives) {
    const { name, activity, why, products } = archive;
    if (activity === "failed" && !refusals.has(why)) bad(`${name}: ${why || "the last run failed"}`, name);
    if (activity === "out-of-space" || archive.free_bytes < archive.floor_bytes)
      bad(`${name} rests: ${why || `${format.size(archive.free_bytes)} are free, ${format.size(archive.floor_bytes)} are to be left`}`, name);
    if (archive.damaged) bad(`${name}: ${format.counted(archive.damaged, "product")} found damaged, to be fetched again`, name);
    if (activity === "paused" && !state.paused) warn(`${name} is paused${why ? `: ${why}` : ""}`, name);
    if (products.failed) warn(`${name}: ${format.counted(products.failed, "product")} failed`, name, "failed");
    if (products.quarantined) warn(`${name}: ${format.counted(products.quarantined, "product")} in quarantine`, name, "quarantined");
  }
  for (const alert of state.alerts) if (alert.rule === "nothing-new") warn(alert.message, alert.subject);
  if (state.paused) warn("Everything is paused");
  if (state.needs_restart) warn(`Only a restart brings what was changed in the configuration: ${state.needs_restart}`);
  return found.sort((a, b) => a.level.localeCompare(b.level));
}

function tiles(state) {
  const sum = (of) => state.archives.reduce((total, archive) => total + of(archive), 0);
  const products = (kind) => sum((archive) => archive.products[kind] ?? 0);
  const busy = state.slots.filter((slot) => slot.product);
  const lags = state.archives.map((archive) => archive.lag_seconds).filter((lag) => lag !== null);
  const oldest = state.archives.map((archive) => archive.oldest_waiting).filter(Boolean).sort()[0];
  const bytes = sum((archive) => archive.bytes);
  const verified = bytes ? `${format.size(bytes)}, ${format.percent(sum((archive) => archive.bytes * archive.verified_share) / bytes)} verified lately` : "nothing is here yet";
  const shown = [
    ["Receiving", format.rate(busy.reduce((total, slot) => total + slot.rate, 0)), `${busy.length} of ${format.counted(state.slots.length, "slot")} busy${state.bandwidth === null ? "" : `, at most ${format.rate(state.bandwidth)}`}`],
    ["Queue", format.count(sum((archive) => archive.queued)), "to settle in this run"],
    ["Waiting", format.count(products("waiting")), oldest ? `the oldest for ${format.since(oldest)}` : "for the hub"],
    ["Failed", format.count(products("failed") + products("quarantined")), products("quarantined") ? `${format.count(products("quarantined"))} in quarantine` : "the list has the reasons"],
    ["Lag", lags.length ? format.duration(Math.max(...lags)) : "–", "published until here, at worst"],
    ["Complete", format.count(products("complete")), verified],
  ];
  keyed(
    byId("tiles"),
    shown,
    ([name]) => name,
    ([name]) => el("div", {}, el("dt", { text: name }), el("dd", { class: "big" }), el("dd", { class: "muted" })),
    (node, [, value, about]) => {
      text(node.children[1], value);
      text(node.children[2], about);
    },
  );
}
