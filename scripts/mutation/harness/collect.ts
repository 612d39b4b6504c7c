
type Work = () => unknown;
interface Test {
  name: string;
  work: Work;
}
interface Suite {
  name: string;
  beforeAll: Work[];
  beforeEach: Work[];
  afterEach: Work[];
  afterAll: Work[];
  children: (Test | Suite)[];
}

const newSuite = (name: string): Suite => ({ name, beforeAll: [], beforeEach: [], afterEach: [], afterAll: [], children: [] });
let current = newSuite("");

/** Milliseconds after which the hooks of a suite count as failed. */
const SETUP_MS = 60_000;

/** Stands in for the test framework where test files are gathered, so that they can be run again and again in one process. */
export function describe(name: string, ...rest: unknown[]): void {
  const outer = current;
  current = newSuite(name);
  outer.children.push(current);
  (rest.findLast((one) => typeof one === "function") as () => void)();
  current = outer;
}

export function it(name: string, ...rest: unknown[]): void {
  current.children.push({ name, work: rest.find((one) => typeof one === "function") as Work });
}

type Case = readonly unknown[] | object | string | number | bigint | boolean;
const eachOf =
  (make: (name: string, ...rest: unknown[]) => void) =>
  (cases: readonly Case[]) =>
  (name: string, ...rest: unknown[]): void => {
    const work = rest.findLast((one) => typeof one === "function") as (...values: unknown[]) => unknown;
    cases.forEach((one, i) => make(`${name} [${i}]`, () => (Array.isArray(one) ? work(...one) : work(one))));
  };
const skipIfOf =
  (make: (name: string, ...rest: unknown[]) => void) =>
  (skip: boolean): ((name: string, ...rest: unknown[]) => void) =>
    skip ? () => undefined : make;
it.each = eachOf(it);
it.skipIf = skipIfOf(it);
describe.each = eachOf(describe);
describe.skipIf = skipIfOf(describe);

export const beforeAll = (work: Work): void => void current.beforeAll.push(work);
export const beforeEach = (work: Work): void => void current.beforeEach.push(work);
export const afterEach = (work: Work): void => void current.afterEach.push(work);
export const afterAll = (work: Work): void => void current.afterAll.push(work);

/** A mutant may make a test endless. */
export class OutOfTime extends Error {}

/** What a run does with its tests; the name of one is its path. */
interface Watch {
  /** Those that are run. */
  chosen(name: string): boolean;
  timeout(name: string): number;
  /** Called with the failure, or undefined, of the hooks before a suite and of each test; true ends the run. */
  setUp(suite: string, failure: unknown): boolean | void;
  done(name: string, failure: unknown, ms: number): boolean | void;
}

/** Runs what a file defines, in its order or backwards. */
export async function runFile(define: () => void, watch: Watch, backwards = false): Promise<void> {
  const root = newSuite("");
  current = root;
  define();
  await runSuite(root, [], "", watch, backwards);
}

async function runSuite(suite: Suite, parents: readonly Suite[], path: string, watch: Watch, backwards: boolean): Promise<boolean> {
  const line = [...parents, suite];
  const nameOf = ({ name }: Test | Suite): string => (path === "" ? name : `${path} > ${name}`);
  const chosen = suite.children.filter((child) => testsOf(child, nameOf(child)).some((name) => watch.chosen(name)));
  if (chosen.length === 0) return false;
  try {
    const failure = await attempt(async () => {
      for (const work of suite.beforeAll) await inTime(work, SETUP_MS);
    });
    if (watch.setUp(path, failure) === true) return true;
    if (failure !== undefined) return false;
    for (const child of backwards ? chosen.toReversed() : chosen) {
      const name = nameOf(child);
      if ("children" in child) {
        if (await runSuite(child, line, name, watch, backwards)) return true;
        continue;
      }
      const begun = performance.now();
      const works = [...line.flatMap(({ beforeEach: before }) => before), child.work];
      const failed = await attempt(async () => {
        for (const work of works) await inTime(work, watch.timeout(name));
      });
      // What a failed test leaves is put in order as well, for the next one.
      const after = await attempt(async () => {
        for (const work of line.toReversed().flatMap(({ afterEach: works }) => works)) await inTime(work, watch.timeout(name));
      });
      if (watch.done(name, failed ?? after, performance.now() - begun) === true) return true;
    }
    return false;
  } finally {
    for (const work of suite.afterAll) await attempt(async () => work());
  }
}

function testsOf(child: Test | Suite, name: string): string[] {
  return "children" in child ? child.children.flatMap((inner) => testsOf(inner, `${name} > ${inner.name}`)) : [name];
}

/** What went wrong, or undefined. */
async function attempt(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error("failed");
  }
}

async function inTime(work: Work, ms: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new OutOfTime()), ms);
  try {
    await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
