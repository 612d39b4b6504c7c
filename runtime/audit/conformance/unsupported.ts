/** Why a vector cannot be decided; thrown while one is run, and never a wrong verdict. */
export class Unsupported extends Error {}
