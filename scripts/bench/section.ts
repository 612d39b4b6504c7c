import type { Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import type { Subject } from "./subjects.ts";

/** What every measurement works with. */
export interface BenchContext {
  subjects: readonly Subject[];
  /** Rounds in which the stages of a comparison take turns. */
  rounds: number;
  /** Threads inside one operator, for both sides of each comparison that does not vary them. */
  threads: number;
  /** A subject compiled; once, however many sections ask. */
  bundle(subject: Subject, granularity: Granularity): Promise<Bundle>;
  /** Says on stderr what is being done. */
  note(text: string): void;
}

export interface Table {
  caption: string;
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

/** A picture of a measurement; the name has no folder. */
export interface Plot {
  file: string;
  svg: string;
}

/** One measurement of `npm run bench`: plain data, and how people see it. */
export interface Section<Data> {
  /** As `--only` takes it, and the key in the JSON document. */
  name: string;
  title: string;
  /** What the numbers are, in a sentence or two. */
  about: string;
  /** Left out of a run that does not ask for it by name. */
  onRequest?: true;
  measure(context: BenchContext): Promise<Data>;
  tables(data: Data): Table[];
  plots?(data: Data): Plot[];
}
