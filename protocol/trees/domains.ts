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

/** The 32 bytes of a domain. */
export function domainBytes(domain: keyof typeof domains): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(new TextEncoder().encode(domains[domain]));
  return bytes;
}
