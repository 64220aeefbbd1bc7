// The page: follows the daemon, shows what it says, and passes on what it is told.

import { Access, ask, headers } from "./access.js";
import { showArchives } from "./archives.js";
import { Calendar } from "./calendar.js";
import { atMostEvery, byId, el, text } from "./dom.js";
import * as format from "./format.js";
import { Live } from "./live.js";
import { beginLog, clearLog, tellLog } from "./log.js";
import { showMap } from "./map.js";
import { setLimits, showOverview } from "./overview.js";
import { MOST, Products } from "./products.js";
import { showAccounts, showSlots } from "./slots.js";
import { showThroughput } from "./throughput.js";

const LIVE = { connecting: "connecting", live: "live", lost: "reconnecting", locked: "needs the token" };
const MOST_FOOTPRINTS = 600;

let state = null;
let chosen = decodeURIComponent(location.hash.slice(1));
let unlocked = false;
let settled = "";
let gone = false;

const calendar = new Calendar();
const products = new Products(() => loadProducts());
const access = new Access(onAccess);
const live = new Live({ headers, onMessage, onState: onLive });

const refreshThroughput = atMostEvery(20_000, loadThroughput);
const refreshArchive = atMostEvery(15_000, () => loadArchive({ fresh: false }));

function onMessage(name, data) {
  if (name === "state") onStateOfDaemon(data);
  else if (name === "event") tellLog(data);
  else if (name === "hello") {
    setLimits(data);
    if (!data.resumed) clearLog();
  }
}

function onStateOfDaemon(fresh) {
  const first = state === null;
  state = fresh;
  format.setNow(state.now);
  const known = state.archives.some((archive) => archive.name === chosen);
  if (!known) chosen = state.archives[0]?.name ?? "";
  show();
  refreshThroughput();
  const archive = chosenArchive();
  const now = archive ? JSON.stringify([archive.name, archive.products, archive.queued]) : "";
  if (first || !known) loadArchive({ fresh: true });
  else if (now !== settled) refreshArchive();
  settled = now;
}

function chosenArchive() {
  return state?.archives.find((archive) => archive.name === chosen);
}

function show() {
  if (!state) return;
  showOverview(state, lookAt);
  showSlots(state);
  showAccounts(state);
  showArchives(state, { chosen, choose, tell, unlocked });
  showAllControls();
  const archive = chosenArchive();
  text(byId("one-name"), archive?.name ?? "");
  text(byId("one-folder"), archive?.folder ?? "");
  if (archive) products.counts(archive);
}

function choose(name, list = "") {
  chosen = name;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  show();
  const loaded = loadArchive({ fresh: true, list });
  // Chosen and out of sight is as good as nothing having happened.
  const panel = byId("one");
  if (panel.getBoundingClientRect().top > innerHeight * 0.6) panel.scrollIntoView();
  return loaded;
}

// From what needs a look to where it can be looked at; the focus goes along.
async function lookAt(name, list) {
  const loaded = choose(name, list);
  const place = byId(list ? "h-products" : "h-one");
  place.scrollIntoView();
  place.focus({ preventScroll: true });
  await loaded;
  // Calendar and map are above it: where they came late, they have pushed it out of sight.
  const { top } = place.getBoundingClientRect();
  if (document.activeElement === place && (top < 0 || top > innerHeight)) place.scrollIntoView();
}

const one = (name) => `/api/v1/archives/${encodeURIComponent(name)}`;

async function loadArchive({ fresh, list = "" }) {
  const name = chosen;
  if (!name) return;
  if (fresh) products.begin(chosenArchive(), list);
  loadProducts();
  const [coverage, footprints] = await Promise.all([quietly(`${one(name)}/coverage`), quietly(`${one(name)}/footprints?limit=${MOST_FOOTPRINTS}`)]);
  if (name !== chosen) return;
  if (coverage) calendar.show(coverage, { fresh });
  if (footprints) showMap(footprints);
}

async function loadProducts() {
  const [name, kind] = [chosen, products.state];
  if (!name) return;
  const rows = await quietly(`${one(name)}/products?state=${kind}&limit=${MOST}`);
  if (rows && name === chosen && kind === products.state) products.show(rows);
}

async function loadThroughput() {
  const periods = await quietly("/api/v1/throughput");
  if (periods) showThroughput(periods, state.started);
}

// Parts that cannot be read now are read again with the next change; the stream says what is wrong.
async function quietly(path) {
  try {
    return await ask(path);
  } catch (error) {
    if (error.status) notice(error.message);
    return null;
  }
}

function onLive(now, status = 0) {
  byId("live").dataset.state = now;
  text(byId("live-text"), LIVE[now]);
  if (now === "lost") lost(status);
  else if (now !== "connecting") found();
  if (now === "live" || now === "locked") access.look().catch((error) => notice(error.message));
}

// What was true when it was last heard of must not be taken for what is true now.
function lost(status) {
  gone = true;
  const last = state ? ` What you see was so at ${format.clockTime(state.now)} UTC on ${format.day(state.now)}.` : "";
  const why = status === 503 ? "Too many pages follow the daemon already" : "The daemon does not answer";
  notice(`${why}; it is asked again until it does.${last}`);
  document.title = "✕ s2fetch · no answer";
}

function found() {
  if (gone) notice("");
  gone = false;
}

function onAccess(changes, renewed) {
  unlocked = changes;
  show();
  if (renewed) live.restart();
}

function showAllControls() {
  const group = byId("all-controls");
  const wanted = unlocked ? (state.paused ? "resume" : "pause") : "";
  if (group.dataset.shows === wanted) return;
  group.dataset.shows = wanted;
  const button = (what, label) => el("button", { type: "button", text: label, onclick: () => tell("", what) });
  if (!wanted) group.replaceChildren();
  else group.replaceChildren(button(wanted, wanted === "pause" ? "Pause all" : "Resume all"), button("reload", "Reload configuration"));
}

async function tell(name, what) {
  try {
    await ask(name ? `${one(name)}/${what}` : `/api/v1/${what}`, { method: "POST" });
    notice("");
  } catch (error) {
    notice(error.message);
    if (error.status === 401) access.look();
  }
}

function notice(words) {
  const node = byId("notice");
  node.hidden = !words;
  text(node, words);
}

beginLog();
setInterval(() => gone || show(), 15_000);
live.start();
