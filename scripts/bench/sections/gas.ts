import { batchGas, type BatchGas } from "../batchGas.ts";
import { plotLines } from "../plots/plotLines.ts";
import type { Section } from "../section.ts";

const steps = ["claim", "commit", "finalize", "total"] as const;

/** What a job costs its executor on the chain, by how many share a transaction. */
export const gas: Section<BatchGas[]> = {
  name: "gas",
  title: "Gas of a job by batch size",
  about: "Gas a job of claiming, committing and finalizing, base fee and calldata included, by how many jobs of one executor share a transaction (`Jobs.batch`); one is sent by itself.",
  async measure(context) {
    context.note("gas: batches");
    return batchGas();
  },
  tables: (measured) => [
    { caption: "Gas a job", header: ["jobs in a transaction", ...steps, "÷ one by one"], rows: measured.map((one) => [String(one.size), ...steps.map((step) => `${(one[step] / 1000).toFixed(1)}k`), `×${(one.total / (measured[0] as BatchGas).total).toFixed(2)}`]) },
  ],
  plots: (measured) => [
    {
      file: "gas.svg",
      svg: plotLines({ title: "Gas of a job by batch size", x: { label: "jobs in a transaction", values: measured.map(({ size }) => size) }, y: { label: "thousand gas" }, lines: steps.map((step) => ({ label: step, values: measured.map((one) => one[step] / 1000) })) }),
    },
  ],
};
