import type { DraftStep, View } from "./draft.ts";
import { expressionLeaves } from "./expression.ts";

/** The steps whose results a step reads. */
export function stepsRead({ core, expression }: DraftStep): number[] {
  const views: View[] = [...(core?.factors ?? []).map(({ view }) => view), ...(core?.addends ?? []), ...expressionLeaves(expression)];
  return [...new Set(views.flatMap(({ base }) => (base.kind === "step" ? [base.index] : [])))];
}

/** The steps whose results are posted: outputs of the model, and what a step of another block reads. `blockOf[i]` is the block of step i. */
export function borderSteps(steps: readonly DraftStep[], outputs: readonly { view: View }[], blockOf: readonly number[]): Set<number> {
  const borders = new Set(outputs.flatMap(({ view: { base } }) => (base.kind === "step" ? [base.index] : [])));
  steps.forEach((step, reader) => {
    for (const read of stepsRead(step)) if (blockOf[read] !== blockOf[reader]) borders.add(read);
  });
  return borders;
}
