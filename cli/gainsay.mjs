#!/usr/bin/env node
// Plain JavaScript, so that an old Node gets a sentence instead of a syntax error.
import process from "node:process";

if (process.features.typescript === undefined || process.features.typescript === false) {
  process.stderr.write(`gainsay: Node ${process.versions.node} is too old; use 22.18 or newer, or run \`npm run gainsay -- …\` in the clone, which fetches one. [NODE_TOO_OLD]\n`);
  process.exitCode = 2;
} else {
  (await import("./keepCompiled.mjs")).keepCompiled(process.argv.slice(2), process.env);
  const [{ currentBundle }, path, { pathToFileURL }] = await Promise.all([import("./currentBundle.mjs"), import("node:path"), import("node:url")]);
  const bundled = currentBundle(path.dirname(import.meta.dirname), "gainsay.js");
  await import(bundled === undefined ? "./gainsay.ts" : pathToFileURL(bundled).href);
}
