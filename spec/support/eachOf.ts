/** Does it for 0 to `count` - 1, twenty at a time: a thousand commits, one after the other, take a database half a minute on a busy machine. */
export async function eachOf(count: number, act: (index: number) => unknown): Promise<void> {
  for (let from = 0; from < count; from += 20)
    await Promise.all(Array.from({ length: Math.min(20, count - from) }, async (_, i) => act(from + i)));
}
