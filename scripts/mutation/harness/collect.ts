
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

/** Milliseconds after which a test counts as failed: a mutant may never end. */
const TIMEOUT_MS = 20_000;

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

/** Runs what a file defines, up to the first failure; resolves to the test that failed, or undefined. `leftOut` are not run. */
export async function run(define: () => void, leftOut: ReadonlySet<string>): Promise<string | undefined> {
  const root = newSuite("");
  current = root;
  define();
  return runSuite(root, [], "", leftOut);
}

/** Every test that fails, each on its own: those cannot be used. */
export async function failing(define: () => void): Promise<Set<string>> {
  const left = new Set<string>();
  for (;;) {
    const failed = await run(define, left);
    if (failed === undefined || left.has(failed)) return left;
    left.add(failed);
  }
}

async function runSuite(suite: Suite, parents: readonly Suite[], path: string, leftOut: ReadonlySet<string>): Promise<string | undefined> {
  const line = [...parents, suite];
  const here = path === "" ? suite.name : `${path} > ${suite.name}`;
  if (leftOut.has(here)) return undefined;
  try {
    try {
      for (const work of suite.beforeAll) await inTime(work);
    } catch {
      return here;
    }
    for (const child of suite.children) {
      if ("children" in child) {
        const failed = await runSuite(child, line, here, leftOut);
        if (failed !== undefined) return failed;
        continue;
      }
      const name = `${here} > ${child.name}`;
      if (leftOut.has(name)) continue;
      try {
        for (const work of line.flatMap(({ beforeEach: works }) => works)) await inTime(work);
        await inTime(child.work);
        for (const work of line.toReversed().flatMap(({ afterEach: works }) => works)) await inTime(work);
      } catch {
        return name;
      }
    }
    return undefined;
  } finally {
    for (const work of suite.afterAll) await Promise.resolve(work()).catch(() => undefined);
  }
}

async function inTime(work: Work): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("not in time")), TIMEOUT_MS);
  try {
    await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
