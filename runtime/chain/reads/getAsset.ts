import { decodeAbiParameters, encodeFunctionData, erc20Abi, hexToString, type Address } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { ETHER, type Asset } from "../../assets/asset.ts";
import { chainError } from "../chainError.ts";
import type { Chain } from "../createChain.ts";

/** What a token is called whose symbol cannot be shown. */
const NAMELESS = "tokens";
/** A token may call itself what it likes; these words mean gas money. */
const RESERVED = /^(ether|eth|wei|gwei)$/i;
const known = new WeakMap<Chain, Promise<Asset>>();

/**
 * What the deployment pays in; read once for each chain. A token need not tell its decimals: one that does not is counted in its smallest
 * units. Throws `CHAIN_UNREACHABLE`, `CHAIN_FAILED`.
 */
export function getAsset(chain: Chain): Promise<Asset> {
  const { token } = chain.deployment;
  if (token === undefined) return Promise.resolve(ETHER);
  const asset = known.get(chain) ?? readAsset(chain.client, token).catch((error: unknown): Asset => {
    if (error instanceof GainsayError && error.code === "TOKEN_UNREADABLE") return { symbol: NAMELESS, decimals: 0, token };
    throw error;
  });
  known.set(chain, asset);
  asset.catch(() => known.delete(chain));
  return asset;
}

/** The same of a token that no deployment names yet. Throws `TOKEN_UNREADABLE` if it tells no decimals. */
export async function readAsset(client: Pick<Chain["client"], "call">, token: Address): Promise<Asset> {
  const [decimals, symbol] = await Promise.all([call(client, token, "decimals"), call(client, token, "symbol")]);
  if (decimals === undefined || decimals.length !== 66 || BigInt(decimals) > 255n) {
    throw new GainsayError("There is no token with `decimals` at this address; check --token and the chain.", { code: "TOKEN_UNREADABLE", kind: "usage", details: { token } });
  }
  return { symbol: symbolOf(symbol), decimals: Number(decimals), token };
}

/** The bytes of the answer; undefined if the contract has none. */
async function call(client: Pick<Chain["client"], "call">, token: Address, functionName: "decimals" | "symbol"): Promise<Hex | undefined> {
  try {
    return (await client.call({ to: token, data: encodeFunctionData({ abi: erc20Abi, functionName }) })).data;
  } catch (cause) {
    const error = chainError(cause);
    if (error.code === "CONTRACT_REVERTED") return undefined;
    throw error;
  }
}

/** A string, or in old tokens 32 bytes. */
function symbolOf(data: Hex | undefined): string {
  let text = "";
  try {
    if (data !== undefined) text = data.length === 66 ? hexToString(data, { size: 32 }) : (decodeAbiParameters([{ type: "string" }], data)[0] as string);
  } catch {
    return NAMELESS;
  }
  return /^[\x21-\x7e]{1,12}$/.test(text) && !RESERVED.test(text) ? text : NAMELESS;
}
