import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// No inlined assets: the page's policy allows files of its own server only.
export default defineConfig({
  plugins: [preact()],
  build: { outDir: "../src/tiza/web/static", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
