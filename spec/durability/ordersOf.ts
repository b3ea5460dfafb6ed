/** Every order of every choice of the events. */
export function* ordersOf(events: readonly string[]): Generator<string[]> {
  for (const first of events) {
    yield [first];
    for (const rest of ordersOf(events.filter((event) => event !== first))) yield [first, ...rest];
  }
}
