/** Contracts that are mutated together in one build, and the tests that are to notice. */
export interface Suite {
  /** Files of `contracts`. */
  targets: string[];
  /** Scenario tests of `test/contracts`, cheapest first; those of that folder that are not named come after them. */
  scenarios: string[];
  /** Solidity tests of `test/contracts`: of single parts, and random walks over all of them. */
  solidity: { single: string[]; walks?: string[] };
  /** Whether all that the scenarios do is to ask a judge without a state: then their calls are recorded once and repeated. */
  stateless: boolean;
}

const contract = (name: string): string => `contracts/${name}.sol`;
const solidityTest = (name: string): string => `test/contracts/${name}.t.sol`;

export const suites: Record<"ledger" | "judge", Suite> = {
  /** What holds money. */
  ledger: {
    targets: ["Stakes", "Models", "Batch", "JobBook", "Jobs", "DisputeBook", "Bisections", "Demands", "Disputes", "lib/Asset", "lib/Callback", "lib/ChessClock", "lib/JobRecord", "lib/NamedBlock", "lib/NamedStep", "lib/OutputOpening", "lib/TensorSize", "lib/Wei", "lib/WitnessCall", "lib/WitnessLayout", "lib/MerkleTree", "lib/ProgramLib"].map(contract),
    scenarios: ["stakes", "models", "jobs", "disputes", "disputes.bisection", "disputes.demand", "disputes.positions", "disputes.witness", "deploy", "jobs.walk", "scheduler/scheduler"],
    // Not those of the judge, which these contracts only call.
    solidity: { single: ["disputes.lib", "merkleTree", "wei"].map(solidityTest), walks: [solidityTest("invariants/anyOrder")] },
    stateless: false,
  },
  /** What decides about one element, and the arithmetic that only it uses. */
  judge: {
    targets: [
      ...["AccessLib", "ContractionJudge", "Descriptor", "DotProduct", "Expression", "ExpressionCode", "FloatContraction", "GatherJudge", "HalfContractionJudge", "HalfProduct", "IntegerContractionJudge", "Judge", "MapJudge", "MovementJudge", "NormalisationJudge", "Openings", "ReductionJudge", "StepJudge", "SumJudge", "SummingJudge", "Taps", "Walk"].map((name) => `judge/${name}`),
      ...["ByteProduct", "ElementType", "ExactSum", "Float32", "HalfFloat", "Interval", "Logic", "Power", "Rounding", "Scalar", "Softmax", "Trigonometry"].map((name) => `lib/${name}`),
    ].map(contract),
    scenarios: ["judge/differential", "judge/flips"],
    solidity: { single: ["ByteProduct", "Descriptor", "DotProduct", "HalfProduct", "MerkleTree"].map((name) => solidityTest(`judge/${name}`)) },
    stateless: true,
  },
};
