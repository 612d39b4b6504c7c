import { createPublicClient, type Address, type PublicClient } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { ETHER, formatAmount } from "../assets/asset.ts";
import { getTokenBalance } from "../chain/approvePayment.ts";
import { chainError } from "../chain/chainError.ts";
import type { Chain } from "../chain/createChain.ts";
import { createEndpoint, endpointName } from "../chain/createTransport.ts";
import { getAsset } from "../chain/reads/getAsset.ts";
import { getBalance } from "../chain/reads/getBalance.ts";
import { getParameters } from "../chain/reads/getParameters.ts";
import { getStakeAccount } from "../chain/reads/getStakeAccount.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** Seconds after which a head is old: five of the slowest common block times. */
const OLD_HEAD_SECONDS = 60;
/** Seconds by which two clocks may differ; deadlines on chain are in seconds, and a second counts. */
const SKEW_SECONDS = 5;
/** wei below which an account cannot pay for the moves of a dispute. */
const GAS_MONEY = 5n * 10n ** 16n;

/** Each endpoint on its own: answer, chain, age of its head. */
export async function checkEndpoints(rpcUrls: readonly string[], chainId: number, now: () => number = Date.now): Promise<Finding[]> {
  const heads = new Map<string, bigint>();
  const findings = await Promise.all(
    rpcUrls.map(async (url): Promise<Finding> => {
      const name = endpointName(url);
      const check = `rpc ${name}`;
      const client = createPublicClient({ transport: createEndpoint(url, { retries: 0, timeoutMs: 5_000 }) }) as PublicClient;
      try {
        const actual = await client.getChainId();
        if (actual !== chainId) return fail(check, `it serves chain ${actual}`, `Correct --rpc, or --chain-id, which is ${chainId}.`);
        const { number, timestamp } = await client.getBlock({ blockTag: "latest" });
        heads.set(check, number);
        const age = Math.floor(now() / 1000) - Number(timestamp);
        if (age > OLD_HEAD_SECONDS) return warn(check, `block ${number} is ${age} s old`, "Its node may lag behind, or this machine's clock is ahead; add a second endpoint to --rpc.");
        return ok(check, `chain ${actual}, block ${number}, ${Math.max(0, age)} s old`);
      } catch (error) {
        return fail(check, chainError(error).message.replace(/\.$/, ""), "Start the node, correct the URL, or take it out of --rpc.");
      }
    }),
  );
  const newest = [...heads.values()].reduce((a, b) => (a > b ? a : b), 0n);
  return findings.map((finding) => {
    const head = heads.get(finding.check);
    return finding.status === "ok" && head !== undefined && newest - head > 5n ? warn(finding.check, `${finding.found}; ${newest - head} blocks behind another endpoint`, "It is used only while the others do not answer; ask its operator.") : finding;
  });
}

/** This machine's clock against the one that the endpoint's answers carry, which has whole seconds. */
export async function checkClock(rpcUrl: string, now: () => number = Date.now): Promise<Finding> {
  let date: string | null;
  const before = now();
  try {
    const answer = await fetch(rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] }), signal: AbortSignal.timeout(5_000) });
    await answer.arrayBuffer();
    date = answer.headers.get("date");
  } catch {
    return warn("clock", "no endpoint answered, so the clock was not compared", "Run the check again when the chain can be reached.");
  }
  const theirs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return warn("clock", "the endpoint tells no time, so the clock was not compared", "Make sure that this machine keeps its time by NTP.");
  const after = now();
  const skew = theirs + 1000 < before ? (before - theirs - 1000) / 1000 : theirs > after ? (theirs - after) / 1000 : 0;
  if (skew > SKEW_SECONDS) return fail("clock", `this machine's clock differs from the endpoint's by ${Math.round(skew)} s`, "Turn on NTP: offers with a wrong time are ignored by others, and deadlines are judged late.");
  return ok("clock", `within ${SKEW_SECONDS} s of the endpoint's`);
}

/** The account's money against what its work takes: gas in ether, bonds and stake in what the deployment pays in. */
export async function checkAccount(chain: Chain, account: Address): Promise<Finding[]> {
  const [asset, balance, tokens, stake, { limits, rules }] = await Promise.all([getAsset(chain), getBalance(chain, account), getTokenBalance(chain, account), getStakeAccount(chain, account), getParameters(chain)]);
  const money = (units: bigint): string => formatAmount(units, asset);
  const staked = `${money(stake.free)} free, ${money(stake.locked)} locked${stake.credits > 0n ? `, ${money(stake.credits)} to collect` : ""}`;
  return [
    checkBalance(account, balance, asset.token === undefined ? rules.bond : 0n),
    ...(asset.token === undefined ? [] : [tokens < rules.bond ? warn("tokens", `${account} holds ${money(tokens)}`, `A watcher needs ${money(rules.bond)} for the bond of one dispute, an executor what it stakes.`) : ok("tokens", `${account} holds ${money(tokens)}`)]),
    stake.free + stake.locked < limits.minCollateral ? warn("stake", staked, `An executor needs at least ${money(limits.minCollateral)} of stake; deposit with \`gainsay stake deposit\`. A watcher needs none.`) : ok("stake", staked),
  ];
}

/** wei of the account against gas, and the bond of one dispute where bonds are ether. */
function checkBalance(account: Address, balance: bigint, bond: bigint): Finding {
  const found = `${account} holds ${formatAmount(balance, ETHER)}`;
  const dispute = formatAmount(bond + GAS_MONEY, ETHER);
  if (balance < GAS_MONEY) return fail("balance", found, `Send it at least ${dispute}: the moves of a dispute cost gas, and a move that is not made loses it.`);
  return balance < bond + GAS_MONEY ? warn("balance", found, `A watcher needs ${dispute} for one dispute: the bond of ${formatAmount(bond, ETHER)} and gas.`) : ok("balance", found);
}

/** What an error of the chain's set-up means as a finding. */
export function chainFinding(error: unknown): Finding {
  if (!(error instanceof GainsayError)) throw error;
  return fail("contracts", error.message.replace(/\.$/, ""), "Correct the deployment file of this chain in the data folder, or deploy with `gainsay deploy`.");
}
