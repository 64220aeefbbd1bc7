// Products per day of sensing, a year at a time: a grid for the eye, the arrow keys and the ear.

import { attribute, byId, el, keyed, text } from "./dom.js";
import * as format from "./format.js";

const DAY = 86_400_000;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const STEPS = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -7, ArrowRight: 7 };

const MOST_GAPS = 8;

// A day is as good as its worst product.
const look = (one) => (one.missing ? "missing" : one.waiting ? "waiting" : one.queued ? "queued" : "complete");
const iso = (at) => new Date(at).toISOString().slice(0, 10);

export class Calendar {
  constructor() {
    this.days = new Map();
    this.end = 0;
    this.holder = byId("calendar");
    this.readout = byId("calendar-readout");
    byId("year-back").addEventListener("click", () => this.turn(-1));
    byId("year-on").addEventListener("click", () => this.turn(1));
    this.holder.addEventListener("keydown", (event) => this.key(event));
    this.holder.addEventListener("focusin", (event) => this.tell(event.target));
    this.holder.addEventListener("pointerover", (event) => this.tell(event.target));
    this.holder.addEventListener("pointerleave", () => text(this.readout, this.summary()));
  }

  show(days, { fresh }) {
    this.days = new Map(days.map((one) => [one.day, one]));
    this.first = days.length ? Date.parse(days[0].day) : 0;
    this.last = days.length ? Date.parse(days.at(-1).day) : 0;
    if (fresh || !this.end) this.end = this.last;
    this.draw();
    const queued = days.filter((one) => one.queued).length;
    this.gaps(days.filter((one) => one.missing || one.waiting).reverse(), queued);
  }

  // Days with products that only wait for their turn are no gaps, and not complete either.
  gaps(days, queued) {
    const more = days.length - MOST_GAPS;
    const head = days.length ? `Days that are not complete${more > 0 ? ` (the last ${MOST_GAPS} of ${format.count(days.length)})` : ""}` : queued ? `${format.counted(queued, "day")} with products in the queue, no gap so far` : "Every day is complete";
    text(byId("h-gaps"), head);
    keyed(
      byId("gaps"),
      days.slice(0, MOST_GAPS),
      (one) => one.day,
      () => el("li", {}, el("span", { class: "day", "aria-hidden": "true" }), el("span", {})),
      (node, one) => {
        attribute(node.firstChild, "data-is", look(one));
        text(node.lastChild, this.words(one.day));
      },
    );
  }

  turn(years) {
    const end = new Date(this.end);
    end.setUTCFullYear(end.getUTCFullYear() + years);
    this.end = Math.min(end.getTime(), this.last);
    this.draw();
  }

  draw() {
    const focused = document.activeElement?.dataset?.day;
    byId("year-back").disabled = !this.days.size || this.begin() <= this.first;
    byId("year-on").disabled = this.end >= this.last;
    if (!this.days.size) {
      text(byId("year"), "");
      this.holder.replaceChildren();
      return text(this.readout, "No products yet");
    }
    const begin = this.begin();
    text(byId("year"), `${format.month(new Date(begin).getUTCMonth())} ${iso(begin).slice(0, 4)} – ${format.month(new Date(this.end).getUTCMonth())} ${iso(this.end).slice(0, 4)}`);
    this.holder.replaceChildren(this.grid(begin));
    this.holder.scrollLeft = this.holder.scrollWidth;
    const last = this.cell(this.end);
    attribute(this.cell(focused ? Date.parse(focused) : this.end) ?? last, "tabindex", "0");
    if (focused) this.cell(Date.parse(focused))?.focus();
    text(this.readout, this.summary());
  }

  // The Monday a year before the last day shown.
  begin() {
    const monday = this.end - ((new Date(this.end).getUTCDay() + 6) % 7) * DAY;
    return monday - 52 * 7 * DAY;
  }

  grid(begin) {
    const weeks = Array.from({ length: 53 }, (_, week) => begin + week * 7 * DAY);
    const months = weeks.map((monday, week) => {
      const month = new Date(monday).getUTCMonth();
      const fresh = week === 0 || new Date(monday - 7 * DAY).getUTCMonth() !== month;
      const room = week < 51 && (week > 0 || new Date(monday + 14 * DAY).getUTCMonth() === month);
      return el("td", { class: "month", text: fresh && room ? format.month(month) : "" });
    });
    const rows = WEEKDAYS.map((name, weekday) =>
      el(
        "tr",
        { role: "row" },
        el("th", { scope: "row", role: "rowheader", "aria-label": name, text: weekday % 2 ? "" : name }),
        ...weeks.map((monday) => this.day(monday + weekday * DAY)),
      ),
    );
    return el("table", { class: "calendar", role: "grid", "aria-labelledby": "h-calendar", "aria-describedby": "calendar-readout" }, el("thead", { "aria-hidden": "true" }, el("tr", {}, el("td", {}), ...months)), el("tbody", { role: "rowgroup" }, ...rows));
  }

  day(at) {
    if (at > this.end) return el("td", { role: "gridcell" });
    const name = iso(at);
    const one = this.days.get(name);
    const is = one ? look(one) : null;
    const much = is === "complete" ? (one.complete > 20 ? 3 : one.complete > 5 ? 2 : 1) : null;
    return el("td", { role: "gridcell", class: "day", tabindex: "-1", "data-day": name, "data-is": is, "data-much": much, "aria-label": this.words(name) });
  }

  cell(at) {
    return this.holder.querySelector(`[data-day="${iso(at)}"]`);
  }

  words(name) {
    const one = this.days.get(name);
    if (!one) return `${format.day(name)}: none`;
    const parts = [`${format.count(one.complete)} complete`];
    if (one.queued) parts.push(`${format.count(one.queued)} in the queue`);
    if (one.waiting) parts.push(`${format.count(one.waiting)} waiting`);
    if (one.missing) parts.push(`${format.count(one.missing)} missing`);
    return `${format.day(name)}: ${parts.join(", ")}`;
  }

  tell(node) {
    if (node.dataset?.day) text(this.readout, this.words(node.dataset.day));
  }

  summary() {
    const begin = iso(this.begin());
    const end = iso(this.end);
    const sum = { days: 0, complete: 0, queued: 0, waiting: 0, missing: 0 };
    for (const one of this.days.values()) {
      if (one.day < begin || one.day > end) continue;
      sum.days += 1;
      for (const kind of ["complete", "queued", "waiting", "missing"]) sum[kind] += one[kind];
    }
    return `${format.counted(sum.days, "day")} with products: ${format.count(sum.complete)} complete, ${sum.queued ? `${format.count(sum.queued)} in the queue, ` : ""}${format.count(sum.waiting)} waiting, ${format.count(sum.missing)} missing`;
  }

  key(event) {
    const name = event.target.dataset?.day;
    if (!name) return;
    const begin = this.begin();
    let at = Date.parse(name);
    if (event.key in STEPS) at += STEPS[event.key] * DAY;
    else if (event.key === "Home") at = begin;
    else if (event.key === "End") at = this.end;
    else return;
    event.preventDefault();
    const cell = this.cell(Math.min(Math.max(at, begin), this.end));
    attribute(event.target, "tabindex", "-1");
    attribute(cell, "tabindex", "0");
    cell.focus();
  }
}
