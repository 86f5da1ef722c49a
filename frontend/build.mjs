// Builds the interface's styles, scripts, icons and fonts into static/build/. `--watch` rebuilds on change.
// Tailwind's own command line makes the style sheets, esbuild the scripts; everything else is copied.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { icons } from "./icons.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const out = join(root, "src/spilno/interfaces/web/static/build");
const modules = join(root, "node_modules");
const watch = process.argv.includes("--watch");

// ₴ lives in the cyrillic-ext file; browsers load a subset only when the page needs one of its letters.
const subsets = ["latin", "latin-ext", "cyrillic", "cyrillic-ext"];

function fonts() {
  mkdirSync(join(out, "fonts"), { recursive: true });
  for (const subset of subsets) {
    const file = `onest-${subset}-wght-normal.woff2`;
    copyFileSync(join(modules, "@fontsource-variable/onest/files", file), join(out, "fonts", file));
  }
}

function sprite() {
  const symbols = Object.entries(icons).map(([name, source]) => {
    // A value that starts with "<" is drawn by us; any other value is the name of a Lucide icon.
    const body = source.startsWith("<")
      ? source
      : readFileSync(join(modules, "lucide-static/icons", `${source}.svg`), "utf8").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${body.replace(/\s+/g, " ").trim()}</symbol>`;
  });
  writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
}

const tailwind = join(dirname(createRequire(import.meta.url).resolve("@tailwindcss/cli/package.json")), "dist/index.mjs");
const sheet = (name) => [tailwind, "-i", join(here, `${name}.css`), "-o", join(out, `${name}.css`), ...(watch ? ["--watch=always"] : ["--minify"])];

function styles() {
  for (const name of ["app", "public", "review"]) {
    if (watch) spawn(process.execPath, sheet(name), { cwd: root, stdio: "inherit" });
    else execFileSync(process.execPath, sheet(name), { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  }
}

const scripts = {
  entryPoints: ["app", "calendar", "chart"].map((name) => join(here, "js", `${name}.js`)),
  outdir: out,
  bundle: true,
  format: "iife",
  target: ["chrome123", "firefox128", "safari17.5"],
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  legalComments: "linked",
  logLevel: "warning",
};

mkdirSync(out, { recursive: true });
fonts();
sprite();
styles();
if (watch) await (await esbuild.context(scripts)).watch();
else await esbuild.build(scripts);
