// `node scripts/bundle.ts`: bundles the program for a faster start (docs/decisions.md); nothing to do where that has been done. `npm run setup` does it too.
import path from "node:path";
import { updateBundle } from "./bundle/updateBundle.ts";

await updateBundle(path.dirname(import.meta.dirname));
