import type { Params } from '../../model/Params.js';

/** Thrown at a server where a person is about to be asked about a call of which the preview is not there yet: its caller can make it, and asks again. */
export class PreviewNeeded extends Error {
  override readonly name = 'PreviewNeeded';
  /** What would run: the preview is of these. */
  readonly params: Params;

  constructor(params: Params) {
    super('The preview of this call is needed.');
    this.params = params;
  }
}
