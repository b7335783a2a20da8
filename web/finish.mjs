// What goes beside each bundle: the licences of what is bundled, and the SHA-256 of every source in the format of
// sha256sum. A test compares the latter, so a change that was not built does not go unnoticed.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const pages = JSON.parse(readFileSync("pages.json", "utf8"));
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const licences = Object.entries(dependencies).map(
  ([name, version]) => `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`,
);
const sources = readdirSync(".", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.replace(/^\.\//, ""))
  .filter((path) => !path.startsWith("node_modules/"))
  .sort();

for (const [page, folder] of Object.entries(pages)) {
  const others = Object.keys(pages).filter((other) => other !== page);
  const own = sources.filter((path) => !others.some((other) => path.startsWith(`${other}/`)));
  const lines = own.map((path) => `${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${path}\n`);
  writeFileSync(`${folder}/LICENSES.txt`, licences.join("\n\n"));
  writeFileSync(`${folder}/SOURCES.sha256`, lines.join(""));
}
