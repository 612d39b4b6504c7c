import { hash } from "node:crypto";
import { recoverTypedDataAddress, type Address, type LocalAccount } from "viem";
import type { Hex } from "../../protocol/hex.ts";

/** One kind of signed announcement: its EIP-712 type and the values that are signed. */
export interface SignedKind {
  primaryType: string;
  fields: readonly { name: string; type: string }[];
  /** Struct types that the fields use. */
  structs?: Readonly<Record<string, readonly { name: string; type: string }[]>>;
}

/** A message as it travels: which deployment it speaks of, and the values of its kind's fields. */
export type Signable = { chainId: number; contract: string } & Record<string, unknown>;

function typedData({ primaryType, fields, structs = {} }: SignedKind, message: Signable) {
  return {
    domain: { name: "Gainsay", version: "1", chainId: message.chainId, verifyingContract: message.contract as Address },
    types: { ...structs, [primaryType]: fields },
    primaryType,
    message: Object.fromEntries(fields.map(({ name }) => [name, message[name]])),
  };
}

/** Signs an announcement with an account (EIP-712), bound to one deployment: 65 bytes. */
export function signAnnouncement(account: LocalAccount, kind: SignedKind, message: Signable): Promise<Hex> {
  return account.signTypedData(typedData(kind, message));
}

/** Signatures that were found right, by the hash of all that they were asked about: announcements are repeated, and each check takes milliseconds. */
const right = new Set<string>();
const MAX_RIGHT = 8_192;

/** Whether `signature` over the announcement is the account's. */
export async function isSignedBy(signer: string, kind: SignedKind, message: Signable, signature: string): Promise<boolean> {
  const asked = hash("sha256", JSON.stringify([signer.toLowerCase(), kind, message.chainId, message.contract, kind.fields.map(({ name }) => message[name]), signature]));
  if (right.has(asked)) return true;
  try {
    if ((await recoverTypedDataAddress({ ...typedData(kind, message), signature: signature as Hex })).toLowerCase() !== signer.toLowerCase()) return false;
  } catch {
    return false;
  }
  const [oldest] = right;
  if (right.size >= MAX_RIGHT && oldest !== undefined) right.delete(oldest);
  right.add(asked);
  return true;
}
