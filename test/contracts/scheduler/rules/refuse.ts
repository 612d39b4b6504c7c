/** A call that the rules refuse, with the name of the contracts' error for it. */
export class Refused extends Error {
  readonly rule: string;

  constructor(rule: string) {
    super(rule);
    this.rule = rule;
  }
}

/** Refuses with `rule` unless the condition holds. */
export function need(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Refused(rule);
}
