// Codes and figures as people read them.
import type { Mood } from "./figures";

const MOODS: Record<Mood, string> = {
  very_positive: "Very positive",
  positive: "Positive",
  neutral: "Neutral",
  negative: "Negative",
  very_negative: "Very negative",
  other_language: "Other language",
  no_text: "No text",
  failed: "Scoring failed",
  unscored: "Not scored yet",
};
const PLATFORMS: Record<string, string> = {
  instagram: "Instagram",
  youtube: "YouTube",
  tiktok: "TikTok",
  facebook: "Facebook",
  reddit: "Reddit",
};

const DAY = 86_400_000;
const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const LONG = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

export const moodName = (mood: string): string => MOODS[mood as Mood] ?? mood;
export const platformName = (platform: string): string => PLATFORMS[platform] ?? platform;

export const dayName = (day: string): string => SHORT.format(Date.parse(day));
export const dateName = (day: string): string => LONG.format(Date.parse(day));
export const moment = (milliseconds: number): string => MINUTE.format(milliseconds);

export function weekName(week: string): string {
  const monday = Date.parse(week);
  return `${SHORT.format(monday)} – ${LONG.format(monday + 6 * DAY)}`;
}

/** A real minus, and a plus where the sign is the message. */
export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return (value < 0 ? "−" : "+") + text;
}

export function sentiment(value: number | null): string {
  if (value === null) return "–";
  const text = Math.abs(value).toFixed(2);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function percent(part: number, whole: number): string {
  return whole ? `${((100 * part) / whole).toFixed(part && part < whole / 100 ? 1 : 0)} %` : "–";
}
