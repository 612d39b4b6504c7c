/** The 32-byte words of a step's attributes as signed integers. */
export function attributeWords(attributes: Uint8Array): bigint[] {
  const words: bigint[] = [];
  const view = new DataView(attributes.buffer, attributes.byteOffset, attributes.length);
  for (let at = 0; at + 32 <= attributes.length; at += 32) {
    let word = view.getBigInt64(at);
    for (let part = 8; part < 32; part += 8) word = (word << 64n) | view.getBigUint64(at + part);
    words.push(word);
  }
  return words;
}
