import { describe, expect, it } from "vitest";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { listRoot, listRootOf } from "../../../protocol/trees/listTree.ts";

const root = (seed: number): Hex => toHex(new Uint8Array(32).fill(seed));

describe("listRootOf", () => {
  it("is the root of the list of the bytes", () => {
    for (let count = 1; count < 9; count++) {
      const roots = Array.from({ length: count }, (_, i) => root(i + 1));
      expect(listRootOf("trace", roots)).toBe(toHex(listRoot("trace", new Uint8Array(Buffer.concat(roots.map((one) => Buffer.from(one.slice(2), "hex")))))));
    }
  });

  it("refuses an empty list, and what is not a root", () => {
    expect(() => listRootOf("trace", [])).toThrow(expect.objectContaining({ code: "TREE_EMPTY" }));
    for (const wrong of ["0x", "0x12", `${root(1)}00`, `0x${"zz".repeat(32)}`, `${root(1).slice(0, -1)}g`] as Hex[]) {
      expect(() => listRootOf("trace", [root(1), wrong])).toThrow(expect.objectContaining({ code: "HEX_MALFORMED" }));
    }
  });
});
