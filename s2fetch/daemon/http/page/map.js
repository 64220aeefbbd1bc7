// Footprints on an equirectangular map, drawn to their own extent, with a graticule in degrees.

import { byId, svg, text } from "./dom.js";
import * as format from "./format.js";

const MOST_WIDTH = 760;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45];
const RANK = { complete: 0, queued: 1, waiting: 2, missing: 3 };
const MOST_LABELS = 60;

const look = (state) => (state in RANK ? state : "missing");

let shown = { features: [] };

export function showMap(collection) {
  shown = collection;
  const shapes = gather(collection.features);
  const holder = byId("map");
  const readout = byId("map-readout");
  const words = summary(shapes, collection.features.length);
  text(readout, words);
  if (!shapes.length) return holder.replaceChildren();
  const frame = frameOf(shapes, Math.min(MOST_WIDTH, Math.max(280, holder.clientWidth)));
  const parts = [...graticule(frame)];
  for (const shape of shapes) {
    const path = svg("path", { class: "footprint", "data-is": shape.state, d: pathOf(shape.polygons, frame) });
    path.addEventListener("pointerenter", () => text(readout, tell(shape)));
    parts.push(path);
  }
  parts.push(...labels(shapes, frame));
  const image = svg("svg", { class: "map", viewBox: `0 0 ${frame.width} ${frame.height}`, role: "img", "aria-label": `Map. ${words}` }, hatch(), ...parts);
  image.addEventListener("pointerleave", () => text(readout, words));
  holder.replaceChildren(image);
}

// Products of one tile mostly share their footprint: one shape for all of them, as good as its worst.
function gather(features) {
  const shapes = new Map();
  for (const { geometry, properties } of features) {
    if (!geometry) continue;
    const key = JSON.stringify(geometry.coordinates);
    const state = look(properties.state);
    const shape = shapes.get(key);
    if (!shape) {
      const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
      shapes.set(key, { polygons: unwrapped(polygons), names: [properties.name], state });
    } else {
      shape.names.push(properties.name);
      if (RANK[state] > RANK[shape.state]) shape.state = state;
    }
  }
  return [...shapes.values()].sort((a, b) => RANK[a.state] - RANK[b.state]);
}

// A footprint over the antimeridian goes on beyond 180 degrees instead of around the globe.
function unwrapped(polygons) {
  const longitudes = polygons.flat(2).map(([lon]) => lon);
  if (Math.max(...longitudes) - Math.min(...longitudes) <= 180) return polygons;
  return polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lon < 0 ? lon + 360 : lon, lat])));
}

function frameOf(shapes, width) {
  const positions = shapes.flatMap((shape) => shape.polygons.flat(2));
  let west = Infinity, east = -Infinity, south = Infinity, north = -Infinity;
  for (const [lon, lat] of positions) {
    west = Math.min(west, lon);
    east = Math.max(east, lon);
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  const squeeze = Math.max(0.1, Math.cos((((south + north) / 2) * Math.PI) / 180));
  const middle = { lon: (west + east) / 2, lat: (south + north) / 2 };
  const wide = Math.max((east - west) * 1.16, 1);
  const high = Math.max((north - south) * 1.16, 0.7);
  // True to scale at the middle latitude; never flatter than 1:2 or taller than 3:4.
  const ratio = Math.min(0.75, Math.max(0.5, high / (wide * squeeze)));
  const span = Math.max(wide, high / ratio / squeeze);
  const height = Math.round(width * ratio);
  const scale = width / span;
  return {
    width,
    height,
    span,
    west: middle.lon - span / 2,
    east: middle.lon + span / 2,
    south: middle.lat - height / 2 / (scale / squeeze),
    north: middle.lat + height / 2 / (scale / squeeze),
    x: (lon) => (lon - middle.lon) * scale + width / 2,
    y: (lat) => height / 2 - (lat - middle.lat) * (scale / squeeze),
  };
}

function graticule(frame) {
  const parts = [];
  const step = STEPS.find((one) => frame.span / one <= frame.width / 64) ?? 60;
  const digits = step < 1 ? 1 : 0;
  for (let lon = Math.ceil(frame.west / step) * step; lon <= frame.east; lon += step) {
    const x = frame.x(lon).toFixed(1);
    parts.push(svg("line", { class: "grid", x1: x, x2: x, y1: 0, y2: frame.height }));
    if (x > 24 && x < frame.width - 24) parts.push(svg("text", { class: "degree", x, y: frame.height - 6, "text-anchor": "middle", text: degrees(lon > 180 ? lon - 360 : lon, "E", "W", digits) }));
  }
  const vertical = STEPS.find((one) => (frame.north - frame.south) / one <= frame.height / 55) ?? 60;
  for (let lat = Math.ceil(Math.max(-90, frame.south) / vertical) * vertical; lat <= Math.min(90, frame.north); lat += vertical) {
    const y = frame.y(lat).toFixed(1);
    parts.push(svg("line", { class: "grid", x1: 0, x2: frame.width, y1: y, y2: y }));
    if (y > 14 && y < frame.height - 22) parts.push(svg("text", { class: "degree", x: 6, y: Number(y) - 4, text: degrees(lat, "N", "S", vertical < 1 ? 1 : 0) }));
  }
  return parts;
}

function degrees(value, positive, negative, digits) {
  const amount = Math.abs(value).toFixed(digits);
  return Number(amount) === 0 ? "0°" : `${amount}°${value > 0 ? positive : negative}`;
}

function pathOf(polygons, frame) {
  const ring = (positions) => `M${positions.map(([lon, lat]) => `${frame.x(lon).toFixed(1)},${frame.y(lat).toFixed(1)}`).join("L")}Z`;
  return polygons.map((rings) => rings.map(ring).join("")).join("");
}

function labels(shapes, frame) {
  const tiles = new Map();
  for (const shape of shapes) {
    const tile = format.tileOf(shape.names[0]);
    if (!tile) continue;
    const ring = shape.polygons[0][0];
    const xs = ring.map(([lon]) => frame.x(lon));
    const ys = ring.map(([, lat]) => frame.y(lat));
    const wide = Math.max(...xs) - Math.min(...xs);
    const known = tiles.get(tile);
    if (!known || known.wide < wide) tiles.set(tile, { wide, x: (Math.max(...xs) + Math.min(...xs)) / 2, y: (Math.max(...ys) + Math.min(...ys)) / 2 });
  }
  if (tiles.size > MOST_LABELS) return [];
  const placed = [];
  for (const [tile, place] of tiles) {
    const free = placed.every((other) => Math.abs(other.x - place.x) > 44 || Math.abs(other.y - place.y) > 14);
    if (place.wide > 44 && free) placed.push({ tile, ...place });
  }
  return placed.map(({ tile, x, y }) => svg("text", { class: "tile", x: x.toFixed(1), y: (y + 4).toFixed(1), "text-anchor": "middle", text: tile }));
}

function hatch() {
  const lines = svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 6 }));
  return svg("defs", {}, lines);
}

function tell(shape) {
  const { names, state } = shape;
  const tile = format.tileOf(names[0]);
  const whole = { complete: "all complete", queued: "some to come" }[state] ?? `some ${state}`;
  return names.length === 1 ? `${names[0]}: ${state}` : `${tile ? `Tile ${tile}: ` : ""}${format.counted(names.length, "product")}, ${whole}`;
}

function summary(shapes, products) {
  if (!shapes.length) return "No footprints yet";
  const by = (state) => shapes.filter((shape) => shape.state === state).length;
  const parts = [`${by("complete")} complete`];
  if (by("queued")) parts.push(`${by("queued")} with products to come`);
  if (by("waiting")) parts.push(`${by("waiting")} with waiting products`);
  if (by("missing")) parts.push(`${by("missing")} with missing ones`);
  return `${format.counted(products, "product")} on ${format.counted(shapes.length, "footprint")}: ${parts.join(", ")}`;
}

window.addEventListener("resize", () => shown.features.length && showMap(shown));
