import { InvalidArgumentError } from "commander";
import { GainsayError } from "../protocol/errors.ts";
import { ETHER, type Asset } from "../runtime/assets/asset.ts";

/** An amount of money as it was written. What it comes to depends on what the deployment pays in, which only the chain tells. */
export interface Amount {
  whole: string;
  fraction: string;
  /** Without a unit: whole coins of the deployment's asset. */
  unit: "wei" | "gwei" | "ether" | undefined;
  /** As it was written. */
  toString(): string;
  toJSON(): string;
}

const places = { wei: 0, gwei: 9, ether: 18 } as const;

/** Reads an amount of money: whole coins as in `1.5`, or with a unit as in `100gwei`, `5 wei`. */
export function amount(text: string): Amount {
  const match = /^(\d{1,60})(?:\.(\d{1,60}))?\s*(wei|gwei|ether|eth)?$/i.exec(text.trim());
  if (match === null) throw new InvalidArgumentError("Write an amount such as 1.5, 1.5ether, 20gwei or 1000wei.");
  const word = match[3]?.toLowerCase();
  const written = (): string => text.trim();
  const read: Amount = { whole: match[1] as string, fraction: (match[2] ?? "").replace(/0+$/, ""), unit: word === "eth" ? "ether" : (word as Amount["unit"]), toString: written, toJSON: written };
  if (read.fraction.length > places[read.unit ?? "ether"] && read.unit !== undefined) throw new InvalidArgumentError("The amount is finer than one wei.");
  return read;
}

/** Reads an amount of ether, for what is paid in ether whatever the deployment's asset is. wei. */
export function etherAmount(text: string): bigint {
  const read = amount(text);
  if (read.fraction.length > places[read.unit ?? "ether"]) throw new InvalidArgumentError("The amount is finer than one wei.");
  return unitsOf(read, ETHER);
}

/**
 * Smallest units of the deployment's asset. `wei` names the smallest unit of any asset; gwei and ether mean ether only.
 * Throws `AMOUNT_UNFIT`.
 */
export function unitsOf(amount: Amount, asset: Asset): bigint {
  const { whole, fraction, unit } = amount;
  const details = { amount: String(amount), asset: asset.symbol, decimals: asset.decimals };
  if (asset.token !== undefined && (unit === "gwei" || unit === "ether")) {
    throw new GainsayError(`This deployment is paid in ${asset.symbol}, not in ether; write the amount as a plain number of ${asset.symbol}, or in its smallest unit as in 1000wei.`, { code: "AMOUNT_UNFIT", kind: "usage", details });
  }
  const decimals = unit === undefined ? asset.decimals : places[unit];
  if (fraction.length > decimals) throw new GainsayError(`The amount is finer than the smallest unit of ${asset.symbol}, which has ${asset.decimals} decimal places.`, { code: "AMOUNT_UNFIT", kind: "usage", details });
  return BigInt(whole) * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, "0") || "0");
}
