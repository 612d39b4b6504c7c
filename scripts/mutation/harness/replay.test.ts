// Copied into the workspace of a mutation run beside the gathered test files; not part of the project's own tests.
// The judge has no state: what its tests ask it is recorded once, with the answers, and each mutant is asked what could show it.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { it } from "vitest";
import { runFile } from "./collect.ts";
import type { Plan, Question } from "./plan.ts";

type Provider = { request(args: { method: string; params?: unknown }): Promise<unknown> };
type Call = { from: string; to: string; data: string; gas: string };

const plan = JSON.parse(readFileSync(process.env["GAINSAY_PLAN"] as string, "utf8")) as Plan;
const rehearsing = plan.mutants.length === 0;
const reached = new Set<number>();
if (rehearsing) Object.assign(globalThis, { reached });
/** A build with thousands of mutants is dearer than the real one; a mutant may never end. */
const GAS = "0x1c9c380";

const { network } = await import("hardhat");
let miner = plan.recorder;
let ask: ((call: Call, request: () => Promise<unknown>) => Promise<unknown>) | undefined;
const create = network.create.bind(network);
Object.assign(network, {
  create: async (...args: Parameters<typeof create>) => {
    const connection = await create(...args);
    const provider = connection.provider as Provider;
    const request = provider.request.bind(provider);
    await request({ method: "hardhat_setCoinbase", params: [miner] });
    provider.request = (given) => {
      if (given.method !== "eth_call" || ask === undefined) return request(given);
      const [call, block] = given.params as [Call, unknown];
      const roomy = { ...call, gas: GAS };
      return ask(roomy, () => request({ method: "eth_call", params: [roomy, block] }));
    };
    return connection;
  },
});

it("mutants", { timeout: 36_000_000 }, async () => {
  if (rehearsing) return rehearse();
  const questions = plan.rehearsals.flatMap((file) => readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Question));
  questions.sort((a, b) => a.ms - b.ms);
  const { createChainJudge } = (await import(`./${"contracts/judge/createChainJudge.ts"}`)) as { createChainJudge(): Promise<{ provider: Provider; close(): Promise<void> }> };
  let chain: Awaited<ReturnType<typeof createChainJudge>> | undefined;
  for (const { id, key, miner: mine } of plan.mutants) {
    const started = performance.now();
    const inSetup = questions.some(({ before }) => before.includes(id));
    miner = inSetup ? mine : plan.recorder;
    let by: string | undefined;
    try {
      if (inSetup || chain === undefined) {
        await chain?.close();
        chain = await createChainJudge();
      }
      // A call sees the latest block, so the miner must have mined it.
      await chain.provider.request({ method: "hardhat_setCoinbase", params: [mine] });
      await chain.provider.request({ method: "hardhat_mine" });
      by = await attack(chain.provider, questions.filter((one) => one.reached.includes(id) || one.before.includes(id)));
    } catch (error) {
      if (!inSetup) throw error;
      by = "the deployment";
    }
    if (inSetup) {
      await chain?.close();
      chain = undefined;
    }
    appendFileSync(plan.fates, `${JSON.stringify({ key, by, ms: Math.round(performance.now() - started) })}\n`);
  }
  await chain?.close();
});

/** The first test that the answer to one of its questions would fail. */
async function attack(provider: Provider, questions: readonly Question[]): Promise<string | undefined> {
  for (const { file, test, call, answer, original } of questions) {
    const found = await answerOf(() => provider.request({ method: "eth_call", params: [call, "latest"] }));
    // Of a spoiled witness it is only asked that it be refused or change nothing.
    const holds = original === undefined ? found === answer : found.startsWith("error") || found === original;
    if (!holds) return `${file}: ${test}`;
  }
  return undefined;
}

async function rehearse(): Promise<void> {
  for (const [i, file] of plan.files.entries()) {
    const { define } = (await import(`./${file}`)) as { define: () => void };
    const spoils = file.includes("flips");
    let [mine, before, original]: [Omit<Question, "test">[], number[], string | undefined] = [[], [], undefined];
    ask = async (call, request) => {
      reached.clear();
      const started = performance.now();
      const outcome = request();
      const answer = await answerOf(() => outcome);
      const ms = performance.now() - started;
      mine.push({ file, call, answer, original: spoils ? original : undefined, reached: [...reached], before, ms });
      original ??= answer;
      return outcome;
    };
    const lines: string[] = [];
    await runFile(define, {
      chosen: () => true,
      timeout: () => 3_600_000,
      setUp: () => {
        before = [...reached];
      },
      done: (test, failure) => {
        // Its answers are not what the test wants, so they are no measure.
        if (failure === undefined) lines.push(...mine.map((one) => `${JSON.stringify({ ...one, test })}\n`));
        [mine, original] = [[], undefined];
      },
    });
    ask = undefined;
    writeFileSync(plan.rehearsals[i] as string, lines.join(""));
  }
}

/** What tests look at: the result, or which error it is. */
async function answerOf(request: () => Promise<unknown>): Promise<string> {
  try {
    return String(await request());
  } catch (error) {
    const { data } = error as { data?: string | { data?: string } };
    const hex = typeof data === "object" ? data.data : data;
    return `error ${hex?.slice(0, 10) ?? "without data"}`;
  }
}
