// What goes beside the bundle: the licences of what is bundled, and the SHA-256 of every source in the format of
// sha256sum. A test compares the latter, so a change that was not built does not go unnoticed.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const PAGE = "../include/sources/clinical/page";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const licences = Object.entries(dependencies).map(
  ([name, version]) => `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`,
);
writeFileSync(`${PAGE}/LICENSES.txt`, licences.join("\n\n"));

const sources = readdirSync(".", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.replace(/^\.\//, ""))
  .filter((path) => !path.startsWith("node_modules/"))
  .sort();
const lines = sources.map((path) => `${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${path}\n`);
writeFileSync(`${PAGE}/SOURCES.sha256`, lines.join(""));
