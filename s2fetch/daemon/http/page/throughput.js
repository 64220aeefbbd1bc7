// Bytes over the last hours: a chart to look at, a sentence and a table to read.

import { byId, el, keyed, svg, text } from "./dom.js";
import * as format from "./format.js";

const HEIGHT = 170;
const LEFT = 74;
const BOTTOM = 24;
const TOP = 10;

let periods = [];

let begun = -Infinity;

// `started`: of the daemon; what was before that is drawn, but not counted.
export function showThroughput(list, started) {
  begun = Date.parse(started);
  periods = list.filter((period) => period.seconds > 0).map((period) => {
    const at = Date.parse(period.start);
    const counted = Math.max(1, Math.min(period.seconds, (at - begun) / 1000 + period.seconds));
    return { ...period, at, counted, rate: period.received / counted };
  });
  chart();
  table();
}

const isCounted = (period) => period.at + period.seconds * 1000 > begun;

function summary() {
  const received = periods.reduce((sum, period) => sum + period.received, 0);
  if (!received) return "Nothing was received yet";
  const seconds = periods.filter(isCounted).reduce((sum, period) => sum + period.counted, 0);
  const best = periods.reduce((a, b) => (b.rate > a.rate ? b : a));
  return `${format.size(received)} in ${format.duration(seconds)}: ${format.rate(received / seconds)} on average, at most ${format.rate(best.rate)} at ${format.clockTime(best.start)}`;
}

function chart() {
  const holder = byId("throughput");
  const words = summary();
  text(byId("throughput-readout"), words);
  if (!periods.length) return holder.replaceChildren();
  // Drawn to measure, so that its words are as large as all others.
  const width = Math.max(280, holder.clientWidth);
  const most = width / 95;
  const first = periods[0].at;
  const last = periods.at(-1);
  const end = last.at + last.seconds * 1000;
  const [top, step] = scale(Math.max(...periods.map((period) => period.rate)));
  const x = (at) => LEFT + ((at - first) / (end - first)) * (width - LEFT);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const parts = [];
  for (let value = 0; value <= top * 1.001; value += step) {
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }));
    parts.push(svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end", text: value ? format.rate(value) : "0" }));
  }
  const every = [1, 2, 3, 4, 6, 12, 24].find((hours) => (end - first) / 3_600_000 / hours <= most) ?? 24;
  for (let at = Math.ceil(first / 3_600_000) * 3_600_000; at < end; at += 3_600_000) {
    if (new Date(at).getUTCHours() % every) continue;
    parts.push(svg("line", { class: "tick", x1: x(at), x2: x(at), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }));
    if (x(at) < width - 20) parts.push(svg("text", { x: x(at), y: HEIGHT - 6, "text-anchor": "middle", text: `${String(new Date(at).getUTCHours()).padStart(2, "0")}:00` }));
  }
  for (const period of periods) {
    const left = x(period.at);
    const wide = Math.max(0.8, x(period.at + period.seconds * 1000) - left - 1.2);
    const bar = svg("rect", { class: "period", x: left.toFixed(1), y: y(period.rate).toFixed(1), width: wide.toFixed(1), height: (HEIGHT - BOTTOM - y(period.rate)).toFixed(1) });
    // The whole column answers to the pointer, not only the bar.
    const column = svg("rect", { class: "column", x: left.toFixed(1), y: TOP, width: (wide + 1.2).toFixed(1), height: HEIGHT - TOP - BOTTOM });
    column.addEventListener("pointerenter", () => text(byId("throughput-readout"), `${format.clockTime(period.start)}: ${format.rate(period.rate)}, ${format.counted(period.completed, "product")} completed`));
    parts.push(bar, column);
  }
  const image = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `Throughput. ${words}` }, ...parts);
  image.addEventListener("pointerleave", () => text(byId("throughput-readout"), words));
  holder.replaceChildren(image);
}

function scale(most) {
  const rough = Math.max(most, 1000) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  return [Math.ceil(Math.max(most, 1000) / step) * step, step];
}

function table() {
  const hours = new Map();
  for (const period of periods.filter(isCounted)) {
    const hour = period.start.slice(0, 13);
    const sum = hours.get(hour) ?? { hour, received: 0, seconds: 0, completed: 0 };
    sum.received += period.received;
    sum.seconds += period.counted;
    sum.completed += period.completed;
    hours.set(hour, sum);
  }
  keyed(
    byId("throughput-rows"),
    [...hours.values()].reverse(),
    (one) => one.hour,
    (one) => el("tr", {}, el("th", { scope: "row", text: format.moment(`${one.hour}:00`) }), el("td", { class: "number" }), el("td", { class: "number" }), el("td", { class: "number" })),
    (row, one) => {
      text(row.children[1], format.size(one.received));
      text(row.children[2], format.rate(one.received / one.seconds));
      text(row.children[3], format.count(one.completed));
    },
  );
}

window.addEventListener("resize", () => periods.length && chart());
