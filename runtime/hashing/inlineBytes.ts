/** Up to this many bytes hashing at once is over before a thread would have answered; see docs/execution.md. */
export const INLINE_BYTES = 256 * 1024;
