import { defineConfig } from "vite";
import pages from "./pages.json" with { type: "json" };

// `vite build --mode PAGE` builds the page of that folder; pages.json says where it goes
export default defineConfig(({ mode }) => ({
  root: mode,
  base: "./",
  build: {
    outDir: `../${pages[mode as keyof typeof pages]}`,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" as const },
}));
