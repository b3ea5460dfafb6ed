import { chain } from '../../common/awaitable.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { CallFacts } from '../call/GuardedCall.js';
import type { PreviewedCall, PreviewMaker } from './PreviewMaker.js';

/** What is needed once a person is about to be asked. */
const making = new LazyPart(() => import('./makePreview.js'));

/** The preview of a call, made by the hook of its guard when it is asked for. */
export function previewBy(call: PreviewedCall, maker: PreviewMaker): NonNullable<CallFacts['preview']> {
  return (request, params) => chain(making.get(), ({ makePreview }) => makePreview(call, maker, request, params));
}
