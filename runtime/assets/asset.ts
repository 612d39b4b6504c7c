import type { Address } from "viem";
import { formatUnits } from "viem/utils";

/** What a deployment pays in. Gas is always paid in ether. */
export interface Asset {
  /** For people; printable ASCII, since a token chooses it freely. */
  symbol: string;
  /** Decimal places of one whole coin; all amounts are kept in the smallest unit. */
  decimals: number;
  /** Undefined for ether. */
  token: Address | undefined;
}

export const ETHER: Asset = { symbol: "ether", decimals: 18, token: undefined };

/** Shows an amount of smallest units as whole coins with their symbol, exactly. */
export function formatAmount(units: bigint, { symbol, decimals }: Asset): string {
  return `${formatUnits(units, decimals)} ${symbol}`;
}
