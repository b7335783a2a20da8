// The page as a whole: one view, kept in the address, and what the worker last said about it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAddress, useNow } from "../shared/hooks";
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
  useAddress(view, setView, { toHash, fromHash });

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

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), MINUTE);
}
