import { encodeErrorResult, type Abi } from "viem";
import { describe, expect, it } from "vitest";
import * as generated from "../../../runtime/chain/abis.ts";
import { errorMeanings } from "../../../runtime/chain/errorMeanings.ts";
import { decodeRevert, isRevert, revertError } from "../../../runtime/chain/revertError.ts";

const errors = [...new Set(Object.values(generated).flatMap((abi) => (abi as Abi).flatMap((item) => (item.type === "error" ? [item.name] : []))))];

describe("errorMeanings", () => {
  it("has a sentence for each error of the contracts and for no other", () => {
    expect(errors.length).toBeGreaterThan(60);
    expect(errors.filter((name) => !Object.hasOwn(errorMeanings, name))).toEqual([]);
    expect(Object.keys(errorMeanings).filter((name) => !errors.includes(name))).toEqual([]);
    for (const sentence of Object.values(errorMeanings)) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});

describe("revertError", () => {
  it("names a custom error and its arguments", () => {
    const data = encodeErrorResult({ abi: generated.disputesAbi, errorName: "MoveAlreadyMade", args: [4n, 2, 3] });
    const error = revertError(data);
    expect(error).toMatchObject({ code: "CONTRACT_REVERTED", retryable: false, details: { name: "MoveAlreadyMade", args: { disputeId: 4n, turn: 2, current: 3 } } });
    expect(isRevert(error, "WrongBond", "MoveAlreadyMade")).toBe(true);
    expect(isRevert(error, "WrongBond")).toBe(false);
    expect(isRevert(new Error("MoveAlreadyMade"), "MoveAlreadyMade")).toBe(false);
  });

  it("says of what time alone mends that a later try may succeed", () => {
    expect(revertError(encodeErrorResult({ abi: generated.disputesAbi, errorName: "TooSoon", args: [1n, 2n] }))).toMatchObject({ retryable: true, exitCode: 75 });
    expect(revertError(encodeErrorResult({ abi: generated.jobsAbi, errorName: "DeadlinePassed", args: [1n, 2n, 3n] }))).toMatchObject({ retryable: false, exitCode: 1 });
  });

  it("reads require messages, panics, and bytes that nobody knows", () => {
    const standard = [{ type: "error", name: "Error", inputs: [{ name: "message", type: "string" }] }, { type: "error", name: "Panic", inputs: [{ name: "code", type: "uint256" }] }] as const;
    expect(revertError(encodeErrorResult({ abi: standard, errorName: "Error", args: ["out of luck"] })).message).toContain("out of luck");
    expect(revertError(encodeErrorResult({ abi: standard, errorName: "Panic", args: [17n] })).message).toContain("17");
    for (const data of ["0x", "0x12", "0xdeadbeef", `0xdeadbeef${"ff".repeat(100)}`] as const) {
      expect(decodeRevert(data)).toMatchObject({ name: undefined, data });
      expect(revertError(data).message).toContain("without saying why");
    }
  });
});
