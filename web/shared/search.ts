// What a reader searches for, and text in the form in which it is compared.

/** Text in which case, accents and forms of one letter make no difference. include/sources/comments_weekly/dashboard.py
 * does the same to the words that it lists. */
export function fold(text: string): string {
  if (!/[^\x00-\x7F]/.test(text)) return text.toLowerCase();
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ς", "σ");
}

/** Words, or "several words" in quotes, folded; every one must be found. */
export function terms(search: string): string[] {
  const found = Array.from(search.matchAll(/"([^"]+)"|[^\s"]+/g), (match) => fold(match[1] ?? match[0]));
  return found.filter((term) => term.trim() !== "");
}
