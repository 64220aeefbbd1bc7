// One card for each archive; choosing one shows its coverage and its products below.

import { attribute, byId, el, keyed, svg, text } from "./dom.js";
import * as format from "./format.js";

const ACTIVITY = {
  idle: ["idle", "calm"],
  queued: ["queued", "calm"],
  syncing: ["syncing", "busy"],
  scrubbing: ["scrubbing", "busy"],
  paused: ["paused", "warn"],
  "out-of-space": ["no space", "bad"],
  failed: ["failed", "bad"],
};
const SIGNS = { calm: "○", busy: "●", warn: "‖", bad: "✕" };
const KINDS = [
  ["complete", "complete"],
  ["waiting", "waiting"],
  ["failed", "missing"],
  ["quarantined", "missing"],
];

// `choose(name)` shows an archive; `tell(name, what)` has it paused, resumed or synced.
export function showArchives(state, { chosen, choose, tell, unlocked }) {
  keyed(
    byId("archives"),
    state.archives,
    (archive) => archive.name,
    (archive) => card(archive, choose, tell),
    (node, archive) => update(node, archive, archive.name === chosen, unlocked),
  );
}

function card({ name }, choose, tell) {
  const fact = (about) => el("div", {}, el("dt", { text: about }), el("dd", {}));
  const tool = (what, label) => el("button", { type: "button", class: "small", "data-what": what, "aria-label": `${label} ${name}`, text: label, onclick: (event) => tell(name, event.currentTarget.dataset.what) });
  return el(
    "li",
    { class: "card" },
    el("div", { class: "split" }, el("h3", {}, el("button", { type: "button", class: "choose", text: name, onclick: () => choose(name) })), el("span", { class: "badge" }, el("span", { "aria-hidden": "true" }), el("span", {}))),
    svg("svg", { class: "parts", viewBox: "0 0 100 8", preserveAspectRatio: "none", role: "img" }, ...KINDS.map(([, look]) => svg("rect", { "data-is": look, height: 8 }))),
    el("p", { class: "counts" }),
    el("p", { class: "why bad-text" }),
    el("dl", { class: "facts" }, ...["Lag", "Last run", "Next run", "Verified", "Free"].map(fact)),
    el("div", { class: "buttons", role: "group", "aria-label": `Archive ${name}` }, tool("pause", "Pause"), tool("sync", "Sync now")),
  );
}

function update(node, archive, chosen, unlocked) {
  const [head, parts, counts, why, facts, tools] = node.children;
  attribute(node, "data-chosen", chosen);
  attribute(head.querySelector("button"), "aria-pressed", chosen ? "true" : "false");
  const [word, level] = ACTIVITY[archive.activity] ?? [archive.activity, "calm"];
  const badge = head.lastChild;
  attribute(badge, "data-level", level);
  text(badge.firstChild, SIGNS[level]);
  text(badge.lastChild, word);
  composition(parts, archive);
  const words = KINDS.filter(([kind]) => kind === "complete" || archive.products[kind]).map(([kind]) => `${format.count(archive.products[kind] ?? 0)} ${kind}`);
  if (archive.queued) words.push(`${format.count(archive.queued)} in the queue`);
  if (archive.products.withdrawn) words.push(`${format.count(archive.products.withdrawn)} withdrawn`);
  text(counts, words.join(" · "));
  attribute(parts, "aria-label", `Products: ${words.join(", ")}`);
  text(why, archive.why);
  why.hidden = !archive.why;
  const values = [
    archive.lag_seconds === null ? "–" : format.duration(archive.lag_seconds),
    lastRun(archive.last_run),
    archive.next_run ? format.until(archive.next_run) : "–",
    archive.bytes ? format.percent(archive.verified_share) : "–",
    `${format.size(archive.free_bytes)} (floor ${format.size(archive.floor_bytes)})`,
  ];
  values.forEach((value, index) => text(facts.children[index].lastChild, value));
  tools.hidden = !unlocked;
  const paused = archive.activity === "paused";
  const pause = tools.firstChild;
  attribute(pause, "data-what", paused ? "resume" : "pause");
  attribute(pause, "aria-label", `${paused ? "Resume" : "Pause"} ${archive.name}`);
  text(pause, paused ? "Resume" : "Pause");
}

function lastRun(run) {
  if (!run) return "none yet";
  const ended = new Date(Date.parse(run.started) + run.seconds * 1000).toISOString();
  const fetched = run.fetched ? `, ${format.count(run.fetched)} fetched` : "";
  return `${run.outcome}${fetched}, ${format.ago(ended)}`;
}

// What is in the queue is the part that has no colour yet.
function composition(bar, { products, queued }) {
  const sum = KINDS.reduce((total, [kind]) => total + (products[kind] ?? 0), queued);
  let at = 0;
  KINDS.forEach(([kind], index) => {
    const number = products[kind] ?? 0;
    // What is there is seen, however few they are.
    const wide = number ? Math.max(1.2, (number / sum) * 100) : 0;
    attribute(bar.children[index], "x", at.toFixed(2));
    attribute(bar.children[index], "width", Math.max(0, Math.min(wide, 100 - at)).toFixed(2));
    at += wide;
  });
}
