export interface DrawOptions {
  width: number;
  height: number;
  /** Shades by ANSI colours; without them, by the characters alone. */
  color: boolean;
}

const SHADES = " ░▒▓█";

/**
 * Draws a greyscale image, such as the values of a [1,1,28,28] input, for a terminal: one character a column and two rows.
 * The darkest value is black and the lightest white, whatever the range; the lines have no final line break.
 */
export function drawImage(values: ArrayLike<number>, { width, height, color }: DrawOptions): string {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < width * height; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  /** Brightness from 0 to 1; what is no number, or beyond the last row, is black. */
  const at = (x: number, y: number): number => {
    const value = y < height ? (values[y * width + x] as number) : NaN;
    return Number.isFinite(value) && high > low ? (value - low) / (high - low) : 0;
  };
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = "";
    for (let x = 0; x < width; x++) line += color ? colored(at(x, y), at(x, y + 1)) : plain(at(x, y), at(x, y + 1));
    lines.push(color ? `${line}\x1b[0m` : line.trimEnd());
  }
  return lines.join("\n");
}

/** The upper half block in one of the 24 greys of the 256-colour palette, on another. */
function colored(top: number, bottom: number): string {
  return `\x1b[38;5;${grey(top)};48;5;${grey(bottom)}m▀`;
}

function grey(brightness: number): number {
  return 232 + Math.round(brightness * 23);
}

function plain(top: number, bottom: number): string {
  // Where the halves differ much, a half block shows the edge; elsewhere a shade shows the mean.
  if (top - bottom > 0.5) return "▀";
  if (bottom - top > 0.5) return "▄";
  return SHADES[Math.round(((top + bottom) / 2) * (SHADES.length - 1))] as string;
}
