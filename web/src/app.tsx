// The page as a whole: one view, kept in the address, and what the worker last said about it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Client } from "./client";
import type { Row } from "./columns";
import type { Format } from "./files";
import { Grid } from "./grid";
import { Head } from "./head";
import type { Latest } from "./latest";
import { Notices } from "./notices";
import { Pager } from "./pager";
import type { Answer } from "./protocol";
import { Structure } from "./structure";
import { Tools } from "./tools";
import { fromHash, INITIAL, toHash, type View } from "./view";

const MINUTE = 60_000;
const HASH_DELAY = 300;

export interface Progress {
  readonly loaded: number;
  readonly finished: boolean;
  readonly failures: readonly string[];
}

const NOTHING: Progress = { loaded: 0, finished: false, failures: [] };

export function App() {
  const [view, setView] = useState<View>(() => fromHash(location.hash));
  const [latest, setLatest] = useState<Latest>();
  const [progress, setProgress] = useState(NOTHING);
  const [unavailable, setUnavailable] = useState<string>();
  const [answer, setAnswer] = useState<Answer>();
  const [exporting, setExporting] = useState<Format>();
  const [pictured, setPictured] = useState<Row>();
  const now = useNow();
  const version = useRef("");

  const client = useMemo(
    () =>
      new Client((reply) => {
        switch (reply.kind) {
          case "opened":
            version.current = reply.latest.version;
            setLatest(reply.latest);
            break;
          case "unavailable":
            setUnavailable(reply.reason);
            break;
          case "progress":
            setProgress(reply);
            break;
          case "found":
            setAnswer(reply);
            break;
          case "file":
            setExporting(undefined);
            download(reply.blob, `clinical_compound_trials-${version.current}-${reply.rows}-rows.${reply.format}`);
            break;
        }
      }),
    [],
  );

  const load = () => {
    setUnavailable(undefined);
    setProgress((before) => ({ ...before, finished: false, failures: [] }));
    client.load();
  };
  useEffect(load, []);
  useEffect(() => client.find(view), [view, progress]);
  useAddress(view, setView);

  const change = (changes: Partial<View>) => setView((before) => ({ ...before, page: 1, ...changes }));
  const titles = useMemo(
    () => new Map(latest?.columns.map((column) => [column.name, column])),
    [latest],
  );

  return (
    <>
      <Head latest={latest} now={now} />
      <Notices
        latest={latest}
        now={now}
        unavailable={unavailable}
        failures={progress.finished ? progress.failures : []}
        loaded={progress.loaded}
        retry={load}
      />
      {latest && (
        <main>
          <Tools
            view={view}
            answer={answer}
            total={latest.rows}
            progress={progress}
            titles={titles}
            exporting={exporting}
            change={change}
            reset={() => setView({ ...INITIAL, columns: view.columns, size: view.size })}
            save={(format) => {
              setExporting(format);
              client.export(view, format);
            }}
          />
          <Grid view={view} answer={answer} titles={titles} change={change} picture={setPictured} />
          <Pager view={view} answer={answer} change={change} />
        </main>
      )}
      <Structure row={pictured} close={() => setPictured(undefined)} />
    </>
  );
}

/** Keeps view and address the same, whichever changes. */
function useAddress(view: View, setView: (view: View) => void): void {
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

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), MINUTE);
}
