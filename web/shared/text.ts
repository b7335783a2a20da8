// Numbers and times as people read them, the same for every reader.

const NUMBER = new Intl.NumberFormat("en");
const TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const number = (value: number): string => NUMBER.format(value);

export const time = (value: string): string => `${TIME.format(new Date(value))} UTC`;

export function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** How long ago, in the unit that says it best; a clock that runs behind makes nothing younger than now. */
export function age(milliseconds: number): string {
  if (milliseconds >= 2 * DAY) return counted(Math.floor(milliseconds / DAY), "day");
  if (milliseconds >= HOUR) return counted(Math.floor(milliseconds / HOUR), "hour");
  return counted(Math.max(0, Math.floor(milliseconds / MINUTE)), "minute");
}

export function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${number(Math.round(bytes / 1e6))} MB`;
}
