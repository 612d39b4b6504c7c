/** Why operators that real models use are refused, and what to do about it; by ONNX name. */
const hints: ReadonlyMap<string, string> = new Map([
  ...["NonZero", "Unique", "NonMaxSuppression"].map((name): [string, string] => [
    name,
    `the shape of its result depends on its input, which a program with fixed shapes cannot have; end the model before it and run ${name} on the outputs`,
  ]),
  ...["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"].map((name): [string, string] => [
    name,
    "it draws random numbers, which no two executions share; feed them as an input",
  ]),
  ...["SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SequenceAt", "SplitToSequence", "ConcatFromSequence", "SequenceMap"].map((name): [string, string] => [
    name,
    "sequences are no tensors; export the model with Split and Concat instead",
  ]),
  ...["DFT", "STFT"].map((name): [string, string] => [
    name,
    "fast transforms cancel exactly where a product with the matrix of cosines does, and round where it does not; write it as a Conv or MatMul with that matrix",
  ]),
  ...["BitwiseAnd", "BitwiseOr", "BitwiseXor"].map((name): [string, string] => [name, "the judge has no arithmetic of single bits; use And, Or and Xor of bool tensors"]),
]);

/** What to tell about an operator that no table has. */
export function whyUnsupported(name: string): string {
  const hint = hints.get(name);
  return hint === undefined ? "the operator is not supported" : `the operator is not supported: ${hint}`;
}
