import type { Assurance } from '../DecisionEvidence.js';
import { likenessOf } from '../personId.js';
import { isHostOperator, OPERATOR } from './isHostOperator.js';

/** Who decided or edited, as people are counted: the same text for all ids of one person. The operator of the host is one, under every name. */
export function personIn({ by, assurance }: { readonly by: string; readonly assurance?: Assurance | undefined }): string {
  return likenessOf(isHostOperator(by, assurance) ? OPERATOR : by);
}
