/** Requests that one endpoint gets at a time; more would only queue up there. */
const AT_ONCE = 16;

/** Maps a long list with few calls under way at a time, in order. */
export async function inBatches<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < items.length; first += AT_ONCE) results.push(...(await Promise.all(items.slice(first, first + AT_ONCE).map(map))));
  return results;
}
