import type { Sensitive } from '../sensitive/Sensitive.js';
import { isWithin } from './readSensitive.js';
import { hiddenFrom } from './withoutValues.js';

/** JSON pointers of places, as a program, its log and a model may have them: the names in what is hidden from one of them are hidden too. */
export function tellablePlaces(places: readonly string[], sensitive: Sensitive = {}): readonly string[] {
  const hidden = hiddenFrom(sensitive, ['model', 'log']);
  return [...new Set(places.map((place) => hidden.find((outer) => isWithin(place, outer)) ?? place))];
}
