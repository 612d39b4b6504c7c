import module from "node:module";
import path from "node:path";

/** Environment that has a process or thread take compiled code from where this process keeps it (`NODE_COMPILE_CACHE`); nothing where it keeps none. */
export function compiledEnvironment(): NodeJS.ProcessEnv {
  const folder = module.getCompileCacheDir();
  // The folder that Node names is one for its own version, below the one that it was given.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}
