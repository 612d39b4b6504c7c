import { GainsayError } from "../../protocol/errors.ts";

/** Value of the flag `--input`: `NAME=FILE`, or only `FILE` for a model with one input. */
export interface InputFlag {
  name: string | undefined;
  file: string;
}

/** Takes `NAME=FILE` apart at the first `=`. Throws `INPUT_FLAG` if the name or the file is empty. */
export function parseInputFlag(flag: string): InputFlag {
  const at = flag.indexOf("=");
  const name = at < 0 ? undefined : flag.slice(0, at);
  const file = flag.slice(at + 1);
  if (name === "" || file === "") {
    throw new GainsayError(`${JSON.stringify(flag)} names no ${name === "" ? "input" : "file"}; write NAME=FILE.`, { code: "INPUT_FLAG", kind: "usage", details: { flag } });
  }
  return { name, file };
}
