/** A mutant that no test can or need notice. */
export interface Explanation {
  file: string;
  before: string;
  after: string;
  why: string;
}

const of = (file: string, before: string, after: string, why: string): Explanation => ({ file: `contracts/${file}.sol`, before, after, why });

export const explained: readonly Explanation[] = [
  of("Batch", "left >= before / LEAST_SHARE", "(left) > (before / LEAST_SHARE)", "one unit of gas"),
  of("Batch", "LEAST_SHARE", "LEAST_SHARE + 1", "a ninth of the gas instead of an eighth; both are above the 6 % that four calls leave"),
  of("JobBook", "least < MIN_COLLATERAL", "(least) <= (MIN_COLLATERAL)", "sets what it is already"),
  of("JobBook", "missed < 8", "(missed) <= (8)", "500 << 8 is above the cap, too"),
  of("JobBook", "MAX_NO_SHOW_BPS", "MAX_NO_SHOW_BPS + 1", "no share lies between: they are 500, 1000, 2000, 4000, and 8000 and more, and the next line caps"),
  of("JobBook", "bps > MAX_NO_SHOW_BPS", "(bps) >= (MAX_NO_SHOW_BPS)", "sets what it is already"),
  of("JobBook", "expiry < end", "(expiry) <= (end)", "both are the same then"),
  of("Jobs", "reward > REWARD_CAP", "(reward) >= (REWARD_CAP)", "sets what it is already"),
  of("Bisections", "levels < LEVELS_PER_REVEAL", "(levels) <= (LEVELS_PER_REVEAL)", "both are the same then"),
  of("Bisections", "LEVELS_PER_REVEAL", "LEVELS_PER_REVEAL + 1", "the one that is compared: of four levels both answers are four"),
  of("lib/Asset", "afterwards >= before", "(afterwards) > (before)", "the amount is not zero there, so equal balances fail the other condition"),
  of("lib/Callback", "gasleft() >= required", "(gasleft()) > (required)", "one unit of gas"),
  of("lib/ChessClock", "end <= start", "(end) < (start)", "no time is used either way"),
  of("lib/ChessClock", "used >= clock", "(used) > (clock)", "nothing is left either way"),
  of("lib/ChessClock", "clock < extension", "(clock) <= (extension)", "both are the same then"),
  of("lib/TensorSize", "rest < MerkleTree.CHUNK", "(rest) <= (MerkleTree.CHUNK)", "both are the same then"),
  of("lib/MerkleTree", "first < chunks", "(first) <= (chunks)", "behind the last chunk no width but zero is small enough, which is refused as well"),
  of("lib/MerkleTree", "width > 1", "(width) >= (1)", "one more round over no pairs"),
];

const oneLine = (text: string): string => text.replace(/\s+/g, " ");

/** Why a mutant may live, where somebody has said so. */
export function explanationOf({ file, before, after }: { file: string; before: string; after: string }): string | undefined {
  return explained.find((one) => one.file === file && one.before === oneLine(before) && one.after === oneLine(after))?.why;
}
