// The page's side of the worker. One question is under way at a time, and only the newest waits behind it: whoever
// types quickly never waits for the answers to what they typed before.
import { startWorker } from "../shared/scripts";
import type { Format } from "./files";
import type { Reply, Request } from "./protocol";
import type { View } from "./view";
import workerUrl from "./worker?worker&url";

type Listener = (reply: Reply) => void;

export class Client {
  private readonly worker: Worker;
  private asking = false;
  private waiting: View | undefined;

  constructor(listener: Listener) {
    this.worker = startWorker(workerUrl, "table-page");
    this.worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      listener(data);
      if (data.kind === "found") this.answered();
    });
    this.worker.addEventListener("error", ({ message }) => {
      listener({ kind: "unavailable", reason: message || "the page's own script could not be loaded" });
    });
  }

  load(): void {
    this.send({ kind: "load", base: new URL(".", location.href).href });
  }

  find(view: View): void {
    if (this.asking) {
      this.waiting = view;
      return;
    }
    this.asking = true;
    const { search, filters, sort, page, size } = view;
    this.send({ kind: "find", query: { search, filters, sort }, page, size });
  }

  export({ search, filters, sort }: View, format: Format): void {
    this.send({ kind: "export", query: { search, filters, sort }, format });
  }

  private answered(): void {
    this.asking = false;
    const view = this.waiting;
    this.waiting = undefined;
    if (view) this.find(view);
  }

  private send(request: Request): void {
    this.worker.postMessage(request);
  }
}
