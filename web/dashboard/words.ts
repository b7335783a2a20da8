// Text as words, in the way in which include/sources/comments_weekly/dashboard.py lists them: letters and digits in a
// row, one symbol (as emoji are), or one letter of a script that is written without blanks.
import { fold } from "../shared/search";

const SPACELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu;
const WORDS = /[\p{L}\p{N}]+|\p{So}/gu;
const CHARACTERS = 40;

/** So much of a word as the index has. */
export const indexed = (word: string): string => Array.from(word).slice(0, CHARACTERS).join("");

export function words(text: string): string[] {
  const folded = fold(text);
  return (/[^\x00-\x7F]/.test(folded) ? folded.replace(SPACELESS, " $& ") : folded).match(WORDS) ?? [];
}

/** Words for comparison: a text has a term where it includes it, from the beginning of a word on. */
export const joined = (found: readonly string[]): string => ` ${found.join(" ")}`;

/** The order of code points, in which the index is; that of strings puts emoji before some letters. */
export function before(a: string, b: string): boolean {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (one === other) continue;
    const [high, low] = [isSurrogate(one), isSurrogate(other)];
    return high === low ? one < other : low;
  }
  return a.length < b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
