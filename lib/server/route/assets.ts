import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { assetNamed } from '../asset/assets.js';
import type { Route } from './Route.js';

/** `GET /assets/:name`: the style sheet and the scripts of pages. */
export function assetRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/assets/:name',
      name: 'asset',
      summary: 'The style sheet and the scripts of the pages.',
      scope: 'none',
      answers: { 200: 'text/css' },
      handle({ params }) {
        const asset = assetNamed(params['name'] as string);
        if (asset === undefined) throw new NotFoundError('There is no such file. Load the page again.');
        const headers = {
          'content-type': asset.type,
          'cache-control': 'public, max-age=31536000, immutable',
          'cross-origin-resource-policy': 'same-origin',
        };
        return { status: 200, headers, body: asset.text };
      },
    },
  ];
}
