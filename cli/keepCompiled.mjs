// Plain JavaScript: a file in TypeScript would be stripped of its types before there is a cache to take it from.
import { existsSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import path from "node:path";

/**
 * Has Node keep what it compiled, and what it stripped of types, in the data folder: a third of a start is that. Not in the folder for temporary files, which is Node's
 * default, since whoever can write there could put code of his into a process that holds keys. Without a data folder nothing is kept. Node's own variables
 * NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE go first.
 *
 * @param {readonly string[]} words of the command line
 * @param {NodeJS.ProcessEnv} env
 */
export function keepCompiled(words, env) {
  const at = words.findIndex((word) => word === "--home" || word.startsWith("--home="));
  const flag = at < 0 ? undefined : words[at] === "--home" ? words[at + 1] : words[at]?.slice("--home=".length);
  const home = path.resolve(flag || env["GAINSAY_HOME"] || path.join(homedir(), ".gainsay"));
  // A folder that cannot be written is no reason to fail: the call then says so in its result.
  if (existsSync(home)) module.enableCompileCache(path.join(home, "cache", "compiled"));
}
