import { privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { GainsayError } from "../../protocol/errors.ts";
import { parsePrivateKey } from "./parsePrivateKey.ts";

/** The only chain on which a key may stand in the environment in the clear: a local development chain. */
export const DEVELOPMENT_CHAIN_ID = 31337;

/** `GAINSAY_PRIVATE_KEY`, or undefined if it is unset or empty. */
export function environmentPrivateKey(env: NodeJS.ProcessEnv): string | undefined {
  return env["GAINSAY_PRIVATE_KEY"] || undefined;
}

/**
 * The account of `GAINSAY_PRIVATE_KEY`, or undefined if it is not set. `warn` is told that the key is in the clear.
 * @throws GainsayError `KEY_RAW_REFUSED` on any chain but 31337, `KEY_MALFORMED`.
 */
export function environmentAccount(chainId: number, env: NodeJS.ProcessEnv, warn: (message: string) => void): PrivateKeyAccount | undefined {
  const value = environmentPrivateKey(env);
  if (value === undefined) return undefined;
  if (chainId !== DEVELOPMENT_CHAIN_ID) {
    throw new GainsayError("GAINSAY_PRIVATE_KEY is accepted on the development chain 31337 only; import the key with `gainsay keys import` and unset it.", {
      code: "KEY_RAW_REFUSED",
      kind: "usage",
      details: { chainId },
    });
  }
  const account = privateKeyToAccount(parsePrivateKey(value));
  warn("Using a private key in the clear from GAINSAY_PRIVATE_KEY; use an encrypted keystore for anything of value.");
  return account;
}
