import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    outDir: "../include/sources/clinical/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});
