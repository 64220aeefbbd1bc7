// Numbers and times for people. All times are UTC; "now" is the daemon's, not the browser's.

const WHOLE = new Intl.NumberFormat("en");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const TILE = /_T(\d{2}[A-Z]{3})(?:_|\.|$)/;
const SENTINEL_2 = /^(S2[A-D])_MSI(L\w{2})_(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})\d{2}_/;

let skew = 0;

export function setNow(iso) {
  skew = Date.parse(iso) - Date.now();
}

export const now = () => Date.now() + skew;

export const count = (value) => WHOLE.format(value);

export function counted(value, noun, plural = `${noun}s`) {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export const rate = (bytesPerSecond) => `${size(bytesPerSecond)}/s`;

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  if (hours < 48) return `${Math.round(minutes / 60)} h`;
  return counted(Math.round(minutes / 1440), "day");
}

export function ago(iso) {
  return iso ? `${duration((now() - Date.parse(iso)) / 1000)} ago` : "";
}

export function until(iso) {
  const seconds = (Date.parse(iso) - now()) / 1000;
  return seconds > 0 ? `in ${duration(seconds)}` : "due now";
}

export const since = (iso) => duration((now() - Date.parse(iso)) / 1000);

export function clockTime(iso) {
  return iso.slice(11, 16);
}

export function day(iso) {
  const [year, month, date] = iso.slice(0, 10).split("-");
  return `${Number(date)} ${MONTHS[Number(month) - 1]} ${year}`;
}

export const moment = (iso) => `${day(iso)}, ${clockTime(iso)}`;

export const month = (number) => MONTHS[number];

export function percent(share) {
  // 99.96 % is not all of it.
  const value = share * 100;
  const shown = value > 99.9 && value < 100 ? 99.9 : value;
  return `${shown.toFixed(shown === 100 || shown === 0 ? 0 : 1)} %`;
}

export const tileOf = (name) => TILE.exec(name)?.[1] ?? "";

// What a product's name says, in words; empty for names that do not follow Sentinel-2's scheme.
export function readable(name) {
  const part = SENTINEL_2.exec(name);
  if (!part) return "";
  const [, platform, level, year, month_, date, hour, minute] = part;
  const tile = tileOf(name);
  return `${tile ? `${tile} · ` : ""}${year}-${month_}-${date} ${hour}:${minute} · ${platform} ${level}`;
}
