// What lives as long as the page: the time, and the view in the address.
import { useEffect, useState } from "preact/hooks";

const MINUTE = 60_000;
const HASH_DELAY = 300;

export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE);
    return () => clearInterval(timer);
  }, []);
  return now;
}

interface Form<View> {
  readonly toHash: (view: View) => string;
  readonly fromHash: (hash: string) => View;
}

/** Keeps view and address the same, whichever changes. */
export function useAddress<View>(view: View, setView: (view: View) => void, { toHash, fromHash }: Form<View>): void {
  useEffect(() => {
    // Browsers refuse a page that changes its address with every key
    const timer = setTimeout(() => {
      const hash = toHash(view);
      if (hash !== toHash(fromHash(location.hash))) history.replaceState(null, "", hash ? `#${hash}` : ".");
    }, HASH_DELAY);
    return () => clearTimeout(timer);
  }, [view]);
  useEffect(() => {
    const follow = () => setView(fromHash(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
}
