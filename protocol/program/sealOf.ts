import * as Hash from "ox/Hash";
import { toHex, type Hex } from "../hex.ts";
import { abiEncode } from "./abiEncode.ts";
import { encodeWitness } from "./codec.ts";
import type { Witness } from "./types.ts";

/** `keccak256(abi.encode(challenger, salt, keccak256(abi.encode(witness))))`: opens a dispute without showing the refutation. */
export function sealOf(challenger: Hex, salt: Hex, witness: Witness): Hex {
  const inner = Hash.keccak256(encodeWitness(witness));
  return Hash.keccak256(toHex(abiEncode([{ type: "address" }, { type: "bytes32" }, { type: "bytes32" }], [challenger, salt, inner])));
}
