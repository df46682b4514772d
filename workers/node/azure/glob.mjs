// The files that `main` of a package.json means: a path, or a pattern of *, **, ?, [a-z] and {a,b}.

import fs from "node:fs";
import path from "node:path";

const SKIPPED = new Set(["node_modules", ".git"]);

/** Sorted paths under `folder`, relative to it with "/" between. */
export function filesMatching(folder, pattern) {
  const wanted = path.posix.normalize(pattern.replaceAll("\\", "/")).replace(/^\.\//, "");
  if (!/[*?[\]{}]/.test(wanted)) {
    const found = [wanted, `${wanted}.js`, path.posix.join(wanted, "index.js")].find((file) => isFile(path.join(folder, file)));
    return found === undefined ? [] : [found];
  }
  const expression = new RegExp(`^${expressionOf(wanted)}$`);
  return walk(folder, "").filter((file) => expression.test(file)).sort();
}

function walk(folder, below) {
  return fs.readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const file = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return walk(folder, file);
    return entry.isFile() || isFile(path.join(folder, file)) ? [file] : [];
  });
}

function expressionOf(pattern) {
  return pattern.replace(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|\{[^{}]*\}|[^*?[{]/g, (part) => {
    if (part === "**/") return "(?:[^/]+/)*";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.startsWith("[")) return part.replace(/^\[!/, "[^");
    if (part.startsWith("{")) return `(?:${part.slice(1, -1).split(",").map(expressionOf).join("|")})`;
    return part.replace(/[\\^$.|+()\]}]/, "\\$&");
  });
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
