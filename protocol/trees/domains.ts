/** The domain strings that separate roots of different things; hashed as ASCII right-padded with zeros to 32 bytes. */
export const domains = {
  tensor: "gainsay.tensor.1",
  trace: "gainsay.trace.1",
  inner: "gainsay.inner.1",
  inputs: "gainsay.inputs.1",
  outputs: "gainsay.outputs.1",
  steps: "gainsay.steps.1",
  blocks: "gainsay.blocks.1",
  program: "gainsay.program.1",
} as const;

export type ListDomain = "trace" | "inner" | "inputs" | "outputs" | "steps" | "blocks";

const encoded = new Map(Object.entries(domains).map(([name, text]) => [name, new Uint8Array(Buffer.concat([Buffer.from(text, "ascii")], 32))]));

/** The 32 bytes of a domain, to be read only. */
export function domainBytes(domain: keyof typeof domains): Uint8Array {
  return encoded.get(domain) as Uint8Array;
}

/** A preimage of each domain, which has its first 32 bytes already. */
const preimages = new Map(
  [...encoded].map(([name, domain]) => {
    const preimage = new Uint8Array(96);
    preimage.set(domain);
    return [name, preimage];
  }),
);

/** What the hash of a root is taken of: `domain ‖ size ‖ top`, the size as a 32-byte integer. The next call for this domain overwrites it. */
export function passingPreimage(domain: keyof typeof domains, size: number, top: Uint8Array): Uint8Array {
  const preimage = preimages.get(domain) as Uint8Array;
  writeSize(preimage, size);
  preimage.set(top, 64);
  return preimage;
}

function writeSize(preimage: Uint8Array, size: number): void {
  const high = Math.floor(size / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    preimage[59 - i] = high >>> (8 * i);
    preimage[63 - i] = size >>> (8 * i);
  }
}
