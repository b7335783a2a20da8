// The page's side of the worker, which starts when something is asked of it first.
import { startWorker } from "../shared/scripts";
import type { SiteFile } from "../shared/site";
import type { Query, Reply, Request } from "./protocol";
import workerUrl from "./worker?worker&url";

export class Client {
  private worker: Worker | undefined;

  constructor(
    private readonly base: string,
    private readonly listener: (reply: Reply) => void,
    private readonly broken: (reason: string) => void,
  ) {}

  find(file: SiteFile, query: Query, wanted: number): void {
    this.send({ kind: "find", base: this.base, file, query, wanted });
  }

  trends(file: SiteFile): void {
    this.send({ kind: "trends", base: this.base, file });
  }

  private send(request: Request): void {
    if (!this.worker) {
      this.worker = startWorker(workerUrl, "dashboard");
      this.worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.listener(data));
      this.worker.addEventListener("error", ({ message }) => {
        this.broken(message || "the page's own script could not be loaded");
      });
    }
    this.worker.postMessage(request);
  }
}
