// Not every browser has it, nor does TypeScript know it
declare global {
  interface Window {
    readonly trustedTypes?: {
      createPolicy(name: string, rules: { createScriptURL: () => string }): { createScriptURL(url: string): string };
    };
  }
}

/** A worker of the page's own; the content security policy refuses every other script, and all markup made from text.
 * `policy` is the one name that the page's policy allows. */
export function startWorker(url: string, policy: string): Worker {
  const trusted = window.trustedTypes?.createPolicy(policy, { createScriptURL: () => url }).createScriptURL("") ?? url;
  return new Worker(trusted, { type: "module" });
}
