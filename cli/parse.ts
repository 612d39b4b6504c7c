import { InvalidArgumentError } from "commander";
import type { Address } from "viem";
import { getAddress, isAddress } from "viem/utils";
import type { Hex } from "../protocol/hex.ts";
import { amount, etherAmount } from "./amount.ts";

/** Reads a span of time: seconds as in `90`, or with a unit as in `10m`, `2h`, `1d`. Seconds. */
export function duration(text: string): number {
  const match = /^(\d{1,9})\s*(s|m|h|d)?$/i.exec(text.trim());
  if (match === null) throw new InvalidArgumentError("Write a time such as 90, 90s, 10m, 2h or 1d.");
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[(match[2] ?? "s").toLowerCase() as "s" | "m" | "h" | "d"];
}

/** Shows seconds as people say them. */
export function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? "" : ` ${seconds % 60} s`}`;
  return `${Math.floor(seconds / 3600)} h${Math.floor((seconds % 3600) / 60) === 0 ? "" : ` ${Math.floor((seconds % 3600) / 60)} min`}`;
}

/** Shows seconds since 1970 as a date and time in UTC. */
export function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

/** Makes a reader of whole numbers from `minimum` to `maximum`. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const read = (text: string): number => {
    const value = Number(text);
    if (!/^\d{1,16}$/.test(text) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(maximum === Number.MAX_SAFE_INTEGER ? `Write a whole number from ${minimum} up.` : `Write a whole number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
  units.set(read, maximum === Number.MAX_SAFE_INTEGER ? `whole number from ${minimum}` : `whole number from ${minimum} to ${maximum}`);
  return read;
}

/** Reads a number from 0 to 1, such as `0.001` or `1e-5`. */
export function fraction(text: string): number {
  const value = Number(text);
  if (!/^\d{1,16}(\.\d{1,16})?(e-\d{1,2})?$/i.test(text) || value > 1) throw new InvalidArgumentError("Write a number from 0 to 1, such as 0.001 or 1e-5.");
  return value;
}

/** Reads a web address. It may hold a secret, so an error does not repeat it. */
export function webUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw new InvalidArgumentError("Write a URL that starts with http:// or https://.");
  return text;
}

/** Reads the number of a job or dispute, from 1. */
export function id(text: string): bigint {
  if (!/^[1-9]\d{0,77}$/.test(text)) throw new InvalidArgumentError("Write its number, from 1 up.");
  return BigInt(text);
}

/** Reads an address in any letter case. */
export function address(text: string): Address {
  if (!isAddress(text, { strict: false })) throw new InvalidArgumentError("Write an address of 40 hexadecimal digits after 0x.");
  return getAddress(text);
}

/** Collects the values of a flag that may be given several times. */
export function repeated<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  const collect = (text: string, before: readonly T[] = []): T[] => [...before, read(text)];
  repeatedReaders.add(collect);
  units.set(collect, "may be repeated, in the environment separated by commas");
  return collect;
}

const repeatedReaders = new WeakSet<object>();

/** Whether a flag's reader collects several values. */
export function isRepeated(reader: unknown): boolean {
  return typeof reader === "function" && repeatedReaders.has(reader);
}

const units = new WeakMap<object, string>();
units.set(amount, "in ether, or whole coins of the deployment's token, or with a unit wei, gwei, ether");
units.set(etherAmount, "in ether, or with a unit wei, gwei, ether");
units.set(duration, "in seconds, or with a unit s, m, h, d");
units.set(bytesOf, "in bytes, or with a unit kB, MB, GB, TB");

/** How the values of a flag's reader are written: unit and range. */
export function unitOf(reader: unknown): string | undefined {
  return typeof reader === "function" ? units.get(reader) : undefined;
}

/** Reads a number of bytes: `1000`, or with a decimal unit as in `500MB`, `20 GB`. */
export function bytesOf(text: string): number {
  const match = /^(\d{1,15})(?:\.(\d{1,3}))?\s*(b|kb|mb|gb|tb)?$/i.exec(text.trim());
  const value = match === null ? Number.NaN : Number(`${match[1]}.${match[2] ?? "0"}`) * { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 }[(match[3] ?? "b").toLowerCase() as "b" | "kb" | "mb" | "gb" | "tb"];
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("Write a number of bytes such as 500MB or 20GB.");
  return value;
}

/** Reads `NAME=1,3,224,224` (or with `x`). */
export function shape(text: string): [name: string, shape: number[]] {
  const at = text.lastIndexOf("=");
  const sizes = text.slice(at + 1);
  if (at < 1 || !/^\d{1,10}([,x]\d{1,10})*$/.test(sizes)) throw new InvalidArgumentError("Write NAME=SIZES, such as image=1,3,224,224.");
  return [text.slice(0, at), sizes.split(/[,x]/).map(Number)];
}

/** Whether a word is a program root. */
export function isRoot(text: string): text is Hex {
  return /^0x[0-9a-f]{64}$/i.test(text);
}

/** Reads a program root. */
export function root(text: string): Hex {
  if (!isRoot(text)) throw new InvalidArgumentError("Write a program root: 64 hexadecimal digits after 0x.");
  return text.toLowerCase() as Hex;
}

/** A hash or address short enough for a table. */
export function short(hex: string): string {
  return hex.length <= 14 ? hex : `${hex.slice(0, 8)}…${hex.slice(-4)}`;
}

/** Bytes in the unit in which people read them. */
export function bytes(count: number): string {
  if (count < 10_000) return `${count} B`;
  return count < 10_000_000 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
