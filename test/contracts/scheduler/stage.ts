import { decodeErrorResult, decodeFunctionResult, encodeFunctionData, type Abi, type Hex } from "viem";
import { abis, createWorld, type Name } from "../helpers/createWorld.ts";
import { makeBlockProgram, makeTrace } from "../helpers/program.ts";
import { register, submission } from "../helpers/scenes.ts";
import { parties, type Party } from "./rules/calls.ts";
import type { Setting } from "./rules/state.ts";
import { lateness } from "./setting.ts";

const gas = "0xf42400";

/** The real contracts, with stakes deposited and the program registered: nothing is submitted yet. */
export async function createStage(setting: Setting, stakes: Partial<Record<Party, bigint>>) {
  const { bond, demandBond, clock, extension, maxDemands, sealAge, rewardCap, withdrawalDelay } = setting;
  const world = await createWorld({
    withdrawalDelay,
    limits: { minClaimWindow: 1, maxClaimWindow: 1000, minDeliveryWindow: 1, maxDeliveryWindow: 1000, minChallengeWindow: 1, maxChallengeWindow: 1000, minCollateral: 1n, rewardCap, maxLifetime: 10_000, collateralPerFee: 1 },
    rules: { bond, clock, extension, demandBond, maxDemands, sealAge },
  });
  const { trace, steps, blocks } = setting.program;
  const program = makeBlockProgram(
    blocks.map((facts, block) =>
      steps.flatMap(({ block: of, defines, needsInner }) => (of !== block ? [] : [{ bytes: (defines.source === 2 ? trace : facts.inner)[defines.index]?.elements ?? 0, isBorder: defines.source === 2, readsInner: needsInner && defines.source === 2 }])),
    ),
  );
  await register(world, program);
  for (const party of parties) if (stakes[party] !== undefined) await world.send("stakes", "deposit", [], { from: party, value: stakes[party] });
  const start = BigInt(await world.time.latest()) + lateness;
  const { collateral, claimWindow, deliveryWindow, challengeWindow } = setting;
  const asked = (second: number) => ({ fee: setting.fee, ...submission(program, { collateral, claimWindow, deliveryWindow, challengeWindow, expiry: start + BigInt(second + setting.lifetime) }) });
  return { world, setting, program, traces: { a: makeTrace(program, 0), b: makeTrace(program, 1) } as Record<string, ReturnType<typeof makeTrace>>, start, asked, encode, send, view };

  function encode(name: Name, functionName: string, args: readonly unknown[]): Hex {
    return encodeFunctionData({ abi: abis[name] as Abi, functionName, args });
  }

  /** Sends a call in the given second of the game; the name of the error with which it is refused, or null. */
  async function send(name: Name, functionName: string, args: readonly unknown[], { from, value = 0n, second }: { from: Party; value?: bigint; second: number }): Promise<string | null> {
    const { provider } = world.connection;
    await provider.request({ method: "evm_setNextBlockTimestamp", params: [hex(start + BigInt(second))] });
    const data = encode(name, functionName, args);
    try {
      await provider.request({ method: "eth_sendTransaction", params: [{ from: world.address[from], to: world.deployment.contracts[name], data, value: hex(value), gas }] });
      return null;
    } catch (error) {
      return decodeErrorResult({ abi: errors, data: revertData(error) }).errorName;
    }
  }

  /** What a view of a contract answers; without viem's client, whose overhead would be most of the time here. */
  async function view<T>(name: Name, functionName: string, args: readonly unknown[] = []): Promise<T> {
    const data = encode(name, functionName, args);
    const answer = (await world.connection.provider.request({ method: "eth_call", params: [{ to: world.deployment.contracts[name], data }, "latest"] })) as Hex;
    return decodeFunctionResult({ abi: abis[name] as Abi, functionName, data: answer }) as T;
  }
}

export type Stage = Awaited<ReturnType<typeof createStage>>;

const errors: Abi = Object.values(abis).flat().filter(({ type }) => type === "error");

/** What a refused call returned; any other failure is thrown on. */
function revertData(error: unknown): Hex {
  const { data } = error as { data?: Hex | { data?: Hex } };
  const found = typeof data === "object" ? data.data : data;
  if (found === undefined) throw error;
  return found;
}

function hex(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}
